"""Clients that speak TLS to their proxy (`tls = implicit`, HTTPS in a PAC file):
plain requests, tunnels, and inspection, which is one TLS inside of another."""

import concurrent.futures
import os
import threading

import pytest
from corpus import zipped
from corpus_mail import eicar
from inspection import NAMES, House, last
from peers.chromium import Chromium
from peers.common import PATIENCE, until
from peers.origin import Origin, answer
from peers.web import curl, web_listener, web_port
from test_http_flow import FLOW
from test_http_kills import still_open

TEXT = b"All quiet at the gate.\n" * 20
LARGE = os.urandom(3 << 20)
NAME, BANK = NAMES[:2]
GATE = "gw.example.test"
BAD_AT_ITS_END = LARGE + zipped(eicar())
TIMED_OUT = 28  # as curl says it


@pytest.fixture(scope="module", name="house")
def a_house(module_cleanly):
    h = House(module_cleanly)
    h.wake = threading.Event()
    h.good.answers.update({
        "/a": answer(TEXT), "/large": answer(LARGE), "/up": answer(b"thanks"),
        "/bad.com": answer(eicar()), "/silent": lambda c: not h.wake.wait(PATIENCE),
        "/page": answer(b"<p>All quiet</p>", fields=[
            "Content-Type: text/html"]),
        "/bad": answer(BAD_AT_ITS_END),
        "/bad-chunked": answer(BAD_AT_ITS_END, framing="chunked")})
    return h


def with_tls(house):
    """A certificate of its own for the gateway; the same authority's."""
    leaf = house.mid.leaf(GATE, "127.0.0.1")
    return {"tls": {"cert_file": leaf.pem, "key_file": leaf.key}}


@pytest.fixture(scope="module", name="gw")
def an_inspecting_one(build, house):
    gw = house.gateway(build, {"bypass": BANK}, with_tls(house),
                       tls="implicit", **FLOW)
    yield gw
    assert not gw.errors(), gw.errors()


def by_tls(gw, house, url, *words, **more):
    """By curl, which speaks TLS to its proxy."""
    return curl(web_port(gw), url, "-x", f"https://127.0.0.1:{web_port(gw)}",
                "--proxy-cacert", house.root.pem, *words, **more)


# ---- without inspection --------------------------------------------------------


@pytest.mark.core
def test_plain_requests_and_tunnels(gateway, cleanly, house):
    o = Origin({"/a": answer(TEXT), "/bad.com": answer(eicar())})
    cleanly(o)
    o.start()
    gw = gateway({**with_tls(house), **web_listener(
        tls="implicit", connect_ports=str(o.port))})
    got = by_tls(gw, house, o.url("/a"))
    assert (got.status, got.body) == (200, TEXT)
    assert by_tls(gw, house, o.url("/bad.com")).status == 403
    got = by_tls(gw, house, o.url("/a"), "--proxytunnel")
    assert (got.status, got.body) == (200, TEXT)
    event = last(gw, o.url("/a"))
    assert event["tls.version"]


# ---- with it -------------------------------------------------------------------


@pytest.mark.core
def test_inspection_inside(gw, house):
    trust = ("--cacert", house.ca.pem)
    url = house.good.url("/", NAME)
    got = by_tls(gw, house, f"{url}a", *trust)
    assert (got.status, got.body) == (200, TEXT)
    got = by_tls(gw, house, f"{url}large", *trust)
    assert got.body == LARGE
    got = by_tls(gw, house, f"{url}bad.com", *trust)
    assert got.status == 403 and b"Blocked" in got.body
    assert gw.event_of(got.body.decode())["sallyport.verdict"] == "malware"
    got = by_tls(gw, house, f"{url}up", *trust, "--data-binary", "@-",
                 stdin=LARGE)
    assert got.status == 200 and house.good.asked[-1].body == LARGE
    before = len(house.good.asked)
    got = by_tls(gw, house, f"{url}up", *trust, "--data-binary", "@-",
                 stdin=eicar())
    assert got.status == 403 and len(house.good.asked) == before


@pytest.mark.core
@pytest.mark.parametrize("version", ["1.0", "1.1", "2"])
@pytest.mark.parametrize("path", ["bad", "bad-chunked"])
def test_what_is_cut_off_is_not_whole(gw, house, path, version):
    """Without a length the end of the connection is all an old client sees."""
    url = house.good.url(f"/{path}?{version}", NAME)
    got = by_tls(gw, house, url, "--cacert", house.ca.pem, f"--http{version}")
    assert got.code != 0 and len(got.body) < len(LARGE)
    event = last(gw, url)
    assert event["sallyport.result"] == "refused"
    assert event["sallyport.released_before_verdict"]


@pytest.mark.core
def test_a_bypassed_host_and_another_name_behind_it(gw, house):
    url = house.good.url("/a", BANK)
    got = by_tls(gw, house, url, "--cacert", house.root.pem)
    assert (got.status, got.body) == (200, TEXT)    # its own certificate
    port = house.good.port
    got = by_tls(gw, house, house.good.url("/bad.com", NAME), "--cacert",
                 house.ca.pem, "--connect-to", f"{NAME}:{port}:{BANK}:{port}")
    assert got.status == 403


@pytest.mark.core
def test_many_who_come_and_go(gw, house):
    house.wake.clear()

    def fetch(n):
        words = ("--cacert", house.ca.pem)
        if n % 4 == 0:
            url = house.good.url("/silent", NAME)
            return by_tls(gw, house, url, *words, "--max-time", "1").code
        got = by_tls(gw, house, house.good.url("/large", NAME), *words)
        return got.body == LARGE

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        got = list(pool.map(fetch, range(16)))
    assert got == [TIMED_OUT, True, True, True] * 4
    house.wake.set()        # who has ended its half may still want an answer
    until("no connection is left", lambda: still_open(web_port(gw)) == 0)


# ---- browsers ------------------------------------------------------------------


def test_its_pac_file_says_so(gw, house):
    """By the name that its certificate has, if it was asked by that."""
    port = web_port(gw)
    for host in (GATE, "127.0.0.1"):
        got = curl(port, f"https://{host}:{port}/proxy.pac", "--noproxy", "*",
                   "--resolve", f"{GATE}:{port}:127.0.0.1", "--cacert",
                   house.root.pem)
        assert f'return "HTTPS {host}:{port}";' in got.body.decode()
    got = by_tls(gw, house, "http://sallyport.internal/")
    assert f"https://127.0.0.1:{port}/proxy.pac" in got.body.decode()


def test_chromium_by_that_file(gw, house, cleanly):
    b = Chromium(pac=f"https://127.0.0.1:{web_port(gw)}/proxy.pac",
                 trusts=[house.root, house.ca])
    cleanly(b)
    b.start()
    got = b.goto(house.good.url("/page", NAME))
    assert (got["status"], got["text"]) == (200, "All quiet")
    event = last(gw, house.good.url("/page", NAME))
    assert event["sallyport.result"] == "delivered"
    got = b.goto(house.good.url("/bad.com", NAME))
    assert (got["status"], got["title"]) == (403, "Blocked")
