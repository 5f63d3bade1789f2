"""The same bytes to the gateway, to nginx and to Python's http.server, as they
stand on the wire: what we pass on is what nginx and Python read of them, or they
refuse them; and nginx behind us reads no other thing.  The same for answers,
with nginx and http.client as the other readers.

What the table's rows are is test_http_framing's and test_http_odd's; here are
those that need more than lengths: targets, fields, versions, several in a row.
"""

import random
import re

import pytest
import test_http_framing as framing
import test_http_odd as odd
from peers.common import free_port, until
from peers.origin import Origin
from peers.sallyport import Sallyport
from peers.web import Raw, web_listener, web_port
from test_http_framing import (CHUNKS, CL5, END, HOST, TE, Canned, Gate, Reader,
                               Server, answer, post, python_reads, say, spoiled)
from test_http_odd import get

LAST = ("LAST", "/end", b"")
SPOILED = 150
SEED = 11


# ---- requests ------------------------------------------------------------------


def target(text):
    return get(line=b"GET " + text + b" HTTP/1.1")


TARGETS = [
    b"/%41", b"/%00", b"/%0d%0aX:%20y", b"/%2e%2e/a", b"/../a", b"/a/./b",
    b"/a//b", b"//a/b", b"/a;b=c", b"/a?b=c?d", b"/a?b#c", b"/?", b"?a", b"a",
    b"/a\\b", b"/\\a", b'/"a"', b"/<a>", b"/a|b", b"/{a}", b"/a^b", b"/a`b",
    b"/%", b"/%4", b"/%zz", b"/caf\xc3\xa9", b"/caf\xe9", b"/\x7f", b"/\x1f",
    b"/a%20b", b"/a+b", b"/:80", b"/@a", b"/a:b@c", b"*", b"a:80",
    b"http://a/b", b"http://a", b"http://a?b", b"HTTP://a/b", b"http://a:80/b",
    b"http://b/a", b"http://a:0/b", b"http://a:65536/b", b"http://u@a/b",
    b"http:///b", b"http:a/b", b"http://a\\b/c", b"//a",
    b"/" + b"a" * 4000, b"/" + b"a" * 17_000,
]

HOSTS = [
    b"Host:a", b"Host:\ta", b"host: a", b"Host: a:80", b"Host: A", b"Host: a.",
    b"Host: a:", b"Host: a:b", b"Host: [::1]", b"Host: [::1", b"Host: 1.2.3",
    b"Host: a b", b"Host: a\\b", b"Host: a#b", b"Host: a?b", b"Host: %61",
    b"Host: \xc3\xa4", b"Host:", b"Host: -", b"Host: a_b", b"Host: a\x0b",
]

FIELDS = [
    b"X:", b"X: ", b"X:\t a \t", b"X: \x80\xff", b"X: a\x7fb", b"X: a\x0cb",
    b"X_Y: a", b"X.Y: a", b"'X': a", b"(X): a", b"X[0]: a", b"X\x00: a",
    b"X\xa0: a", b"\x0bX: a", b"X : a", b"X\t: a", b"Connection: close, X",
    b"Connection: Host", b"Connection: Content-Length", b"Connection: \x00",
    b"Connection: keep-alive, keep-alive", b"Connection: ,", b"TE: chunked",
    b"TE: trailers", b"Trailer: X", b"Upgrade: h2c", b"Expect: 100-continue",
    b"Keep-Alive: timeout=5", b"Proxy-Connection: close", b"X: a\r\n\tb",
    b"Content-Length : 5", b"Content-Length\t: 5", b"\x00Content-Length: 5",
    b"Content-Length;: 5", b"X: a\r\nContent-Length:5", b"Range: bytes=0-",
    b"Content-Encoding: identity", b"Transfer-Encoding", b"Max-Forwards: 0",
]

