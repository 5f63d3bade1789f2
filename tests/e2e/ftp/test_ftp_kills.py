"""kill -9 in mid-file, and transfers that are stopped at any moment: nothing
infected is delivered, and no upload is lost that a client was told is there."""

import ftplib
import os
import random
import signal
import socket
import threading
import time

import pytest
from peers.common import PATIENCE, kill, until
from peers.ftp_client import Client, Wire
from peers.ftp_gateway import bad, noise, start
from peers.ftp_half import Half


def stop_scanners(gw):
    """From now on every file waits at the gate."""
    for role, pid in gw.roles().items():
        if role.startswith("scan "):
            os.kill(pid, signal.SIGSTOP)


def kill_all(gw, word):
    """kill -9 to each process of that role."""
    for role, pid in gw.roles().items():
        if role.startswith(word):
            kill(pid)


def last_word(w, data=None):
    """What the session heard to its end; data: what comes there is kept."""
    said, got = "", b""
    try:
        while line := w.file.readline().decode():
            said += line
    except OSError:
        pass
    if data is not None:
        try:
            while piece := data.recv(65536):
                got += piece
        except OSError:
            pass
        data.close()
    w.close()
    return said, got


def works(gw, server):
    """New sessions do."""
    def again():
        try:
            with Client(gw.port, server) as c:
                return c.send("again", b"again").startswith("226")
        except (OSError, EOFError, ftplib.Error):
            return False
    until("a new session works", again)
    assert server.get("again") == b"again"


# ---- scan workers --------------------------------------------------------------


@pytest.mark.core
@pytest.mark.parametrize("data", (noise(900), bad("zip")),
                         ids=("clean", "infected"))
@pytest.mark.parametrize("up", (False, True), ids=("down", "up"))
def test_scan_workers_die_over_a_file(build, cleanly, vsftpd, up, data):
    gw = start(build)
    cleanly(gw)
    vsftpd.put("k", data)
    stop_scanners(gw)
    w = Wire(gw.port).login(vsftpd)
    w.say("TYPE I")
    sock = w.connect()
    w.sock.sendall(b"STOR k2\r\n" if up else b"RETR k\r\n")
    if up:
        assert w.reply().startswith("150")
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
    until("it is judged", lambda: "-> judge" in gw.stderr())
    kill_all(gw, "scan ")
    said, got = w.reply(), b""
    if not up and said.startswith("150"):  # a new worker has judged it
        got = sock.makefile("rb").read()
        said = w.reply()
    sock.close()
    w.close()
    if said.startswith("226"):
        assert data == noise(900)
        assert vsftpd.get("k2") == data if up else got == data
    else:
        assert said.startswith(("451", "550")), said
        assert not got and vsftpd.get("k2") is None
    works(gw, vsftpd)
    assert not gw.errors()


# ---- net workers ---------------------------------------------------------------


@pytest.mark.core
@pytest.mark.parametrize("phase", ("client", "judge"))
def test_net_workers_die_in_an_upload(build, cleanly, vsftpd, phase):
    gw = start(build)
    cleanly(gw)
    if phase == "judge":
        stop_scanners(gw)
    w = Wire(gw.port).login(vsftpd)
    w.say("TYPE I")
    data = w.connect()
    assert w.say("STOR lost").startswith("150")
    data.sendall(noise(700_000))
    if phase == "judge":
        data.shutdown(socket.SHUT_WR)
        until("it is judged", lambda: "-> judge" in gw.stderr())
    kill_all(gw, "net ")
    said, _ = last_word(w, data)
    assert "226" not in said, said
    assert vsftpd.get("lost") is None
    for role, pid in gw.roles().items():
        if role.startswith("scan "):
            kill(pid, signal.SIGCONT)
    works(gw, vsftpd)
    assert vsftpd.get("lost") is None
    assert not gw.errors()


def test_net_workers_die_while_a_file_goes_to_the_server(build, cleanly,
                                                         vsftpd):
    gw = start(build)
    cleanly(gw)
    go = threading.Event()

    def slow(half, sock, _verb):
        sock.sendall(b"150 ok\r\n")
        data = half.data.accept()[0]
        half.got = data.recv(1000)
        assert go.wait(PATIENCE)
        while data.recv(65536):
            pass
        sock.sendall(b"226 I have it\r\n")

    server = Half(slow)
    cleanly(server)
    w = Wire(gw.port).login(server)
    w.say("TYPE I")
    data = w.connect()
    assert w.say("STOR half").startswith("150")
    data.sendall(noise(20_000_000))
    data.shutdown(socket.SHUT_WR)
    until("it goes to the server", lambda: server.got)
    kill_all(gw, "net ")
    go.set()
    said, _ = last_word(w, data)
    assert "226" not in said, said
    works(gw, vsftpd)
    assert not gw.errors()


@pytest.mark.core
@pytest.mark.parametrize("phase", ("judge", "client"))
def test_net_workers_die_in_a_download(build, cleanly, vsftpd, phase):
    """Of what is infected nothing was delivered; of what is clean a part may
    have been, and the client was not told that it is all."""
    gw = start(build)
    cleanly(gw)
    vsftpd.put("d", bad("raw") if phase == "judge" else noise(30_000_000))
    if phase == "judge":
        stop_scanners(gw)
    w = Wire(gw.port).login(vsftpd)
    w.say("TYPE I")
    data = w.connect()
    w.sock.sendall(b"RETR d\r\n")
    until("it is there", lambda: f"-> {phase}" in gw.stderr())
    if phase == "client":
        assert data.recv(1000)
    kill_all(gw, "net ")
    said, got = last_word(w, data)
    assert "226" not in said, said
    if phase == "judge":
        assert not got
    for role, pid in gw.roles().items():
        if role.startswith("scan "):
            kill(pid, signal.SIGCONT)
    works(gw, vsftpd)
    assert not gw.errors()


# ---- stopped by the client -----------------------------------------------------


def stopped(gw, server, name):
    """Begins a transfer, stops it at once or soon, and shows that the session
    lives."""
    w = Wire(gw.port).login(server)
    rng = random.Random(name)
    w.say("TYPE I")
    verb = rng.choice(("RETR large", f"STOR {name}"))
    data = w.connect()
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
    assert w.fetch("small") == b"small"
    w.close()
    if verb.startswith("STOR") and not any(
            s.startswith("226 T") for s in said[:-1]):
        assert server.get(name) is None, said
    return said


def stop_many(gw, server, names):
    server.put("large", noise(20_000_000))
    server.put("small", b"small")
    said = [stopped(gw, server, f"stop{i}") for i in names]
    assert any(s[0].startswith(("426", "150")) and "426" in "".join(s)
               for s in said), said


@pytest.mark.core
def test_some_transfers_that_are_stopped(gw, server):
    stop_many(gw, server, range(10))


def test_a_hundred_transfers_that_are_stopped(gw, server):
    """With those above, over three servers."""
    stop_many(gw, server, range(10, 34))
