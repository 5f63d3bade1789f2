"""Clients that will have nothing of our certificate: those that say so in the
handshake, and those that look at it behind the handshake (OkHttp and most that
pin) and go without a word.  And clients that hide whom they mean (ECH)."""

import socket
import ssl
import subprocess

import pytest
from inspection import House, Tunnel, client_hello, last, notes
from peers.common import PATIENCE, until
from peers.origin import answer
from peers.web import ended, web_port

pytestmark = pytest.mark.core

TEXT = b"All quiet at the gate.\n"
WWW, BANK, PINNED, CDN = "www.example.test", "bank.example.test", \
    "pinned.example.test", "cdn.example.test"
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture(scope="module", name="house")
def one_house(module_cleanly):
    house = House(module_cleanly)
    house.good.answers["/"] = answer(TEXT)
    return house


@pytest.fixture(name="gw")
def one_gateway(build, house):
    """What one net worker has learned the other does not know."""
    gw = house.gateway(build, {"auto_bypass": "1h"},
                       {"gateway": {"workers": "1"}}, idle_timeout="60s")
    yield gw
    assert not gw.errors(), gw.errors()


class Pinning:
    """A client that trusts the CAs of its machine, ours too, and then asks for
    one certificate alone."""

    def __init__(self, house, gw, version=None, alpn=None):
        self.house, self.gw = house, gw
        self.context = ssl.create_default_context(cafile=house.ca.pem)
        self.context.load_verify_locations(house.trusted)
        if version:
            self.context.maximum_version = version
        if alpn:
            self.context.set_alpn_protocols(alpn)

    def issuer(self, name, goes="close"):
        """Who signed what it is shown.  Where it is not the server's own, it
        goes at once."""
        with Tunnel(self.gw, f"{name}:{self.house.good.port}") as c:
            c.secure(self.context, name)
            who = c.issuer()
            if who == "Test Intermediate":
                host = f"{name}:{self.house.good.port}"
                assert c.ask("GET", "/", host).body == TEXT
            elif goes == "notify":
                c.raw.sock.unwrap()
            elif goes == "reset":
                c.raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                      b"\1\0\0\0\0\0\0\0")
            elif goes == "asks":
                host = f"{name}:{self.house.good.port}"
                assert c.ask("GET", "/", host).body == TEXT
            return who


def silent(gw, house, name, times):
    """The events of those who went without a word."""
    return until("their events", lambda: [
        e for e in gw.events(url__original=f"{name}:{house.good.port}")
        if e.get("sallyport.reason") == "no_request"][times - 1:])


# ---- those that say so ---------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_who_says_so_is_noted_and_then_left_alone(gw, house, version):
    context = ssl.create_default_context(cafile=house.trusted)
    context.maximum_version = version
    with Tunnel(gw, f"{PINNED}:{house.good.port}") as c:
        with pytest.raises(ssl.SSLCertVerificationError):
            c.secure(context, PINNED)
    event = last(gw, f"{PINNED}:{house.good.port}")
    assert event["sallyport.result"] == "aborted"
    assert event["sallyport.reason"] == "certificate_refused"
    assert notes(event) == ["certificate_refused"]
    assert "unknown ca" in event["sallyport.reply"]
    assert Pinning(house, gw, version).issuer(PINNED) == "Test Intermediate"
    assert Pinning(house, gw, version).issuer(WWW, "asks") == "Gateway CA"


# RFC 8446 6.2; that it is said in the clear is right before there are keys.
ALERTS = {
    42: ("certificate_refused", ["certificate_refused"]),   # bad_certificate
    45: ("certificate_refused", ["certificate_refused"]),   # ..._expired
    46: ("certificate_refused", ["certificate_refused"]),   # ..._unknown
    48: ("certificate_refused", ["certificate_refused"]),   # unknown_ca
    40: ("handshake", []),                                  # handshake_failure
    121: ("handshake", ["ech"]),                            # ech_required
}


def test_which_alerts_speak_of_our_certificate(gw, house):
    for alert, (reason, words) in ALERTS.items():
        name = f"a{alert}.example.test"
        with Tunnel(gw, f"{WWW}:{house.good.port}") as c:
            c.raw.send(client_hello(name))
            assert c.raw.take(1) == b"\x16"  # we have answered
            c.raw.send(b"\x15\x03\x03\x00\x02\x02" + bytes([alert]))
            ended(c.raw)
        event = until("its event", lambda name=name: next(iter(
            gw.events(tls__client__server_name=name)), None))
        assert event["sallyport.reason"] == reason, alert
        assert notes(event) == ["sni_mismatch", *words], alert


