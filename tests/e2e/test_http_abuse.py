"""Peers that mean harm, or are just slow: what they can hold up is bounded,
by a timeout that has its name in the event."""

import contextlib
import os
import resource
import select
import socket
import time

import pytest
from peers.common import PATIENCE, until
from peers.nginx import Nginx
from peers.origin import answer
from peers.web import Raw, web_listener, web_port

TEXT = b"All quiet at the gate.\n" * 100
NEVER = 8          # who never read
IDLE = 5000
IDLE_KB = 8         # of the net workers' memory, each


def head(o, path, *fields, method="GET"):
    return "\r\n".join([f"{method} {o.url(path)} HTTP/1.1",
                        f"Host: 127.0.0.1:{o.port}", *fields,
                        "\r\n"]).encode()


def drips(c, piece, pause=0.05):
    """Sends a little again and again until there is an answer."""
    end = time.monotonic() + PATIENCE
    with contextlib.suppress(OSError):
        while not select.select([c.sock], [], [], pause)[0]:
            c.send(piece)
            assert time.monotonic() < end, "nobody minds"


def event_of(gw, url):
    return until(f"the event of {url}", lambda: next(
        (e for e in gw.events() if e.get("url.original") == url and
         e["event.action"] in ("outcome", "ended")), None))


# ---- slow clients ------------------------------------------------------------


@pytest.mark.core
def test_a_head_that_never_ends(gateway, origin):
    gw = gateway(web_listener(request_timeout="700ms"))
    o = origin({"/a": answer(TEXT)})
    with Raw(web_port(gw)) as c:
        c.send(head(o, "/a")[:-2])
        drips(c, b"X-A: b\r\n")
    event = until("its event", lambda: next(iter(gw.events(
        sallyport__reason="request_timeout")), None))
    assert event["sallyport.result"] == "aborted"
    assert not o.asked


@pytest.mark.core
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_never_ends(gateway, origin, chunked):
    gw = gateway(web_listener(request_timeout="700ms"))
    o = origin({"/a": answer(TEXT)})
    how = "Transfer-Encoding: chunked" if chunked else "Content-Length: 9999"
    with Raw(web_port(gw)) as c:
        c.send(head(o, "/a", how, method="POST"))
        drips(c, b"1\r\nx\r\n" if chunked else b"x")
    event = event_of(gw, o.url("/a"))
    assert event["sallyport.reason"] == "request_timeout"
    assert event["sallyport.result"] == "aborted"
    assert not o.asked


def test_a_body_that_takes_its_time_and_moves(gateway, origin):
    gw = gateway(web_listener(request_timeout="5s"))
    o = origin({"/a": answer(TEXT)})
    piece, begin = os.urandom(64 * 1024), time.monotonic()
    sent = 0
    with Raw(web_port(gw)) as c:
        c.send(head(o, "/a", "Transfer-Encoding: chunked", method="POST"))
        while time.monotonic() < begin + 6:
            c.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            sent += len(piece)
            time.sleep(0.2)
        c.send(b"0\r\n\r\n")
        assert c.answer().body == TEXT
    assert len(o.asked[0].body) == sent


# ---- slow origins ------------------------------------------------------------


def drip_head(connection):
    connection.send(b"HTTP/1.1 200 OK\r\n")
    while True:     # until the other side has gone
        connection.send(b"X-A: b\r\n")
        time.sleep(0.05)


def stop_in_body(connection):
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nabc")
    connection.file.read()


@pytest.mark.core
@pytest.mark.parametrize("does", [drip_head, stop_in_body])
def test_an_answer_that_never_ends(gateway, origin, does):
    gw = gateway(web_listener(idle_timeout="700ms"))
    o = origin({"/a": does})
    with Raw(web_port(gw)) as c:
        got = c.ask("GET", o.url("/a"))
    assert got.status == 504
    assert "idle_timeout exceeded" in got.fields["proxy-status"]
    event = event_of(gw, o.url("/a"))
    assert event["sallyport.reason"] == "timeout"
    assert "idle_timeout exceeded" in event["sallyport.reply"]


def hints_without_end(connection):
    while True:     # until the other side has gone
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")


