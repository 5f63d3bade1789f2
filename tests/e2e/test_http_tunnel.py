"""Connections that the web proxy carries and does not read: CONNECT and
WebSocket."""

import contextlib
import os
import time

import pytest
from peers.origin import Origin
from peers.web import outcome, raw, web_listener

pytestmark = pytest.mark.core

# ---- CONNECT -----------------------------------------------------------------------


def echo(connection):
    while True:
        data = connection.file.read1(65536)
        if not data:
            return
        connection.send(data)


class Echo(Origin):
    def accept(self):
        # no HTTP at all
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with sock, sock.makefile("rb") as f:
                while data := f.read1(65536):
                    sock.sendall(data)


def test_connect_carries_bytes_both_ways(gateway, cleanly):
    e = Echo()
    cleanly(e)
    e.start()
    gw = gateway(web_listener(connect_ports=str(e.port)))
    data = os.urandom(3_000_000)
    with raw(gw) as c:
        c.send(f"CONNECT 127.0.0.1:{e.port} HTTP/1.1\r\n"
               f"Host: 127.0.0.1:{e.port}\r\n\r\n".encode() + data[:1000])
        assert c.answer(bare=True).status == 200
        got = b""
        for at in range(1000, len(data), 100_000):
            c.send(data[at:at + 100_000])
            got += c.file.read(len(data[:at]) - len(got))
        c.end()
        got += c.rest()
    assert got == data
    event = outcome(gw, f"127.0.0.1:{e.port}")
    assert event["http.request.method"] == "CONNECT"
    assert event["sallyport.bytes.in"] > len(data)
    assert event["sallyport.bytes.out"] > len(data)
    assert event["sallyport.result"] == "delivered"


def flood(data):
    """Sends all of it at once, and ends."""
    class Flood(Origin):
        def accept(self):
            with contextlib.suppress(OSError):
                sock, _ = self.listener.accept()
                with sock:
                    sock.sendall(data)
    return Flood()


def test_a_tunnel_waits_for_a_client_that_reads_late(gateway, cleanly):
    data = os.urandom(8 << 20)
    f = flood(data)
    cleanly(f)
    f.start()
    gw = gateway(web_listener(connect_ports=str(f.port)))
    with raw(gw) as c:
        c.send(f"CONNECT 127.0.0.1:{f.port} HTTP/1.1\r\n"
               f"Host: 127.0.0.1:{f.port}\r\n\r\n".encode())
        assert c.answer(bare=True).status == 200
        c.end()
        time.sleep(3)       # longer than a session lingers
        assert c.rest() == data
    event = outcome(gw, f"127.0.0.1:{f.port}")
    assert event["sallyport.bytes.out"] > len(data)


def test_connect_to_other_ports_is_refused(web, origin):
    o = origin({})
    with raw(web) as c:
        c.send(f"CONNECT 127.0.0.1:{o.port} HTTP/1.1\r\n"
               f"Host: 127.0.0.1:{o.port}\r\n\r\n".encode())
        got = c.answer()
        assert got.status == 403 and b"connect_ports" in got.body
    assert not o.connections


# ---- WebSocket ---------------------------------------------------------------------


UPGRADE = ["Connection: Upgrade", "Upgrade: websocket",
           "Sec-WebSocket-Version: 13",
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]


def switch(connection):
    connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    b"Connection: Upgrade\r\n\r\n")
    echo(connection)


def test_websocket_passes(web, origin):
    o = origin({"/ws": switch})
    with raw(web) as c:
        c.send((f"GET {o.url('/ws')} HTTP/1.1\r\nHost: 127.0.0.1:{o.port}\r\n"
                + "\r\n".join(UPGRADE) + "\r\n\r\n").encode())
        got = c.answer(bare=True)
        assert got.status == 101
        assert got.fields["upgrade"].lower() == "websocket"
        c.send(b"\x81\x05hello")
        assert c.file.read(7) == b"\x81\x05hello"
    assert o.asked[0].get("upgrade").lower() == "websocket"


def test_websocket_is_blocked_where_it_is(gateway, origin):
    gw = gateway(web_listener(websocket="block"))
    o = origin({"/ws": switch})
    with raw(gw) as c:
        assert c.ask("GET", o.url("/ws"), UPGRADE).status == 403
    assert not o.asked


def test_a_101_nobody_asked_for(web, origin):
    o = origin({"/a": switch})
    with raw(web) as c:
        assert c.ask("GET", o.url("/a")).status == 502
