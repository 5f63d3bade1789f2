"""HTTP/2 inside TLS, on either side of the gateway, on both and on none: what
is agreed on, what passes, what is blocked, what the events say."""

import itertools
import os
import signal
import threading

import pytest
from corpus_mail import eicar
from h2_house import WWW, H2House, ends_as_it_began
from http_cells import WAYS, WRAPPINGS, coded, form, twins
from inspection import last
from peers.common import PATIENCE, until
from peers.h2 import h2_context
from peers.origin import answer
from peers.web import curl, web_port

core = pytest.mark.core

TEXT = b"All quiet at the gate.\n" * 200
SIDES = list(itertools.product(("h1", "h2"), repeat=2))
NAMED = [f"{c}-to-{o}" for c, o in SIDES]


@pytest.fixture(scope="module", name="house")
def one_house(module_cleanly):
    return H2House(module_cleanly)


@pytest.fixture(scope="module", name="gw")
def one_gateway(build, house):
    gw = house.gateway(build)
    yield gw
    assert not gw.errors(), gw.errors()


@pytest.fixture(name="sides", params=SIDES, ids=NAMED)
def two_sides(request, house):
    """(the client's version, an origin that speaks the other one)."""
    client, server = request.param
    origin = house.two if server == "h2" else house.one
    origin.answers.clear()
    origin.asked.clear()
    return client, origin


# ---- what is agreed on ------------------------------------------------------


@core
@pytest.mark.parametrize("offered,agreed", [
    (["h2", "http/1.1"], "h2"), (["http/1.1", "h2"], "h2"), (["h2"], "h2"),
    (["http/1.1"], "http/1.1"), (["spdy/3", "http/1.1"], "http/1.1"),
    (["spdy/3"], None), ([], None)])
def test_what_clients_are_told(gw, house, offered, agreed):
    context = h2_context(house.ca)
    if offered:
        context.set_alpn_protocols(offered)
    else:
        context.set_alpn_protocols([])
    with house.connect(gw, context=context) as c:
        assert c.raw.sock.selected_alpn_protocol() == agreed


@core
def test_it_can_be_switched_off(build, house):
    gw = house.gateway(build, {"http2": "no"})
    house.two.answers["/a"] = answer(TEXT)
    before = len(house.two.protocols)
    with house.secured(gw, house.two) as c:
        assert c.raw.sock.selected_alpn_protocol() == "http/1.1"
        assert c.ask("GET", "/a", f"{WWW}:{house.two.port}").body == TEXT
    assert set(house.two.protocols[before:]) == {"http/1.1"}
    assert not gw.errors(), gw.errors()


@core
def test_each_side_has_its_own(gw, house, sides):
    client, origin = sides
    origin.answers["/a"] = answer(TEXT, fields=["Content-Type: text/plain"])
    with house.client(client, gw, origin) as c:
        got = c.ask("GET", "/a?q=1")
        assert (got.status, got.body, got.whole) == (200, TEXT, True)
        assert got.fields["content-type"] == "text/plain"
        assert "gw.example.org" in got.fields["via"]
        assert not {"connection", "keep-alive",
                    "transfer-encoding"} & set(got.fields) or client == "h1"
    asked = origin.asked[-1]
    assert asked.target == "/a?q=1"
    if origin is house.two:
        assert asked.version == "HTTP/2"
        assert asked.authority == f"{WWW}:{origin.port}"
        assert asked.pseudo[":scheme"] == "https"
        assert asked.get("host") is None
    else:
        assert asked.version == "HTTP/1.1"
        assert asked.get("host") == f"{WWW}:{origin.port}"
    event = last(gw, origin.url("/a?q=1", WWW))
    assert event["sallyport.result"] == "delivered"


@core
def test_nothing_is_pushed_nor_extended(gw, house):
    """SETTINGS: ENABLE_CONNECT_PROTOCOL (8) is not offered, and streams have
    a limit; towards an origin ENABLE_PUSH (2) is 0."""
    with house.raw(gw, house.two) as c:
        assert c.alive()
        assert c.settings.get(8, 0) == 0
        assert 1 <= c.settings[3] <= 1000
        assert c.settings.get(2, 0) == 0
    with house.client("h2", gw, house.two) as c:
        c.ask("GET", "/none")
    towards = until("its settings", lambda: [
        c.h2.remote_settings for c in house.two.connections
        if hasattr(c, "h2")])[-1]
    assert towards.enable_push == 0


# ---- the table --------------------------------------------------------------


def found(gw):
    return [e for e in gw.events(event__action="decision")
            if e.get("sallyport.because.what", "").startswith("Test.marker")]


