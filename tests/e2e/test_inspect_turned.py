"""TLS of clients that know of no proxy: the packet filter turns ports 80 and 443
to one listener.  What CONNECT would say is the address they were going to and
the name in their ClientHello."""

import socket
import ssl

import pytest
from corpus_mail import eicar
from inspection import House, client_hello, last, notes
from peers.common import free_port, until
from peers.https import HttpsOrigin
from peers.network import ip, nft, with_own_network
from peers.origin import Origin, answer
from peers.sallyport import Sallyport
from peers.web import Raw, ended, web_listener

pytestmark = pytest.mark.core

TEXT = b"All quiet at the gate.\n" * 20
HERE, ELSE, DENIED, HERE6 = "192.0.2.7", "192.0.2.8", "192.0.2.66", \
    "2001:db8::7"
WWW, BANK, SSH = "www.example.test", "bank.example.test", "cdn.example.test"
NEVER, PINNED = "never.example.test", "pinned.example.test"

# Whom the gateway finds where, which is not where clients go.
HOSTS = f"127.0.0.1 localhost\n{ELSE} {BANK} {PINNED} {SSH}\n"

RULES = {
    "rule tunnel": {"policy": "web", "host": SSH, "action": "tunnel"},
    "rule never": {"policy": "web", "host": NEVER, "action": "block"},
}


def at(origin, host, port):
    """The same origin, there."""
    origin.listener.close()
    origin.listener = socket.socket(
        socket.AF_INET6 if ":" in host else socket.AF_INET)
    origin.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    origin.listener.bind((host, port))
    origin.port = port
    return origin.start()


class Turned:
    """In a network of its own: origins at HERE, HERE6 and ELSE, by http and
    https, and a gateway to which the packet filter turns root's connections."""

    ANSWERS = {"/": answer(TEXT), "/x.com": answer(eicar()),
               "/proxy.pac": answer(b"the server's")}

    def __init__(self, build, cleanly, mode, **inspection):
        for a in (HERE, ELSE, DENIED):
            ip("addr", "add", f"{a}/32", "dev", "lo")
        ip("addr", "add", f"{HERE6}/128", "dev", "lo", "nodad")
        self.house = House(cleanly)
        names = (WWW, BANK, SSH, NEVER, PINNED, HERE)
        self.origins = {}
        for host in (HERE, ELSE, HERE6):
            plain = Origin(self.ANSWERS)
            tls = HttpsOrigin(self.house.mid.leaf(*names).serves(),
                              self.ANSWERS)
            for o, port in ((plain, 80), (tls, 443)):
                cleanly(o)
                self.origins[host, port] = at(o, host, port)
        self.port = free_port()
        changes = self.house.changes({"bypass": BANK, **inspection})
        changes.update(web_listener(
            self.port, mode=mode, ca_bundle=self.house.trusted,
            address=f"127.0.0.1:{self.port}, [::1]:{self.port}",
            request_timeout="2s", connect_timeout="2s",
            deny_destinations=f"{DENIED}, 127.0.0.0/8"))
        self.gw = Sallyport(build, {**changes, **RULES,
                                    "gateway": {"workers": "1"}})
        cleanly(self.gw)
        self.gw.start()

    def names(self, host):
        return self.origins[host, 443].names

    def secure(self, host, sni, trusts=None):
        """A client that goes to a host's port 443, where TLS begins at once."""
        context = ssl.create_default_context(
            cafile=(trusts or self.house.ca).pem)
        context.load_verify_locations(self.house.trusted)
        c = Raw(443, host)
        c.file.close()
        c.sock = context.wrap_socket(c.sock, server_hostname=sni)
        c.file = c.sock.makefile("rb")
        return c

    def issuer(self, host, sni):
        """Who has signed what is shown, and what is said there."""
        with self.secure(host, sni) as c:
            got = ask(c, "/", sni)
            assert got.body == TEXT
            return dict(p[0] for p in c.sock.getpeercert()["issuer"])[
                "commonName"]


