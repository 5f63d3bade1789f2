"""What the gateway does with single words of HTTP/1.1 that a request or an
answer may have: trailers, Max-Forwards, `*`, upgrades, methods with bodies."""

import email.utils
import os
import time

import corpus
import pytest
from corpus_mail import eicar
from peers.common import PATIENCE, until
from peers.origin import Origin, answer
from peers.sallyport import Sallyport
from peers.web import Raw, web_listener, web_port

TEXT = b"All quiet at the gate.\n" * 20
CHUNKS = b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n"


@pytest.fixture(scope="module", name="web")
def one_for_all(build, module_cleanly):
    gw = Sallyport(build, web_listener())
    module_cleanly(gw)
    yield gw.start()
    assert not gw.errors(), gw.errors()


@pytest.fixture(name="origin")
def an_origin(cleanly):
    o = Origin({"/a": answer(TEXT), "": answer(TEXT), "*": answer(b"")})
    cleanly(o)
    return o.start()


def ask(gw, *words, **more):
    with Raw(web_port(gw)) as c:
        return c.ask(*words, **more)


# ---- trailers ------------------------------------------------------------------


def test_trailers_of_an_answer_are_read_and_left_out(web, origin):
    origin.answers["/t"] = \
        b"HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTE: x\r\n" \
        b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS
    with Raw(web_port(web)) as c:
        for _ in range(2):      # and nothing of them is left in the way
            got = c.ask("GET", origin.url("/t"))
            assert (got.status, got.body) == (200, b"hello")
            assert not {"x-sum", "trailer"} & set(got.fields)


def test_trailers_of_a_request_are_read_and_left_out(web, origin):
    with Raw(web_port(web)) as c:
        for _ in range(2):
            got = c.ask("POST", origin.url("/a"), [
                "Transfer-Encoding: chunked", "Trailer: X-Sum"], CHUNKS)
            assert got.status == 200
    for asked in origin.asked:
        assert asked.body == b"hello" and asked.get("content-length") == "5"
        assert not {"x-sum", "x-other", "trailer"} & {n for n, _ in asked.fields}


# ---- OPTIONS and Max-Forwards --------------------------------------------------


def test_options_goes_on_as_far_as_it_may(web, origin):
    got = ask(web, "OPTIONS", origin.url("/a"), ["Max-Forwards: 3"])
    assert got.status == 200 and got.body == TEXT
    assert origin.asked[-1].get("max-forwards") == "2"
    ask(web, "OPTIONS", origin.url("/a"))
    assert origin.asked[-1].get("max-forwards") is None
    before = len(origin.asked)
    got = ask(web, "OPTIONS", origin.url("/a"), ["Max-Forwards: 0"])
    assert got.status == 200 and "OPTIONS" in got.fields["allow"]
    assert len(origin.asked) == before


def test_options_of_a_server_as_a_whole(web, origin):
    """RFC 9112 3.2.4: without a path it is `*` to the server."""
    ask(web, "OPTIONS", f"http://127.0.0.1:{origin.port}")
    assert origin.asked[-1].target == "*"
    with Raw(web_port(web)) as c:       # and this one asks for the gateway
        c.send(b"OPTIONS * HTTP/1.1\r\nHost: gw.example.org\r\n\r\n")
        got = c.answer()
        assert got.status == 200 and "CONNECT" in got.fields["allow"]
    assert len(origin.asked) == 1


def test_options_that_is_answered_here_takes_no_body_for_a_request(web, origin):
    inner = f"GET {origin.url('/a')} HTTP/1.1\r\nHost: x\r\n\r\n"
    got = ask(web, "OPTIONS", origin.url("/a"), [
        "Max-Forwards: 0", f"Content-Length: {len(inner)}"], inner.encode())
    assert got.status == 200 and got.fields["connection"] == "close"
    with Raw(web_port(web)) as c:
        c.send(b"OPTIONS * HTTP/1.1\r\nHost: gw.example.org\r\n"
               b"Content-Length: %d\r\n\r\n" % len(inner) + inner.encode())
        assert c.answer().status == 200
        assert c.rest() == b""
    assert not origin.asked


def test_a_405_says_what_is_allowed(web, origin):
    for method, url, allowed in (
            ("TRACE", origin.url("/a"), "PATCH"),
            ("POST", "http://sallyport.internal/", "GET, HEAD"),
            ("PUT", "ftp://ftp.example.test/a", "GET, HEAD")):
        got = ask(web, method, url, ["Content-Length: 0"])
        assert got.status == 405 and allowed in got.fields["allow"], url


