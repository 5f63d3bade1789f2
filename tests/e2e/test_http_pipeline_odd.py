"""Origins that cannot be asked several things at once, though they say they go
on: what was sent to them ahead is asked once more, alone, and no answer reaches
a request that it was not for.  And the same requests with and without
pipelining."""

import contextlib
import random
import socket
import threading

import pytest
from corpus_mail import eicar
from peers.common import PATIENCE, until
from peers.origin import Origin, answer
from peers.sallyport import Sallyport
from peers.web import Raw, raw, web_listener, web_port
from test_http_pipeline import (a_warm_connection,  # noqa: F401 # a fixture
                                all_right, bodies, body, more, silent, words)

pytestmark = pytest.mark.core

EVIL = answer(b"this is nobody's\n").data
OK = b"HTTP/1.1 200 OK\r\n"


def close(connection, data=b""):
    connection.send(data)
    connection.file.close()
    connection.close()


# What becomes of the first of three that were sent together, if it is answered
# so: 200 with its body, or that status.  What is behind is for nobody.
FIRST = {
    "it closes behind the first": (
        200, answer(body("/a")).data),
    "it closes behind the first and says so": (
        200, answer(body("/a"), fields=["Connection: close"]).data + EVIL),
    "it has no end but the end": (
        200, answer(body("/a"), framing="close").data),
    "it speaks HTTP/1.0": (
        200, answer(body("/a"), version="1.0").data + EVIL),
    "it speaks HTTP/1.0 and goes on": (
        200, answer(body("/a"), version="1.0",
                    fields=["Connection: keep-alive"]).data + EVIL),
    "it breaks off": (
        502, OK + b"Content-Length: 500\r\n\r\nabc"),
    "it breaks off in a head": (
        502, OK + b"Content-Le"),
    "it breaks off in a chunk": (
        502, OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc"),
    "a length that is none": (
        502, OK + b"Content-Length: +3\r\n\r\nabc" + EVIL),
    "two lengths": (
        502, OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc" + EVIL),
    "a length and chunks": (
        502, OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\n" + EVIL),
    "a chunk that is too long": (
        502, OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n"
        + EVIL),
    "a body for nothing": (
        502, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + EVIL),
    "a part nobody has asked for": (
        502, b"HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n"
        b"Content-Range: bytes 0-2/9\r\n\r\nabc" + EVIL),
    "1xx without end": (
        502, b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20 + EVIL),
    "a virus by a length it has not": (
        502, OK + b"Content-Length: 900\r\n\r\n" + eicar()),
}


@pytest.mark.parametrize("what", FIRST)
def test_the_first_of_three(warm, what):
    status, data = FIRST[what]
    again = []

    def first(connection):
        more(connection, 2)
        close(connection, data)

    def alone(connection):
        again.append((connection.number, silent(connection)))
        connection.send(answer(body(connection.request.target)).data)
        return True

    o, c = warm({"/a": first, "/b": alone, "/c": alone})
    c.send(words(o, ["/a", "/b", "/c"]))
    got = c.answer()
    while got.status == 103:
        got = c.answer()
    assert got.status == status
    assert status != 200 or got.body == body("/a")
    all_right(c, ["/b", "/c"])
    assert [r.target for r in o.asked] == ["/a", "/b", "/c", "/b", "/c"]
    # each on a connection that is new, with nothing behind it
    assert again == [(2, True), (3, True)]


def test_it_ends_without_a_word(warm):
    def nothing(connection):
        more(connection, 2)
        close(connection)

    def once(connection):
        o.answers[connection.request.target] = close
        close(connection, answer(body(connection.request.target)).data)

    o, c = warm({"/a": nothing, "/b": once, "/c": once})

    def alone(connection):
        assert silent(connection)
        once(connection)

    def first(connection):
        o.answers["/a"] = alone
        nothing(connection)

    o.answers["/a"] = first
    c.send(words(o, ["/a", "/b", "/c"]))
    all_right(c, ["/a", "/b", "/c"])
    # twice, and not more often
    assert sorted(r.target for r in o.asked) == ["/a"] * 2 + ["/b"] * 2 + \
        ["/c"] * 2


def test_twice_is_the_most(warm):
    """It closes whenever it is asked for /b: no third time."""
    def first(connection):
        more(connection, 2)
        close(connection, answer(body("/a")).data)

    o, c = warm({"/a": first, "/b": close, "/c": answer(body("/c"))})
    c.send(words(o, ["/a", "/b", "/c"]))
    all_right(c, ["/a"])
    assert c.answer().status == 502
    all_right(c, ["/c"])
    assert [r.target for r in o.asked].count("/b") == 2


def test_what_is_sent_once_more_goes_on_a_new_connection(gateway, warm):
    """Not on an old one that is idle: that may end, too, and twice is the most."""
    slow = threading.Event()

    def hold(connection):
        slow.wait(PATIENCE)
        connection.send(answer(b"held").data)
        return True

    def first(connection):
        more(connection, 1)
        close(connection,
              answer(body("/a"), fields=["Connection: close"]).data)

    gw = gateway({**web_listener(), "gateway": {"workers": "1"}})
    o, c = warm({"/hold": hold, "/a": first, "/b": answer(body("/b"))}, gw)
    with raw(gw) as other:
        other.send(words(o, ["/hold"]))
        until("one is under way", lambda: o.asked)
        assert c.ask("GET", o.url("/warm")).body == b"warm"
        slow.set()
        assert other.answer().body == b"held"
    c.send(words(o, ["/a", "/b"]))
    all_right(c, ["/a", "/b"])
    assert [(r.target, r.connection) for r in o.asked[2:]] == \
        [("/a", 1), ("/b", 1), ("/b", 3)]


def test_one_with_answers_still_to_come_serves_nobody(warm):
    """HTTP/1.0 that goes on: what else was asked there is left unanswered."""
    def first(connection):
        more(connection, 2)
        connection.send(answer(body("/a"), version="1.0",
                               fields=["Connection: keep-alive"]).data)
        return True

    bye = {p: answer(body(p), fields=["Connection: close"])
           for p in ("/b", "/c")}
    o, c = warm({"/a": first, **bye, **bodies(["/d"])})
    c.send(words(o, ["/a", "/b", "/c"]))
    all_right(c, ["/a", "/b", "/c"])
    c.send(words(o, ["/d"]))
    all_right(c, ["/d"])
    assert o.asked[-1].connection == 4


BAD = OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n" + EVIL


def test_the_second_is_malformed(warm):
    def first(connection):
        more(connection, 2)
        connection.send(answer(body("/a")).data + BAD + EVIL)
        return True

    o, c = warm({"/a": first, "/b": BAD, **bodies(["/c"])})
    c.send(words(o, ["/a", "/b", "/c"]))
    all_right(c, ["/a"])
    assert c.answer().status == 502
    all_right(c, ["/c"])
    assert [r.target for r in o.asked] == ["/a", "/b", "/c", "/b", "/c"]


def test_what_follows_an_answer_does_not_spoil_the_next(warm):
    """A body behind the answer to a HEAD: the next one is asked again."""
    def first(connection):
        more(connection, 2)
        connection.send(answer(body("/a")).data)
        return True

    o, c = warm({"/a": first, **bodies(["/b", "/c"])})
    c.send(words(o, ["/a"], "HEAD") + words(o, ["/b", "/c"]))
    assert c.answer(bare=True).status == 200
    all_right(c, ["/b", "/c"])
    assert [r.target for r in o.asked] == ["/a", "/b", "/c", "/b", "/c"]


@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
def test_an_answer_too_many_stays_with_its_origin_and_client(warm, web, late):
    """Who sends three answers to two requests has given the second to the
    second; the third is nobody's."""
    held = []

    def first(connection):
        more(connection, 1)
        rest = answer(body("/b")).data
        connection.send(answer(body("/a")).data + EVIL + (b"" if late else rest))
        if late:
            held.append((connection, rest))
        return True

    o, c = warm({"/a": first, "/d": answer(body("/d"))})
    c.send(words(o, ["/a", "/b"]))
    all_right(c, ["/a"])
    assert EVIL.endswith(c.answer().body)
    with raw(web) as other:
        for connection, rest in held:
            with contextlib.suppress(OSError):  # it may be closed by now
                connection.send(rest)
        other.send(words(o, ["/d"]))
        all_right(other, ["/d"])
    assert o.asked[-1].connection != o.asked[0].connection
    c.send(words(o, ["/d"]))
    all_right(c, ["/d"])
    assert o.asked[-1].connection != o.asked[0].connection


def test_an_answer_too_many_blocks_no_url(gateway, warm):
    """Whatever it was, it did not come from there."""
    def first(connection):
        more(connection, 1)
        connection.send(answer(body("/a")).data + answer(eicar()).data)
        return True

    gw = gateway({**web_listener(infected_url_block="1h"),
                  "gateway": {"workers": "1"}})
    o, c = warm({"/a": first, **bodies(["/b"])}, gw)
    c.send(words(o, ["/a", "/b"]))
    all_right(c, ["/a"])
    assert c.answer().status == 403
    with raw(gw) as other:
        other.send(words(o, ["/b"]))
        all_right(other, ["/b"])


def test_a_request_for_a_part_does_not_go_on_there(warm):
    """Its answer is kept for others (range_keep)."""
    def first(connection):
        more(connection, 1)
        connection.send(answer(body("/a")).data + answer(body("/b")).data)
        return True

    o, c = warm({"/a": first, **bodies(["/c"])})
    c.send(words(o, ["/a", "/b"])
           + words(o, ["/c"], fields=["Range: bytes=0-3"]))
    all_right(c, ["/a", "/b"])
    got = c.answer()
    assert (got.status, got.body) == (206, body("/c")[:4])
    assert [(r.target, r.connection) for r in o.asked] == \
        [("/a", 1), ("/b", 1), ("/c", 2)]


def test_what_comes_before_it_was_asked_for(warm):
    """Two answers to the first of what goes alone: the second is not that of
    the next, which is asked elsewhere."""
    o, c = warm({"/a": lambda k: k.send(answer(body("/a")).data + EVIL) or True,
                 "/b": answer(body("/b"))})
    c.send(words(o, ["/a"]) + words(o, ["/b"], fields=["Range: bytes=0-9999"]))
    all_right(c, ["/a"])
    assert c.answer().body == body("/b")
    assert [r.connection for r in o.asked] == [1, 2]


# ---- with and without --------------------------------------------------------------


def at(connection):
    return body(connection.request.target)


PATHS = {
    "/ok": lambda c: answer(at(c)),
    "/long": lambda c: answer(at(c) * 2000),
    "/chunks": lambda c: answer(at(c), framing="chunked"),
    "/old": lambda c: answer(at(c), version="1.0"),
    "/bye": lambda c: answer(at(c), fields=["Connection: close"]),
    "/none": lambda c: b"HTTP/1.1 204 No Content\r\n\r\n",
    "/same": lambda c: b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n',
    "/gone": lambda c: answer(at(c), "404 Not Found"),
    "/bad": lambda c: OK + b"Content-Length: x\r\n\r\n" + EVIL,
    "/short": lambda c: OK + b"Content-Length: 900\r\n\r\nabc",
    "/virus": lambda c: answer(eicar()),
    "/dead": lambda c: b"",
    "/hint": lambda c: b"HTTP/1.1 100 Continue\r\n\r\n" + answer(at(c)).data,
}
ENDS = ("/bad", "/short", "/dead", "/old", "/bye")
FIELDS = [[]] * 6 + [["Range: bytes=5-20"], ["Accept-Encoding: gzip"],
                     ["Authorization: Basic eDp5"]]


def serve(connection):
    path = connection.request.target.partition("?")[0]
    made = PATHS[path](connection)
    data = made if isinstance(made, bytes) else made.data
    if connection.request.method == "HEAD" and path not in ENDS[:3]:
        data = data[:data.rindex(b"\r\n\r\n") + 4] if path == "/hint" else \
            data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    connection.send(data)
    if path not in ENDS:
        return True
    # as servers do: a close() on what nobody has read cuts off what was said
    connection.sock.shutdown(socket.SHUT_WR)
    with contextlib.suppress(OSError):
        while connection.file.read1(65536):
            pass
    return False


def stream(o, rng, n):
    """(bytes, [(method, path)]) of n requests."""
    data, asked = b"", []
    for i in range(n):
        method = rng.choice(["GET"] * 8 + ["HEAD", "POST"])
        path = rng.choice([*["/ok"] * 12, *PATHS]) + f"?{i}"
        fields = list(rng.choice(FIELDS))
        sent = b""
        if method == "POST":
            sent = b"x" * rng.randrange(1, 2000)
            fields.append(f"Content-Length: {len(sent)}")
        data += words(o, [path], method, fields) + sent
        asked.append((method, path))
    return data, asked


def answers_to(gw, o, seed):
    rng = random.Random(seed)
    data, asked = stream(o, rng, 40)
    got = []
    with Raw(web_port(gw)) as c:
        while data:
            n = rng.choice([len(data), rng.randrange(1, 3000)])
            c.send(data[:n])
            data = data[n:]
        for method, _ in asked:
            a = c.answer(bare=method == "HEAD")
            assert a is not None and a.whole, (seed, method, len(got))
            got.append((a.status, a.body if a.status < 400 else b""))
    return asked, got


def test_the_same_answers_with_and_without(build, module_cleanly):
    with contextlib.ExitStack() as stack:
        o = Origin({p: serve for p in PATHS}).start()
        stack.callback(o.remove)
        both = []
        for depth in ("0", "4"):
            gw = Sallyport(build, {
                **web_listener(pipeline=depth, range_keep="0"),
                "gateway": {"workers": "1"}})
            module_cleanly(gw)
            both.append(gw.start())
        for seed in range(12):
            (asked, want), (_, got) = [answers_to(g, o, seed) for g in both]
            for one, w, g in zip(asked, want, got):
                assert w == g, (seed, one)
        assert both[1].stderr().count("http pipelined") > 50
        assert "http pipelined" not in both[0].stderr()
