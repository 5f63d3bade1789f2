"""Requests that a client sends behind one another go to their origin behind one
another; what an origin then does wrong harms none of them."""

import contextlib
import random
import select
import socket
import struct

import pytest
from corpus_mail import eicar
from peers.common import PATIENCE, kill, until
from peers.origin import answer
from peers.web import outcome, raw, web_listener

pytestmark = pytest.mark.core

DEPTH = 4           # the default
SHORT = 0.3         # what has not come by then was not sent along


def words(o, paths, method="GET", fields=()):
    """Requests as one piece of bytes."""
    return b"".join(
        "\r\n".join([f"{method} {o.url(p)} HTTP/1.1", f"Host: 127.0.0.1:{o.port}",
                     *fields]).encode() + b"\r\n\r\n" for p in paths)


def body(path):
    return f"this is {path}\n".encode() * 20


def silent(connection):
    """Has nothing more come on it?"""
    if select.select([connection.sock], [], [], SHORT)[0]:
        return False
    connection.sock.setblocking(False)
    rest = connection.file.peek(1)
    connection.sock.settimeout(PATIENCE)
    return not rest


def more(connection, n):
    """So many requests that came behind the one that is asked."""
    heads = [connection.read_head() for _ in range(n)]
    connection.origin.asked += heads
    return heads


def bodies(paths):
    return {p: answer(body(p)) for p in paths}


@pytest.fixture(name="warm")
def a_warm_connection(web, origin):
    """warm(answers): an origin, and a client that has had an answer of it."""
    with contextlib.ExitStack() as stack:
        def make(answers, gw=web):
            o = origin({"/warm": answer(b"warm"), **answers})
            c = stack.enter_context(raw(gw))
            assert c.ask("GET", o.url("/warm")).body == b"warm"
            o.asked.clear()
            return o, c
        yield make


def all_right(c, paths):
    for path in paths:
        got = c.answer()
        assert (got.status, got.body) == (200, body(path)), path


# ---- they go together ------------------------------------------------------------


def test_requests_are_under_way_together(warm, web):
    def first(connection):
        more(connection, 2)     # they are here before any answer
        for path in ("/a", "/b", "/c"):
            connection.send(answer(body(path)).data)
        return True

    o, c = warm({"/a": first})
    c.send(words(o, ["/a", "/b", "/c"]))
    all_right(c, ["/a", "/b", "/c"])
    assert [r.target for r in o.asked] == ["/a", "/b", "/c"]
    ids = set()
    for path in ("/a", "/b", "/c"):
        event = outcome(web, o.url(path))
        assert event["sallyport.result"] == "delivered"
        assert event["sallyport.next_hop"] == f"127.0.0.1:{o.port}"
        ids.add(event["event.id"])
    assert len(ids) == 3


def test_no_more_than_the_depth_and_no_other_client(warm, web):
    seen = []

    def first(connection):
        heads = [connection.request, *more(connection, DEPTH - 1)]
        seen.append(silent(connection))
        for head in heads:
            connection.send(answer(body(head.target)).data)
        return True

    paths = [f"/{i}" for i in range(3 * DEPTH)]
    o, c = warm({p: first for p in paths})
    c.send(words(o, paths))
    all_right(c, paths)
    assert seen == [True] * 3
    assert {r.connection for r in o.asked} == {1}
    # nobody gets what may still come on it
    with raw(web) as other:
        assert other.ask("GET", o.url("/warm")).body == b"warm"
    assert c.ask("GET", o.url("/warm")).body == b"warm"
    assert 1 not in {r.connection for r in o.asked[-2:]}


def test_a_connection_has_to_show_first_that_it_goes_on(web, origin):
    alone = []

    def one(connection):
        alone.append(silent(connection))
        connection.send(answer(body(connection.request.target)).data)
        return True

    o = origin({"/a": one, "/b": lambda c: c.send(
        answer(body("/b"), version="1.0", fields=["Connection: keep-alive"])
        .data) or True, "/c": one, "/d": answer(body("/d"))})
    with raw(web) as c:
        c.send(words(o, ["/a"]) + words(o, ["/b"], fields=["Range: bytes=0-9999"]))
        assert c.answer().body == body("/a")
        assert c.answer().body == body("/b")
        c.send(words(o, ["/c", "/d"]))
        all_right(c, ["/c", "/d"])
    assert alone == [True, True]