BODIES = {
    "expect": post(b"Expect: 100-continue", CL5, body=b"hello"),
    "expect chunks": post(b"Expect: 100-continue", TE, body=CHUNKS),
    "get with chunks": get(TE) + CHUNKS,
    "delete with a body": get(CL5, line=b"DELETE / HTTP/1.1") + b"hello",
    "options with a body": get(CL5, line=b"OPTIONS /a HTTP/1.1") + b"hello",
    "a chunk of one byte each": post(TE, body=b"1\r\na\r\n" * 40
                                     + b"0\r\n\r\n"),
    "a chunk that is a request": post(TE, body=b"12\r\nGET / HTTP/1.1\r\n\r\n"
                                      b"\r\n0\r\n\r\n"),
    "trailers": post(TE, b"Trailer: X", body=b"1\r\na\r\n0\r\nX: y\r\n\r\n"),
    "trailer that is a host": post(TE, body=b"0\r\nHost: b\r\n\r\n"),
    "trailer folded": post(TE, body=b"0\r\nX: y\r\n z\r\n\r\n"),
    "extension in quotes": post(TE, body=b'1;a="b;c"\r\na\r\n0\r\n\r\n'),
    "extension open quotes": post(TE, body=b'1;a="\r\na\r\n0\r\n\r\n'),
    "extension with blanks": post(TE, body=b"1 ; a = b\r\na\r\n0\r\n\r\n"),
    "extension long": post(TE, body=b"1;" + b"a" * 3000
                           + b"\r\na\r\n0\r\n\r\n"),
    "size of sixteen": post(TE, body=b"0000000000000001\r\na\r\n0\r\n\r\n"),
    "size of seventeen": post(TE, body=b"00000000000000001\r\na\r\n0\r\n\r\n"),
    "size with a tab": post(TE, body=b"1\t\r\na\r\n0\r\n\r\n"),
    "no end of the last": post(TE, body=b"1\r\na\r\n0\r\n"),
    "more than its length": post(CL5, body=b"hello\r\n"),
    "much more than its length": post(CL5, body=b"hello world"),
    "two in one": post(CL5, body=b"hello") + get() + post(TE, body=CHUNKS),
    "empty lines between": get() + b"\r\n" + get(),
    "two empty lines": b"\r\n\r\n" + get(),
    "an LF in front": b"\n" + get(),
    "old that goes on": b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n" + HOST
                        + b"\r\n",
    "old with chunks": post(TE, body=CHUNKS, version=b"1.0"),
    "old without a host": b"GET / HTTP/1.0\r\n\r\n",
    "version 0.9": get(line=b"GET / HTTP/0.9"),
    "version 1.2": get(line=b"GET / HTTP/1.2"),
    "version 1.01": get(line=b"GET / HTTP/1.01"),
    "version 3": get(line=b"GET / HTTP/3"),
    "preface of 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method of 33": get(line=b"A" * 33 + b" / HTTP/1.1"),
    "a method of all signs": get(line=b"!#$%&'*+-.^_`|~ / HTTP/1.1"),
    "hello of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}

REQUESTS = {
    **framing.PLAIN, **framing.SMUGGLED,
    **{n: data for n, (data, _) in odd.REQUESTS.items()},
    **{f"target {t[:20]!r} {len(t)}": target(t) for t in TARGETS},
    **{f"{h!r}": get(host=h + b"\r\n") for h in HOSTS},
    **{f"field {f!r}": get(f) for f in FIELDS},
    **{f"body behind {f!r}": post(CL5, f, body=b"hello") for f in FIELDS},
    **BODIES,
}


def plain(path):
    """Without a host, and with one slash in front: Python makes that of it."""
    path = re.sub("^http://[^/?]*(?=[/?]|$)", "", path, flags=re.I)
    return path if path == "*" else "/" + path.lstrip("/")


# Whether we take it: those are refused end to end, too.
KNOWN = {**{n: True for n in framing.PLAIN}, **{n: False for n in framing.SMUGGLED},
         **{n: taken for n, (_, taken) in odd.REQUESTS.items()}}


class Seeing(Reader):
    """Keeps the target, too."""

    def read_it(self):
        length = int(self.headers.get("Content-Length", 0))
        self.server.seen.append(
            (self.command, plain(self.path), self.rfile.read(length)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


class World:
    """We before an origin that keeps what it is sent, and before nginx; nginx
    and Python alone."""

    def __init__(self, build):
        self.origin = Origin()
        self.server = Server()
        self.server.RequestHandlerClass = Seeing
        self.canned = Canned()
        self.nginx, self.relay = Gate(self.server.port), Gate(self.canned.port)
        self.port, self.behind = free_port(), free_port()
        listeners = web_listener()
        for port, origin in ((self.port, self.origin), (self.behind, self.nginx)):
            listeners[f"listener {port}"] = {
                **listeners["listener web"], "mode": "reverse",
                "address": f"127.0.0.1:{port}",
                "origin": f"127.0.0.1:{origin.port}"}
        self.gw = Sallyport(build, listeners)

    def start(self):
        for peer in (self.origin, self.nginx, self.relay, self.gw):
            peer.start()
        return self

    def remove(self):
        for peer in (self.gw, self.relay, self.nginx, self.canned, self.server,
                     self.origin):
            peer.remove()

    def passed(self, data):
        """What we pass on of it, and the id of the page that refuses it."""
        self.origin.asked.clear()
        got = say(self.port, data)
        page = re.search(rb"HTTP/1.1 4\d\d (?:(?!\r\n\r\n).)*Proxy-Status: "
                         rb'"gw.example.org"; error=\w+; details="([^"]*)"',
                         got, re.S)
        asked = [(r.method, plain(r.target), r.body) for r in self.origin.asked]
        return asked, page and page[1].decode().rpartition("; ")[2]

    def reading(self, port, data):
        self.server.seen.clear()
        say(port, data)
        return list(self.server.seen)


@pytest.fixture(name="world", scope="module")
def a_world(build, module_cleanly):
    w = World(build)
    module_cleanly(w)
    yield w.start()
    assert not w.gw.errors(), w.gw.errors()


def is_chunked(data):
    return b"chunked" in data.lower()


def is_in(some, everything):
    """In that order; others may be between them."""
    rest = iter(everything)
    return all(one in rest for one in some)


def look_at(world, data):
    """The id of the page, if we refuse it.  Another reader may refuse more of
    it than we do, and close; but not read another thing, nor more of them."""
    data += END
    passed, page = world.passed(data)
    assert passed or page, "neither passed nor refused"
    if passed:
        behind = world.reading(world.behind, data)
        assert is_in(behind, passed), (data, "behind us", passed, behind)
    # Python knows nothing of chunks; empty lines are no requests to it
    alone = [world.nginx.port]
    if not is_chunked(data) and not data.startswith((b"\r", b"\n")):
        alone.append(world.server.port)
    for port in alone if passed else []:
        other = world.reading(port, data)
        if page or passed[-1] != LAST:  # we have closed by then
            other = other[:len(passed)]
        assert other == passed[:len(other)], (data, port, passed, other)
    return page


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_read_by_all_alike_or_refused(world, name):
    page = look_at(world, REQUESTS[name])
    if name in KNOWN:
        assert (page is None) == KNOWN[name]
    if page:
        event = until("its event", lambda: world.gw.events(event__id=page))[0]
        assert event["sallyport.verdict"] == "malformed"
        assert event["sallyport.because.what"] == event["sallyport.reason"]


def test_spoiled_requests_end_to_end(world):
    rng = random.Random(SEED)
    rows = [d for d in REQUESTS.values() if len(d) < 400]
    taken = sum(look_at(world, spoiled(rng, rng.choice(rows))) is None
                for _ in range(SPOILED))
    assert SPOILED / 20 < taken < SPOILED


# ---- answers -------------------------------------------------------------------

LINES = [b"HTTP/1.1 200 OK", b"HTTP/1.1 200 ", b"HTTP/1.1 200", b"HTTP/1.1  200",
         b"HTTP/1.1 200\tOK", b"HTTP/1.1 099 OK", b"HTTP/1.1 600 OK",
         b"HTTP/1.1 999 OK", b"HTTP/1.1 2 0 OK", b"HTTP/1.1 0200 OK",
         b"HTTP/1.1 200 O\rK", b"HTTP/1.1 200 O\0K", b"HTTP/1.1 200 \xff",
         b"HTTP/1.2 200 OK", b"HTTP/1.10 200 OK", b"HTTP/0.9 200 OK",
         b"HTTP/11 200 OK", b"http/1.1 200 OK", b" HTTP/1.1 200 OK",
         b"\r\nHTTP/1.1 200 OK", b"HTTP/1.1 205 Reset", b"HTTP/1.1 206 Part",
         b"HTTP/1.1 304 Same", b"HTTP/1.1 416 No", b"HTTP/1.1 101 Up",
         b"HTTP/1.1 407 Who", b"HTTP/1.0 200 OK", b"HTTP/1.1 201 Made"]

ANSWERS = {
    **framing.RESPONSES, **{n: d for n, (d, _) in odd.RESPONSES.items()},
    **{f"line {line!r}": answer(CL5, body=b"hello", line=line)
       for line in LINES},
    **{f"field {f!r}": answer(f, CL5, body=b"hello") for f in FIELDS},
    **{f"field {f!r} behind": answer(CL5, f, body=b"hello") for f in FIELDS},
    **{f"{n} of an answer": answer(TE, body=data.partition(b"\r\n\r\n")[2])
       for n, data in {**framing.SMUGGLED, **BODIES}.items()
       if TE in data and CL5 not in data},
    "early, then final": b"HTTP/1.1 100 Continue\r\n\r\n"
                         + answer(CL5, body=b"hello"),
    "early with a length": answer(CL5, line=b"HTTP/1.1 103 Early")
                           + answer(CL5, body=b"hello"),
    "early alone": b"HTTP/1.1 100 Continue\r\n\r\n",
    "nothing": b"",
    "a body without a head": b"<html>hello</html>",
    "another answer behind": answer(CL5, body=b"hello")
                             + answer(CL5, body=b"world"),
    "old with keep-alive": answer(CL5, b"Connection: keep-alive", body=b"hello",
                                  line=b"HTTP/1.0 200 OK"),
}


def is_no_answer(got):
    """A page of nginx: it has refused the answer.  Python takes an early
    answer for the only one."""
    return got is None or got[0] in (502, 504, 103)


def through(world):
    """(status, body) of a GET by way of us; None: refused."""
    url = f"http://127.0.0.1:{world.canned.port}/"
    got = say(web_port(world.gw), f"GET {url} HTTP/1.1\r\nHost: 127.0.0.1:"
              f"{world.canned.port}\r\nConnection: close\r\n\r\n".encode())
    return read_strictly(got)


def read_strictly(got):
    """The one answer that there is, with nothing behind it."""
    while re.match(rb"HTTP/1.1 1(?!01)\d\d ", got):
        got = got.partition(b"\r\n\r\n")[2]
    head, _, body = got.partition(b"\r\n\r\n")
    status = int(head[9:12])
    if re.search(rb'(?i)^Proxy-Status: "gw.example.org"; error', head, re.M):
        return None
    length = re.findall(rb"(?im)^Content-Length: (\d+)\r?$", head)
    assert len(length) <= 1, head
    assert not re.search(rb"(?im)^Transfer-Encoding *:", head), head
    if status not in (204, 304):
        assert len(body) == int(length[0]), got
    return status, body if status not in (204, 304) else b""


def look_at_answer(world, data):
    world.canned.data = data
    ours = through(world)
    if ours is None:
        return False
    for port in (world.canned.port, world.relay.port):
        other = python_reads(port)
        assert is_no_answer(other) or other == ours, (data, ours, other)
    return True


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_read_by_all_alike_or_refused(world, name):
    look_at_answer(world, ANSWERS[name])


def test_spoiled_answers_end_to_end(world):
    rng = random.Random(SEED)
    rows = [d for d in ANSWERS.values() if 0 < len(d) < 400]
    taken = sum(look_at_answer(world, spoiled(rng, rng.choice(rows)))
                for _ in range(SPOILED))
    assert SPOILED / 20 < taken < SPOILED


def test_what_stands_behind_an_answer_is_not_the_next_one(world):
    def more_than_one(connection):
        connection.send(answer(CL5, body=b"hello") * 2)
        return True

    world.origin.answers.update(
        {"/two": more_than_one, "/own": framing.answer(CL5, body=b"world")})
    with Raw(world.port) as c:
        for path, body in (("two", b"hello"), ("own", b"world")) * 3:
            assert c.ask("GET", f"http://a/{path}").body == body
