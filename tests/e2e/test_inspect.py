"""Inside TLS: what clients see of it, what is blocked in there, and whose
certificates we believe."""

import io
import ssl
import tarfile
import zipfile

import pytest
from corpus_mail import eicar
from inspection import NAMES, House, Tunnel, last, notes
from peers.common import until
from peers.origin import answer
from peers.websocket import put, websocket_echo

pytestmark = pytest.mark.core

TEXT = b"All quiet at the gate.\n" * 200
CLEAN = b"X" + b"5O!P%@AP" + b"clean twin, says nobody's signature\r\n"


@pytest.fixture(scope="module", name="house")
def one_house(module_cleanly):
    return House(module_cleanly)


@pytest.fixture(scope="module", name="gw")
def one_gateway(build, house):
    gw = house.gateway(build, {"bypass": "bank.example.test"})
    yield gw
    assert not gw.errors(), gw.errors()


@pytest.fixture(name="good")
def fresh_answers(house):
    house.good.answers.clear()
    house.good.asked.clear()
    house.good.names.clear()
    return house.good


def where(o, path="/", host="www.example.test"):
    return o.url(path, host)


# ---- what passes ---------------------------------------------------------------


def test_a_page_passes_and_both_sides_are_in_the_event(gw, house, good):
    good.answers["/a.txt"] = answer(TEXT, fields=["Content-Type: text/plain"])
    url = where(good, "/a.txt?q=1")

    got = house.fetch(gw, url)

    assert (got.status, got.body, got.code) == (200, TEXT, 0)
    assert got.fields["via"] == "1.1 gw.example.org"
    assert good.asked[-1].target == "/a.txt?q=1"
    assert good.asked[-1].get("host") == f"www.example.test:{good.port}"
    assert good.names == ["www.example.test"]
    event = last(gw, url)
    assert event["sallyport.result"] == "delivered"
    assert event["tls.version"] == "1.3"
    assert event["tls.client.server_name"] == "www.example.test"
    assert event["sallyport.next_hop_tls.version"] == "1.3"
    assert event["server.address"] == f"127.0.0.1:{good.port}"
    around = last(gw, f"www.example.test:{good.port}")
    assert around["http.request.method"] == "CONNECT"
    assert around["sallyport.reason"] == "inspected"
    assert around["sallyport.session"] == event["sallyport.session"]


def test_our_certificate_says_what_was_asked_for(gw, house, good):
    for name in ("www.example.test", "127.0.0.1"):
        with house.connect(gw, name) as c:
            assert c.issuer() == "Gateway CA"
            names = [v for _, v in
                     c.raw.sock.getpeercert()["subjectAltName"]]
            assert names == [name]


def test_one_session_has_one_connection_to_the_origin(gw, house, good):
    good.answers["/a"] = answer(TEXT)
    host = f"www.example.test:{good.port}"
    with house.connect(gw) as c:
        # the first one may be sent only once, and finds a connection
        assert c.ask("POST", "/a", host, ["Content-Length: 2"],
                     b"ab").status == 200
        for _ in range(3):
            assert c.ask("GET", "/a", host).body == TEXT
    assert len({r.connection for r in good.asked}) == 1


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3])
def test_sessions_are_resumed_on_the_clients_side(gw, house, good, version):
    good.answers["/a"] = answer(TEXT)
    context = ssl.create_default_context(cafile=house.ca.pem)
    context.maximum_version = version
    host = f"www.example.test:{good.port}"
    with Tunnel(gw, host) as c:
        c.secure(context, "www.example.test")
        assert c.ask("GET", "/a", host).body == TEXT
        session = c.raw.sock.session
    with Tunnel(gw, host) as c:
        c.raw.file.close()
        c.raw.sock = context.wrap_socket(
            c.raw.sock, server_hostname="www.example.test", session=session)
        c.raw.file = c.raw.sock.makefile("rb")
        assert c.raw.sock.session_reused
        assert c.ask("GET", "/a", host).body == TEXT


