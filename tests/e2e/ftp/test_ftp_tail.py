"""delivery = hold-tail: what was scanned of a large download leaves while the
rest still comes; what is bad is never whole at the client."""

import contextlib
import io
import socket
import tarfile
import threading

import pytest
from peers.common import PATIENCE, until
from peers.ftp_client import Client, SecureClient, Wire, refused
from peers.ftp_gateway import bad, noise, start
from peers.ftp_half import Half

TAIL = 10_000


class Slow(Half):
    """Sends the first part of its file, then waits to be told to go on."""

    def __init__(self, data, first):
        super().__init__(self.give)
        self.file, self.first = data, first
        self.go = threading.Event()
        self.last_word = b"226 ok\r\n"

    @staticmethod
    def give(half, sock, _verb):
        sock.sendall(b"150 ok\r\n")
        data = half.data.accept()[0]
        data.sendall(half.file[:half.first])
        assert half.go.wait(PATIENCE)
        with contextlib.suppress(OSError):  # the gateway may have left
            data.sendall(half.file[half.first:])
        data.close()
        sock.sendall(half.last_word)


@pytest.fixture(scope="module", name="gw")
def one_gateway(build, module_cleanly, cert):
    gw = start(build, more={"tls": cert.options()}, delivery="hold-tail",
               hold="100k", tail=f"{TAIL}B")
    module_cleanly(gw)
    yield gw
    assert not gw.errors(), gw.errors()


def outcome(gw, server, name):
    """Of the file of that name."""
    return until(f"the outcome of {name}", lambda: [
        e for e in gw.events(event__action="outcome")
        if f":{server.port}/" in e["url.original"]
        and e["url.original"].endswith(f"/{name}")])[-1]


def tar_with_virus_last():
    """Of which no beginning is bad."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        for name, data in (("noise", noise(900_000)), ("x.com", bad("raw"))):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.core
@pytest.mark.parametrize("client", (Client, SecureClient))
def test_what_was_scanned_leaves_early(gw, cleanly, client):
    data = noise(2_000_000)
    server = Slow(data, 1_000_000)
    cleanly(server)
    got = bytearray()
    with client(gw.port, server) as c:
        c.voidcmd("TYPE I")
        conn = c.transfercmd("RETR x")
        conn.settimeout(PATIENCE)
        while not got:
            got += conn.recv(65536)
        assert not server.go.is_set()  # so it is not all there yet
        server.go.set()
        while piece := conn.recv(65536):
            got += piece
        if client is SecureClient:
            conn = conn.unwrap()
        conn.close()
        assert c.voidresp().startswith("226")
    assert got == data
    ended = outcome(gw, server, "x")
    assert ended["sallyport.released_before_verdict"] is True


@pytest.mark.core
@pytest.mark.parametrize("client", (Client, SecureClient))
def test_what_is_bad_is_never_whole(gw, cleanly, client):
    data = tar_with_virus_last()
    server = Slow(data, 800_000)
    cleanly(server)
    got = bytearray()
    with client(gw.port, server) as c:
        c.voidcmd("TYPE I")
        conn = c.transfercmd("RETR x")
        conn.settimeout(PATIENCE)
        if client is SecureClient:
            conn.suppress_ragged_eofs = False  # to see the cut
        got += conn.recv(65536)
        assert got
        server.go.set()
        with pytest.raises(OSError):
            while piece := conn.recv(65536):
                got += piece
        conn.close()
        with refused() as said:
            c.voidresp()
        assert said[0].startswith("550 Refused: malware"), said
        assert c.pwd() == "/"
    assert len(got) < len(data) - TAIL
    assert data.startswith(got)
    assert gw.event_of(said[0])["sallyport.verdict"] == "malware"
    ended = gw.event_of(said[0], "outcome")
    assert ended["sallyport.released_before_verdict"] is True
    assert ended["sallyport.result"] == "refused"


def test_a_server_that_gives_up_half_way(gw, cleanly):
    """What has left must not look like all of it."""
    server = Slow(noise(1_500_000), 1_000_000)
    server.last_word = b"451 disk error\r\n"
    cleanly(server)
    with Client(gw.port, server) as c:
        c.voidcmd("TYPE I")
        conn = c.transfercmd("RETR x")
        conn.settimeout(PATIENCE)
        assert conn.recv(1000)
        server.go.set()
        with pytest.raises(ConnectionResetError):
            while conn.recv(65536):
                pass
        conn.close()
        with refused() as said:
            c.voidresp()
        assert said[0].startswith("451 disk error"), said


@pytest.mark.core
def test_what_is_small_waits_for_its_verdict(gw, cleanly, vsftpd):
    vsftpd.put("small", bad("zip"))
    vsftpd.put("clean", noise(90_000))
    with Client(gw.port, vsftpd) as c:
        got = bytearray()
        with refused() as said:
            c.retrbinary("RETR small", got.extend)
        assert said[0].startswith("550 Refused") and not got, said
        assert c.fetch("clean") == noise(90_000)
    ended = outcome(gw, vsftpd, "clean")
    assert not ended.get("sallyport.released_before_verdict")


@pytest.mark.core
def test_without_it_nothing_leaves_early(build, cleanly):
    """The same file, the same keys but for delivery: while it is held, and
    looked at for long, no data connection is opened."""
    gw = start(build, hold="100k", tail=f"{TAIL}B", progress="200ms")
    cleanly(gw)
    server = Slow(tar_with_virus_last(), 800_000)
    cleanly(server)
    w = Wire(gw.port).login(server)
    w.say("TYPE I")
    with w.connect() as data:
        w.sock.sendall(b"RETR x\r\n")
        for _ in range(5):
            assert w.file.readline().startswith(b"150-Fetched so far")
        server.go.set()
        while (line := w.file.readline()).startswith(b"150-"):
            pass
        # RFC 959 4.2: what began as 150- ends as 150, whatever follows
        assert line.startswith((b"150 That was all", b"550 ")), line
        if line.startswith(b"150"):
            line = w.file.readline()
        assert line.startswith(b"550 Refused: malware"), line
        assert data.recv(1) == b""
    w.close()
    assert not gw.errors()


def test_a_client_that_stops_what_has_begun(gw, cleanly):
    for leave in ("ABOR", "reset", "gone"):
        server = Slow(noise(1_500_000), 1_000_000)
        cleanly(server)
        w = Wire(gw.port).login(server)
        w.say("TYPE I")
        data = w.connect()
        assert w.say("RETR x").startswith("150")
        assert data.recv(1000)
        if leave == "ABOR":
            assert w.say("ABOR").startswith("426")
            server.go.set()
            assert w.reply().startswith("226")
        elif leave == "reset":
            data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            b"\1\0\0\0\0\0\0\0")
            data.close()
            assert w.reply().startswith("426")
        server.go.set()
        if leave != "gone":
            assert w.say("PWD").startswith("257")
        w.close()
        data.close()
    until("all are in the log", lambda: len([
        e for e in gw.events(event__action="ended")
        if e["sallyport.reason"] in ("client_abort", "client_data_lost",
                                     "client_gone")]) >= 3)
