"""Large files, and many sessions at once."""

import hashlib
import os
import threading

import pytest
from peers.certificate import Certificate
from peers.ftp_client import Client, SecureClient, Wire
from peers.ftp_gateway import noise, start
from peers.vsftpd import Vsftpd


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


def tell(path):
    """The SHA-256 of a file."""
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").digest()


@pytest.mark.parametrize("tls", (False, True), ids=("clear", "tls"))
def test_a_large_file_both_ways_in_little_memory(build, cleanly, tls):
    """1 GB in the clear; less of it under TLS, which costs its time."""
    cert = Certificate()
    cleanly(cert)
    gw = start(build, more={"tls": cert.options()}, scan_deadline="5m",
               upload_reply_within="5m")
    cleanly(gw)
    server = Vsftpd(tls=cert if tls else None)
    cleanly(server)
    server.start()
    size, piece = 50_000_000 if tls else 1_000_000_000, noise(1_000_000)
    path = server.put("large", piece)
    os.truncate(path, size)
    wanted = tell(path)
    with (SecureClient if tls else Client)(gw.port, server) as c:
        c.fetch("large", rest=size - 10)  # what is grown once is there
        before = memory(gw)
        got = hashlib.sha256()
        c.retrbinary("RETR large", got.update, blocksize=1 << 18)
        assert got.digest() == wanted
        with open(path, "rb") as f:
            assert c.storbinary("STOR up", f, blocksize=1 << 18
                                ).startswith("226")
        after = memory(gw)
    assert tell(server.root / "up") == wanted
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


def test_five_hundred_sessions_at_once(build, cleanly, vsftpd):
    """All of them are there, and each has a file on its way."""
    gw = start(build)
    cleanly(gw)
    data = noise(10_000)
    vsftpd.put("one", data)
    all_of_them = [Wire(gw.port).login(vsftpd) for _ in range(500)]
    for w in all_of_them:
        assert w.say("TYPE I").startswith("200")
    ways = [w.connect() for w in all_of_them]
    for w in all_of_them:
        w.sock.sendall(b"RETR one\r\n")
    for w, way in zip(all_of_them, ways):
        assert w.reply().startswith("150")
        assert way.makefile("rb").read() == data
        assert w.reply().startswith("226")
        way.close()
    for w in all_of_them:
        w.close()
    assert not gw.errors()