def test_sessions_are_resumed_on_the_origins_side(build, house):
    """Its certificate was checked for the first; the next need not show it."""
    once = answer(TEXT, fields=["Connection: close"])
    once.keeps = False
    o = house.origin(house.mid.leaf(*NAMES).serves(), {"/once": once})
    house.ports.append(o.port)
    gw = house.gateway(build, more={"gateway": {"workers": "1"}})
    for _ in range(3):
        assert house.fetch(gw, where(o, "/once")).body == TEXT
    assert o.resumed == [False, True, True]
    events = until("their events", lambda: gw.events(
        sallyport__next_hop_tls__resumed=True)[1:])
    assert events[0]["sallyport.next_hop_tls.version"] == "1.3"
    assert not gw.errors(), gw.errors()


def test_hsts_stays_and_alt_svc_goes(gw, house, good):
    good.answers["/"] = answer(TEXT, fields=[
        "Strict-Transport-Security: max-age=31536000",
        'Alt-Svc: h3=":443"; ma=86400'])
    got = house.fetch(gw, where(good))
    assert got.fields["strict-transport-security"] == "max-age=31536000"
    assert "alt-svc" not in got.fields


def test_ranges_are_cut_from_the_whole_in_there(gw, house, good):
    good.answers["/r"] = answer(bytes(range(256)) * 400)
    got = house.fetch(gw, where(good, "/r"), "-r", "256-511")
    assert (got.status, got.body) == (206, bytes(range(256)))
    good.answers["/v"] = answer(b"." * 5000 + eicar())
    assert house.fetch(gw, where(good, "/v"), "-r", "0-99").status in (206, 403)


