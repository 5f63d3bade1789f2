"""Files through the FTP proxy, with real servers and clients: what is clean
arrives byte for byte, what is not never does, in either direction."""

import ftplib
import gzip
import hashlib
import io
import os
import pathlib
import random
import signal
import socket
import subprocess
import threading
import time
import zipfile
import zlib

import corpus_mail
import pytest
from peers.common import free_port, until
from peers.ftp_client import Client, Wire, refused
from peers.proftpd import ProFtpd
from peers.pureftpd import PureFtpd
from peers.sallyport import Sallyport
from peers.vsftpd import Vsftpd

SERVERS = (Vsftpd, ProFtpd, PureFtpd)


def files(port, **keys):
    """Changes for a gateway with one listener for files."""
    return {
        "listener mail-in": None,
        "listener files": {
            "protocol": "ftp",
            "address": f"127.0.0.1:{port}, [::1]:{port}",
            "policy": "mail",
            "max_sessions_per_client": "1000",
        },
        "ftp": {"deny_destinations": "none", "server_ports": "1-65535",
                "passive_ports": "30000-32000", **keys},
    }


def start(build, **keys):
    """A gateway for files; its port is gw.port."""
    port = free_port()
    gw = Sallyport(build, files(port, **keys))
    gw.port = port
    return gw.start()


@pytest.fixture(scope="module", name="gw")
def one_gateway(build, module_cleanly):
    """One for all tests that need nothing special of it."""
    gw = start(build)
    module_cleanly(gw)
    yield gw
    assert not gw.errors(), gw.errors()


@pytest.fixture(scope="module", name="server", params=SERVERS,
                ids=lambda c: c.__name__)
def each_server(request, module_cleanly):
    s = request.param()
    module_cleanly(s)
    return s.start()


@pytest.fixture(scope="module", name="vsftpd")
def one_server(module_cleanly):
    s = Vsftpd()
    module_cleanly(s)
    return s.start()


