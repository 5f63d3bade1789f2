"""HTTP/2 with programs that people use: nginx with it and without on one side;
curl, nghttp, h2load and Chromium on the other."""

import base64
import os
import re
import subprocess
import threading

import corpus
import pytest
from corpus_mail import eicar
from h2_house import WWW, H2House
from inspection import last, read
from peers.chromium import Chromium
from peers.common import PATIENCE, until
from peers.forward import Forward
from peers.nginx_tls import NginxTls
from peers.origin import Origin, answer
from peers.web import web_port
from peers.websocket import websocket_echo
from site_page import SECURE_SOCKET, put_site

TEXT = b"All quiet at the gate.\n" * 2000
BEHIND = """location /odd/ {{ proxy_pass http://127.0.0.1:{port}/;
            proxy_http_version 1.1; proxy_buffering off; }}
        location /up/"""



class Site(NginxTls):
    """nginx with TLS, with HTTP/2 or without, and an odd one behind it."""

    def __init__(self, cert, odd, version):
        super().__init__(cert)
        text = read(f"{self.dir}/conf").decode()
        assert "ssl http2;" in text and "location /up/" in text
        if version == "h1":
            text = text.replace("ssl http2;", "ssl;")
        text = text.replace("location /up/", BEHIND.format(port=odd.port))
        with open(f"{self.dir}/conf", "w", encoding="ascii") as f:
            f.write(text)

    def logs(self, line):
        """Waits until there is such a line of it in its log."""
        until(f"nginx logs {line}", lambda: line in read(
            f"{self.dir}/access.log").decode())


@pytest.fixture(scope="module", name="house")
def one_house(module_cleanly):
    house = H2House(module_cleanly)
    house.behind = Origin()
    module_cleanly(house.behind)
    house.behind.start()
    house.sites = {}
    for version in ("h1", "h2"):
        site = Site(house.leaf, house.behind, version)
        module_cleanly(site)
        house.ports.append(site.port)
        house.sites[version] = site.start()
    return house


@pytest.fixture(scope="module", name="gw")
def one_gateway(build, house):
    gw = house.gateway(build, contact="help@example.test")
    yield gw
    assert not gw.errors(), gw.errors()


@pytest.fixture(name="site", params=["h1", "h2"])
def a_site(house, request):
    site = house.sites[request.param]
    site.says = {"h1": "HTTP/1.1", "h2": "HTTP/2.0"}[request.param]
    return site


@pytest.fixture(name="version", params=["1.1", "2"])
def what_curl_speaks(request):
    return request.param


def fetch(house, gw, version, url, *words, stdin=None):
    got = house.fetch(gw, url, f"--http{version}", *words, stdin=stdin)
    assert got.heads[-1].startswith(b"HTTP/%s " % version.encode()), got.heads
    return got


# ---- curl and nginx ---------------------------------------------------------


def test_files_of_nginx(gw, house, site, version):
    data = os.urandom(2_000_000)
    name = f"large-{version}.bin"
    site.put(name, data)
    got = fetch(house, gw, version, site.url(f"/{name}"))
    assert (got.status, got.body) == (200, data)
    got = fetch(house, gw, version, site.url(f"/{name}"), "-r",
                "1000000-1999999")
    assert (got.status, got.body) == (206, data[1_000_000:])
    site.logs(f'"GET /{name} {site.says}" 200')


def test_a_put_to_nginx(gw, house, site, version):
    data = os.urandom(400_000)
    got = fetch(house, gw, version, site.url("/up/a.bin"), "-X", "PUT",
                "--data-binary", "@-", stdin=data)
    assert got.status in (201, 204) and site.get("up/a.bin") == data
    bad = fetch(house, gw, version, site.url("/up/b.bin"), "-X", "PUT",
                "--data-binary", "@-", stdin=corpus.zipped(eicar()))
    assert bad.status == 403 and not site.has("up/b.bin")


