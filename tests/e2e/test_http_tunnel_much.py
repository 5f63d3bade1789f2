"""Tunnels through which much goes, or nothing: what passes by a pipe is what
was sent, costs no memory, and leaves no pipe behind."""

import hashlib
import os
import socket
import struct
import threading

import pytest
from inspection import House
from peers.common import PATIENCE, sanitized, until
from peers.origin import answer
from peers.tcp import TcpPeer
from peers.web import ended, outcome, raw, web_listener
from test_http_tunnel import UPGRADE, switch

pytestmark = pytest.mark.core

BLOCK = os.urandom(1_000_003)  # no piece is where a like one could be
MEGA = 1 << 20
SPARE = 4 * 2  # descriptors of the pipes that a net worker keeps


def peer(speak, cleanly):
    there = TcpPeer(speak)
    cleanly(there)
    return there


def say(sock, blocks):
    for _ in range(blocks):
        sock.sendall(BLOCK)
    sock.shutdown(socket.SHUT_WR)


def hear(take):
    """How much came before the end, and its hash."""
    size, seen = 0, hashlib.sha256()
    while data := take(MEGA):
        size += len(data)
        seen.update(data)
    return size, seen.digest()


def said(blocks):
    seen = hashlib.sha256()
    for _ in range(blocks):
        seen.update(BLOCK)
    return blocks * len(BLOCK), seen.digest()


def both_ways(sock, blocks, take=None):
    """take: some of it may have been read already."""
    speaks = threading.Thread(target=say, args=(sock, blocks), daemon=True)
    speaks.start()
    heard = hear(take or sock.recv)
    speaks.join(PATIENCE)
    return heard


def tunnels(gateway, port, **keys):
    return gateway({**web_listener(connect_ports=str(port), **keys),
                    "gateway": {"workers": "1"}})


def connect(gw, port):
    c = raw(gw)
    c.send(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n"
           f"Host: 127.0.0.1:{port}\r\n\r\n".encode())
    assert c.answer(bare=True).status == 200
    return c


def peak(pid):
    """The most memory that it has had, in bytes."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) << 10 for line in f
                    if line.startswith("VmHWM"))


def pipes(pid):
    """Its descriptors that are pipes."""
    folder, found = f"/proc/{pid}/fd", 0
    for name in os.listdir(folder):
        try:
            found += os.readlink(f"{folder}/{name}").startswith("pipe:")
        except OSError:
            pass  # closed meanwhile
    return found


def test_a_gigabyte_each_way(gateway, build, cleanly):
    blocks = 40 if sanitized(build) else 1 << 10
    heard = []
    there = peer(lambda sock: heard.append(both_ways(sock, blocks)), cleanly)
    gw = tunnels(gateway, there.port)
    net = gw.role("net 1")
    with connect(gw, there.port) as c:
        c.sock.settimeout(None)
        before, held = peak(net), pipes(net)
        assert both_ways(c.sock, blocks, c.file.read1) == said(blocks)
    until("the server has heard all", lambda: heard)
    assert heard == [said(blocks)]
    event = outcome(gw, f"127.0.0.1:{there.port}")
    size = blocks * len(BLOCK)
    assert size < event["sallyport.bytes.in"] < size + 500
    assert size < event["sallyport.bytes.out"] < size + 500
    # what comes in small pieces is copied: how much does is a matter of luck
    assert gw.count("spliced_bytes_total") > size // 100
    assert pipes(net) <= held + SPARE
    if not sanitized(build):
        assert peak(net) - before < 4 * MEGA


def test_websocket_by_a_pipe(web, origin):
    o = origin({"/ws": switch})
    before = web.count("spliced_bytes_total")
    with raw(web) as c:
        c.send((f"GET {o.url('/ws')} HTTP/1.1\r\nHost: 127.0.0.1:{o.port}\r\n"
                + "\r\n".join(UPGRADE) + "\r\n\r\n").encode())
        assert c.answer(bare=True).status == 101
        assert both_ways(c.sock, 8, c.file.read1) == said(8)
    assert web.count("spliced_bytes_total") > before


def test_a_bypassed_host_by_a_pipe(build, module_cleanly):
    house = House(module_cleanly)
    house.good.answers["/"] = answer(BLOCK * 8)
    gw = house.gateway(build, {"bypass": "bank.example.test"})
    for name, much in (("www.example.test", False),
                       ("bank.example.test", True)):
        before = gw.count("spliced_bytes_total")
        got = house.fetch(gw, f"https://{name}:{house.good.port}/",
                          trusts=house.ca if not much else house.root)
        assert got.body == BLOCK * 8, got.said
        assert (gw.count("spliced_bytes_total") > before) is much
    assert not gw.errors(), gw.errors()


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()


def test_a_reset_on_either_side_ends_both(gateway, cleanly):
    ends = []

    def speak(sock):
        if sock.recv(1) == b"r":
            reset(sock)
            return
        try:
            ends.append(sock.recv(1))
        except ConnectionResetError:
            ends.append(b"")
    there = peer(speak, cleanly)
    gw = tunnels(gateway, there.port)
    with connect(gw, there.port) as c:
        c.send(b"r")
        assert ended(c)[0] == b""
    assert outcome(gw, f"127.0.0.1:{there.port}")[
        "sallyport.reason"] == "tunnel"
    with connect(gw, there.port) as c:
        c.send(b"s")
        reset(c.sock)
    until("the server hears of it", lambda: ends == [b""])
    until("its event", lambda: gw.events(sallyport__reason="client_gone"))


def test_a_client_that_never_reads(gateway, cleanly):
    """Pipes are what it holds up, and they go with it."""
    def flood(sock):
        try:
            while True:
                sock.sendall(BLOCK)
        except OSError:
            sock.close()
    there = peer(flood, cleanly)
    gw = tunnels(gateway, there.port, idle_timeout="3s")
    net = gw.role("net 1")
    held = pipes(net)
    with connect(gw, there.port) as c:
        until("it fills a pipe", lambda: pipes(net) > held)
        until("it has been too long", lambda: gw.events(
            sallyport__reason="idle_timeout"))
        assert pipes(net) <= held + SPARE
        assert len(ended(c)[0]) > MEGA
    gw.counts(0, "open_sessions", "http")


def test_an_upload_that_is_slow_moves(gateway, cleanly):
    """A server that takes little in idle_timeout takes something, be a pipe
    and the kernel's buffers full of what it has still to take."""
    heard, hurry = [], threading.Event()

    def sip(sock):
        size = 0
        while data := sock.recv(4 << 10):
            size += len(data)
            hurry.wait(0.1)
        heard.append(size)
    there = peer(sip, cleanly)
    # as on a wire: small packets, and a window of a few of them
    there.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
    there.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 10)
    gw = tunnels(gateway, there.port, idle_timeout="3s")
    net = gw.role("net 1")
    held = pipes(net)
    with connect(gw, there.port) as c:
        c.sock.settimeout(9)
        with pytest.raises(TimeoutError):  # the last one waits in vain
            for _ in range(1000):
                c.sock.sendall(BLOCK)
        assert pipes(net) > held
        assert not gw.events(sallyport__reason="idle_timeout")
        hurry.set()
    until("the server has heard the end", lambda: heard)
    assert heard[0] > MEGA