def test_pipeline_0_is_one_after_the_other(gateway, warm):
    gw = gateway(web_listener(pipeline="0"))
    seen = []

    def one(connection):
        seen.append(silent(connection))
        connection.send(answer(body(connection.request.target)).data)
        return True

    o, c = warm({"/a": one, "/b": one}, gw)
    c.send(words(o, ["/a", "/b"]))
    all_right(c, ["/a", "/b"])
    assert seen == [True, True]


def test_nginx_many_at_a_time(web, nginx):
    rng = random.Random(5)
    files = {f"/{i}.bin": rng.randbytes(rng.choice([0, 10, 3000, 150_000]))
             for i in range(40)}
    for path, data in files.items():
        nginx.put(path[1:], data)
    with raw(web) as c:
        for _ in range(2):
            c.send(b"".join(
                f"GET {nginx.url(p)} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
                for p in files))
            for path, data in files.items():
                got = c.answer()
                assert (got.status, got.body) == (200, data), path
    assert web.stderr().count("http pipelined") >= 40


def test_answers_without_a_body_keep_their_places(warm):
    kinds = {
        "/204": b"HTTP/1.1 204 No Content\r\n\r\n",
        "/304": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
        "/head": answer(b"x" * 50).data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n",
        "/hints": b"HTTP/1.1 103 Early Hints\r\nLink: </s>\r\n\r\n"
                  + answer(body("/hints")).data,
        "/empty": answer(b"").data,
        "/chunks": answer(body("/chunks"), framing="chunked").data,
    }
    order = ["/204", "/head", "/304", "/hints", "/empty", "/head", "/chunks",
             "/204", "/chunks", "/304", "/head", "/204"]

    def all_at_once(connection):
        heads = [connection.request, *more(connection, DEPTH - 1)]
        connection.send(b"".join(kinds[h.target] for h in heads))
        return True

    o, c = warm({p: all_at_once for p in kinds})
    c.send(b"".join(words(o, [p], "HEAD" if p == "/head" else "GET")
                    for p in order))
    for path in order:
        got = c.answer(bare=path == "/head")
        if path == "/hints":
            assert got.status == 103
            got = c.answer()
        want = {"/204": 204, "/304": 304}.get(path, 200)
        assert got.status == want, path
        assert got.body == (body(path) if path in ("/hints", "/chunks") else b"")
        if path == "/head":
            assert got.fields["content-length"] == "50"
    assert [r.target for r in o.asked] == order


# ---- what is not sent ahead --------------------------------------------------------


ALONE = {
    "a post": ("POST", ["Content-Length: 0"]),
    "a put": ("PUT", ["Content-Length: 0"]),
    "a delete": ("DELETE", []),
    "options": ("OPTIONS", []),
    "a body": ("GET", ["Content-Length: 3"]),
    "a part": ("GET", ["Range: bytes=0-99999"]),
    "a condition": ("GET", ['If-Range: "x"']),
    "a login": ("GET", ["Authorization: Basic eDp5"]),
    "another login": ("GET", ["Proxy-Authorization: Basic eDp5"]),
    "an end": ("GET", ["Connection: close"]),
    "an expectation": ("GET", ["Expect: 100-continue"]),
}


@pytest.mark.parametrize("what", ALONE)
def test_what_goes_alone(warm, what):
    method, fields = ALONE[what]
    seen = []

    def one(connection):
        seen.append((connection.request.target, silent(connection)))
        connection.send(answer(body(connection.request.target)).data)
        return True

    o, c = warm({"/a": one, "/b": one, "/c": answer(body("/c"))})
    rest = b"" if what == "an end" else words(o, ["/c"])
    c.send(words(o, ["/a"]) + words(o, ["/b"], method, fields)
           + (b"abc" if what == "a body" else b"") + rest)
    all_right(c, ["/a"])
    got = c.answer()
    if got.status == 100:
        got = c.answer()
    assert got.body in (body("/b"), b"")
    if rest:
        all_right(c, ["/c"])
    # the first had nothing behind it
    assert seen[0] == ("/a", True)


