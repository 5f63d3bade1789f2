"""What a client of HTTP/2 can say that HTTP/1.1 would read otherwise: refused,
or it reaches an origin of HTTP/1.1 as the one request that it is.

The origin keeps every byte; a strict reader here counts the requests in them.
Behind each case comes one more request, to be found where it belongs.
"""

import random
import re

import pytest
from h2_house import WWW, H2House
from peers import h2_raw as h2
from peers.common import until
from peers.origin import answer

pytestmark = pytest.mark.core

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: www.example.test\r\n\r\n"
HEAD = re.compile(
    rb"([A-Z]+) (/[\x21-\x7e]*) HTTP/1\.1\r\n"
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t ]*[^\r\n\0]*\r\n)*)\r\n")


@pytest.fixture(scope="module", name="house")
def one_house(module_cleanly):
    house = H2House(module_cleanly)
    house.kept = house.recorder({"/a": answer(b"a"), "/up": answer(b"up"),
                                 "/end": answer(b"end")})
    return house


@pytest.fixture(scope="module", name="gw")
def one_gateway(build, house):
    gw = house.gateway(build)
    yield gw
    assert not gw.errors(), gw.errors()


# ---- what arrived -----------------------------------------------------------


class Arrived:
    def __init__(self, data):
        m = HEAD.match(data)
        assert m, data
        self.method, self.target, lines = m.groups()
        self.fields = [tuple(re.split(rb":[\t ]*", line, maxsplit=1))
                       for line in lines.split(b"\r\n")[:-1]]
        self.body, self.rest = self.body_of(data[m.end():])

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name]

    def body_of(self, data):
        lengths = self.all(b"content-length")
        codings = self.all(b"transfer-encoding")
        assert len(self.all(b"host")) == 1, self.fields
        assert len(lengths) + len(codings) <= 1, self.fields
        if codings:
            assert codings == [b"chunked"]
            return chunks_of(data)
        if lengths:
            assert re.fullmatch(rb"\d+", lengths[0])
        size = int(lengths[0]) if lengths else 0
        assert len(data) >= size
        return data[:size], data[size:]


def chunks_of(data):
    body = b""
    while True:
        m = re.match(rb"([0-9a-fA-F]+)\r\n", data)
        assert m, data
        size, data = int(m[1], 16), data[m.end():]
        assert data[size:size + 2] == b"\r\n"
        body, data = body + data[:size], data[size + 2:]
        if size == 0:
            return body, data


def arrived(origin, before):
    """The requests that have come since, on whatever connections."""
    found = []
    for i, data in enumerate(origin.raw()):
        data = data[before[i] if i < len(before) else 0:]
        while data:
            found.append(Arrived(data))
            data = found[-1].rest
    return found


def lengths(origin):
    return [len(data) for data in origin.raw()]


# ---- to send ----------------------------------------------------------------


def request(method=b"GET", path=b"/a", scheme=b"https", authority=b"HOST",
            more=()):
    pseudo = [(b":method", method), (b":scheme", scheme),
              (b":authority", authority), (b":path", path)]
    return [(n, v) for n, v in pseudo if v is not None] + list(more)


def post(*more, path=b"/up"):
    return request(b"POST", path, more=more)


def say(c, host, fields, body=None, trailers=None, end=True):
    """HOST in a value is the origin's."""
    def filled(some):
        return [(n, v.replace(b"HOST", host)) for n, v in some]

    c.send(h2.headers(1, filled(fields), body is None and trailers is None))
    if body is not None:
        c.send(h2.data(1, body, end=trailers is None))
    if trailers is not None:
        c.send(h2.headers(1, filled(trailers), end))


def and_one_more(house, gw, c):
    """Behind it, on the same connection if that lives, the last request."""
    host = f"{WWW}:{house.kept.port}".encode()
    if c.away is None and c.alive():
        c.request(3, h2.get(host, b"/end"))
        if c.fate(3).word == "answer":
            assert c.fate(3).body == b"end"
            return
    with house.raw(gw, house.kept) as other:
        other.request(1, h2.get(host, b"/end"))
        assert other.fate(1).body == b"end"


