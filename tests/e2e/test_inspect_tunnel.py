"""What is not looked into: which CONNECT becomes a tunnel, which is refused,
and what the event says of each."""

import os
import ssl
import time

import pytest
from inspection import House, Tunnel, client_hello, last, notes
from peers.common import PATIENCE, until
from peers.origin import answer
from peers.tcp import TcpPeer
from peers.web import ended

pytestmark = pytest.mark.core

TEXT = b"All quiet at the gate.\n"
BANK, WWW, CDN = "bank.example.test", "www.example.test", "cdn.example.test"


@pytest.fixture(scope="module", name="house")
def one_house(module_cleanly):
    house = House(module_cleanly)
    house.good.answers["/"] = answer(TEXT)
    house.echo = Echo()
    module_cleanly(house.echo)
    house.ports.append(house.echo.port)
    return house


RULES = {
    "rule ssh": {"policy": "web", "host": "cdn.example.test",
                 "action": "tunnel"},
    "rule look": {"policy": "web", "host": "look.bank.example.test",
                  "action": "inspect"},
    "rule never": {"policy": "web", "host": "never.example.test",
                   "method": "CONNECT", "action": "block"},
}


@pytest.fixture(scope="module", name="gw")
def one_gateway(build, house):
    gw = house.gateway(build, {"bypass": "*bank.example.test"}, RULES,
                       request_timeout="4s")
    yield gw
    assert not gw.errors(), gw.errors()


class Echo(TcpPeer):
    """Speaks first, and is no TLS."""

    def __init__(self):
        super().__init__(self.talk)
        self.heard = []

    def talk(self, sock):
        sock.sendall(b"SSH-2.0-test\r\n")
        while data := sock.recv(4096):
            self.heard.append(data)
            sock.sendall(data)
        sock.close()


def issuer(house, gw, name, sni=None, port=None):
    """Who signed what a client sees there."""
    context = ssl.create_default_context(cafile=house.ca.pem)
    context.load_verify_locations(house.trusted)
    with house.connect(gw, name, port, sni, context) as c:
        got = c.ask("GET", "/", f"{sni or name}:{house.good.port}")
        assert got.body == TEXT
        return c.issuer()


# ---- bypass --------------------------------------------------------------------


def test_a_bypassed_host_shows_its_own_certificate(gw, house):
    assert issuer(house, gw, BANK) == "Test Intermediate"
    assert issuer(house, gw, WWW) == "Gateway CA"
    event = last(gw, f"{BANK}:{house.good.port}")
    assert event["sallyport.reason"] == "tunnel"
    assert event["tls.client.server_name"] == BANK
    assert event["sallyport.bytes.in"] > 500
    assert event["sallyport.bytes.out"] > 1000
    assert not gw.events(url__original=f"https://{BANK}:{house.good.port}/")


def test_another_name_behind_a_bypassed_host_is_looked_into(gw, house):
    assert issuer(house, gw, BANK, sni=WWW) == "Gateway CA"
    event = last(gw, f"{BANK}:{house.good.port}")
    assert event["sallyport.reason"] == "inspected"
    assert notes(event) == ["sni_mismatch"]


def test_a_bypassed_name_behind_another_host_is_looked_into(gw, house):
    assert issuer(house, gw, WWW, sni=BANK) == "Gateway CA"


def test_a_bypassed_host_has_to_speak_tls(gw, house):
    before = len(house.echo.heard)
    with Tunnel(gw, f"{BANK}:{house.echo.port}") as c:
        assert c.raw.take(14) == b"SSH-2.0-test\r\n"
        c.raw.send(b"SSH-2.0-client\r\n")
        assert ended(c.raw)[0] == b""
    event = last(gw, f"{BANK}:{house.echo.port}")
    assert event["sallyport.result"] == "refused"
    assert event["sallyport.reason"] == "not_tls"
    assert len(house.echo.heard) == before


# ---- rules ---------------------------------------------------------------------


def test_a_rule_makes_a_tunnel_of_anything(gw, house):
    with Tunnel(gw, f"{CDN}:{house.echo.port}") as c:
        assert c.raw.take(14) == b"SSH-2.0-test\r\n"
        c.raw.send(b"hello")
        assert c.raw.take(5) == b"hello"
    event = last(gw, f"{CDN}:{house.echo.port}")
    assert (event["sallyport.reason"], notes(event)) == ("tunnel", ["not_tls"])
    assert issuer(house, gw, CDN) == "Test Intermediate"