def ask(c, path, host):
    c.send(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    return c.answer()


def redirected(port):
    """Of root's connections alone: those of the gateway go on."""
    return f"""table inet sallyport {{
    chain output {{
        type nat hook output priority -100
        meta skuid 0 tcp dport {{ 80, 443 }} redirect to :{port}
    }}
}}
"""


def in_there(build, cleanly, *cells, mode="redirect", rules=redirected,
             **inspection):
    def body():
        t = Turned(build, cleanly, mode, **inspection)
        nft(rules(t.port))
        for cell in cells:
            cell(t)
        assert not t.gw.errors(), t.gw.errors()

    with_own_network(body, HOSTS)


# ---- what passes, what does not ------------------------------------------------


def looked_into(t):
    assert t.issuer(HERE, WWW) == "Gateway CA"
    assert t.names(HERE) == [WWW] and not t.names(ELSE)
    event = last(t.gw, f"https://{WWW}/")
    assert event["sallyport.result"] == "delivered"
    assert event["server.address"] == f"{HERE}:443"
    assert notes(event) == []
    around = last(t.gw, f"{WWW}:443")
    assert around["sallyport.reason"] == "inspected"
    assert around["http.request.method"] == "CONNECT"
    assert around["url.domain"] == WWW
    assert around["tls.client.server_name"] == WWW
    assert around["sallyport.next_hop"] == f"{HERE}:443"
    assert around["sallyport.session"] == event["sallyport.session"]
    assert notes(around) == []


def blocked(t):
    with t.secure(HERE, WWW) as c:
        got = ask(c, "/x.com", WWW)
        assert got.status == 403 and eicar() not in got.body
        assert f"https://{WWW}/x.com".encode() in got.body
        # the connection goes on; another server is none of its business
        assert ask(c, "/", WWW).body == TEXT
        assert ask(c, "/", BANK).status == 421


def both_ports(t):
    """One listener, one session after another: the first byte decides."""
    with Raw(80, HERE) as c:
        assert ask(c, "/", WWW).body == TEXT
        c.send(b"\x16\x03\x01\x00\x05")  # and only the first
        assert c.answer().status == 400
    asked = t.origins[HERE, 80].asked
    assert [r.get("host") for r in asked] == [WWW]
    with Raw(443, HERE) as c:  # http, and not https, on that port
        c.send(b"GET / HTTP/1.1\r\nHost: www\r\n\r\n")
        assert c.answer().status == 502  # the origin there speaks TLS


def by_ipv6(t):
    assert t.issuer(HERE6, WWW) == "Gateway CA"
    event = until("its event", lambda: next(
        (e for e in t.gw.events(url__original=f"{WWW}:443")
         if e.get("sallyport.next_hop") == f"[{HERE6}]:443"), None))
    assert event["sallyport.reason"] == "inspected"


def without_a_name(t):
    """An address is a name as well; there is no other."""
    before = len(t.names(HERE))
    with t.secure(HERE, HERE) as c:  # Python sends no SNI with a number
        assert ask(c, "/", HERE).body == TEXT
        names = [v for _, v in c.sock.getpeercert()["subjectAltName"]]
        assert names == [HERE]
    assert t.names(HERE)[before:] in ([], [None])
    event = last(t.gw, f"{HERE}:443")
    assert (event["sallyport.reason"], notes(event)) == \
        ("inspected", ["no_sni"])


def somebody_else_there(t):
    """Who is at the address has to prove to be whom the client named."""
    with t.secure(HERE, "other.example.test") as c:
        got = ask(c, "/", "other.example.test")
    assert got.status == 502 and TEXT not in got.body
    assert b"hostname mismatch" in got.body
    event = last(t.gw, "https://other.example.test/")
    assert event["sallyport.reason"] == "certificate"


def denied(t):
    with t.secure(DENIED, WWW) as c:
        got = ask(c, "/", WWW)
    assert got.status == 403 and b"deny_destinations" in got.body
    # what comes to the listener itself was going nowhere
    with Raw(t.port) as c:
        c.send(b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00")
        assert ended(c)[0] == b""


# ---- what is left alone --------------------------------------------------------


def bypassed(t):
    """It goes to where the gateway finds that name: to claim one is no use."""
    before = len(t.names(HERE))
    assert t.issuer(HERE, BANK) == "Test Intermediate"
    assert len(t.names(HERE)) == before
    assert t.names(ELSE)[-1] == BANK
    event = last(t.gw, f"{BANK}:443")
    assert event["sallyport.reason"] == "tunnel"
    assert event["sallyport.result"] == "delivered"
    assert event["sallyport.next_hop"] == f"{BANK}:443"
    assert event["server.address"] == f"{ELSE}:443"
    assert event["tls.client.server_name"] == BANK
    assert event["sallyport.bytes.out"] > 1000
    assert t.issuer(HERE, SSH) == "Test Intermediate"


def blocked_by_name(t):
    before = len(t.names(HERE))
    with pytest.raises((ssl.SSLError, OSError)):
        t.secure(HERE, NEVER)
    event = last(t.gw, f"{NEVER}:443")
    assert (event["sallyport.result"], event["sallyport.reason"]) == \
        ("refused", "policy")
    assert len(t.names(HERE)) == before


def refused_certificate(t):
    with pytest.raises(ssl.SSLError):
        context = ssl.create_default_context(cafile=t.house.trusted)
        with Raw(443, HERE) as c:
            context.wrap_socket(c.sock, server_hostname=PINNED)
    event = until("it is noted", lambda: next(iter(t.gw.events(
        sallyport__reason="certificate_refused")), None))
    assert event["url.domain"] == PINNED
    # and from now on it is left alone
    assert t.issuer(HERE, PINNED) == "Test Intermediate"


# ---- what can be no ClientHello ------------------------------------------------


def odd_ones(t):
    for said, reason, note in (
            (b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00", "message_type",
             "client_hello"),
            (b"\x16SSH-2.0-odd\r\n", "not_tls", "not_tls")):
        with Raw(443, HERE) as c:
            c.send(said)
            assert ended(c)[0] == b""
        event = until("its event", lambda reason=reason: next(iter(
            t.gw.events(sallyport__reason=reason)), None))
        assert event["sallyport.result"] == "refused"
        assert event["url.original"] == f"{HERE}:443"
        assert notes(event) == [note]
    with Raw(443, HERE) as c:
        c.send(b"SSH-2.0-client\r\n")
        assert c.answer().status == 400


def slow_ones(t):
    with Raw(443, HERE) as c:
        c.send(b"\x16")
        assert ended(c)[0] == b""
    event = until("its event", lambda: next(iter(t.gw.events(
        sallyport__reason="request_timeout")), None))
    assert event["url.original"] == f"{HERE}:443"
    with Raw(443, HERE) as c:
        c.send(b"\x16\x03")
    until("its event", lambda: t.gw.events(
        url__original=f"{HERE}:443", sallyport__reason="client_gone"))


# ---- all of it -----------------------------------------------------------------


def test_tls_that_is_turned_to_us(build, cleanly):
    in_there(build, cleanly, looked_into, blocked, both_ports, by_ipv6,
             without_a_name, somebody_else_there, denied)


def test_what_of_it_is_not_looked_into(build, cleanly):
    in_there(build, cleanly, bypassed, blocked_by_name, refused_certificate,
             odd_ones, slow_ones, auto_bypass="1h")


def nobody_looks(t):
    """Then it goes where it was going, under its own name."""
    assert t.issuer(HERE, WWW) == "Test Intermediate"
    assert t.issuer(HERE, BANK) == "Test Intermediate"
    assert t.names(HERE) == [WWW, BANK] and not t.names(ELSE)
    event = last(t.gw, f"{WWW}:443")
    assert event["sallyport.reason"] == "tunnel"
    assert event["sallyport.next_hop"] == f"{HERE}:443"
    assert event["tls.client.server_name"] == WWW


def hears_nothing(t, host, name):
    with Raw(443, host) as c:
        c.send(client_hello(name))
        assert ended(c)[0] == b""
    return last(t.gw, f"{name}:443")


def nobody_there(t):
    """Nothing can be said, for no proxy is known of."""
    event = hears_nothing(t, DENIED, "one.example.test")
    assert event["sallyport.result"] == "deferred"
    assert "deny_destinations" in event["sallyport.reply"]
    silent = t.origins[ELSE, 443]
    silent.talk = lambda sock: (sock.recv(65536), sock.close())
    event = hears_nothing(t, ELSE, "two.example.test")
    assert (event["sallyport.result"], event["sallyport.reason"]) == \
        ("delivered", "tunnel")


def test_without_inspection_it_is_a_tunnel(build, cleanly):
    in_there(build, cleanly, nobody_looks, nobody_there, blocked_by_name,
             enabled="no")


def tproxied(port):
    return f"""table ip sallyport {{
    chain output {{
        type route hook output priority -150
        meta skuid 0 tcp dport {{ 80, 443 }} meta mark set 1
    }}
    chain prerouting {{
        type filter hook prerouting priority -150
        meta mark 1 tcp dport {{ 80, 443 }} tproxy to 127.0.0.1:{port}
    }}
}}
"""


def test_by_tproxy(build, cleanly):
    def routes(port):
        ip("rule", "add", "fwmark", "1", "lookup", "100")
        ip("route", "add", "local", "default", "dev", "lo", "table", "100")
        return tproxied(port)

    in_there(build, cleanly, looked_into, blocked, bypassed, mode="tproxy",
             rules=routes)
