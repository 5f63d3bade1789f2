"""Origins of HTTP/2 that do odd things: clients of either version get the whole
answer, a page, or an end that nobody takes for a whole one."""

import contextlib
import os
import threading

import corpus
import pytest
from h2_house import WWW, H2House
from inspection import last, read
from peers import h2_raw as h2
from peers.common import PATIENCE, until
from peers.h2_raw import frame, literal
from peers.nginx_tls import NginxTls
from peers.origin import answer

pytestmark = pytest.mark.core

TEXT = b"All quiet at the gate.\n" * 200
CLIENTS = ("h1", "h2")


class Narrow(NginxTls):
    """One stream at a time of each connection."""

    def __init__(self, cert):
        super().__init__(cert)
        text = read(f"{self.dir}/conf").decode()
        with open(f"{self.dir}/conf", "w", encoding="ascii") as f:
            f.write(text.replace("ssl_certificate ",
                                 "http2_max_concurrent_streams 1;\n"
                                 "ssl_certificate ", 1))


@pytest.fixture(scope="module", name="house")
def one_house(module_cleanly):
    house = H2House(module_cleanly)
    # they have to be known before a gateway starts: connect_ports
    house.odd = [house.h2_origin() for _ in range(3)]
    house.narrow = Narrow(house.leaf)
    module_cleanly(house.narrow)
    house.ports.append(house.narrow.start().port)
    house.tight = house.h2_origin(INITIAL_WINDOW_SIZE=1, HEADER_TABLE_SIZE=0)
    house.shut = house.h2_origin(INITIAL_WINDOW_SIZE=0)
    return house


@pytest.fixture(scope="module", name="gw")
def one_gateway(build, house):
    gw = house.gateway(build)
    yield gw
    assert not gw.errors(), gw.errors()


@pytest.fixture(scope="module", name="quick")
def one_that_does_not_wait(build, house):
    gw = house.gateway(build, idle_timeout="1s")
    yield gw
    assert not gw.errors(), gw.errors()


@pytest.fixture(name="origin")
def fresh_answers(house):
    house.two.answers.clear()
    house.two.asked.clear()
    house.two.early.clear()
    house.two.answers["/a"] = answer(TEXT)
    return house.two


@pytest.fixture(name="version", params=CLIENTS)
def a_version(request):
    return request.param


def asked(house, gw, version, origin, path, *words, **more):
    with house.client(version, gw, origin) as c:
        return c.ask("GET", path, *words, **more)


# ---- what is no answer ------------------------------------------------------


def headed(*fields, end=True, then=b""):
    """HEADERS as they stand, and more frames."""
    def serve(stream):
        with stream.connection.lock:
            stream.frame(h2.HEADERS, 4 | end, b"".join(
                literal(*f) for f in fields))
            if then:
                stream.connection.wire.send(then(stream.number))
        stream.left()
    return serve


def data(body, end=True):
    return lambda number: h2.data(number, body, end)


S = (b":status", b"200")
L5 = (b"content-length", b"5")
SMUGGLED = b"y\r\n\r\nHTTP/1.1 200 OK\r\nX: y"