def test_another_origin_is_not_asked_over_this_one(warm, origin):
    other = origin({"/b": answer(b"another")})
    o, c = warm(bodies(["/a", "/c"]))
    c.send(words(o, ["/a"]) + words(other, ["/b"]) + words(o, ["/c"]))
    all_right(c, ["/a"])
    assert c.answer().body == b"another"
    all_right(c, ["/c"])
    assert [r.target for r in other.asked] == ["/b"]


def test_a_url_that_is_blocked_reaches_nobody(gateway, warm):
    gw = gateway({**web_listener(), "policy web": {
        "malware": "block", "failed": "block",
        "blocked_urls": "*/secret*", "on_blocked": "block"}})
    o, c = warm(bodies(["/a", "/secret", "/c", "/d"]), gw)
    c.send(words(o, ["/a", "/secret", "/c", "/d"]))
    all_right(c, ["/a"])
    assert c.answer().status == 403
    all_right(c, ["/c", "/d"])
    assert [r.target for r in o.asked] == ["/a", "/c", "/d"]


def test_a_loop_and_an_infected_url_reach_nobody(gateway, warm):
    gw = gateway({**web_listener(infected_url_block="1h"),
                  "gateway": {"workers": "1"}})
    o, c = warm({"/x": answer(eicar()), **bodies(["/a", "/b"])}, gw)
    assert c.ask("GET", o.url("/x")).status == 403
    assert c.ask("GET", o.url("/warm")).status == 200
    c.send(words(o, ["/a", "/x"]) + words(o, ["/b"])
           + words(o, ["/b"], fields=["Via: 1.1 gw.example.org"]))
    all_right(c, ["/a"])
    assert c.answer().status == 403
    all_right(c, ["/b"])
    assert c.answer().status == 508
    assert [r.target for r in o.asked] == ["/x", "/warm", "/a", "/b"]


def test_a_virus_under_way_costs_only_itself(gateway, warm):
    """And it is nobody's guilt but its own: see http_pipe.h."""
    gw = gateway({**web_listener(infected_url_block="1h"),
                  "gateway": {"workers": "1"}})

    def first(connection):
        heads = [connection.request, *more(connection, 3)]
        for head in heads:
            connection.send(answer(eicar()).data if head.target == "/x"
                            else answer(body(head.target)).data)
        return True

    o, c = warm({"/a": first, **bodies(["/b"]), "/x": answer(eicar())}, gw)
    c.send(words(o, ["/a", "/x", "/x", "/b"]))
    all_right(c, ["/a"])
    for _ in range(2):
        got = c.answer()
        assert got.status == 403 and eicar() not in got.body
    all_right(c, ["/b"])
    assert outcome(gw, o.url("/x"))["sallyport.reason"] == "policy"
    assert [r.target for r in o.asked] == ["/a", "/x", "/x", "/b"]


# ---- who leaves ----------------------------------------------------------------------


def test_a_client_that_leaves_has_its_events(warm, web):
    here = []

    def first(connection):
        more(connection, 2)
        here.append(True)
        connection.file.peek(1)         # until the gateway hangs up
        here.append(False)

    o, c = warm({"/a": first})
    c.send(words(o, ["/a", "/b", "/c"]))
    until("all are there", lambda: here)
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                      struct.pack("ii", 1, 0))
    c.close()
    until("the origin is left, too", lambda: len(here) == 2)
    for path in ("/a", "/b", "/c"):
        event = outcome(web, o.url(path))
        assert event["sallyport.result"] == "aborted"
        assert event["sallyport.reason"] == "client_gone"
        assert event["sallyport.next_hop"] == f"127.0.0.1:{o.port}"


def test_a_scan_worker_is_killed_in_between(gateway, warm):
    gw = gateway(web_listener())
    rng = random.Random(9)
    data = {f"/{i}": rng.randbytes(60_000) for i in range(24)}
    o, c = warm({p: answer(d) for p, d in data.items()}, gw)
    c.send(words(o, data))
    for n, (path, want) in enumerate(data.items()):
        if n in (3, 11):
            kill(gw.role("scan 1"))
        got = c.answer()
        assert got.status in (200, 503), path
        assert got.status == 503 or got.body == want, path
    assert select.select([c.sock], [], [], 0)[0] == []