def tried(house, gw, case):
    """(what became of it, the requests that arrived) of a case."""
    before = lengths(house.kept)
    with house.raw(gw, house.kept) as c:
        say(c, f"{WWW}:{house.kept.port}".encode(), *case)
        fate = c.fate(1)
        and_one_more(house, gw, c)
    until("the last one", lambda: b"GET /end " in b"".join(
        data[before[i] if i < len(before) else 0:]
        for i, data in enumerate(house.kept.raw())))
    return fate, arrived(house.kept, before)


# ---- refused ----------------------------------------------------------------


X = (b"x", b"y")
CRLF = b"\r\n"
REFUSED = {
    # pseudo-headers
    "two-methods": (request(more=[(b":method", b"POST")]),),
    "two-paths": (request(more=[(b":path", b"/smuggled")]),),
    "two-schemes": (request(more=[(b":scheme", b"https")]),),
    "two-authorities": (request(more=[(b":authority", b"HOST")]),),
    "no-method": (request(method=None),),
    "no-path": (request(path=None),),
    "no-scheme": (request(scheme=None),),
    "no-host-at-all": (request(authority=None),),
    "late": ([X, *request()],),
    "path-late": (request(path=None, more=[X, (b":path", b"/a")]),),
    "unknown": (request(more=[(b":proto", b"x")]),),
    "status": (request(more=[(b":status", b"200")]),),
    "empty-pseudo-name": (request(more=[(b":", b"x")]),),
    "upper-pseudo": (request(path=None, more=[(b":PATH", b"/a")]),),
    # :path
    "path-empty": (request(path=b""),),
    "path-blank": (request(path=b"/a b"),),
    "path-tab": (request(path=b"/a\tb"),),
    "path-version": (request(path=b"/a HTTP/1.1"),),
    "path-crlf": (request(path=b"/a HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED),),
    "path-lf": (request(path=b"/a\nX: y"),),
    "path-cr": (request(path=b"/a\rX"),),
    "path-nul": (request(path=b"/a\0b"),),
    "path-del": (request(path=b"/a\x7f"),),
    "path-relative": (request(path=b"a"),),
    "path-absolute": (request(path=b"https://bank.example.test/a"),),
    "path-star": (request(path=b"*"),),
    # :method
    "method-empty": (request(b""),),
    "method-blank": (request(b"GET /smuggled HTTP/1.1"),),
    "method-crlf": (request(b"GET /smuggled HTTP/1.1\r\nX:"),),
    "method-colon": (request(b"GET:"),),
    "method-nul": (request(b"GET\0"),),
    "connect": (request(b"CONNECT", path=None, scheme=None),),
    "connect-extended": (request(b"CONNECT", more=[
        (b":protocol", b"websocket")]),),
    "trace": (request(b"TRACE"),),
    # :authority and Host
    "authority-other": (request(authority=b"bank.example.test"),),
    "authority-port": (request(authority=b"www.example.test:1"),),
    "authority-user": (request(authority=b"me@HOST"),),
    "authority-path": (request(authority=b"HOST/x"),),
    "authority-blank": (request(authority=b"HOST x"),),
    "authority-crlf": (request(authority=b"HOST\r\nX: y"),),
    "authority-list": (request(authority=b"HOST,HOST"),),
    "host-other": (request(more=[(b"host", b"bank.example.test")]),),
    "host-twice": (request(more=[(b"host", b"HOST"), (b"host", b"HOST")]),),
    "host-crlf": (request(authority=None, more=[
        (b"host", b"HOST\r\nX: y")]),),
    "host-other-alone": (request(authority=None, more=[
        (b"host", b"bank.example.test")]),),
    # :scheme
    "scheme-http": (request(scheme=b"http"),),
    "scheme-ftp": (request(scheme=b"ftp"),),
    "scheme-long": (request(scheme=b"https://bank.example.test/?"),),
    "scheme-crlf": (request(scheme=b"https\r\nX: y"),),
    # names
    "name-upper": (request(more=[(b"X-A", b"y")]),),
    "name-colon": (request(more=[(b"x:y", b"z")]),),
    "name-ends-with-colon": (request(more=[(b"content-length:", b"5")]),),
    "name-empty": (request(more=[(b"", b"y")]),),
    "name-crlf": (request(more=[(b"x: y\r\n" + SMUGGLED, b"y")]),),
    "name-nul": (request(more=[(b"x\0", b"y")]),),
    "name-blank": (request(more=[(b"content-length ", b"5")]),),
    "name-begins-blank": (request(more=[(b" x", b"5")]),),
    "name-high": (request(more=[(b"x\xe4", b"y")]),),
    # values
    "value-crlf": (request(more=[(b"x", b"y\r\n\r\n" + SMUGGLED)]),),
    "value-cr": (request(more=[(b"x", b"y\rz: 1")]),),
    "value-lf": (request(more=[(b"x", b"y\nz: 1")]),),
    "value-nul": (request(more=[(b"x", b"y\0z")]),),
    "value-begins-blank": (request(more=[(b"x", b" y")]),),
    "value-ends-tab": (request(more=[(b"x", b"y\t")]),),
    "cookie-crlf": (request(more=[(b"cookie", b"a\r\nx: y"), (b"cookie", b"b")
                                  ]),),
    # of a connection (RFC 9113 8.2.2)
    "transfer-encoding": (post((b"transfer-encoding", b"chunked")),
                          b"0\r\n\r\n" + SMUGGLED),
    "transfer-encoding-odd": (post((b"transfer-encoding", b"xchunked")), b"x"),
    "connection": (request(more=[(b"connection", b"close")]),),
    "connection-length": (post((b"connection", b"content-length"),
                               (b"content-length", b"1")), b"x"),
    "keep-alive": (request(more=[(b"keep-alive", b"timeout=5")]),),
    "proxy-connection": (request(more=[(b"proxy-connection", b"close")]),),
    "upgrade": (request(more=[(b"upgrade", b"websocket")]),),
    "te": (request(more=[(b"te", b"gzip")]),),
    "te-list": (request(more=[(b"te", b"trailers, deflate")]),),
    # lengths
    "length-short": (post((b"content-length", b"5")), b"hello" + SMUGGLED),
    "length-long": (post((b"content-length", b"500")), b"hello"),
    "length-none-came": (post((b"content-length", b"5")),),
    "length-empty-data": (post((b"content-length", b"5")), b""),
    "two-lengths": (post((b"content-length", b"5"), (b"content-length", b"6")),
                    b"hello"),
    "length-list": (post((b"content-length", b"5, 5")), b"hello"),
    "length-plus": (post((b"content-length", b"+5")), b"hello"),
    "length-minus": (post((b"content-length", b"-5")), b"hello"),
    "length-hex": (post((b"content-length", b"0x5")), b"hello"),
    "length-huge": (post((b"content-length", b"18446744073709551621")),
                    b"hello"),
    "length-nothing": (post((b"content-length", b"")), b"hello"),
    # trailers
    "trailer-pseudo": (post(), b"hello", [(b":path", b"/smuggled")]),
    "trailer-upper": (post(), b"hello", [(b"X-A", b"y")]),
    "trailer-crlf": (post(), b"hello", [(b"x", b"y\r\n\r\n" + SMUGGLED)]),
    "trailer-connection": (post(), b"hello", [
        (b"transfer-encoding", b"chunked")]),
    "trailers-and-no-end": (post(), b"hello", [X], False),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_could_be_read_in_two_ways_is_refused(house, gw, name):
    fate, came = tried(house, gw, REFUSED[name])
    if fate.word == "answer":
        assert 400 <= fate.status < 500, fate
    else:
        assert fate.word == "reset" and fate.code == h2.PROTOCOL_ERROR or \
            fate.word == "goaway" and fate.code == h2.PROTOCOL_ERROR, fate
    assert [r.target for r in came] == [b"/end"]


def test_more_than_a_length_of_nothing(house, gw):
    """It is whole with its head, and may have gone on by then: as it is."""
    fate, came = tried(house, gw, (post((b"content-length", b"0")), SMUGGLED))
    assert fate.word in ("reset", "goaway") or fate.status >= 200
    assert [(r.target, r.body) for r in came if r.target != b"/end"] in (
        [], [(b"/up", b"")])


# ---- taken ------------------------------------------------------------------


ACCEPTED = {
    "plain": (request(),),
    "options": (request(b"DELETE"),),
    "query": (request(path=b"/a?b=%20&c=/../d"),),
    "crumbs": (request(more=[(b"cookie", b"a=1"), X, (b"cookie", b"b=2"),
                             (b"cookie", b"c")]),),
    "te-trailers": (request(more=[(b"te", b"trailers")]),),
    "host-as-well": (request(more=[(b"host", b"HOST")]),),
    "host-alone": (request(authority=None, more=[(b"host", b"HOST")]),),
    "length": (post((b"content-length", b"5")), b"hello"),
    "two-equal-blanks": (request(more=[(b"x", b"a  b\tc")]),),
    "no-value": (request(more=[(b"x", b"")]),),
    "no-length": (post(), b"0\r\n\r\n" + SMUGGLED),
    "no-length-nothing": (post(), b""),
    "get-with-body": (request(path=b"/up"), SMUGGLED),
    "trailers": (post(), SMUGGLED, [(b"x-t", b"1")]),
    "large": (post(), SMUGGLED * 1000),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_one_request_arrives_as_that(house, gw, name):
    case = ACCEPTED[name]
    fate, came = tried(house, gw, case)
    said = dict(case[0])
    target = said[b":path"].partition(b"?")[0]
    assert (fate.word, fate.status, fate.body) == ("answer", 200, target[1:])
    assert [r.target for r in came] == [said[b":path"], b"/end"]
    one = came[0]
    assert one.method == said[b":method"]
    assert one.body == (case[1] if len(case) > 1 else b"")
    assert one.all(b"host") == [f"{WWW}:{house.kept.port}".encode()]
    if name == "crumbs":
        assert one.all(b"cookie") == [b"a=1; b=2; c"]
    assert not one.all(b"x-t")
    for field in (X, (b"x", b"a  b\tc")):
        if field in case[0]:
            assert one.all(b"x") == [field[1]]


def test_the_same_in_odd_frames(house, gw):
    """Padding, priorities, empty DATA, a head in pieces, unknown frames:
    what HTTP/2 allows changes nothing."""
    host = f"{WWW}:{house.kept.port}".encode()
    before = lengths(house.kept)
    text = h2.block(post(X)).replace(b"\x04HOST", h2.number(len(host), 7)
                                     + host)
    pieces = [text[:7], text[7:30], b"", text[30:]]
    with house.raw(gw, house.kept) as c:
        # at once: our SETTINGS are acknowledged meanwhile, and may not be
        # between the pieces of a head
        c.send(h2.frame(0xbe, 0xff, 0, b"grease"),
               h2.frame(h2.HEADERS, h2.PADDED | h2.WITH_PRIORITY, 1,
                        b"\5" + b"\0\0\0\0\x10" + pieces[0] + bytes(5)),
               *[h2.frame(h2.CONTINUATION, h2.END_HEADERS if i == 2 else 0,
                          1, piece) for i, piece in enumerate(pieces[1:])])
        c.send(h2.frame(h2.DATA, 0, 1),
               h2.frame(h2.DATA, h2.PADDED, 1, b"\7he" + bytes(7)),
               h2.frame(0xbe, 1, 1, b"grease"),
               h2.frame(h2.DATA, h2.PADDED, 1, b"\0llo"),
               h2.frame(h2.DATA, h2.END_STREAM, 1))
        fate = c.fate(1)
        assert fate.body == b"up", (fate, c.away, gw.stderr()[-3000:])
        and_one_more(house, gw, c)
    one, last = arrived(house.kept, before)
    assert (one.method, one.target, one.body) == (b"POST", b"/up", b"hello")
    assert one.all(b"x") == [b"y"] and last.target == b"/end"


def test_a_head_past_max_header_is_answered(house, gw):
    """As in HTTP/1.1, by a page; the connection lives."""
    host = f"{WWW}:{house.kept.port}".encode()
    before = lengths(house.kept)
    with house.raw(gw, house.kept) as c:
        many = [(b"x-%d" % i, b"v" * 1000) for i in range(66)]
        c.request(1, h2.get(host, b"/a", *many))
        fate = c.fate(1)
        if fate.word == "answer":
            assert fate.status == 431
        else:
            assert fate.code in (h2.ENHANCE_YOUR_CALM, h2.PROTOCOL_ERROR)
        and_one_more(house, gw, c)
    assert [r.target for r in arrived(house.kept, before)] == [b"/end"]
    event = until("its event", lambda: next((
        e for e in reversed(gw.events()) if e["event.action"] == "ended" and
        e.get("http.response.status_code") in (431, None)), None))
    assert event["sallyport.result"] == "refused", event


# ---- made at random ---------------------------------------------------------


NAMES = [b"x", b"host", b"content-length", b"transfer-encoding", b"connection",
         b"te", b"cookie", b"X", b"x y", b":path", b"expect", b"upgrade",
         b"content-length\r\nx", b"trailer", b"range", b"via"]
VALUES = [b"", b"0", b"5", b"05", b"5,5", b"chunked", b"close", b"HOST",
          b"trailers", b"100-continue", b"a\r\nContent-Length: 3", b"x\nb",
          b" 5", b"5 ", b"\0", b"\x0b", b"\xff", b"/x y", b"websocket"]
ROUNDS = 12
EACH = 16


def made(rng, i):
    """(fields, body, trailers) of one that may be good."""
    fields = request(rng.choice([b"GET", b"POST", b"PUT"]), b"/u/%d" % i)
    for _ in range(rng.randrange(3)):
        fields.insert(rng.randrange(4 if rng.random() < 0.2 else len(fields),
                                    len(fields) + 1),
                      (rng.choice(NAMES), rng.choice(VALUES)))
    body = rng.choice([None, b"", b"hello", SMUGGLED])
    trailers = rng.choice([None, None, None, [X], [
        (rng.choice(NAMES), rng.choice(VALUES))]])
    return fields, body, trailers


def test_whatever_is_said_is_one_request_or_none(house, gw):
    rng = random.Random(9)
    host = f"{WWW}:{house.kept.port}".encode()
    before, said = lengths(house.kept), {}
    for n in range(ROUNDS):
        with house.raw(gw, house.kept) as c:
            for k in range(EACH):
                i = n * EACH + k
                said[b"/u/%d" % i] = made(rng, i)
                if not spoken(c, 2 * k + 1, host, said[b"/u/%d" % i]):
                    break
    with house.raw(gw, house.kept) as c:
        c.request(1, h2.get(host, b"/end"))
        assert c.fate(1).body == b"end"
    came = [r for r in arrived(house.kept, before) if r.target != b"/end"]
    targets = [r.target for r in came]
    assert len(set(targets)) == len(targets) > ROUNDS
    for r in came:
        fields, body, _ = said[r.target]
        assert (r.method, r.body) == (fields[0][1], body or b""), fields


def spoken(c, stream, host, case):
    """False: the connection does not live any more."""
    fields, body, trailers = case
    c.send(h2.headers(stream, [(n, v.replace(b"HOST", host))
                               for n, v in fields],
                      body is None and trailers is None))
    if body is not None:
        c.send(h2.data(stream, body, end=trailers is None))
    if trailers is not None:
        c.send(h2.headers(stream, trailers))
    return c.fate(stream).word != "goaway" and c.away is None and c.alive()