MALFORMED = {
    "no-status": headed((b"x", b"y")),
    "two-statuses": headed(S, S),
    "status-word": headed((b":status", b"abc")),
    "status-long": headed((b":status", b"2000")),
    "status-text": headed((b":status", b"200 OK")),
    "status-crlf": headed((b":status", b"200\r\nX: y")),
    "status-empty": headed((b":status", b"")),
    "101": headed((b":status", b"101"), (b"x", b"y")),
    "late": headed((b"x", b"y"), S),
    "path": headed(S, (b":path", b"/")),
    "unknown": headed(S, (b":x", b"y")),
    "upper": headed(S, (b"X-A", b"y")),
    "name-crlf": headed(S, (b"x: y\r\nz", b"y")),
    "name-blank": headed(S, (b"content-length ", b"5")),
    "name-colon": headed(S, (b"x:", b"y")),
    "name-empty": headed(S, (b"", b"y")),
    "value-crlf": headed(S, (b"x", SMUGGLED)),
    "value-lf": headed(S, (b"x", b"y\nz: 1")),
    "value-cr": headed(S, (b"x", b"y\rz: 1")),
    "value-nul": headed(S, (b"x", b"y\0z")),
    "connection": headed(S, (b"connection", b"close")),
    "transfer-encoding": headed(S, (b"transfer-encoding", b"chunked"),
                                end=False, then=data(b"0\r\n\r\n")),
    "upgrade": headed(S, (b"upgrade", b"websocket")),
    "keep-alive": headed(S, (b"keep-alive", b"timeout=5")),
    "two-lengths": headed(S, L5, (b"content-length", b"6"), end=False,
                          then=data(b"hello!")),
    "length-list": headed(S, (b"content-length", b"5, 6"), end=False,
                          then=data(b"hello!")),
    "length-sign": headed(S, (b"content-length", b"+5"), end=False,
                          then=data(b"hello")),
    "too-long": headed(S, L5, end=False, then=data(b"hello and more")),
    "too-short": headed(S, L5, end=False, then=data(b"hell")),
    "short-nothing": headed(S, L5),
    "two-heads": headed(S, end=False, then=lambda n: h2.headers(
        n, [S], end=False) + h2.data(n, b"hello")),
    "data-first": lambda stream: stream.connection.wire.send(
        h2.data(stream.number, b"hello")),
    "only-hints": headed((b":status", b"103")),
    "trailers-pseudo": headed(S, end=False, then=lambda n: h2.data(
        n, b"hello", False) + h2.headers(n, [S])),
    "trailers-crlf": headed(S, end=False, then=lambda n: h2.data(
        n, b"hello", False) + h2.headers(n, [(b"x", SMUGGLED)])),
    "trailers-and-more": headed(S, end=False, then=lambda n: h2.data(
        n, b"hello", False) + h2.headers(n, [(b"x", b"y")], False)),
    "push": headed(S, end=False, then=lambda n: frame(
        h2.PUSH_PROMISE, 4, n, b"\0\0\0\2" + h2.block(
            h2.get(b"www.example.test", b"/pushed"))) + h2.data(n, b"hello")),
    "hpack": lambda stream: stream.frame(h2.HEADERS, 5, b"\xff\x70"),
    "frame": lambda stream: stream.connection.wire.send(
        frame(h2.DATA, 0, stream.number, bytes(20_000))),
    "not-http-2": lambda stream: stream.connection.wire.send(
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_what_is_malformed_is_a_page(gw, house, origin, version, kind):
    origin.answers["/bad"] = MALFORMED[kind]
    with house.client(version, gw, origin) as c:
        got = c.ask("GET", "/bad")
        assert got.status == 502 and got.whole, got
        assert "x" not in got.fields and b"hello" not in got.body
        assert c.ask("GET", "/a").body == TEXT
    event = last(gw, origin.url("/bad", WWW))
    assert event["event.id"] in got.body.decode()
    assert event["sallyport.result"] == "deferred", event
    assert not gw.events(url__original=origin.url("/pushed", WWW))


@pytest.mark.parametrize("status", [204, 304])
def test_data_where_there_can_be_none_go_no_further(gw, house, origin,
                                                    version, status):
    origin.answers["/b"] = headed((b":status", b"%d" % status), end=False,
                                  then=data(b"hello"))
    with house.client(version, gw, origin) as c:
        got = c.ask("GET", "/b")
        assert got.status in (status, 502) and b"hello" not in got.body
        assert c.ask("GET", "/a").body == TEXT


def test_fields_in_pieces_and_padding_are_fine(gw, house, origin, version):
    def serve(stream):
        text = h2.block([S, (b"x-a", b"y" * 300), (b"content-type", b"a/b")])
        with stream.connection.lock:
            n = stream.number
            stream.connection.wire.send(
                frame(0xbe, 3, n, b"grease")
                + frame(h2.HEADERS, h2.PADDED, n, b"\3" + text[:9] + bytes(3))
                + frame(h2.CONTINUATION, 0, n, text[9:200])
                + frame(h2.CONTINUATION, 4, n, text[200:])
                + frame(h2.DATA, h2.PADDED, n, b"\2hel" + bytes(2))
                + frame(h2.DATA, 0, n)
                + frame(h2.DATA, 1, n, b"lo"))

    origin.answers["/b"] = serve
    got = asked(house, gw, version, origin, "/b")
    assert (got.status, got.body, got.whole) == (200, b"hello", True)
    assert got.fields["x-a"] == "y" * 300
    assert got.fields["content-type"] == "a/b"


# ---- heads ------------------------------------------------------------------


def test_early_hints_pass_and_100_does_not(gw, house, origin):
    def serve(stream):
        with stream.connection.lock:
            stream.frame(h2.HEADERS, 4, literal(b":status", b"100"))
            stream.frame(h2.HEADERS, 4, literal(b":status", b"103")
                         + literal(b"link", b"</a>"))
        stream.head(200)
        stream.data(TEXT)
        stream.finish()

    origin.answers["/b"] = serve
    got = asked(house, gw, "h2", origin, "/b")
    assert (got.status, got.body) == (200, TEXT)
    assert [(e[":status"], e.get("link")) for e in got.early] == [
        ("103", "</a>")]


def test_early_answers_without_end(gw, house, origin, version):
    def serve(stream):
        piece = h2.literal(b":status", b"103") + h2.literal(b"x", b"y")
        while not stream.gone and not stream.connection.wire.ended:
            stream.frame(h2.HEADERS, 4, piece)
            if not stream.connection.wire.flushed():
                break

    origin.answers["/b"] = serve
    with house.client(version, gw, origin) as c:
        got = c.ask("GET", "/b")
        while got.status == 103:
            got = c.c.raw.answer()
    assert got.status == 502


@pytest.mark.parametrize("kind", ["large", "bomb", "continuation"])
def test_a_head_past_max_header(gw, house, origin, version, kind):
    def serve(stream):
        wire = stream.connection.wire
        if kind == "large":
            text = literal(*S) + b"".join(
                literal(b"x-%d" % i, b"y" * 1000) for i in range(70))
        else:
            text = literal(*S) + h2.learned(b"x", b"y" * 3900) + \
                h2.number(62, 7, 0x80) * 12_000
        if kind != "continuation":
            wire.send(h2.headers(stream.number, text))
            return
        stream.frame(h2.HEADERS, 0, literal(*S))
        while not stream.gone and not wire.ended and not wire.stuck(5):
            stream.frame(h2.CONTINUATION, 0, literal(b"x", b"y" * 9000))

    origin.answers["/b"] = serve
    with house.client(version, gw, origin) as c:
        assert c.ask("GET", "/b").status == 502
        assert c.ask("GET", "/a").body == TEXT


def test_trailers_are_taken_and_go_no_further(gw, house, origin, version):
    def serve(stream):
        stream.head(200, [("trailer", "x-sum")])
        stream.data(TEXT)
        stream.finish([("x-sum", "1")])

    origin.answers["/b"] = serve
    got = asked(house, gw, version, origin, "/b")
    assert (got.status, got.body, got.whole) == (200, TEXT, True)


# ---- silence ----------------------------------------------------------------


def says_nothing(stream):
    stream.left()


def stops_in_the_body(stream):
    stream.head(200, [("content-length", "9999")])
    stream.data(b"abc")
    stream.left()


def empty_data_without_end(stream):
    stream.head(200)
    while not stream.gone and not stream.connection.wire.ended:
        stream.frame(h2.DATA, 0, b"")
        stream.connection.wire.until("it is sent", lambda: not
                                     stream.connection.wire.out or
                                     stream.connection.wire.ended)
        threading.Event().wait(0.02)


@pytest.mark.parametrize("does", [says_nothing, stops_in_the_body,
                                  empty_data_without_end])
def test_an_answer_that_never_ends(quick, house, origin, version, does):
    """Its stream is given up; the connection goes on for the others."""
    origin.answers["/b"] = does
    got = asked(house, quick, version, origin, "/b")
    assert got.status == 504
    assert "idle_timeout exceeded" in got.fields["proxy-status"]
    event = last(quick, origin.url("/b", WWW))
    assert event["sallyport.reason"] == "timeout"


def test_an_origin_that_never_opens_its_window(quick, house, version):
    house.shut.answers.update({"/a": answer(b""), "/up": answer(b"ok")})
    with house.client(version, quick, house.shut) as c:
        assert c.ask("GET", "/a").status == 200     # its SETTINGS are known
        got = c.ask("PUT", "/up", [], TEXT)
    assert got.status == 504, got


def test_an_origin_with_a_window_of_one_byte(gw, house, version):
    house.tight.answers.update({"/a": answer(b""), "/up": answer(b"ok")})
    with house.client(version, gw, house.tight) as c:
        assert c.ask("GET", "/a").status == 200     # its SETTINGS are known
        assert c.ask("PUT", "/up", [], TEXT[:500]).body == b"ok"
    assert house.tight.asked[-1].body == TEXT[:500]


# ---- broken off -------------------------------------------------------------


def begun(end):
    def serve(stream):
        stream.head(200)
        stream.data(TEXT)
        end(stream)
    return serve


ENDS = {
    "reset": lambda stream: stream.reset(h2.INTERNAL_ERROR),
    "reset-no-error": lambda stream: stream.reset(h2.NO_ERROR),
    "close": lambda stream: stream.connection.close(),
    "tcp-reset": lambda stream: stream.connection.close(reset=True),
    "goaway": lambda stream: (
        stream.connection.wire.send(h2.goaway(0, h2.INTERNAL_ERROR)),
        stream.connection.wire.flushed(), stream.connection.close()),
}


@pytest.mark.parametrize("end", ENDS)
def test_one_that_breaks_off_while_it_is_held(gw, house, origin, version, end):
    """Nothing of it has left: a page says so."""
    origin.answers["/b"] = begun(ENDS[end])
    with house.client(version, gw, origin) as c:
        got = c.ask("GET", "/b")
        assert got.status == 502 and TEXT not in got.body
        assert c.ask("GET", "/a").body == TEXT
    # of an end of TCP nobody knows what it has overtaken
    assert len([r for r in origin.asked if r.target == "/b"]) <= (
        2 if end in ("close", "tcp-reset") else 1)


@pytest.mark.parametrize("end", ["reset", "close"])
def test_one_that_breaks_off_while_it_flows(build, house, origin, version,
                                            end):
    """Of a large one some has left: the client must not take it for whole."""
    gw = house.gateway(build, delivery="trickle", hold="64k",
                       trickle_after="100ms", trickle_rate="20k")
    flows = threading.Event()

    def serve(stream):
        stream.head(200, [("content-length", "900000")])
        stream.data(os.urandom(200_000))
        flows.wait(PATIENCE)
        ENDS[end](stream)

    origin.answers["/b"] = serve
    with house.client(version, gw, origin) as c:
        if version == "h2":
            number = c.c.begin("GET", "/b", c.host)
            assert c.c.headed(number).status == 200
            flows.set()
            got = c.c.answer(number)
            assert not got.whole and got.code not in (None, h2.NO_ERROR)
        else:
            c.c.raw.send(f"GET /b HTTP/1.1\r\nHost: {c.host}\r\n\r\n".encode())
            until("some of it", lambda: c.c.raw.file.peek(1))
            flows.set()
            got = c.c.raw.answer()
            assert got.status == 200 and not got.whole
    event = last(gw, origin.url("/b", WWW))
    assert event["sallyport.result"] != "delivered"
    assert not gw.errors(), gw.errors()


# ---- sent elsewhere ---------------------------------------------------------


class Counts:
    """Does what it is told for the first few, then answers."""

    def __init__(self, first, times):
        self.first, self.times, self.seen = first, times, 0
        self.lock = threading.Lock()

    def __call__(self, stream):
        with self.lock:
            self.seen += 1
            n = self.seen
        if n <= self.times:
            self.first(stream)
            return
        stream.head(200)
        stream.data(TEXT)
        stream.finish()


def refuses(stream):
    stream.reset(h2.REFUSED_STREAM)


def goes_away(stream):
    """It has not looked at this one (RFC 9113 6.8)."""
    stream.connection.go_away(0, last=0)
    stream.connection.wire.flushed()
    stream.left()


def goes_away_and_closes(stream):
    stream.connection.go_away(0, last=0)
    stream.connection.wire.flushed()
    stream.connection.close()


@pytest.mark.parametrize("first", [refuses, goes_away, goes_away_and_closes])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_was_not_looked_at_is_asked_once_more(gw, house, origin, version,
                                                   method, first):
    serve = origin.answers["/b"] = Counts(first, 1)
    with house.client(version, gw, origin) as c:
        got = c.ask(method, "/b", body=b"x" if method == "POST" else None)
        assert (got.status, got.body) == (200, TEXT), got
    assert serve.seen == 2
    assert [r.body for r in origin.asked] == [
        b"x" if method == "POST" else b""] * 2


@pytest.mark.parametrize("first", [refuses, goes_away_and_closes])
def test_but_not_for_ever(gw, house, origin, version, first):
    serve = origin.answers["/b"] = Counts(first, 99)
    with house.client(version, gw, origin) as c:
        assert c.ask("GET", "/b").status == 502
        assert 1 <= serve.seen <= 3
        assert c.ask("GET", "/a").body == TEXT


@pytest.mark.parametrize("end", ["goaway", "close", "tcp-reset"])
def test_what_was_looked_at_is_not(gw, house, origin, version, end):
    """No answer to a POST, and a GOAWAY that names it or none."""
    def serve(stream):
        if end == "goaway":
            stream.connection.go_away(0)
            stream.connection.wire.flushed()
        stream.connection.close(reset=end == "tcp-reset")

    origin.answers["/b"] = serve
    with house.client(version, gw, origin) as c:
        assert c.ask("POST", "/b", body=b"x").status == 502
    assert len(origin.asked) == 1


def test_goaway_lets_what_has_begun_end(gw, house, origin, version):
    def serve(stream):
        stream.head(200)
        stream.connection.go_away(0)
        stream.data(TEXT)
        stream.finish()

    origin.answers["/b"] = serve
    with house.client(version, gw, origin) as c:
        assert c.ask("GET", "/b").body == TEXT
        assert c.ask("GET", "/a").body == TEXT
    assert origin.asked[0].connection != origin.asked[1].connection


def test_a_kept_connection_that_has_ended_costs_nothing(gw, house, origin,
                                                        version):
    with house.client(version, gw, origin) as c:
        assert c.ask("GET", "/a").body == TEXT
        for connection in origin.connections:
            connection.close()
        for _ in range(3):
            assert c.ask("GET", "/a").body == TEXT
            assert c.ask("POST", "/a", body=b"x").body == TEXT


# ---- one stream at a time ---------------------------------------------------


def test_an_origin_that_takes_one_stream(gw, house):
    """What it refuses goes again, by whatever connection; each gets its own
    answer."""
    n = house.narrow
    for i in range(10):
        n.put(f"n{i}", b"%d" % i * 30_000)
    host = f"{WWW}:{n.port}"
    with contextlib.ExitStack() as held:
        some = [held.enter_context(house.h2(gw, n)) for _ in range(3)]
        asked_for = [(c, i, c.begin("GET", f"/n{i}", host))
                     for i in range(10) for c in some]
        for c, i, number in asked_for:
            got = c.answer(number)
            assert (got.status, got.body) == (200, n.get(f"n{i}")), got


def test_the_answer_may_come_before_all_was_asked(gw, house, origin, version):
    """RFC 9113 8.1: an answer and RST_STREAM of NO_ERROR."""
    def serve(stream):
        stream.head(413, [("x-early", "yes")])
        stream.data(b"too much")
        stream.finish()
        stream.reset(h2.NO_ERROR)

    origin.answers["/up"] = serve
    origin.early.add("/up")
    with house.client(version, gw, origin) as c:
        got = c.ask("PUT", "/up", [], os.urandom(3_000_000))
        assert (got.status, got.body) == (413, b"too much"), got
        assert c.ask("GET", "/a").body == TEXT


# ---- floods -----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ping", "settings", "empty"])
def test_an_origin_that_floods_us(gw, house, origin, kind):
    """Whatever becomes of it: the others are served, the worker lives."""
    piece = {"ping": frame(h2.PING, 0, 0, bytes(8)),
             "settings": h2.settings(MAX_CONCURRENT_STREAMS=100),
             "empty": None}[kind]

    def serve(stream):
        wire = stream.connection.wire
        stream.head(200)
        wire.paused = kind != "empty"
        one = piece or frame(h2.DATA, 0, stream.number)
        for _ in range(100):
            wire.send(one * 2000)
            if wire.stuck(0.5) or wire.ended:
                break
        wire.paused = False
        wire.turn()
        stream.finish()

    origin.answers["/b"] = serve
    worker = gw.roles()
    with house.client("h2", gw, origin) as c:
        number = c.c.begin("GET", "/b", c.host)
        with house.client("h2", gw, house.odd[0]) as other:
            house.odd[0].answers["/a"] = answer(TEXT)
            assert other.ask("GET", "/a").body == TEXT
        got = c.c.answer(number)
        assert got.status in (200, 502)
    assert gw.roles() == worker


def test_a_virus_in_a_thousand_pieces(gw, house, origin, version):
    def serve(stream):
        stream.head(200)
        for i in range(0, len(bad), 7):
            stream.data(bad[i:i + 7])
        stream.finish()

    bad = corpus.marker()
    origin.answers["/b"] = serve
    assert asked(house, gw, version, origin, "/b").status == 403
