"""What goes wrong in mid-file, on either side and inside."""

import contextlib
import ftplib
import os
import signal
import socket
import threading

import pytest
from peers.certificate import Certificate
from peers.common import PATIENCE, until
from peers.ftp_client import Client, Wire, refused
from peers.ftp_gateway import bad, noise, start
from peers.ftp_half import Half
from peers.ftp_script import Script

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


def reset(sock):
    """Closes it with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    b"\1\0\0\0\0\0\0\0")
    sock.close()


@pytest.mark.core
@pytest.mark.parametrize("then", ("426 cut", "226 all is well"))
def test_a_download_that_was_reset_is_not_whole(gw, cleanly, then):
    def cut(half, sock, _verb):
        sock.sendall(b"150 ok\r\n")
        data = half.data.accept()[0]
        data.sendall(b"the first half")
        reset(data)
        sock.sendall(then.encode() + b"\r\n")

    server = Half(cut)
    cleanly(server)
    w = Client(gw.port, server)
    got = bytearray()
    with refused() as said:
        w.retrbinary("RETR x", got.extend)
    assert said[0].startswith("426") and not got, said
    assert w.pwd() == "/"
    w.close()


@pytest.mark.core
@pytest.mark.parametrize("size", (20, 3_000_000))
@pytest.mark.parametrize("first", ("reset", "reply"))
def test_a_server_that_did_not_take_an_upload_is_not_believed(
        gw, cleanly, size, first):
    """It says 226, but what was sent to it was thrown away."""
    def lie(half, sock, _verb):
        sock.sendall(b"150 ok\r\n")
        data = half.data.accept()[0]
        data.recv(1, socket.MSG_PEEK)  # it is there, and is not taken
        if first == "reply":
            sock.sendall(b"226 all is well\r\n")
        reset(data)
        if first == "reset":
            sock.sendall(b"226 all is well\r\n")

    server = Half(lie)
    cleanly(server)
    w = Client(gw.port, server)
    with refused() as said:
        w.send("lost", noise(size))
    assert said[0].startswith("451"), said
    assert w.pwd() == "/"
    until("half a file is deleted", lambda: server.deleted == ["lost"])
    w.close()


def test_a_server_that_leaves_its_data_connection_open(gw, cleanly):
    """It has all, says so, and closes nothing: it is believed."""
    kept = []

    def keep(half, sock, _verb):
        sock.sendall(b"150 ok\r\n")
        data = half.data.accept()[0]
        while piece := data.recv(1000):
            half.got += piece
        kept.append(data)
        sock.sendall(b"226 mine\r\n")

    server = Half(keep)
    cleanly(server)
    w = Client(gw.port, server)
    assert w.send("kept", b"whole").startswith("226 mine")
    assert server.got == b"whole"
    w.close()
    kept[0].close()


@pytest.mark.core
def test_preliminary_replies_where_there_are_none(gw, cleanly):
    """RFC 959 5.4: what comes before the reply to anything but a transfer is
    not taken for it, and is of no harm behind it."""
    cert = Certificate()
    cleanly(cert)
    server = Script(cert.serves())
    cleanly(server)
    server.files["x"] = b"whole"
    for verb, reply in (("PBSZ", "200 ok"), ("PROT", "200 ok"),
                        ("TYPE", "200 ok"), ("REST", "350 ok"),
                        ("SIZE", "213 5"), ("PWD", '257 "/"'),
                        ("USER", "331 ?"), ("PASS", "230 ok"),
                        ("FEAT", "211 none")):
        server.replies[verb] = [f"150-no | 150 no | 125 no | {reply}"] * 9
    w = Client(gw.port, server)
    assert w.fetch("x") == b"whole"
    assert w.size("x") == 5
    assert w.pwd() == "/"
    assert w.sendcmd("FEAT").startswith("211")
    assert w.send("x", b"LE", rest=3).startswith("226")
    assert server.files["x"] == b"whoLE"
    w.close()


def test_a_client_that_does_not_move(build, cleanly):
    """It rests in mid-upload for longer than data_timeout."""
    gw = start(build, data_timeout="1500ms")
    cleanly(gw)
    server = Half(None)
    cleanly(server)
    w = Wire(gw.port).login(server)
    with w.connect() as data:
        assert w.say("STOR x").startswith("150")
        data.sendall(b"the first half")
        assert w.reply().startswith("426")
    assert w.say("PWD").startswith("257")
    assert "STOR x" not in server.said
    w.close()
    gw.says("data_timeout")
    assert not gw.errors()


def test_a_server_that_does_not_answer(build, cleanly):
    gw = start(build, command_timeout="2s", connect_timeout="1500ms")
    cleanly(gw)
    server = Half(None)
    cleanly(server)
    with socket.create_server(("127.0.0.1", 0)) as dumb:
        w = Wire(gw.port)
        w.reply()
        said = w.say(f"USER u@127.0.0.1:{dumb.getsockname()[1]}")
        assert said.startswith("530") and "connect_timeout" in said, said
        w.close()
    server.more = {"MDTM": "213-and so on"}
    w = Wire(gw.port).login(server)
    assert w.say("MDTM x").startswith("421")
    w.close()
    assert not gw.errors()


def test_a_listing_without_end(gw, cleanly):
    line = b"-rw-r--r-- 1 a b 1 Jan 1 00:00 a-file-among-many\r\n" * 1000

    def lists(half, sock, _verb):
        sock.sendall(b"150 here\r\n")
        data = half.data.accept()[0]
        with contextlib.suppress(OSError):
            while True:
                data.sendall(line)
        data.close()
        sock.sendall(b"426 stopped\r\n")

    server = Half(lists)
    cleanly(server)
    w = Wire(gw.port).login(server)
    with w.connect():
        assert w.say("LIST").startswith("552 listing")
    gw.counts(1, "limits_total", "listing", "ftp")
    assert w.say("PWD").startswith("257")
    w.close()


def test_a_client_that_closes_its_data_connection_early(gw, cleanly):
    go = threading.Event()

    def slow(half, sock, _verb):
        sock.sendall(b"150 ok\r\n")
        data = half.data.accept()[0]
        assert go.wait(PATIENCE)
        data.sendall(b"whole")
        data.close()
        sock.sendall(b"226 ok\r\n")

    server = Half(slow)
    cleanly(server)
    w = Wire(gw.port).login(server)
    port = int(w.say("EPSV").split("|||")[1].split("|")[0])
    data = socket.create_connection(("127.0.0.1", port), PATIENCE)
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
    server.more = {"STAT": "211-\r\n" + "\r\n" * 60_000 + "211 end"}
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
    until("it is deleted", lambda: server.deleted == ["late"])
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
        assert go.wait(PATIENCE)
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