def is_refused(got, bad, cell):
    assert got.status == 403 and got.whole, (cell, got.status, got.body)
    assert b"Test.marker" in got.body and bad not in got.body, cell


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_downloads(gw, house, sides, wrapping):
    client, origin = sides
    before = len(found(gw))
    with house.client(client, gw, origin) as c:
        for way, (coding, words, framing) in WAYS.items():
            bad, good = (coded(data, words) for data in twins(wrapping))
            for path, data in (("/bad", bad), ("/good", good)):
                origin.answers[path] = answer(data, framing=framing,
                                              coding=coding)
            is_refused(c.ask("GET", "/bad"), bad, way)
            got = c.ask("GET", "/good")
            assert (got.status, got.body, got.whole) == (200, good, True), way
            assert got.fields.get("content-encoding") == coding
    assert len(found(gw)) - before == len(WAYS)


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_in_two_halves_and_resumed(gw, house, sides, wrapping):
    """Each part by a client of its own; a virus lies in neither half."""
    client, origin = sides
    three = [house.client(client, gw, origin) for _ in range(3)]
    with three[0], three[1], three[2]:
        for way, bad in itertools.product(WAYS, (True, False)):
            in_halves(origin, three, (client, way, wrapping, bad))


def in_halves(origin, three, cell):
    _, way, wrapping, bad = cell
    coding, words, framing = WAYS[way]
    data = coded(twins(wrapping)[0 if bad else 1], words)
    name = ".".join(map(str, cell))
    tag = f'"{name}"'
    origin.answers["/a"] = answer(data, framing=framing, coding=coding,
                                  fields=[f"ETag: {tag}"])
    half = len(data) // 2
    for c, (first, upto, fields) in zip(three, (
            (0, half, []), (half, None, []), (9, None, [("if-range", tag)]))):
        end = "" if upto is None else upto - 1
        got = c.ask("GET", f"/a?{name}",
                    [("range", f"bytes={first}-{end}"), *fields])
        if bad:
            is_refused(got, data, (way, first))
            continue
        assert (got.status, got.body) == (206, data[first:upto]), (way, first)
        assert got.fields.get("content-encoding") == coding


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_uploads(gw, house, sides, wrapping):
    client, origin = sides
    origin.answers["/up"] = answer(b"thanks")
    with house.client(client, gw, origin) as c:
        for way, method in itertools.product(WAYS, ("PUT", "POST")):
            for data, is_bad in zip(twins(wrapping), (True, False)):
                upload(origin, c, (way, method), data, is_bad)


def upload(origin, c, cell, data, is_bad):
    (coding, words, framing), method = WAYS[cell[0]], cell[1]
    fields = [("content-encoding", coding)] if coding else []
    if method == "POST":
        kind, data = form(data)
        fields.append(("content-type", kind))
    data = coded(data, words)
    before = len(origin.asked)
    got = c.ask(method, "/up", fields, data, length=framing == "length")
    if is_bad:
        is_refused(got, data, cell)
        assert len(origin.asked) == before, cell
        return
    assert (got.status, got.body) == (200, b"thanks"), cell
    assert len(origin.asked) == before + 1
    assert origin.asked[-1].body == data, cell
    assert origin.asked[-1].method == method
    assert origin.asked[-1].get("content-encoding") == coding


# ---- like any other exchange ------------------------------------------------


@core
def test_a_page_of_ours_is_an_answer_like_any_other(gw, house, sides):
    client, origin = sides
    origin.answers.update({"/x.com": answer(eicar()), "/a": answer(TEXT)})
    with house.client(client, gw, origin) as c:
        got = c.ask("GET", "/x.com")
        assert got.status == 403 and eicar() not in got.body
        url = origin.url("/x.com", WWW)
        assert url.encode() in got.body
        event = gw.event_of(got.body.decode())
        assert event["url.original"] == url
        assert event["sallyport.verdict"] == "malware"
        assert event["sallyport.flow"] == "download"
        assert c.ask("GET", "/a").body == TEXT


@core
def test_what_has_no_body(gw, house, sides):
    client, origin = sides
    origin.answers.update({
        "/204": answer(b"", "204 No Content", framing="close"),
        "/304": answer(b"", "304 Not Modified", ['ETag: "a"'],
                       framing="close"),
        "/0": answer(b""), "/a": answer(TEXT)})
    for path in ("/204", "/304"):
        origin.answers[path].keeps = True
    with house.client(client, gw, origin) as c:
        for path, status in (("/204", 204), ("/304", 304), ("/0", 200)):
            got = c.ask("GET", path)
            assert (got.status, got.body, got.whole) == (status, b"", True)
        got = c.ask("HEAD", "/a")
        assert (got.status, got.body) == (200, b"")
        assert got.fields["content-length"] == str(len(TEXT))
        assert c.ask("GET", "/a").body == TEXT