def zipped(name, data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(name, data)
    return out.getvalue()


def bad(kind):
    """The test virus, as it is or in something."""
    raw = corpus_mail.eicar()
    if kind == "raw":
        return raw
    if kind == "zip":
        return zipped("eicar.com", raw)
    return zipped("inner.zip", zipped("eicar.com", raw))


BAD = ("raw", "zip", "nested")


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


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


# ---- addresses -----------------------------------------------------------------


@pytest.mark.core
@pytest.mark.parametrize("mode", ("passive", "active", "same"))
@pytest.mark.parametrize("there", ("127.0.0.1", "::1"))
@pytest.mark.parametrize("here", ("127.0.0.1", "::1"))
def test_all_pairings(build, cleanly, mode, here, there):
    gw = start(build, server_mode=mode)
    cleanly(gw)
    server = ProFtpd(there)
    cleanly(server)
    server.start()
    data = noise(50_000)
    for passive in (True, False):
        with Client(gw.port, server, here) as c:
            c.set_pasv(passive)
            assert c.send("x", data).startswith("226")
            assert c.fetch("x") == data
            with refused() as said:
                c.send("y", bad("zip"))
            assert said[0].startswith("550 Refused"), said
        assert server.get("y") is None
    assert not gw.errors()


@pytest.mark.core
def test_ports_of_others_are_not_dialled(gw, vsftpd):
    w = Wire(gw.port).login(vsftpd)
    assert w.say("PORT 127,0,0,2,200,1").startswith("504")
    assert w.say("PORT 127,0,0,1,0,25").startswith("504")
    assert w.say("EPRT |1|10.0.0.1|50000|").startswith("504")
    assert w.say("EPRT |2|::1|50000|").startswith("504")
    assert w.say("EPRT |3|::1|50000|").startswith("522")
    assert w.say("PORT 1,2,3").startswith("501")
    assert w.say("RETR x").startswith("425")
    assert w.say("EPSV 2").startswith("522")
    assert w.say("EPSV ALL").startswith("200")
    assert w.say("PASV").startswith("501")
    w.close()


def test_a_stranger_at_the_data_port_is_turned_away(gw, vsftpd):
    vsftpd.put("mine", b"for me alone")
    w = Wire(gw.port).login(vsftpd)
    port = int(w.say("EPSV").split("|||")[1].split("|")[0])
    stranger = socket.create_connection(("127.0.0.1", port), 10,
                                        source_address=("127.0.0.9", 0))
    assert stranger.recv(1) == b""
    mine = socket.create_connection(("127.0.0.1", port), 10)
    assert w.say("RETR mine").startswith("150")
    assert mine.makefile("rb").read() == b"for me alone"
    assert w.reply().startswith("226")
    w.close()


def test_where_nobody_is_taken(build, cleanly, vsftpd):
    gw = start(build, deny_destinations=None, server_ports="21")
    cleanly(gw)
    w = Wire(gw.port)
    w.reply()
    assert "server_ports" in w.say(f"USER a@127.0.0.1:{vsftpd.port}")
    assert "deny_destinations" in w.say("USER a@127.0.0.1")
    assert "deny_destinations" in w.say("OPEN [::1]")
    assert w.say("USER a@localhost").startswith("530")
    assert w.say("USER a@no..such_host!").startswith("501")
    assert w.say("USER a").startswith("530")
    w.close()
    assert not gw.errors()


def test_reverse_leads_to_one_server(build, cleanly, vsftpd):
    gw = start(build, mode="reverse",
               default_server=f"127.0.0.1:{vsftpd.port}",
               deny_destinations=None, server_ports="21")
    cleanly(gw)
    vsftpd.put("r", b"reverse")
    with Client(gw.port) as c:
        with refused() as said:
            c.sendcmd("OPEN elsewhere")
        assert said[0].startswith("502"), said
        c.login(vsftpd.user, vsftpd.password)
        c.cwd(vsftpd.home)
        assert c.fetch("r") == b"reverse"
    assert not gw.errors()


def test_open_and_site_name_a_server_first(gw, vsftpd):
    vsftpd.put("o", b"opened")
    for word in ("OPEN", "SITE"):
        with Client(gw.port) as c:
            said = c.sendcmd(f"{word} 127.0.0.1 {vsftpd.port}")
            assert said.startswith("220"), said
            c.login(vsftpd.user, vsftpd.password)
            c.cwd(vsftpd.home)
            assert c.fetch("o") == b"opened"


def test_a_chain_of_two_gateways(gw, build, cleanly, vsftpd):
    other = start(build)
    cleanly(other)
    vsftpd.put("c", b"chained")
    with Client(gw.port) as c:
        c.login(f"{vsftpd.user}@127.0.0.1:{vsftpd.port}"
                f"@127.0.0.1:{other.port}", vsftpd.password)
        c.cwd(vsftpd.home)
        assert c.fetch("c") == b"chained"
        with refused() as said:
            c.send("d", bad("zip"))
    assert said[0].startswith("550 Refused"), said


# ---- what a client may say -----------------------------------------------------


@pytest.mark.core
def test_words_that_are_not_spoken(gw, vsftpd):
    w = Wire(gw.port)
    assert w.reply().startswith("220 gw.example.org")
    assert w.say("AUTH TLS").startswith("502")
    assert w.say("LPRT 6").startswith("502")
    assert w.say("MKD x").startswith("530")
    assert w.say("RETR x").startswith("530")
    assert w.say("GET / HTTP/1.0").startswith("502")
    assert w.say("").startswith("500")
    assert w.say(b"NOOP \x01").startswith("500")
    assert w.say(b"NOOP\0").startswith("500")
    assert w.say(b"NOOP \xff").startswith("500")
    assert w.say(b"\xff\xfb\x01NOOP").startswith("200")
    assert w.say("NOOP " + "x" * 5000).startswith("500 Line too long")
    assert w.say("QUIT now").startswith("501")
    assert w.say("USER").startswith("501")
    assert w.say("HELP").startswith("214")
    w.close()
    w = Wire(gw.port).login(vsftpd)
    assert w.say("TYPE E").startswith("504")
    assert w.say("MODE B").startswith("504")
    assert w.say("STRU R").startswith("504")
    assert w.say("MODE S").startswith("200")
    assert w.say("REST x").startswith("501")
    assert w.say("OPTS MODE Z LEVEL 9").startswith("501")
    w.sock.sendall(b"NOOP\r\nPWD\r\nNOOP\n")
    assert [w.reply()[:3] for _ in range(3)] == ["200", "257", "200"]
    assert w.say("REIN").startswith("220")
    assert w.say("PWD").startswith("530")
    assert w.say("QUIT").startswith("221")
    assert w.file.read() == b""
    w.close()


def test_commands_are_those_of_the_list(build, cleanly, vsftpd):
    gw = start(build, commands="USER PASS CWD TYPE EPSV PASV RETR QUIT")
    cleanly(gw)
    w = Wire(gw.port).login(vsftpd)
    assert w.say("PWD").startswith("502")
    assert w.say("EPSV").startswith("229")
    assert w.say("STOR x").startswith("502")
    assert w.say("QUIT").startswith("221")
    w.close()
    assert not gw.errors()


@pytest.mark.parametrize("key, value, word", (
    ("commands", "USER XYZZY", "XYZZY"),
    ("passive_ports", "9-8", "passive_ports"),
    ("passive_address", "gw.example.org", "passive_address"),
    ("server_ports", "21, x", "server_ports"),
    ("mode", "reverse", "default_server"),
    ("default_server", "a b c", "default_server"),
    ("server_mode", "passiv", "passive")))
def test_what_check_refuses(build, cleanly, key, value, word):
    gw = Sallyport(build, files(free_port(), **{key: value}))
    cleanly(gw)
    done = gw.run("--check")
    assert done.returncode == 78, done.stderr
    assert word in done.stderr


# ---- limits, faults ------------------------------------------------------------


def test_the_largest_file(build, cleanly, vsftpd):
    gw = start(build, max_file_size="100k")
    cleanly(gw)
    vsftpd.put("large", noise(300_000))
    vsftpd.put("most", noise(102_400))
    with Client(gw.port, vsftpd) as c:
        for do in (lambda: c.fetch("large"),
                   lambda: c.send("larger", noise(3_000_000))):
            try:
                with refused() as said:
                    do()
            except OSError:  # our reset came before our reply was read
                said = [c.getmultiline()]
            assert "552 max_file_size" in said[0], said
        assert len(c.fetch("most")) == 102_400
    assert vsftpd.get("larger") is None
    assert not gw.errors()


def stopped(gw, server, name):
    """Begins a transfer, stops it at once or soon, and shows that the session
    lives."""
    w = Wire(gw.port).login(server)
    rng = random.Random(name)
    w.say("TYPE I")
    verb = rng.choice(("RETR large", f"STOR {name}"))
    port = int(w.say("EPSV").split("|||")[1].split("|")[0])
    data = socket.create_connection(("127.0.0.1", port), 10)
    w.sock.sendall(f"{verb}\r\n".encode())
    if verb.startswith("STOR"):
        data.settimeout(0.05)
        try:
            data.sendall(noise(rng.randrange(1, 2_000_000)))
        except OSError:
            pass
    time.sleep(rng.random() * 0.06)  # any moment will do
    if rng.random() < 0.5:
        w.sock.send(b"\xff\xf4\xff")
        w.sock.send(b"\xf2", socket.MSG_OOB)
        w.sock.sendall(b"ABOR\r\n")
    else:
        w.sock.send(b"ABOR\r\n", socket.MSG_OOB)
    said = [w.reply()]
    while not said[-1].startswith(("226 Nothing", "421")):
        said.append(w.reply())
    data.close()
    assert not said[-1].startswith("421"), said
    assert w.say("PWD").startswith("257")
    port = int(w.say("EPSV").split("|||")[1].split("|")[0])
    data = socket.create_connection(("127.0.0.1", port), 10)
    assert w.say("RETR small").startswith("150")
    assert data.makefile("rb").read() == b"small"
    assert w.reply().startswith("226")
    w.close()
    if verb.startswith("STOR") and not any(
            s.startswith("226 T") for s in said[:-1]):
        assert server.get(name) is None, said
    return said


@pytest.mark.core
def test_thirty_transfers_that_are_stopped(gw, server):
    server.put("large", noise(20_000_000))
    server.put("small", b"small")
    said = [stopped(gw, server, f"stop{i}") for i in range(30)]
    assert any(s[0].startswith(("426", "150")) and "426" in "".join(s)
               for s in said), said


@pytest.mark.parametrize("up", (False, True), ids=("down", "up"))
def test_a_killed_scan_worker_delivers_nothing(build, cleanly, vsftpd, up):
    gw = start(build, scan_deadline="2s")
    cleanly(gw)
    vsftpd.put("k", noise(1000))
    for role, pid in gw.roles().items():
        if role.startswith("scan "):
            os.kill(pid, signal.SIGSTOP)  # killed at its deadline
    with Client(gw.port, vsftpd) as c:
        with refused() as said:
            if up:
                c.send("k2", noise(900, 2))
            else:
                c.fetch("k")
        assert said[0].startswith("451 Scanner"), said
        assert vsftpd.get("k2") is None
        event = gw.event_of(said[0])
        assert event["sallyport.verdict"] == "failed"

        def again():
            try:
                return c.fetch("k") == noise(1000)
            except ftplib.Error:
                return False

        until("another worker scans", again)
    assert not gw.errors()


class Half:
    """A server that behaves until a file is under way, then does what a test
    asks for."""

    home, user, password, host = "", "u", "p", "127.0.0.1"

    def __init__(self, do):
        self.do = do
        self.deleted = []
        self.more = {}
        self.got = b""
        self.pasv = "({0},{1},{2})"
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.data = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                sock = self.listening.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,),
                             daemon=True).start()

    def serve(self, sock):
        sock.sendall(b"220-hello\r\n 220 not yet\r\n220 there\r\n")
        answers = {"USER": b"331 ?", "PASS": b"230 ok", "TYPE": b"200 ok",
                   "REST": b"350 ok", "PWD": b'257 "/"'}
        for line in sock.makefile("rb"):
            verb, _, arg = line.decode().strip().partition(" ")
            if verb == "PASV":
                port = self.data.getsockname()[1]
                reply = ("227 " + self.pasv.format(
                    "127,0,0,1", port >> 8, port & 255)).encode()
            elif verb in ("RETR", "STOR"):
                if self.do(self, sock, verb):
                    return
                continue
            elif verb == "DELE":
                self.deleted.append(arg)
                reply = b"250 gone"
            else:
                reply = {**answers, **self.more}.get(verb, b"502 no")
            sock.sendall(reply + b"\r\n")

    def remove(self):
        self.listening.close()
        self.data.close()


