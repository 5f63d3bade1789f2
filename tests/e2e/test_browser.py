"""What somebody at a browser sees of the gateway: Debian's Chromium, headless,
with it as a proxy or with its proxy.pac."""

import hashlib
import struct
import zlib

import pytest
from peers.certificate import Certificate
from peers.chromium import Chromium
from peers.common import until
from peers.hosts import start_with_hosts
from peers.nginx import Nginx
from peers.origin import Origin, answer
from peers.sallyport import Sallyport
from peers.web import web_listener, web_port
from peers.websocket import websocket_echo
from site_page import put_site

SITE, OTHER = "www.example.test", "odd.example.test"

SOCKET = """new Promise((done, fail) => {
    const ws = new WebSocket("ws://%s/ws");
    const got = [];
    ws.binaryType = "arraybuffer";
    ws.onerror = () => fail(new Error("no WebSocket"));
    ws.onopen = () => { ws.send("hello"); ws.send(new Uint8Array(70000)); };
    ws.onmessage = (m) => {
        got.push(typeof m.data === "string" ? m.data : m.data.byteLength);
        if (got.length === 2) ws.close(1000);
    };
    ws.onclose = (e) => done([...got, e.code]);
})"""


def png(width, height):
    """A picture, all of one colour."""
    def piece(kind, data):
        return struct.pack(">I", len(data)) + kind + data + \
            struct.pack(">I", zlib.crc32(kind + data))
    rows = (b"\0" + b"\x20\x60\x90" * width) * height
    return b"\x89PNG\r\n\x1a\n" + piece(
        b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + \
        piece(b"IDAT", zlib.compress(rows)) + piece(b"IEND", b"")


@pytest.fixture(scope="module", name="ca")
def a_ca(module_cleanly):
    c = Certificate("ca.example.test")
    module_cleanly(c)
    return c


@pytest.fixture(scope="module", name="web")
def a_gateway(build, module_cleanly, odd, ca):
    gw = Sallyport(build, {
        **web_listener(contact="help@example.test",
                       connect_ports=str(odd.port)),
        "tls-inspection": {"ca_cert_file": ca.pem}})
    module_cleanly(gw)
    yield start_with_hosts(gw, SITE, OTHER)
    assert not gw.errors(), gw.errors()


@pytest.fixture(scope="module", name="site")
def a_site(module_cleanly):
    n = Nginx()
    module_cleanly(n)
    put_site(n, '<p><img src="/gate.png" alt="a gate"></p>')
    n.put("gate.png", png(40, 30))
    return n.start()


@pytest.fixture(scope="module", name="odd")
def an_origin(module_cleanly):
    o = Origin({"/": answer(b"<title>odd</title>", fields=[
        "Content-Type: text/html"]), "/ws": websocket_echo})
    module_cleanly(o)
    return o.start()


@pytest.fixture(scope="module", name="browser")
def a_browser(web, module_cleanly):
    b = Chromium(proxy=web_port(web))
    module_cleanly(b)
    return b.start()


def at(name, peer, path="/"):
    return f"http://{name}:{peer.port}{path}"


def test_a_page_with_all_that_is_on_it(web, browser, site):
    got = browser.goto(at(SITE, site))
    assert (got["status"], got["title"]) == (200, "A site")
    assert "the script ran" in got["text"]
    assert browser.run("document.images[0].naturalWidth") == 40
    fetched = {url.rpartition("/")[2]: status for url, status in
               got["fetched"] if url.startswith("http")}
    assert fetched == {"": 200, "gate.png": 200, "site.js": 200}
    assert got["heard"] == []
    assert {e["file.name"] for e in web.events(event__action="decision")
            if "file.name" in e} >= {"gate.png", "site.js"}


def test_a_download_is_the_same_to_the_byte(browser, site, folder):
    browser.goto(at(SITE, site))
    got = browser.download("#get", f"{folder}/tool")
    assert got == {"name": "tool.bin", "failure": None}
    with open(f"{folder}/tool", "rb") as f:
        data = f.read()
    assert hashlib.sha256(data).digest() == \
        hashlib.sha256(site.get("tool.bin")).digest()


def test_a_blocked_download_is_our_page(web, browser, site):
    browser.goto(at(SITE, site))
    got = browser.follow("#bad")
    browser.picture("blocked")
    assert got["url"] == at(SITE, site, "/bad.com")
    assert got["title"] == "Blocked"
    event = web.event_of(got["text"])
    assert event["sallyport.verdict"] == "malware"
    for shown in (event["event.id"], at(SITE, site, "/bad.com"), "Eicar",
                  "gw.example.org", "help@example.test"):
        assert shown in got["text"], shown


def contrast(pair):
    """WCAG 2.1 1.4.3: of two colours as the browser computes them."""
    def light(colour):
        parts = colour[colour.index("(") + 1:-1].split(",")[:3]
        r, g, b = ((c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4)
                   for c in (float(p) / 255 for p in parts))
        return 0.2126 * r + 0.7152 * g + 0.0722 * b
    low, high = sorted(map(light, pair))
    return (high + 0.05) / (low + 0.05)


COLOURS = """(() => {
    const back = getComputedStyle(document.body).backgroundColor;
    return [...document.querySelectorAll("body *")]
        .filter((e) => [...e.childNodes].some(
            (n) => n.nodeType === 3 && n.data.trim() !== ""))
        .map((e) => [getComputedStyle(e).color, back]);
})()"""


def test_the_page_is_plain_and_can_be_read(browser, site, folder):
    got = browser.goto(at(SITE, site, "/bad.com"))
    assert got["status"] == 403
    assert ["403" in said for said in got["heard"]] == [True]
    assert [url for url, _ in got["fetched"]] == [got["url"]]
    assert got["fields"]["cache-control"] == "no-store"
    assert browser.run("document.scripts.length") == 0
    assert browser.run("document.documentElement.lang") == "en"
    assert browser.run("document.querySelectorAll('main h1').length") == 1
    backs = set()
    for dark in (False, True):
        browser.shot(f"{folder}/page.png", dark=dark)
        pairs = browser.run(COLOURS)
        assert len(pairs) > 5
        assert min(map(contrast, pairs)) >= 7      # 1.4.6
        backs.add(pairs[0][1])
    assert len(backs) == 2
    browser.shot(f"{folder}/page.png", width=320)  # 1.4.10: no sideways
    assert browser.run("document.documentElement.scrollWidth <= 320")


def test_websocket(web, browser, odd):
    browser.goto(at(OTHER, odd))
    assert browser.run(SOCKET % f"{OTHER}:{odd.port}") == \
        ["hello", 70000, 1000]
    # RFC 6455 4.1: by a tunnel, as any browser does that has a proxy
    event = until("its event", lambda: next(iter(web.events(
        url__original=f"{OTHER}:{odd.port}")), None))
    assert event["http.request.method"] == "CONNECT"
    assert event["sallyport.bytes.out"] > 70000


def test_the_onboarding_page(web, browser, ca, folder):
    got = browser.goto("http://sallyport.internal/")
    browser.picture("onboarding")
    assert got["status"] == 200 and got["heard"] == []
    assert f"{web_port(web)}/proxy.pac" in got["text"]
    assert hashlib.sha256(ca.der()).digest().hex(":").upper() in got["text"]
    assert browser.run("document.scripts.length") == 0
    assert browser.download("a[href='/ca.cer']", f"{folder}/cer") == {
        "name": "ca.cer", "failure": None}
    with open(f"{folder}/cer", "rb") as f:
        assert f.read() == ca.der()


def test_our_pac_file_brings_the_browser_here(web, module_cleanly, site):
    """It asks the gateway for the file, and by it goes through the gateway:
    these names mean nothing anywhere else."""
    b = Chromium(pac=f"http://127.0.0.1:{web_port(web)}/proxy.pac")
    module_cleanly(b)
    b.start()
    assert "the script ran" in b.goto(at(SITE, site))["text"]
    assert b.goto("http://sallyport.internal/")["status"] == 200
    got = b.goto("http://nobody.invalid/")
    b.picture("dns")
    assert (got["status"], got["title"]) == (502, "Server not found")
