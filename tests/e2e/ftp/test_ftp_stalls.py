"""Peers that stop in mid-file and say nothing: each is given its time, neither
side takes for whole what it got, and nothing stays at the server."""

import contextlib
import os
import signal
import socket
import threading

import pytest
from peers.common import PATIENCE, offspring, until
from peers.ftp_client import Client, Wire, refused
from peers.ftp_gateway import noise, start
from peers.ftp_half import Half
from peers.proftpd import ProFtpd


@pytest.fixture(scope="module", name="gw")
def impatient_about_data(build, module_cleanly):
    gw = start(build, data_timeout="1s", upload_reply_within="0")
    module_cleanly(gw)
    yield gw
    assert not gw.errors(), gw.errors()


@pytest.fixture(scope="module", name="brief")
def impatient_about_replies(build, module_cleanly):
    gw = start(build, command_timeout="2s", upload_reply_within="0")
    module_cleanly(gw)
    yield gw
    assert not gw.errors(), gw.errors()


class Stuck(Half):
    """do(self, sock, data) with a data connection; then it waits for go."""

    def __init__(self, do, tls=None):
        super().__init__(self.stick, tls)
        self.do_that = do
        self.go = threading.Event()
        self.reset = None

    @staticmethod
    def stick(half, sock, _verb):
        sock.sendall(b"150 ok\r\n")
        data = half.data.accept()[0]
        half.do_that(half, sock, data)
        assert half.go.wait(PATIENCE)
        try:
            while data.recv(65536):
                pass
            half.reset = False
        except ConnectionResetError:
            half.reset = True
        data.close()
        sock.sendall(b"426 cut\r\n")

    def remove(self):
        self.go.set()
        super().remove()


def nothing(_half, _sock, _data):
    pass


# ---- data that do not move -----------------------------------------------------


@pytest.mark.core
def test_a_server_that_sends_no_more(gw, cleanly):
    server = Stuck(lambda half, sock, data: data.sendall(b"the first half"))
    cleanly(server)
    got = bytearray()
    before = gw.count("limits_total", "data_timeout", "ftp")
    with Client(gw.port, server) as c:
        with refused() as said:
            c.retrbinary("RETR x", got.extend)
        assert said[0].startswith("426 data_timeout"), said
        gw.counts(before + 1, "limits_total", "data_timeout", "ftp")
        assert not got
        server.go.set()
        assert c.pwd() == "/"  # behind the end of it
    assert server.reset


@pytest.mark.core
def test_a_server_that_takes_no_more(gw, cleanly):
    """It has a part of it, may not take that for whole, and is told to throw
    it away when it moves again."""
    server = Stuck(nothing)
    cleanly(server)
    with Client(gw.port, server) as c:
        with refused() as said:
            c.send("stuck", noise(20_000_000))
        assert said[0].startswith("451 data_timeout"), said
        server.go.set()
        assert c.pwd() == "/"
    assert server.reset
    assert server.deleted == ["stuck"]


@pytest.mark.parametrize("verb", ("RETR", "STOR"))
def test_a_server_that_never_connects(build, cleanly, verb):
    """server_mode = active: it says that it does."""
    gw = start(build, data_timeout="1s", server_mode="active",
               upload_reply_within="0")
    cleanly(gw)
    go = threading.Event()

    def says(_half, sock, _verb):
        sock.sendall(b"150 on my way\r\n")
        assert go.wait(PATIENCE)
        sock.sendall(b"425 I was not\r\n")

    server = Half(says)
    cleanly(server)
    server.more = {"PORT": "200 ok"}
    with Client(gw.port, server) as c:
        with refused() as said:
            if verb == "RETR":
                c.fetch("x")
            else:
                c.send("x", b"clean")
        assert "data_timeout" in said[0], said
        assert said[0].startswith("426" if verb == "RETR" else "451"), said
        go.set()
        assert c.pwd() == "/"
    assert not gw.errors()


@pytest.mark.parametrize("verb", ("RETR", "STOR"))
def test_a_server_that_never_shakes_hands(build, cleanly, cert, verb):
    gw = start(build, upload_reply_within="0", more={
        "tls": {**cert.options(), "handshake_timeout": "1s"}})
    cleanly(gw)
    server = Stuck(nothing, cert.serves())
    cleanly(server)
    with Client(gw.port, server) as c:
        with refused() as said:
            if verb == "RETR":
                c.fetch("x")
            else:
                c.send("x", b"clean")
        assert said[0].startswith("426" if verb == "RETR" else "451"), said
        server.go.set()
        assert c.pwd() == "/"
    gw.says("handshake_timeout")
    assert not gw.errors()