def test_a_server_gone_in_mid_file(gw, cleanly):
    def gone(half, sock, verb):
        sock.sendall(b"150 ok\r\n")
        data = half.data.accept()[0]
        if verb == "RETR":
            data.sendall(b"the first half")
        else:
            data.recv(10)
        data.close()
        sock.shutdown(socket.SHUT_RDWR)
        return True

    server = Half(gone)
    cleanly(server)
    w = Client(gw.port, server)
    got = bytearray()
    with refused() as said:
        w.retrbinary("RETR x", got.extend)
    assert said[0].startswith("426") and not got, said
    w = Client(gw.port, server)
    with refused() as said:
        w.send("x", noise(5_000_000))
    assert said[0].startswith("451"), said
    until("both are in the log", lambda: len(gw.events(
        sallyport__reason="server_gone")) == 2)


def test_a_data_connection_cut_in_mid_file(gw, cleanly):
    def cut(half, sock, _verb):
        sock.sendall(b"150 ok\r\n")
        data = half.data.accept()[0]
        data.sendall(b"the first half")
        data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        b"\1\0\0\0\0\0\0\0")
        data.close()
        sock.sendall(b"426 cut\r\n")

    server = Half(cut)
    cleanly(server)
    w = Client(gw.port, server)
    got = bytearray()
    with refused() as said:
        w.retrbinary("RETR x", got.extend)
    assert said[0].startswith("426") and not got, said
    assert w.pwd() == "/"
    w.close()