@pytest.mark.core
def test_early_answers_without_end(gateway, origin):
    gw = gateway(web_listener())
    o = origin({"/a": hints_without_end})
    with Raw(web_port(gw)) as c:
        got = c.ask("GET", o.url("/a"))
        while got.status == 103:
            got = c.answer()
        assert got.status == 502
        assert "1xx without end" in got.fields["proxy-status"]
    assert event_of(gw, o.url("/a"))["sallyport.reason"] == "malformed"


def test_a_tunnel_nobody_uses(gateway, origin):
    o = origin({"/a": answer(TEXT)})
    gw = gateway(web_listener(idle_timeout="700ms", connect_ports=str(o.port)))
    with Raw(web_port(gw)) as c:
        name = f"127.0.0.1:{o.port}"
        c.send(f"CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
        assert c.answer(bare=True).status == 200
        assert c.rest() == b""
    event = event_of(gw, name)
    assert event["sallyport.reason"] == "idle_timeout"


# ---- clients that never read -------------------------------------------------


def anonymous(gw):
    """KB of memory of their own that the net workers have."""
    total = 0
    for word, pid in gw.roles().items():
        if word.startswith("net "):
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                total += next(int(line.split()[1]) for line in f
                              if line.startswith("RssAnon"))
    return total


def test_many_who_never_read_hold_no_memory(gateway, cleanly):
    nginx = Nginx()
    cleanly(nginx)
    nginx.put("large.bin", os.urandom(8 << 20))
    nginx.start()
    gw = gateway(web_listener(idle_timeout="3s"))
    before = anonymous(gw)
    url = nginx.url("/large.bin")
    with contextlib.ExitStack() as held:
        for _ in range(NEVER):
            c = held.enter_context(Raw(web_port(gw)))
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            c.send(f"GET {url} HTTP/1.1\r\nHost: {nginx.url()[7:-1]}\r\n\r\n"
                   .encode())
        until("all are answered", lambda: len(
            gw.events(event__action="decision")) == NEVER)
        assert anonymous(gw) - before < NEVER * 256
        until("all are told to go", lambda: len(gw.events(
            sallyport__reason="idle_timeout")) == NEVER)


def test_who_asks_and_asks_is_not_listened_to_for_ever(gateway, origin):
    """Requests without end, and not one answer read: they stay outside."""
    most = 64 << 20
    gw = gateway(web_listener())
    o = origin({"/a": answer(TEXT * 20)})
    before, sent = anonymous(gw), 0
    requests = head(o, "/a") * 1000
    with Raw(web_port(gw)) as c:
        c.sock.setblocking(False)
        while sent < most and select.select([], [c.sock], [], 2)[1]:
            with contextlib.suppress(BlockingIOError):
                sent += c.sock.send(requests)
        assert sent < most
        assert anonymous(gw) - before < 2048


# ---- clients that stay -------------------------------------------------------


@pytest.fixture(name="many_files")
def raised_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield min(IDLE, hard // 4)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def ask_on(sock, request):
    sock.sendall(request)
    got = b""
    while TEXT not in got:
        more = sock.recv(65536)
        assert more, got
        got += more
    assert got.startswith(b"HTTP/1.1 200 ")


def test_idle_connections_cost_little(gateway, origin, many_files):
    """Each has had an answer and is kept for the next one."""
    n = many_files
    gw = gateway({**web_listener(max_sessions=str(n), idle_timeout="1h",
                                 max_sessions_per_client=str(n)),
                  "gateway": {"max_sessions": str(n)},
                  "log console": {"events": "none", "level": "info"}})
    o = origin({"/a": answer(TEXT)})
    request = head(o, "/a")
    with contextlib.ExitStack() as held:
        socks = []

        def another():
            s = socket.create_connection(("127.0.0.1", web_port(gw)), PATIENCE)
            held.enter_context(s)
            ask_on(s, request)
            socks.append(s)

        for _ in range(50):     # what is made once is made now
            another()
        before = anonymous(gw)
        while len(socks) < n:
            another()
        each = (anonymous(gw) - before) / (n - 50)
        assert each < IDLE_KB, f"{each:.1f} KB each"
        for s in socks[::97]:
            ask_on(s, request)
        with Raw(web_port(gw)) as c:    # and one more is told why not
            got = c.answer()
            assert got.status == 503 and b"max_sessions" in got.body
