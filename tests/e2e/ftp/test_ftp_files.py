"""Files through the FTP proxy, with real servers: what is clean arrives byte
for byte, what is not never does, in either direction."""

import gzip
import hashlib
import io
import os
import zlib

import corpus_mail
import pytest
from peers.ftp_client import Client, refused
from peers.ftp_gateway import BAD, bad, noise, start
from peers.proftpd import ProFtpd

# ---- in the clear, both ways ---------------------------------------------------


@pytest.mark.core
@pytest.mark.parametrize("passive", (True, False), ids=("pasv", "port"))
@pytest.mark.parametrize("size", (0, 1, 70_000, 3_000_000))
def test_a_clean_file_arrives_both_ways(gw, server, passive, size):
    data = noise(size)
    server.put("down.bin", data)
    with Client(gw.port, server) as c:
        c.set_pasv(passive)

        assert c.fetch("down.bin") == data
        assert c.send("up.bin", data).startswith("226")
        assert server.get("up.bin") == data


@pytest.mark.core
@pytest.mark.parametrize("passive", (True, False), ids=("pasv", "port"))
@pytest.mark.parametrize("kind", BAD)
def test_an_infected_download_is_refused(gw, server, kind, passive):
    server.put("bad.bin", bad(kind))
    got = bytearray()
    with Client(gw.port, server) as c:
        c.set_pasv(passive)
        with refused() as said:
            c.retrbinary("RETR bad.bin", got.extend)
        assert c.voidcmd("NOOP").startswith("200")

    assert not got
    assert said[0].startswith("550 Refused: malware "), said
    event = gw.event_of(said[0])
    assert event["sallyport.verdict"] == "malware"
    assert event["sallyport.flow"] == "download"
    assert event["file.name"] == "bad.bin"
    assert event["user.name"] == server.user
    assert event["url.original"] == (
        f"ftp://127.0.0.1:{server.port}/bad.bin")
    ended = gw.event_of(said[0], "outcome")
    assert ended["sallyport.result"] == "refused"


@pytest.mark.core
@pytest.mark.parametrize("passive", (True, False), ids=("pasv", "port"))
@pytest.mark.parametrize("kind", BAD)
def test_an_infected_upload_never_reaches_the_server(gw, server, kind,
                                                     passive):
    with Client(gw.port, server) as c:
        c.set_pasv(passive)
        with refused() as said:
            c.send("worse.bin", bad(kind))

    assert said[0].startswith("550 Refused: malware "), said
    assert server.get("worse.bin") is None
    event = gw.event_of(said[0])
    assert event["sallyport.flow"] == "upload"
    assert event["sallyport.action"] == "block"


# ---- pieces of files -----------------------------------------------------------


def test_a_download_from_the_middle_is_cut_from_a_judged_file(gw, server):
    data = noise(200_000)
    server.put("half.bin", data)
    with Client(gw.port, server) as c:
        assert c.fetch("half.bin", rest=150_000) == data[150_000:]
        assert c.fetch("half.bin", rest=200_000) == b""
        with refused() as said:
            c.fetch("half.bin", rest=200_001)
    assert said[0].startswith("554"), said


@pytest.mark.core
def test_no_virus_comes_down_in_halves(gw, server):
    server.put("halves.com", bad("raw"))
    with Client(gw.port, server) as c:
        for at in (1, 30, 60):
            with refused() as said:
                c.fetch("halves.com", rest=at)
            assert said[0].startswith("550 Refused: malware"), said


@pytest.mark.core
@pytest.mark.parametrize("verb", ("STOR", "APPE"))
def test_no_virus_goes_up_in_halves(gw, server, verb):
    virus = bad("raw")
    with Client(gw.port, server) as c:
        assert c.send("join.com", virus[:30]).startswith("226")
        with refused() as said:
            c.send("join.com", virus[30:],
                   rest=30 if verb == "STOR" else None, verb=verb)
    assert said[0].startswith("550 Refused: malware"), said
    assert server.get("join.com") == virus[:30]


@pytest.mark.parametrize("verb", ("STOR", "APPE"))
def test_an_upload_goes_on_where_it_ended(gw, server, verb):
    data = noise(100_000)
    with Client(gw.port, server) as c:
        c.send(f"on-{verb}", data[:40_000])
        said = c.send(f"on-{verb}", data[40_000:],
                      rest=40_000 if verb == "STOR" else None, verb=verb)
        assert said.startswith("226")
        with refused() as said:
            c.send(f"on-{verb}", b"x", rest=100_002)
    assert server.get(f"on-{verb}") == data
    assert said[0].startswith("554"), said


def test_to_append_to_nothing_begins_a_file(gw, server):
    with Client(gw.port, server) as c:
        assert c.send("fresh", b"first", verb="APPE").startswith("226")
    assert server.get("fresh") == b"first"


def test_what_is_there_and_unreadable_is_not_appended_to(gw, server):
    if os.getuid() != 0:
        pytest.skip("needs a file of somebody else's")
    path = server.put("secret", b"half")
    os.chown(path, 0, 0)
    path.chmod(0o600)
    with Client(gw.port, server) as c:
        with refused() as said:
            c.send("secret", b"other half", verb="APPE")
    assert said[0].startswith("550"), said
    assert server.get("secret") == b"half"


def test_resume_deny(build, cleanly, vsftpd):
    gw = start(build, resume="deny")
    cleanly(gw)
    vsftpd.put("whole", b"0123456789")
    with Client(gw.port, vsftpd) as c:
        assert "REST" not in c.sendcmd("FEAT")
        with refused() as said:
            c.fetch("whole", rest=5)
        assert said[0].startswith("502 resume = deny"), said
        with refused() as said:
            c.send("whole", b"x", verb="APPE")
        assert said[0].startswith("502 resume = deny"), said
        assert c.fetch("whole") == b"0123456789"
    assert not gw.errors()