# ---- dates ---------------------------------------------------------------------


def test_an_answer_without_a_date_gets_one(web, origin):
    """RFC 9110 6.6.1; what the origin says of it stays as it is."""
    said = "Sun, 06 Nov 1994 08:49:37 GMT"
    origin.answers["/d"] = answer(TEXT, fields=[f"Date: {said}"])
    origin.answers["/bad"] = answer(eicar())
    assert ask(web, "GET", origin.url("/d")).fields["date"] == said
    for path in ("/a", "/bad", "/none"):
        date = ask(web, "GET", origin.url(path)).fields["date"]
        when = email.utils.parsedate_to_datetime(date).timestamp()
        assert abs(time.time() - when) < 2 * PATIENCE
    date = ask(web, "GET", origin.url("/a"), ["Range: bytes=0-3"])
    assert date.status == 206 and "date" in date.fields


# ---- what is for this hop alone ------------------------------------------------


@pytest.mark.parametrize("word", ["h2c", "TLS/1.0", "foo", "h2c, websocket2"])
def test_other_upgrades_stay_here(web, origin, word):
    got = ask(web, "GET", origin.url("/a"), [
        "Connection: Upgrade, HTTP2-Settings", f"Upgrade: {word}",
        "HTTP2-Settings: AAMAAABkAAQAAP__"])
    assert (got.status, got.body) == (200, TEXT)
    asked = origin.asked[-1]
    assert not {"upgrade", "http2-settings"} & {n for n, _ in asked.fields}


def test_via_of_those_before_goes_on(web, origin):
    origin.answers["/v"] = answer(TEXT, fields=["Via: 1.0 far, 1.1 near"])
    got = ask(web, "GET", origin.url("/v"), ["Via: 1.0 first", "Via: 1.1 second"])
    assert got.fields["via"] == "1.0 far, 1.1 near, 1.1 gw.example.org"
    assert origin.asked[-1].get("via") == \
        "1.0 first, 1.1 second, 1.1 gw.example.org"


# ---- bodies of all methods -----------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET",
                                    "OPTIONS", "PROPFIND"])
def test_a_body_is_scanned_whatever_the_method(web, origin, method):
    for body, status in ((eicar(), 403), (b"harmless", 200)):
        before = len(origin.asked)
        got = ask(web, method, origin.url("/a"),
                  [f"Content-Length: {len(body)}"], body)
        assert got.status == status
        assert len(origin.asked) == before + (status == 200)
    assert origin.asked[-1].body == b"harmless"


# ---- parts ---------------------------------------------------------------------


def many(ranges):
    return "Range: bytes=" + ", ".join(f"{a}-{b}" for a, b in ranges)


def test_many_parts_of_what_is_infected_or_not(web, origin):
    """multipart/byteranges is ours, and of bytes that were all seen."""
    bad = corpus.zipped(eicar())
    good = os.urandom(5000)
    origin.answers.update({
        "/bad": answer(bad, fields=['ETag: "1"']),
        "/good": answer(good, fields=['ETag: "2"', "Content-Type: x/y"])})
    step = 16
    for start in range(0, len(bad), step):      # in pieces, one by one
        got = ask(web, "GET", origin.url("/bad"), [
            many([(start, start + step - 1)])])
        assert got.status == 403
    assert ask(web, "GET", origin.url("/bad"), [
        many([(0, 20), (40, 60)])]).status == 403
    got = ask(web, "GET", origin.url("/good"), [many([(0, 9), (4000, 4999)])])
    assert got.status == 206 and good[4000:] in got.body
    kind, _, boundary = got.fields["content-type"].partition("; boundary=")
    assert kind == "multipart/byteranges"
    assert got.body.count(b"--" + boundary.encode()) == 3
    assert got.body.count(b"Content-Type: x/y\r\n") == 2


def test_parts_that_an_origin_sends_by_itself(web, origin):
    body = (b"--x\r\nContent-Range: bytes 0-4/99\r\n\r\nhello\r\n"
            b"--x\r\nContent-Range: bytes 90-94/99\r\n\r\nworld\r\n--x--\r\n")
    origin.answers["/p"] = answer(body, "206 Partial Content", fields=[
        "Content-Type: multipart/byteranges; boundary=x"])
    for fields in ([], [many([(0, 4), (90, 94)])]):
        got = ask(web, "GET", origin.url("/p"), fields)
        assert got.status == 502 and b"unasked_part" in got.body
    events = until("its events", lambda: web.events(
        url__original=origin.url("/p"), event__action="ended"))
    assert events[0]["sallyport.verdict"] == "malformed"