def test_a_rule_looks_where_the_list_would_not(gw, house):
    with Tunnel(gw, f"look.bank.example.test:{house.good.port}") as c:
        context = ssl.create_default_context(cafile=house.ca.pem)
        c.secure(context, "look.bank.example.test")
        assert c.issuer() == "Gateway CA"


def test_a_rule_blocks_before_anything_is_said(gw, house):
    with Tunnel(gw, f"never.example.test:{house.good.port}") as c:
        assert c.status == 403


@pytest.mark.parametrize("enabled", ["yes", "no"])
def test_a_blocked_name_is_blocked_by_sni_too(build, house, enabled):
    gw = house.gateway(build, {"enabled": enabled}, RULES)
    before = len(house.good.names)
    with Tunnel(gw, f"127.0.0.1:{house.good.port}") as c:
        assert c.status == 200
        with pytest.raises(OSError):
            c.secure(ssl.create_default_context(cafile=house.ca.pem),
                     "never.example.test")
    event = last(gw, f"127.0.0.1:{house.good.port}")
    assert event["sallyport.reason"] == "policy"
    assert event["tls.client.server_name"] == "never.example.test"
    assert event["url.domain"] == "127.0.0.1"
    assert len(house.good.names) == before


# ---- what is no TLS ------------------------------------------------------------


@pytest.mark.parametrize("said, reason, note", [
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "not_tls", "not_tls"),
    (b"SSH-2.0-client\r\n", "not_tls", "not_tls"),
    (b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00", "message_type",
     "client_hello"),
    (b"\x16\x03\x01\xff\xff", "record_size", "client_hello"),
])
def test_something_else_is_refused(gw, house, said, reason, note):
    with Tunnel(gw, f"{WWW}:{house.echo.port}") as c:
        c.raw.send(said)
        assert ended(c.raw)[0] == b""
    event = until("its event", lambda: next(
        (e for e in gw.events(url__original=f"{WWW}:{house.echo.port}")
         if e.get("sallyport.reason") == reason), None))
    assert event["sallyport.result"] == "refused"
    assert notes(event) == [note]


def test_a_client_that_says_nothing(gw, house):
    with Tunnel(gw, f"{WWW}:{house.good.port}") as c:
        assert ended(c.raw)[0] == b""
    until("its event", lambda: gw.events(sallyport__reason="request_timeout"))


def test_a_client_that_goes_in_the_middle(gw, house):
    for said in (b"", b"\x16\x03\x01\x02\x00\x01"):
        with Tunnel(gw, f"{WWW}:{house.echo.port}") as c:
            c.raw.send(said)
    until("both events", lambda: len(
        gw.events(url__original=f"{WWW}:{house.echo.port}",
                  sallyport__reason="client_gone")) == 2)


def test_a_client_that_stops_in_its_handshake(build, house):
    gw = house.gateway(build, handshake_timeout="300ms")
    hello = client_hello(WWW)
    with Tunnel(gw, f"{WWW}:{house.good.port}") as c:
        for at in range(0, len(hello), 100):  # in pieces, too
            c.raw.send(hello[at:at + 100])
            time.sleep(0.005)
        said, _ = ended(c.raw)
        assert said[:1] == b"\x16"  # we have answered
    event = last(gw, f"{WWW}:{house.good.port}")
    assert event["sallyport.result"] == "aborted"
    assert event["sallyport.reason"] == "handshake_timeout"
    assert event["tls.client.server_name"] == WWW
    assert not gw.errors(), gw.errors()