@core
def test_cookies_are_one_field_towards_http_1(gw, house, sides):
    """RFC 9113 8.2.3: crumbs are joined with "; "."""
    client, origin = sides
    origin.answers["/a"] = answer(TEXT, fields=["Set-Cookie: a=1",
                                                "Set-Cookie: b=2"])
    with house.client(client, gw, origin) as c:
        fields = [("cookie", "a=1; b=2; c=3")]
        if client == "h2":
            fields = [("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")]
        got = c.ask("GET", "/a", fields)
        assert got.status == 200
        if client == "h2":
            assert [v for n, v in got.all if n == "set-cookie"] == [
                "a=1", "b=2"]
    asked = origin.asked[-1]
    crumbs = [v for n, v in asked.fields if n == "cookie"]
    assert "; ".join(crumbs) == "a=1; b=2; c=3"
    assert origin is house.two or len(crumbs) == 1


@core
def test_a_body_without_a_length(gw, house, sides):
    """Reaches every origin as one request, with exactly these bytes."""
    client, origin = sides
    origin.answers["/up"] = answer(b"ok")
    data = os.urandom(70_000) + b"\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"
    with house.client(client, gw, origin) as c:
        for method in ("POST", "GET"):
            assert c.ask(method, "/up", [], data, length=False).body == b"ok"
        assert c.ask("POST", "/up", [], b"", length=False).body == b"ok"
        assert c.ask("POST", "/up", [], b"").body == b"ok"
    assert [r.body for r in origin.asked] == [data, data, b"", b""]
    assert [r.target for r in origin.asked] == ["/up"] * 4


@core
def test_an_origin_by_its_address(gw, house):
    house.two.answers["/a"] = answer(TEXT)
    host = f"127.0.0.1:{house.two.port}"
    with house.h2(gw, house.two, name="127.0.0.1") as c:
        assert c.ask("GET", "/a", host).body == TEXT
    assert house.two.asked[-1].authority == host


@core
def test_no_request_in_there_names_another_server(gw, house, sides):
    client, origin = sides
    if client == "h1":
        return
    origin.answers["/a"] = answer(TEXT)
    with house.h2(gw, origin) as c:
        for host in (f"bank.example.test:{origin.port}", WWW + ":1"):
            assert c.ask("GET", "/a", host).status == 421
        assert c.ask("GET", "/a", f"{WWW}:{origin.port}").body == TEXT
    assert [r.target for r in origin.asked] == ["/a"]


@core
def test_streams_share_one_connection_and_do_not_wait(gw, house):
    """The slow one does not hold up those behind it; all of them go by one
    connection to an origin that speaks HTTP/2."""
    origin, free = house.two, threading.Event()

    def slow(stream):
        free.wait(PATIENCE)
        stream.head(200)
        stream.data(b"slow")
        stream.finish()

    origin.answers.update({"/slow": slow, "/a": answer(TEXT)})
    host = f"{WWW}:{origin.port}"
    with house.h2(gw, origin) as c:
        assert c.ask("GET", "/a", host).body == TEXT
        before = len(origin.connections)
        first = c.begin("GET", "/slow", host)
        for _ in range(20):
            assert c.ask("GET", "/a", host).body == TEXT
        assert not c.streams[first].over()
        free.set()
        assert c.answer(first).body == b"slow"
        assert len(origin.connections) == before
        assert c.wrong is None and c.away is None


@core
def test_a_stop_lets_what_has_begun_end(build, house):
    gw = house.gateway(build)
    ends_as_it_began(house, gw, lambda: gw.signal(signal.SIGTERM), TEXT)
    assert gw.stop() == 0
    assert not gw.errors(), gw.errors()


@core
def test_who_says_nothing_is_sent_away_in_order(build, house):
    """idle_timeout: GOAWAY, and an end of TLS that is one."""
    gw = house.gateway(build, idle_timeout="2s")
    house.two.answers["/a"] = answer(TEXT)
    with house.h2(gw, house.two) as c:
        assert c.ask("GET", "/a", f"{WWW}:{house.two.port}").body == TEXT
        c.wire.until("the end", lambda: c.wire.ended)
        assert c.away == 0 and c.wire.ended == "end"
    assert not gw.errors(), gw.errors()


@core
def test_the_gateway_itself_is_there(gw, house):
    context_words = ["--cacert", house.ca.pem, "--http2"]
    got = curl(web_port(gw), "https://sallyport.internal/proxy.pac",
               *context_words)
    assert got.answer.line.startswith("HTTP/2 200")
    assert b"FindProxyForURL" in got.body