# ---- those that go without a word ----------------------------------------------


# (Under TLS 1.3 the client is done before we are: its reset may overtake.)
@pytest.mark.parametrize("version, goes", [
    (VERSIONS[0], "reset"), (VERSIONS[0], "notify"), (VERSIONS[1], "close"),
    (VERSIONS[1], "notify")])
def test_who_goes_without_a_word(gw, house, version, goes):
    """Once may be chance.  Of a second time something is learned."""
    client = Pinning(house, gw, version)
    assert client.issuer(PINNED, goes) == "Gateway CA"
    event = silent(gw, house, PINNED, 1)[0]
    assert event["sallyport.result"] == "aborted"
    assert event["tls.version"] == version.name[-3:].replace("_", ".")
    assert client.issuer(PINNED, goes) == "Gateway CA"
    silent(gw, house, PINNED, 2)
    assert client.issuer(PINNED) == "Test Intermediate"
    assert client.issuer(CDN, goes) == "Gateway CA"  # that host alone


def test_who_could_speak_http_2(gw, house):
    client = Pinning(house, gw, alpn=["h2", "http/1.1"])
    for times in (1, 2):
        assert client.issuer(PINNED) == "Gateway CA"
        silent(gw, house, PINNED, times)
    client = Pinning(house, gw)
    assert client.issuer(PINNED) == "Test Intermediate"


def test_who_has_something_to_say_there_does_not_pin(gw, house):
    client = Pinning(house, gw)
    for times in (1, 2, 3):
        assert client.issuer(WWW) == "Gateway CA"
        silent(gw, house, WWW, times)
        assert client.issuer(WWW, "asks") == "Gateway CA"


def test_whom_the_gateway_ends_does_not_pin(build, house):
    gw = house.gateway(build, {"auto_bypass": "1h"},
                       {"gateway": {"workers": "1"}}, idle_timeout="1s")
    for _ in range(3):
        with house.connect(gw, BANK) as c:
            assert c.issuer() == "Gateway CA"
            assert ended(c.raw)[0] == b""
    events = until("their events", lambda: gw.events(
        url__original=f"{BANK}:{house.good.port}",
        sallyport__reason="inspected")[2:])
    assert events[0]["sallyport.result"] == "delivered"
    assert not gw.errors(), gw.errors()


def test_a_stop_is_nobodys_refusal(build, house):
    gw = house.gateway(build, more={"gateway": {"drain_timeout": "1h"}})
    with house.connect(gw) as c:
        gw.child.terminate()
        assert ended(c.raw)[0] == b""
        assert gw.child.wait(PATIENCE) == 0
    event = gw.events(url__original=f"{WWW}:{house.good.port}")[-1]
    assert event["sallyport.reason"] == "inspected"
    assert not gw.errors(), gw.errors()


# ---- Encrypted Client Hello ----------------------------------------------------

ECH = "65037"  # the extension's number


@pytest.mark.parametrize("host, words", [
    (WWW, []),                          # browsers pretend to it everywhere
    (BANK, ["sni_mismatch", "ech"])])
def test_a_hello_that_may_hide_another_one(gw, house, host, words):
    """OpenSSL's client sends the extension, empty; we are a server that knows
    nothing of it, so the name in the open is whom we show."""
    done = subprocess.run(
        ["openssl", "s_client", "-proxy", f"127.0.0.1:{web_port(gw)}",
         "-connect", f"{host}:{house.good.port}", "-servername", WWW,
         "-serverinfo", ECH, "-CAfile", house.ca.pem, "-quiet",
         "-verify_return_error", "-verify_hostname", WWW],
        input=f"GET / HTTP/1.0\r\nHost: {WWW}:{house.good.port}\r\n\r\n"
        .encode(), capture_output=True, check=False, timeout=PATIENCE)
    assert b" 200 OK" in done.stdout and TEXT in done.stdout, done
    event = last(gw, f"{host}:{house.good.port}")
    assert event["sallyport.reason"] == "inspected"
    assert event["tls.client.server_name"] == WWW
    assert notes(event) == words