# ---- what else there is --------------------------------------------------------


def test_a_unique_name_comes_back_to_the_client(gw, server):
    with Client(gw.port, server) as c:
        said = c.storbinary("STOU", io.BytesIO(b"unique"))
        name = said.split("FILE: ")[1].splitlines()[0].strip()
        assert c.fetch(name) == b"unique"
    assert server.get(name) == b"unique"


def test_folders_names_and_listings(gw, server):
    with Client(gw.port, server) as c:
        c.mkd("folder")
        c.cwd("folder")
        c.send("grüße ein zwei.txt", b"text")
        assert c.nlst() is not None
        assert "grüße ein zwei.txt" in "\n".join(c.nlst())
        lines = []
        c.retrlines("LIST", lines.append)
        assert any("ein zwei.txt" in line for line in lines)
        c.voidcmd("TYPE I")
        assert c.size("grüße ein zwei.txt") == 4
        assert c.sendcmd("MDTM grüße ein zwei.txt").startswith("213 20")
        c.rename("grüße ein zwei.txt", "b")
        assert c.fetch("b") == b"text"
        c.delete("b")
        c.cwd("..")
        c.rmd("folder")
    assert server.get("folder/b") is None


def test_a_listing_for_machines(gw, cleanly):
    server = ProFtpd()
    cleanly(server)
    server.start()
    server.put("one", b"1")
    server.put("two", b"22")
    with Client(gw.port, server) as c:
        assert "MLST" in c.sendcmd("FEAT")
        found = {name: facts["size"] for name, facts in
                 c.mlsd(facts=["type", "size"]) if facts["type"] == "file"}
        assert found == {"one": "1", "two": "2"}
        assert "size=2;" in c.sendcmd("MLST two")


@pytest.mark.core
def test_a_hash_is_that_of_what_is_delivered(gw, server):
    """Whatever the server thinks of it, and so are size and time."""
    data = noise(90_000)
    server.put("hashed", data)
    server.put("hashed-bad", bad("zip"))
    with Client(gw.port, server) as c:
        assert "HASH SHA-256*" in c.sendcmd("FEAT")
        assert c.sendcmd("OPTS HASH").startswith("200 SHA-256")
        assert c.sendcmd("OPTS HASH SHA-256").startswith("200 SHA-256")
        with refused() as said:
            c.sendcmd("OPTS HASH MD5")
        assert said[0].startswith("501"), said
        c.voidcmd("TYPE A")
        with refused() as said:
            c.sendcmd("HASH hashed")
        assert said[0].startswith("504"), said
        c.voidcmd("TYPE I")
        wanted = hashlib.sha256(data).hexdigest()
        assert (c.sendcmd("HASH hashed")
                == f"213 SHA-256 0-{len(data)} {wanted} hashed")
        assert c.size("hashed") == len(data) == len(c.fetch("hashed"))
        with refused() as said:
            c.sendcmd("HASH hashed-bad")
        assert said[0].startswith("550 Refused: malware"), said
        with refused() as said:
            c.sendcmd("HASH nowhere")
        assert said[0].startswith("550"), said
        assert c.fetch("hashed") == data


def test_what_the_server_refuses_is_its_own_words(gw, server):
    with Client(gw.port, server) as c:
        with refused() as said:
            c.fetch("nowhere")
        assert said[0].startswith("550"), said
        with refused() as said:
            c.send("no/such/folder", b"x")
        assert said[0].startswith("55"), said
        with refused() as said:
            c.sendcmd("CWD nowhere")
        assert said[0].startswith("550"), said
        c.nlst()


def test_features_are_those_of_both(gw, server):
    with Client(gw.port, server) as c:
        lines = c.sendcmd("FEAT").splitlines()
        words = {line.split()[0] for line in lines[1:-1]}
    assert {"EPRT", "EPSV", "SIZE", "MDTM"} <= words
    assert not words & {"AUTH", "PBSZ", "PROT", "LANG", "HOST", "SSCN",
                        "ESTP", "PASV"}


def test_ascii_text_both_ways(gw, server):
    server.put("text", b"one\ntwo\n")
    with Client(gw.port, server) as c:
        lines = []
        c.retrlines("RETR text", lines.append)
        assert lines == ["one", "two"]
        c.storlines("STOR other", io.BytesIO(b"three\r\nfour\r\n"))
        assert server.get("other") == b"three\nfour\n"


def gzip_with_newline():
    """The virus packed so that TYPE A breaks it on the wire: an extra field
    of one byte, which is LF, so that a CR before it moves all that follows."""
    raw = corpus_mail.eicar()
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = (b"\x1f\x8b\x08\4\0\0\0\0\0\xff\1\0\n"
            + z.compress(raw) + z.flush()
            + zlib.crc32(raw).to_bytes(4, "little")
            + len(raw).to_bytes(4, "little"))
    assert gzip.decompress(data) == raw and b"\r\n" not in data
    return data


@pytest.mark.core
def test_a_virus_that_is_whole_only_behind_ascii(gw, server):
    data = gzip_with_newline()
    server.put("ascii.gz", data)
    got = bytearray()
    with Client(gw.port, server) as c:
        with refused() as said:
            c.retrlines("RETR ascii.gz", got.extend)
        assert said[0].startswith("550 Refused: malware"), said
        assert not got
        c.voidcmd("TYPE A")
        with refused() as said:
            with c.transfercmd("STOR ascii-up.gz") as conn:
                conn.sendall(data.replace(b"\n", b"\r\n"))
            c.voidresp()
        assert said[0].startswith("550 Refused: malware"), said
    assert server.get("ascii-up.gz") is None
