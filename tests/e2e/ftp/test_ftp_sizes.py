"""What is said about a file, and what is delivered of it, are one: sizes in
TYPE A and TYPE I, times, listings; and names that the server makes."""

import io
import socket

import pytest
from peers.ftp_client import Client, Wire, refused
from peers.ftp_gateway import BAD, bad, noise, start
from peers.ftp_server import FtpServer
from peers.proftpd import ProFtpd
from peers.pureftpd import PureFtpd

TEXT = b"one\ntwo\nthree\n"
WIRE = TEXT.replace(b"\n", b"\r\n")


def fetched(w, name):
    """What RETR gives, and its first reply."""
    with w.connect() as data:
        opened = w.say(f"RETR {name}")
        assert opened.startswith("150"), opened
        got = data.makefile("rb").read()
    assert w.reply().startswith("226")
    return got, opened


@pytest.mark.core
def test_sizes_are_those_of_what_is_delivered(gw, server):
    """A conversion counts: in what the client is told, and in the event.  In
    TYPE A there is no SIZE, whatever a server would say."""
    server.put("text", TEXT)
    w = Wire(gw.port).login(server)
    for kind, wanted in (("A", WIRE), ("I", TEXT)):
        assert w.say(f"TYPE {kind}").startswith("200")
        got, opened = fetched(w, "text")
        assert got == wanted
        assert f"({len(wanted)} bytes)" in opened, opened
        said = w.say("SIZE text")
        assert said == ("550 SIZE needs TYPE I\r\n" if kind == "A"
                        else f"213 {len(got)}\r\n")
        ended = gw.events(event__action="outcome")[-1]
        assert ended["file.size"] == len(wanted)
        assert w.say("MDTM text").startswith("213 20")
    w.close()


@pytest.mark.core
def test_a_conversion_counts_for_the_largest_file(build, cleanly, vsftpd):
    """900 bytes that are 1,800 on their way, in either direction."""
    gw = start(build, max_file_size="1k")
    cleanly(gw)
    vsftpd.put("lines", b"\n" * 900)
    with Client(gw.port, vsftpd) as c:
        c.voidcmd("TYPE I")
        assert c.fetch("lines") == b"\n" * 900
        for do in (lambda: c.retrlines("RETR lines", lambda line: None),
                   lambda: c.storlines("STOR up", io.BytesIO(b"\n" * 900))):
            try:
                with refused() as said:
                    do()
            except OSError:  # our reset came before our reply was read
                said = [c.getmultiline()]
            assert said[0].startswith("552 max_file_size"), said
    assert vsftpd.get("up") is None
    assert not gw.errors()


@pytest.mark.parametrize("kind", BAD)
def test_no_virus_goes_up_by_a_name_of_the_servers(gw, server, kind):
    before = sorted(server.root.iterdir())
    with Client(gw.port, server) as c:
        with refused() as said:
            c.storbinary("STOU", io.BytesIO(bad(kind)))
    assert said[0].startswith("550 Refused: malware"), said
    assert sorted(server.root.iterdir()) == before


@pytest.mark.parametrize("kind", (ProFtpd, PureFtpd), ids=lambda k: k.__name__)
def test_listings_of_every_sort(gw, cleanly, kind):
    """All of them, a thousand names long, and in UTF-8."""
    server: FtpServer = kind()
    cleanly(server)
    server.start()
    names = {f"datei-{i}-ä€😀" for i in range(1000)}
    for name in names:
        server.put(name, b"xy")
    with Client(gw.port, server) as c:
        assert set(c.nlst()) >= names
        lines = []
        c.retrlines("LIST", lines.append)
        assert sum(any(line.endswith(name) for name in names)
                   for line in lines) == len(names)
        found = {name: facts.get("size")
                 for name, facts in c.mlsd(facts=["type", "size"])}
        assert names <= set(found)
        assert all(found[name] == "2" for name in names)
        assert "size=2" in c.sendcmd(f"MLST {min(names)}").lower()


@pytest.mark.core
@pytest.mark.parametrize("how", ("plain", "urgent", "telnet"))
def test_abor_in_mid_transfer(gw, vsftpd, how):
    """In any dress: as a line, with its last byte urgent, behind IP and DM."""
    vsftpd.put("large", noise(20_000_000))
    w = Wire(gw.port).login(vsftpd)
    assert w.say("TYPE I").startswith("200")
    with w.connect() as data:
        assert w.say("RETR large").startswith("150")
        assert data.recv(1000)
        if how == "telnet":
            w.sock.sendall(b"\xff\xf4\xff")
            w.sock.send(b"\xf2", socket.MSG_OOB)
        w.sock.send(b"ABOR\r\n", socket.MSG_OOB if how == "urgent" else 0)
        assert w.reply().startswith("426")
        assert w.reply().startswith("226")
        with pytest.raises(ConnectionResetError):
            while data.recv(65536):
                pass
    vsftpd.put("small", b"small")
    assert w.fetch("small") == b"small"
    w.close()