def test_curl_sees_our_page(gw, house, site, version):
    site.put("bad.zip", corpus.zipped(eicar()))
    got = fetch(house, gw, version, site.url("/bad.zip"))
    assert got.status == 403
    assert gw.event_of(got.body.decode())["sallyport.verdict"] == "malware"


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_what_is_behind_nginx(gw, house, site, version, framing):
    """Where no length is said HTTP/2 has none, and HTTP/1.1 has chunks."""
    house.behind.answers.update({
        "/good": answer(TEXT, framing=framing),
        "/bad": answer(corpus.marker(), framing=framing)})
    got = fetch(house, gw, version, site.url("/odd/good"))
    assert (got.status, got.body) == (200, TEXT)
    assert fetch(house, gw, version, site.url("/odd/bad")).status == 403


def test_a_stream_of_events_through_nginx(gw, house, site, version):
    """Each arrives while the answer goes on."""
    asks = threading.Event()

    def serve(connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream"
                        b"\r\nTransfer-Encoding: chunked\r\n\r\n"
                        b"9\r\ndata: 1\n\n\r\n")
        assert asks.wait(PATIENCE)
        connection.send(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")
        return True

    house.behind.answers["/events"] = serve
    with subprocess.Popen(
            ["curl", "-sS", "-N", f"--http{version}", "--noproxy", "", "-x",
             f"http://127.0.0.1:{web_port(gw)}", "--cacert", house.ca.pem,
             "--max-time", str(PATIENCE), "-H", "Accept: text/event-stream",
             site.url("/odd/events")], stdout=subprocess.PIPE) as curl:
        assert curl.stdout.readline() == b"data: 1\n"
        asks.set()
        assert curl.stdout.read() == b"\ndata: 2\n\n"
    assert curl.returncode == 0


def test_curl_resumes(gw, house, site, version, folder):
    site.put("page.txt", TEXT)
    path = f"{folder}/page"
    with open(path, "wb") as f:
        f.write(TEXT[:12_345])
    house.fetch(gw, site.url("/page.txt"), f"--http{version}", "--no-include",
                "-C", "-", "-o", path)
    assert read(path) == TEXT


def test_curl_asks_for_many_at_once(gw, house, folder):
    """On one connection: each page has its event, all one session."""
    site, n = house.sites["h2"], 40
    for i in range(n):
        site.put(f"p{i}", b"%d " % i * 500 if i % 8 else
                 corpus.zipped(eicar(), name=f"x{i}.com"))
    done = subprocess.run(
        ["curl", "-sS", "--http2", "--parallel", "--parallel-max", "40",
         "--noproxy", "", "-x", f"http://127.0.0.1:{web_port(gw)}",
         "--cacert", house.ca.pem, "-w", "%{http_code} %{http_version}\n",
         "-o", f"{folder}/#1", site.url(f"/p[0-{n - 1}]")],
        capture_output=True, check=False, timeout=2 * PATIENCE)
    assert done.returncode == 0, done
    said = done.stdout.decode().split("\n")[:-1]
    assert sorted(said) == ["200 2"] * (n - n // 8) + ["403 2"] * (n // 8)
    for i in range(n):
        got = read(f"{folder}/{i}")
        assert got == site.get(f"p{i}") if i % 8 else b"Blocked" in got
    events = [last(gw, site.url(f"/p{i}")) for i in range(n)]
    assert len({e["event.id"] for e in events}) == n


# ---- nghttp2's own clients --------------------------------------------------


@pytest.fixture(name="forward")
def a_way_around_the_proxy_they_do_not_know(gw, house, cleanly):
    site = house.sites["h2"]
    f = Forward(web_port(gw), f"{WWW}:{site.port}")
    cleanly(f)
    return f.start()


def run(*words):
    return subprocess.run(words, capture_output=True, check=False,
                          timeout=2 * PATIENCE)


def test_nghttp(gw, house, forward):
    """It says what it has against a frame of ours, if anything."""
    site = house.sites["h2"]
    site.put("n.txt", TEXT)
    site.put("bad.com", eicar())
    where = f"https://127.0.0.1:{forward.port}"
    done = run("nghttp", "-v", "-n", "-m", "20", "-H",
               f":authority: {WWW}:{site.port}", f"{where}/n.txt",
               f"{where}/bad.com")
    said = done.stdout.decode()
    assert done.returncode == 0, done
    assert len(re.findall(r":status: 200", said)) == 20, said
    assert len(re.findall(r":status: 403", said)) == 20, said
    assert "RST_STREAM" not in said and "[ERROR]" not in said, said
    assert set(re.findall(r"error_code=(\w+)", said)) == {"NO_ERROR"}, said


def test_h2load(gw, house, forward):
    site = house.sites["h2"]
    site.put("l.txt", TEXT)
    done = run("h2load", "-n", "600", "-c", "4", "-m", "25",
               f"--connect-to=127.0.0.1:{forward.port}",
               f"https://{WWW}:{site.port}/l.txt")
    said = done.stdout.decode()
    assert "600 succeeded, 0 failed, 0 errored, 0 timeout" in said, said
    assert "600 2xx" in said and "protocol: h2" in said, said
    assert gw.roles()


# ---- Chromium ---------------------------------------------------------------


@pytest.fixture(scope="module", name="browser")
def a_browser(gw, house, module_cleanly):
    b = Chromium(proxy=web_port(gw), trusts=[house.ca])
    module_cleanly(b)
    for site in house.sites.values():
        put_site(site)
    return b.start()


# What the column "Protocol" of its network panel shows.
PROTOCOLS = """[...performance.getEntriesByType("navigation"),
    ...performance.getEntriesByType("resource")].map(
        (e) => [e.name.replace(/^.*:[0-9]+/, ""), e.nextHopProtocol])"""


def test_a_browser_speaks_it_to_us(gw, browser, site):
    """Whatever the site speaks."""
    got = browser.goto(site.url("/"))
    assert (got["status"], got["title"]) == (200, "A site")
    assert "the script ran" in got["text"] and got["heard"] == []
    assert browser.run(PROTOCOLS) == [["/", "h2"], ["/site.js", "h2"]]
    browser.picture("h2-site")
    site.logs(f'"GET /site.js {site.says}" 200')
    assert last(gw, site.url("/site.js"))["sallyport.result"] == "delivered"


def test_a_browser_downloads(browser, site, folder):
    browser.goto(site.url("/"))
    got = browser.download("#get", f"{folder}/tool")
    assert got == {"name": "tool.bin", "failure": None}
    assert read(f"{folder}/tool") == site.get("tool.bin")


def test_a_browser_sees_our_page(gw, browser, site):
    browser.goto(site.url("/"))
    got = browser.follow("#bad")
    browser.picture("h2-blocked")
    assert got["url"] == site.url("/bad.com")
    assert got["title"] == "Blocked"
    assert browser.run(PROTOCOLS)[0] == ["/bad.com", "h2"]
    assert gw.event_of(got["text"])["sallyport.verdict"] == "malware"


def test_a_browser_and_its_websocket(gw, house, browser):
    """It goes by HTTP/1.1, as there is no extended CONNECT; pages do not."""
    o = house.two
    o.answers.update({"/": answer(b"<title>odd</title>", fields=[
        "Content-Type: text/html"]), "/ws": websocket_echo})
    browser.goto(o.url("/", WWW))
    assert browser.run(PROTOCOLS)[0] == ["/", "h2"]
    assert browser.run(SECURE_SOCKET % f"{WWW}:{o.port}") == "hello"
    assert o.asked[-1].version == "HTTP/1.1"
    event = last(gw, o.url("/ws", WWW))
    assert event["sallyport.reason"] == "tunnel"


def test_a_browser_uploads_and_asks_for_many(gw, house, browser):
    """fetch() with a body, and 60 at once, as pages do today."""
    o = house.two
    o.answers.update({"/": answer(b"<title>odd</title>", fields=[
        "Content-Type: text/html"]), "/up": answer(b"ok")})
    for i in range(60):
        o.answers[f"/n{i}"] = answer(b"%d" % i)
    browser.goto(o.url("/", WWW))
    assert browser.run(
        "fetch('/up', {method: 'POST', body: new Uint8Array(300000)})"
        ".then((r) => r.text())") == "ok"
    assert o.asked[-1].body == bytes(300_000)
    got = browser.run("Promise.all([...Array(60).keys()].map((i) => "
                      "fetch('/n' + i).then((r) => r.text())))")
    assert got == [str(i) for i in range(60)]
    bad = browser.run("fetch('/up', {method: 'POST', body: atob('%s')})"
                      ".then((r) => r.status)"
                      % base64.b64encode(corpus.marker()).decode())
    assert bad == 403
    assert gw.roles()