def test_a_client_that_takes_no_more(gw, vsftpd):
    vsftpd.put("large", noise(20_000_000))
    w = Wire(gw.port).login(vsftpd)
    assert w.say("TYPE I").startswith("200")
    with w.connect() as data:
        assert w.say("RETR large").startswith("150")
        assert w.reply().startswith("426")
        with pytest.raises(ConnectionResetError):
            while data.recv(65536):
                pass
    assert w.say("PWD").startswith("257")
    w.close()
    until("it has its line", lambda: gw.events(
        sallyport__reason="client_data_lost"))


# ---- replies that do not come --------------------------------------------------


def moved(half, sock, _verb):
    """A file, either way, and no last word about it."""
    sock.sendall(b"150 ok\r\n")
    data = half.data.accept()[0]
    if _verb == "RETR":
        data.sendall(b"whole")
    else:
        while data.recv(65536):
            pass
    data.close()


@pytest.mark.core
def test_a_download_without_a_last_word(brief, cleanly):
    server = Half(moved)
    cleanly(server)
    w = Wire(brief.port).login(server)
    with w.connect() as data:
        w.sock.sendall(b"RETR x\r\n")
        assert w.reply().startswith("426")
        with pytest.raises(ConnectionResetError):
            data.recv(1)
    assert w.reply().startswith("421")
    w.close()
    brief.says("reason=command_timeout")


@pytest.mark.core
def test_an_upload_without_a_last_word(brief, cleanly):
    server = Half(moved)
    cleanly(server)
    w = Wire(brief.port).login(server)
    with w.connect() as data:
        assert w.say("STOR silent").startswith("150")
        data.sendall(b"clean")
    assert w.reply().startswith("451")
    assert w.reply().startswith("421")
    w.close()
    until("half a file is deleted", lambda: server.deleted == ["silent"])


def test_what_a_server_refuses_late_is_not_deleted(build, cleanly):
    """It is a file that was there before."""
    gw = start(build, upload_reply_within="500ms")
    cleanly(gw)
    go = threading.Event()

    def refuses(_half, sock, _verb):
        assert go.wait(PATIENCE)
        sock.sendall(b"553 it is there, and not yours\r\n")

    server = Half(refuses)
    cleanly(server)
    with Client(gw.port, server) as c:
        with refused() as said:
            c.send("theirs", b"clean")
        assert said[0].startswith("451 upload_reply_within"), said
        go.set()
        assert c.pwd() == "/"
    until("it has heard the end", lambda: "QUIT" in server.said)
    assert not server.deleted
    assert not gw.errors()


# ---- a real server that stands still -------------------------------------------


class Slow(ProFtpd):
    """So slow that nothing is over before it is stopped.  (vsftpd would never
    go on: its other half waits for the death of who has merely stopped.)"""

    def __init__(self):
        super().__init__(more="TransferRate APPE,STOR,RETR 2000\n")

    def serves(self):
        """A file is on its way out."""
        for pid in offspring(self.child.pid):
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if b"RETR" in f.read():
                    return True
        return False


@pytest.fixture(scope="module", name="slow")
def slow_server(module_cleanly):
    s = Slow()
    module_cleanly(s)
    return s.start()


@contextlib.contextmanager
def standing_still(server):
    """All its sessions."""
    pids = offspring(server.child.pid)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def test_proftpd_stands_still_in_a_download(gw, slow):
    slow.put("large", noise(20_000_000))
    w = Wire(gw.port).login(slow)
    w.say("TYPE I")
    with w.connect() as data:
        w.sock.sendall(b"RETR large\r\n")
        until("it has begun", slow.serves)
        with standing_still(slow):
            assert w.reply().startswith("426 data_timeout")
        with pytest.raises(ConnectionResetError):
            data.recv(1)
    assert w.say("PWD").startswith("257")
    w.close()


def test_proftpd_stands_still_in_an_upload(gw, slow):
    w = Wire(gw.port).login(slow)
    w.say("TYPE I")
    with w.connect() as data:
        assert w.say("STOR still").startswith("150")
        data.sendall(noise(30_000_000))
        data.shutdown(socket.SHUT_WR)
        until("a part is there", lambda: slow.get("still"))
        with standing_still(slow):
            assert w.reply().startswith("451 data_timeout")
            w.close()
            assert slow.get("still") is not None
    until("it is gone", lambda: slow.get("still") is None)