def test_a_client_that_closes_its_data_connection_early(gw, cleanly):
    go = threading.Event()

    def slow(half, sock, _verb):
        sock.sendall(b"150 ok\r\n")
        data = half.data.accept()[0]
        assert go.wait(30)
        data.sendall(b"whole")
        data.close()
        sock.sendall(b"226 ok\r\n")

    server = Half(slow)
    cleanly(server)
    w = Wire(gw.port).login(server)
    port = int(w.say("EPSV").split("|||")[1].split("|")[0])
    data = socket.create_connection(("127.0.0.1", port), 10)
    data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    b"\1\0\0\0\0\0\0\0")
    w.sock.sendall(b"RETR x\r\n")
    data.close()
    go.set()
    said = w.reply()
    while said.startswith("150"):
        said = w.reply()
    assert said.startswith("42"), said
    assert w.say("PWD").startswith("257")
    w.close()


def test_a_reply_of_many_lines(gw, cleanly):
    server = Half(None)
    cleanly(server)
    server.more = {"STAT": b"211-\r\n" + b"\r\n" * 60_000 + b"211 end"}
    w = Wire(gw.port).login(server)
    said = w.say("STAT x")
    assert said.count("\r\n") == 60_002
    assert w.say("PWD").startswith("257")
    w.close()