def test_websocket_passes_in_there(gw, house, good):
    good.answers["/ws"] = websocket_echo
    host = f"www.example.test:{good.port}"
    with house.connect(gw) as c:
        c.raw.send(
            f"GET /ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
        assert b" 101 " in c.raw.head().split(b"\r\n")[0]
        mask = b"\1\2\3\4"
        text = bytes(b ^ mask[i % 4] for i, b in enumerate(b"hello"))
        c.raw.send(b"\x81\x85" + mask + text)
        assert c.raw.take(7) == put(0x81, b"hello")
        c.raw.send(b"\x88\x80" + mask)
        assert c.raw.take(2) == put(0x88, b"")
        assert c.raw.rest() == b""
    event = last(gw, f"https://{host}/ws")
    assert event["sallyport.reason"] == "tunnel"


# ---- what is blocked -----------------------------------------------------------


def zipped(data, name="x.com"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(name, data)
    return out.getvalue()


def tar_gz(data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as t:
        info = tarfile.TarInfo("x.com")
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
    return out.getvalue()


WRAPPINGS = {"raw": lambda data: data, "zip": zipped,
             "nested": lambda data: zipped(zipped(data), "inner.zip"),
             "tar.gz": tar_gz}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_the_table(gw, house, good, wrapping):
    """Each way through is tried with the virus and with its clean twin."""
    bad, clean = (WRAPPINGS[wrapping](d) for d in (eicar(), CLEAN))
    good.answers.update({"/clean": answer(clean), "/bad": answer(bad),
                         "/up": answer(b"taken")})

    got = house.fetch(gw, where(good, "/clean"))
    assert (got.status, got.body) == (200, clean)
    page = house.fetch(gw, where(good, "/bad"))
    assert page.status == 403 and bad not in page.body
    assert gw.event_of(page.body.decode())["sallyport.flow"] == "download"
    for words in (["-X", "PUT"], []):
        good.asked.clear()
        got = house.fetch(gw, where(good, "/up"), *words, "--data-binary",
                          "@-", stdin=clean)
        assert (got.status, got.body) == (200, b"taken")
        assert [r.body for r in good.asked] == [clean]
        page = house.fetch(gw, where(good, "/up"), *words, "--data-binary",
                           "@-", stdin=bad)
        assert page.status == 403 and len(good.asked) == 1
        event = gw.event_of(page.body.decode())
        assert event["sallyport.flow"] == "upload"
        assert event["sallyport.verdict"] == "malware"


def test_a_page_is_shown_under_our_certificate(gw, house, good):
    good.answers["/x.com"] = answer(eicar())
    with house.connect(gw) as c:
        host = f"www.example.test:{good.port}"
        got = c.ask("GET", "/x.com", host)
        assert got.status == 403 and c.issuer() == "Gateway CA"
        assert f"https://{host}/x.com".encode() in got.body
        # and the connection goes on
        assert c.ask("GET", "/none", host).status == 404


# ---- whose request it is -------------------------------------------------------


def test_no_request_in_there_names_another_server(gw, house, good):
    good.answers["/a"] = answer(TEXT)
    with house.connect(gw) as c:
        got = c.ask("GET", "/a", f"bank.example.test:{good.port}")
        assert got.status == 421
        assert c.ask("GET", f"http://www.example.test:{good.port}/a",
                     f"www.example.test:{good.port}").status == 421
        assert c.ask("GET", f"https://www.example.test:{good.port}/a",
                     f"www.example.test:{good.port}").body == TEXT
        assert c.ask("GET", "/a", "www.example.test:1").status == 421
    assert [r.target for r in good.asked] == ["/a"]


def test_without_http2_it_is_http_1_1_that_is_agreed_on(build, house, good):
    """Who could speak HTTP/2, too, is told; who could nothing else, is not
    lied to."""
    gw = house.gateway(build, {"http2": "no"})
    good.answers["/a"] = answer(TEXT)
    for offered, agreed in ((["h2", "http/1.1"], "http/1.1"), (["h2"], None)):
        context = ssl.create_default_context(cafile=house.ca.pem)
        context.set_alpn_protocols(offered)
        with house.connect(gw, context=context) as c:
            assert c.raw.sock.selected_alpn_protocol() == agreed


def test_the_gateway_itself_is_there_by_https_too(gw, house, good):
    got = house.fetch(gw, "https://sallyport.internal/proxy.pac")
    assert got.status == 200 and b"FindProxyForURL" in got.body
    assert house.fetch(gw, "https://sallyport.internal/x").status == 404
    # and is not where somebody else is
    with house.connect(gw) as c:
        assert c.ask("GET", "/proxy.pac", "sallyport.internal").status == 421
    good.answers["/proxy.pac"] = answer(TEXT)
    assert house.fetch(gw, where(good, "/proxy.pac")).body == TEXT


def test_no_connect_inside_a_connect(gw, house, good):
    with house.connect(gw) as c:
        target = f"www.example.test:{good.port}"
        assert c.ask("CONNECT", target, target).status == 405
    assert not good.asked


def test_http_1_0_needs_no_host(gw, house, good):
    good.answers["/a"] = answer(TEXT)
    with house.connect(gw) as c:
        c.raw.send(b"GET /a HTTP/1.0\r\n\r\n")
        assert c.raw.answer().body == TEXT
    assert good.asked[-1].get("host") == f"www.example.test:{good.port}"


def test_two_names_for_one_server(gw, house, good):
    """What CONNECT says is where we go, SNI is whom we and the client believe
    to be there; the event has both."""
    good.answers["/a"] = answer(TEXT)
    host = f"127.0.0.1:{good.port}"
    with house.connect(gw, "127.0.0.1", sni="www.example.test") as c:
        assert c.ask("GET", "/a", f"www.example.test:{good.port}").body == TEXT
    assert good.names == ["www.example.test"]
    event = last(gw, host)
    assert event["url.domain"] == "127.0.0.1"
    assert event["tls.client.server_name"] == "www.example.test"
    assert notes(event) == ["sni_mismatch"]
    inner = last(gw, f"https://www.example.test:{good.port}/a")
    assert notes(inner) == ["sni_mismatch"]


def test_without_sni_the_host_of_connect_counts(gw, house, good):
    good.answers["/a"] = answer(TEXT)
    host = f"cdn.example.test:{good.port}"
    with Tunnel(gw, host) as c:
        context = ssl.create_default_context(cafile=house.ca.pem)
        context.check_hostname = False
        c.secure(context, None)
        assert c.ask("GET", "/a", host).body == TEXT
    assert good.names == ["cdn.example.test"]
    assert notes(last(gw, host)) == ["no_sni"]
