"""Each page a client can see, brought about by the real thing: its status,
what RFC 9209 calls it, that it says nothing a peer could have written, and
that its id finds the event."""

import html.parser
import os
import signal

import corpus
import pytest
from corpus_mail import eicar
from peers.common import free_port, kill, until
from peers.origin import Origin, answer
from peers.sallyport import Sallyport
from peers.web import Raw, web_listener, web_port

pytestmark = pytest.mark.core

TEXT = b"All quiet at the gate.\n" * 20
ODD = "?a=1&b='x'"  # as much as may stand in a URL
LARGE = bytes(120_000)

SETTINGS = {
    "request_timeout": "10s", "connect_timeout": "10s", "idle_timeout": "2s",
    "max_request_body": "100k", "max_response_body": "100k",
    "contact": "help@example.org",
}


class World:
    """A gateway and the origins that go with its pages."""

    def __init__(self, build, **keys):
        self.origin = Origin({
            "/bad.com": answer(eicar()),
            "/large": answer(LARGE),
            "/chunked": answer(LARGE, framing="chunked"),
            "/sealed.zip": answer(corpus.by_7z(
                b"x", "zip", corpus.PASSWORD)),
            "/both": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "/torn": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc",
            "/silent": lambda c: c.file.read() and False,
            "/text": answer(TEXT), "/listed": answer(TEXT),
        }).start()
        self.gw = Sallyport(build, {
            **web_listener(**{**SETTINGS, **keys}),
            "policy web": {"malware": "block", "failed": "block",
                           "encrypted": "block", "limit": "block",
                           "blocked_urls": "*/listed*"}})

    def url(self, path):
        return self.origin.url(path + ODD)

    def remove(self):
        self.gw.remove()
        self.origin.remove()


def get(path, *fields, method="GET"):
    return lambda w, c: c.ask(method, w.url(path), fields)


def connect(_, c):
    c.send(b"CONNECT www.example.test:25 HTTP/1.1\r\n"
           b"Host: www.example.test:25\r\n\r\n")
    return c.answer()


# cause: (status, RFC 9209's word, what brings it about)
CAUSES = {
    "blocked": (403, "http_request_denied", get("/bad.com")),
    "url": (403, "http_request_denied", get("/listed")),
    "limit": (403, "http_response_body_size", get("/large")),
    "limit later": (403, "http_response_body_size", get("/chunked")),
    "encrypted": (403, "http_request_denied", get("/sealed.zip")),
    "malformed": (502, "http_protocol_error", get("/both")),
    "request": (400, "http_request_error", get("/text", "Host: other")),
    "target": (414, "http_request_error", get("/text?" + "a" * 20_000)),
    "header": (431, "http_request_error",
               get("/text", *(f"X-{n}: a" for n in range(200)))),
    "upload": (413, "http_request_error",
               get("/text", "Content-Length: 200000", method="POST")),
    "denied": (403, "destination_ip_prohibited", connect),
    "method": (405, "http_request_denied", get("/text", method="TRACE")),
    "dns": (502, "dns_error",
            lambda w, c: c.ask("GET", f"http://nobody.invalid/{ODD}")),
    "refused": (502, "connection_refused", lambda w, c: c.ask(
        "GET", f"http://127.0.0.1:{free_port()}/{ODD}")),
    "broken": (502, "connection_terminated", get("/torn")),
    "timeout": (504, "connection_timeout", get("/silent")),
    "loop": (508, "proxy_loop_detected",
             get("/text", "Via: 1.1 gw.example.org")),
    "expect": (417, "http_request_error", get("/text", "Expect: more")),
    "not_found": (404, "http_request_error", lambda w, c: c.ask(
        "GET", f"http://sallyport.internal/none{ODD}")),
}


class Reader(html.parser.HTMLParser):
    """What there is on a page, and that every element ends."""

    VOID = ("meta", "link", "br")

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module", name="world")
def a_world(build, module_cleanly):
    w = World(build)
    module_cleanly(w)
    w.gw.start()
    yield w
    assert not w.gw.errors(), w.gw.errors()


def event_with(gw, text):
    """The last event of a request that has its id in a page."""
    return until("its event", lambda: next(
        (e for e in gw.events() if e["event.action"] in ("ended", "outcome")
         and e["event.id"] in text), None))