def test_a_passive_reply_that_points_elsewhere(gw, cleanly):
    def give(half, sock, _verb):
        sock.sendall(b"150 ok\r\n")
        data = half.data.accept()[0]
        data.sendall(b"whole")
        data.close()
        sock.sendall(b"226 ok\r\n")

    server = Half(give)
    cleanly(server)
    server.pasv = "(10,9,8,7,{1},{2})"
    w = Client(gw.port, server)
    assert w.fetch("x") == b"whole"  # from who the server is
    server.pasv = "(127,0,0,1,0,22)"
    with refused() as said:
        w.fetch("x")
    assert said[0].startswith("425"), said
    w.close()


def test_an_upload_that_is_not_answered_in_time(build, cleanly):
    gw = start(build, upload_reply_within="500ms")
    cleanly(gw)

    def silent(half, sock, _verb):
        sock.sendall(b"150 ok\r\n")
        data = half.data.accept()[0]
        try:
            while data.recv(1000):
                pass
        except OSError:
            pass  # the reset
        until("the client has its 451", lambda: half.got)
        sock.sendall(b"226 too late\r\n")

    server = Half(silent)
    cleanly(server)
    w = Client(gw.port, server)
    with refused() as said:
        w.send("late", b"clean")
    server.got = b"yes"
    assert said[0].startswith("451 upload_reply_within"), said
    assert w.pwd() == "/"
    assert server.deleted == ["late"]
    w.close()
    assert not gw.errors()


@pytest.mark.parametrize("passive", (True, False), ids=("pasv", "port"))
@pytest.mark.parametrize("data", (b"clean", bad("raw")),
                         ids=("clean", "infected"))
def test_progress_while_a_file_is_fetched(build, cleanly, passive, data):
    gw = start(build, progress="100ms")
    cleanly(gw)
    go = threading.Event()

    def slow(half, sock, _verb):
        sock.sendall(b"150 ok\r\n")
        conn = half.data.accept()[0]
        conn.sendall(data[:3])
        assert go.wait(30)
        conn.sendall(data[3:])
        conn.close()
        sock.sendall(b"226 ok\r\n")

    server = Half(slow)
    cleanly(server)
    w = Client(gw.port, server)
    w.set_pasv(passive)
    w.voidcmd("TYPE I")
    got = bytearray()
    said = []

    class Seen:
        """Lets the server go on when 150- was heard."""

        def __init__(self, file):
            self.file = file

        def readline(self, *args):
            line = self.file.readline(*args)
            said.append(line)
            if line.startswith("150-Fetched so far"):
                go.set()
            return line

        def close(self):
            self.file.close()

    w.file = Seen(w.file)
    if data == b"clean":
        w.retrbinary("RETR x", got.extend)
        assert got == data
    else:
        with refused() as reply:
            w.retrbinary("RETR x", got.extend)
        assert reply[0].startswith("550 Refused") and not got
    assert any(line.startswith("150-") for line in said)
    w.file.file.close()
    w.close()
    assert not gw.errors()


# ---- clients -------------------------------------------------------------------


def curl(*words):
    return subprocess.run(["curl", "-sS", "--max-time", "60", *words],
                          capture_output=True, check=False)


@pytest.mark.parametrize("way", ([], ["--disable-epsv"], ["-P", "-"],
                                 ["-P", "-", "--disable-eprt"]),
                         ids=("epsv", "pasv", "eprt", "port"))
def test_curl(gw, server, way, folder):
    data = noise(100_000)
    server.put("curl", data)
    server.put("curl-bad", bad("nested"))
    url = (f"ftp://{server.user}%40127.0.0.1%3A{server.port}:"
           f"{server.password.replace('@', '%40')}@127.0.0.1:{gw.port}/"
           f"{server.home}{'/' if server.home else ''}")
    assert curl(*way, url + "curl").stdout == data
    done = curl(*way, url + "curl-bad")
    assert done.returncode != 0 and not done.stdout
    assert curl(*way, "-r", "500-", url + "curl").stdout == data[500:]
    with open(f"{folder}/up", "wb") as f:
        f.write(data)
    assert curl(*way, "-T", f"{folder}/up", url).returncode == 0
    assert server.get("up") == data
    with open(f"{folder}/bad-up", "wb") as f:
        f.write(bad("zip"))
    assert curl(*way, "-T", f"{folder}/bad-up", url).returncode != 0
    assert server.get("bad-up") is None


def tree(folder, n):
    """n files in folders: {name: bytes}."""
    rng = random.Random(n)
    made = {}
    for i in range(n):
        name = f"d{i % 7}/e{i % 3}/file-{i}"
        made[name] = rng.randbytes(rng.randrange(0, 20_000))
        os.makedirs(f"{folder}/d{i % 7}/e{i % 3}", exist_ok=True)
        with open(f"{folder}/{name}", "wb") as f:
            f.write(made[name])
    return made