def test_many_that_stop_anywhere_leave_nothing(build, house):
    gw = house.gateway(build, request_timeout="3s", handshake_timeout="3s",
                       more={"gateway": {"workers": "1"}})
    hello = client_hello(WWW)
    net = gw.role("net 1")

    def handles():
        return len(os.listdir(f"/proc/{net}/fd"))

    assert issuer(house, gw, WWW) == "Gateway CA"
    before = handles()
    tunnels = []
    for i in range(40):
        c = Tunnel(gw, f"{WWW}:{house.good.port}")
        c.raw.send(hello[:i * len(hello) // 39])
        if i % 2:
            c.raw.close()
        else:
            tunnels.append(c)
    for c in tunnels:
        ended(c.raw)
        c.raw.close()
    until("all are gone", lambda: handles() <= before + 2)
    assert issuer(house, gw, WWW) == "Gateway CA"
    until("all are told", lambda: len(
        gw.events(http__request__method="CONNECT")) >= 42)
    assert not gw.errors(), gw.errors()


# ---- clients that will not have us ---------------------------------------------


def refused(house, gw, name):
    """A client that trusts the origin's root alone."""
    context = ssl.create_default_context(cafile=house.trusted)
    with Tunnel(gw, f"{name}:{house.good.port}") as c:
        try:
            c.secure(context, name)
        except ssl.SSLCertVerificationError:
            return True
        assert c.ask("GET", "/", f"{name}:{house.good.port}").body == TEXT
        return False


def test_a_pinned_client_is_seen_and_not_let_through(gw, house):
    for _ in range(2):
        assert refused(house, gw, "pinned.example.test")
    events = until("the events", lambda: [
        e for e in gw.events(sallyport__reason="certificate_refused")
        if e["url.domain"] == "pinned.example.test"][1:])
    assert "alert" in events[0]["sallyport.reply"]
    assert notes(events[0]) == ["certificate_refused"]


def test_auto_bypass(build, house):
    gw = house.gateway(build, {"auto_bypass": "1h"},
                       {"gateway": {"workers": "1"}})
    assert refused(house, gw, "pinned.example.test")
    until("it is learned",
          lambda: gw.events(sallyport__reason="certificate_refused"))
    assert not refused(house, gw, "pinned.example.test")
    # that host, that client, and no other
    assert refused(house, gw, WWW)
    assert issuer(house, gw, CDN) == "Gateway CA"
    assert not gw.errors(), gw.errors()


# ---- switched off, and on ------------------------------------------------------


def test_without_inspection_the_event_has_the_name(build, house):
    gw = house.gateway(build, {"enabled": "no"})
    assert issuer(house, gw, WWW) == "Test Intermediate"
    event = last(gw, f"{WWW}:{house.good.port}")
    assert event["tls.client.server_name"] == WWW
    assert issuer(house, gw, BANK, sni=WWW) == "Test Intermediate"
    assert notes(last(gw, f"{BANK}:{house.good.port}")) == ["sni_mismatch"]
    with Tunnel(gw, f"{WWW}:{house.echo.port}") as c:
        assert c.raw.take(14) == b"SSH-2.0-test\r\n"
        c.raw.send(b"hello")
        assert c.raw.take(5) == b"hello"
    assert notes(last(gw, f"{WWW}:{house.echo.port}")) == ["not_tls"]


def test_a_reload_is_for_the_next_connection(build, house):
    gw = house.gateway(build)

    def shows(who):
        """By each net worker, once it has heard of it."""
        until(f"it shows {who}", lambda: [
            issuer(house, gw, WWW) for _ in range(4)] == [who] * 4)

    with house.connect(gw) as old:
        shows("Gateway CA")
        assert old.ask("GET", "/", f"{WWW}:{house.good.port}").body == TEXT
        gw.configure({"tls-inspection": {"bypass": WWW}})
        gw.reload()
        shows("Test Intermediate")
        assert ended(old.raw)[0] == b""
        gw.configure({"tls-inspection": {"bypass": None}})
        gw.reload()
        shows("Gateway CA")
    assert not gw.errors(), gw.errors()


def test_a_stop_ends_what_is_half_inside(build, house):
    gw = house.gateway(build, more={"gateway": {"drain_timeout": "1h"}})
    with Tunnel(gw, f"{WWW}:{house.good.port}") as waits, \
            house.connect(gw) as idle:
        waits.raw.send(b"\x16")
        assert idle.ask("GET", "/", f"{WWW}:{house.good.port}").body == TEXT
        gw.child.terminate()
        assert ended(idle.raw)[0] == b""
        assert ended(waits.raw)[0] == b""
        assert gw.child.wait(PATIENCE) == 0
    until("its event", lambda: gw.events(sallyport__reason="shutdown"))
    assert not gw.errors(), gw.errors()


# ---- what --check says ---------------------------------------------------------


def test_a_ca_bundle_that_is_not_there(gateway, house):
    gw = gateway(house.changes(), start=False)
    gw.configure({"listener web": {"ca_bundle": "/nowhere/ca.pem"}})
    done = gw.run("--check")
    assert done.returncode == 78
    assert "ca_bundle" in done.stdout + done.stderr