@pytest.mark.parametrize("cause", CAUSES)
def test_every_cause_has_its_page(world, cause):
    status, word, bring_about = CAUSES[cause]
    with Raw(web_port(world.gw)) as c:
        got = bring_about(world, c)
    assert got.status == status, got.body
    assert got.whole and got.fields["cache-control"] == "no-store"
    assert got.fields["content-type"] == "text/html; charset=utf-8"
    assert f'"gw.example.org"; error={word}' in got.fields["proxy-status"]
    assert "default-src 'none'" in got.fields["content-security-policy"]
    page = Reader(got.body.decode())
    assert page.seen.count("h1") == page.seen.count("main") == 1
    assert "script" not in page.seen and "img" not in page.seen
    assert "help@example.org" in page.text
    event = event_with(world.gw, page.text)
    assert event["event.id"] in got.fields["proxy-status"]
    assert event["sallyport.result"] in ("refused", "failed", "deferred")
    assert str(status) in event["sallyport.reply"]
    if event.get("url.original", "").endswith(ODD):
        assert ODD in page.text         # as a text; the parser has read it
        assert ODD.encode() not in got.body


def test_titles_tell_one_from_the_other(world):
    titles = {}
    for cause, (_, _, bring_about) in CAUSES.items():
        if cause in ("timeout", "limit later"):
            continue
        with Raw(web_port(world.gw)) as c:
            text = bring_about(world, c).body.decode()
        titles[cause] = text.partition("<h1>")[2].partition("</h1>")[0]
    assert len(set(titles.values())) == len(titles), titles


def test_a_page_for_head_has_no_body(world):
    with Raw(web_port(world.gw)) as c:
        for path in ("/both", "/torn"):
            got = c.ask("HEAD", world.url(path))
            assert got.status in (200, 502)     # torn: HEAD has no body
        got = c.ask("HEAD", "http://nobody.invalid/")
        assert got.status == 502 and int(got.fields["content-length"]) > 500
        assert c.ask("GET", world.url("/text")).body == TEXT


def test_what_could_not_be_scanned(build, cleanly):
    w = World(build, scan_deadline="600ms")
    cleanly(w)
    w.gw.configure({"scan": {"workers": "1", "cache_size": "0"}})
    w.gw.start()
    os.kill(w.gw.role("scan 1"), signal.SIGSTOP)
    try:
        with Raw(web_port(w.gw)) as c:
            got = c.ask("GET", w.url("/text"))
        assert got.status == 503
        assert "error=proxy_internal_error" in got.fields["proxy-status"]
        assert "Could not be inspected" in got.body.decode()
        event = w.gw.event_of(got.body.decode())
        assert event["sallyport.verdict"] == "failed"
    finally:
        kill(w.gw.role("scan 1"), signal.SIGCONT)


TEMPLATE = ("<p lang=de>{{cause}} {{status}} {{title}} {{text}} {{reason}} "
            "{{url}} {{host}} {{client}} {{user}} {{id}} {{gateway}} "
            "{{contact}} {{time}}</p>")


def test_a_page_of_ones_own_and_its_next_version(build, cleanly, folder):
    path = f"{folder}/page.html"

    def write(text):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, 0o644)

    write(TEMPLATE)
    w = World(build, block_page=path)
    cleanly(w)
    gw = w.gw.start()

    def page():
        with Raw(web_port(gw)) as c:
            return c.ask("GET", w.url("/bad.com"))

    got = page()
    text = got.body.decode()
    assert text.startswith("<p lang=de>blocked 403 Blocked ")
    for shown in ("127.0.0.1", "gw.example.org", "help@example.org",
                  "a=1&amp;b=&#39;x&#39;", gw.event_of(text)["event.id"]):
        assert shown in text, shown
    assert "content-security-policy" not in got.fields  # theirs to say
    assert got.fields["cache-control"] == "no-store"

    write("{{status}} again")
    gw.reload()
    until("every net worker has it", lambda: all(
        page().body == b"403 again" for _ in range(4)))
    write("one\n{{no_such_tag}}")
    done = gw.run("--check")
    assert done.returncode == 78
    assert "block_page" in done.stderr and "line 2" in done.stderr
    assert "{{no_such_tag}}" in done.stderr
    gw.reload()                         # a bad one keeps the old
    assert page().body == b"403 again"