def lftp(gw, server, commands):
    script = ("set cmd:fail-exit yes; set net:max-retries 2; set ftp:use-feat "
              "yes; set ftp:ssl-allow no; set ftp:sync-mode off; "
              f"open -u {server.user}@127.0.0.1:{server.port},"
              f"{server.password} -p {gw.port} 127.0.0.1; "
              f"cd /{server.home}; {commands}; exit")
    return subprocess.run(["lftp", "-c", script], capture_output=True,
                          check=False, text=True, timeout=200)


def test_lftp_mirrors_a_tree_both_ways(gw, server, folder):
    os.mkdir(f"{folder}/here")
    made = tree(f"{folder}/here", 200)
    up = lftp(gw, server, f"mirror -R --parallel=4 {folder}/here tree")
    assert up.returncode == 0, up.stderr
    for name, data in made.items():
        assert server.get(f"tree/{name}") == data, name
    down = lftp(gw, server, f"mirror --parallel=4 tree {folder}/back")
    assert down.returncode == 0, down.stderr
    for name, data in made.items():
        with open(f"{folder}/back/{name}", "rb") as f:
            assert f.read() == data, name


# ---- large files, many sessions ------------------------------------------------


def memory(gw):
    """Bytes of its own that each net worker holds at most (VmHWM)."""
    found = []
    for role, pid in gw.roles().items():
        if not role.startswith("net "):
            continue
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            found += [int(line.split()[1]) * 1024 for line in f
                      if line.startswith("VmHWM")]
    return max(found)


def test_a_large_file_both_ways_in_little_memory(build, cleanly, folder):
    gw = start(build, scan_deadline="5m", upload_reply_within="5m")
    cleanly(gw)
    server = ProFtpd()
    cleanly(server)
    server.start()
    size, piece = 200_000_000, noise(1_000_000)
    path = server.put("large", b"")
    with open(path, "wb") as f:
        for _ in range(size // len(piece)):
            f.write(piece)
    wanted = hashlib.sha256(path.read_bytes()).digest()
    with Client(gw.port, server) as c:
        before = memory(gw)
        got = hashlib.sha256()
        c.retrbinary("RETR large", got.update, blocksize=1 << 16)
        assert got.digest() == wanted
        with open(path, "rb") as f:
            assert c.storbinary("STOR up", f, blocksize=1 << 16
                                ).startswith("226")
        after = memory(gw)
    with open(server.root / "up", "rb") as f:
        assert hashlib.sha256(f.read()).digest() == wanted
    assert after - before < 8_000_000, (before, after)
    assert not gw.errors()


@pytest.mark.core
def test_forty_sessions_at_once(gw, server):
    server.put("many", b"one of many")
    clients = [Client(gw.port, server) for _ in range(40)]
    threads = []
    wrong = []

    def work(i, c):
        try:
            assert c.fetch("many") == b"one of many"
            assert c.send(f"many-{i}", b"x" * i).startswith("226")
        except Exception as e:  # pylint: disable=broad-except
            wrong.append(repr(e))

    for i, c in enumerate(clients):
        threads.append(threading.Thread(target=work, args=(i, c)))
        threads[-1].start()
    for t in threads:
        t.join()
    for c in clients:
        c.close()
    assert not wrong, wrong
    assert all(server.get(f"many-{i}") == b"x" * i for i in range(40))


# ---- what the page says --------------------------------------------------------


def test_the_nftables_lines_of_the_page():
    page = (pathlib.Path(__file__).parents[2] / "docs/ftp.md").read_text()
    rules = page.split("```nft\n")[1].split("```")[0]
    done = subprocess.run(["/usr/sbin/nft", "-c", "-f", "-"], input=rules,
                          capture_output=True, text=True, check=False)
    if "Operation not permitted" in done.stderr:
        pytest.skip("nft needs a network of its own here")
    assert done.returncode == 0, done.stderr


def test_the_listener_of_the_page(build, cleanly):
    page = (pathlib.Path(__file__).parents[2] / "docs/ftp.md").read_text()
    gw = Sallyport(build)
    cleanly(gw)
    gw.write(page.split("```ini\n")[1].split("```")[0]
             + f"[engine clamav]\ndatabase = {gw.dir}/db\n")
    done = gw.run("--check")
    assert done.returncode == 0, done.stderr
