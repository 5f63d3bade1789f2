"""The other ways to the web: connections that the packet filter turns to the
gateway, and one server behind it."""

import pathlib
import re
import socket
import subprocess

import pytest
from corpus_mail import eicar
from peers.common import PATIENCE, free_port, until
from peers.network import ip, nft, with_own_network
from peers.origin import Origin, answer
from peers.web import Raw, web_listener, web_port

TEXT = b"All quiet at the gate.\n" * 20
HERE, DENIED, HERE6 = "192.0.2.7", "192.0.2.66", "2001:db8::7"
DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "web.md"


class At(Origin):
    """One that listens where it is told."""

    def __init__(self, answers, host, port):
        super().__init__(answers)
        self.listener.close()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.port = port


def direct(url, *words, to=HERE):
    """As a client that knows of no proxy."""
    host = url.split("/")[2]
    done = subprocess.run(
        ["curl", "-sS", "-i", "--max-time", str(int(PATIENCE)), "--noproxy", "*",
         "--connect-to", f"{host}:80:{to}:80", *words, url],
        capture_output=True, check=False, timeout=PATIENCE + 5)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]) if head else None, head.decode(), body


def web_origin(cleanly, host=HERE):
    o = At({"/a": answer(TEXT), "/x.com": answer(eicar()), "/": answer(TEXT)},
           host, 80)
    cleanly(o)
    return o.start()


# ---- redirect ------------------------------------------------------------------


def redirected(port):
    """Of root's connections alone: those of the gateway go on."""
    return f"""table inet sallyport {{
    chain output {{
        type nat hook output priority -100
        meta skuid 0 tcp dport 80 redirect to :{port}
    }}
}}
"""


@pytest.mark.core
def test_redirected_connections_go_on_to_where_they_went(gateway, cleanly):
    def body():
        for a in (f"{HERE}/32", f"{DENIED}/32", f"{HERE6}/128"):
            ip("addr", "add", a, "dev", "lo", *(["nodad"] if ":" in a else []))
        o, o6 = web_origin(cleanly), web_origin(cleanly, HERE6)
        port = free_port()
        gw = gateway(redirect_listener(port))
        nft(redirected(port))
        passes(gw, o)
        goes_nowhere_else(gw, o)
        by_ipv6(gw, o6)
        looks_at_itself(gw, port)

    with_own_network(body)


def redirect_listener(port, mode="redirect"):
    return web_listener(
        port, mode=mode, address=f"127.0.0.1:{port}, [::1]:{port}",
        infected_url_block="1h", deny_destinations=f"{DENIED}, 127.0.0.0/8")


def passes(gw, o):
    status, head, got = direct("http://www.example.net/a?b=c")
    assert (status, got) == (200, TEXT), head
    assert "via: 1.1 gw.example.org" in head.lower()
    assert o.asked[-1].target == "/a?b=c"
    assert o.asked[-1].get("host") == "www.example.net"
    event = until("its outcome", lambda: gw.events(
        event__action="outcome", url__original="http://www.example.net/a?b=c"))
    assert event[0]["sallyport.next_hop"] == f"{HERE}:80"
    assert event[0]["server.address"] == f"{HERE}:80"
    status, _, got = direct("http://www.example.net/x.com")
    assert status == 403 and eicar() not in got
    # a word in Host is no reason to refuse that URL to others
    assert direct("http://www.example.net/x.com")[0] == 403
    assert [r.target for r in o.asked[-2:]] == ["/x.com", "/x.com"]


def goes_nowhere_else(gw, o):
    """Whatever Host or the request line say."""
    before = len(o.asked)
    for request in ("GET / HTTP/1.1\r\nHost: 192.0.2.66\r\n",
                    "GET http://192.0.2.66/ HTTP/1.1\r\nHost: 192.0.2.66\r\n",
                    "GET / HTTP/1.0\r\n"):
        assert says(request) == 200
    assert len(o.asked) == before + 3
    assert says("CONNECT 192.0.2.7:80 HTTP/1.1\r\nHost: 192.0.2.7:80\r\n") == 405
    assert says("GET /a HTTP/1.1\r\nHost: www\r\nVia: 1.1 gw.example.org\r\n") \
        == 508
    assert says("GET /a HTTP/1.1\r\nHost: www.example.net\r\n", DENIED) == 403
    assert len(o.asked) == before + 3
    old = until("its event", lambda: gw.events(
        url__original=f"http://{HERE}/"))
    assert old[-1]["url.domain"] == HERE


def says(request, host=HERE):
    with socket.create_connection((host, 80), timeout=PATIENCE) as s:
        s.sendall(request.encode() + b"Connection: close\r\n\r\n")
        return int(s.makefile("rb").readline().split(b" ")[1])


def by_ipv6(gw, o6):
    status, head, got = direct("http://six.example.net/a", to=f"[{HERE6}]")
    assert (status, got) == (200, TEXT), head
    assert len(o6.asked) == 1
    assert until("its outcome", lambda: gw.events(
        event__action="outcome", sallyport__next_hop=f"[{HERE6}]:80"))


def looks_at_itself(gw, port):
    """Who comes to the listener itself was going nowhere."""
    for host in ("127.0.0.1", "::1"):
        with Raw(port, host) as c:
            c.send(b"GET /a HTTP/1.1\r\nHost: www.example.net\r\n\r\n")
            assert c.answer().status == 403
    with Raw(port) as c:
        c.send(b"GET /proxy.pac HTTP/1.1\r\nHost: sallyport.internal\r\n\r\n")
        assert c.answer().status == 200
    assert not gw.errors()


# ---- tproxy --------------------------------------------------------------------


def tproxied(port):
    return f"""table ip sallyport {{
    chain output {{
        type route hook output priority -150
        meta skuid 0 tcp dport 80 meta mark set 1
    }}
    chain prerouting {{
        type filter hook prerouting priority -150
        meta mark 1 tcp dport 80 tproxy to 127.0.0.1:{port}
    }}
}}
"""


def test_connections_of_tproxy(gateway, cleanly):
    def body():
        ip("addr", "add", f"{HERE}/32", "dev", "lo")
        ip("rule", "add", "fwmark", "1", "lookup", "100")
        ip("route", "add", "local", "default", "dev", "lo", "table", "100")
        o = web_origin(cleanly)
        port = free_port()
        gw = gateway(redirect_listener(port, "tproxy"))
        nft(tproxied(port))
        status, head, got = direct("http://www.example.net/a")
        assert (status, got) == (200, TEXT), head
        assert "via: 1.1 gw.example.org" in head.lower()
        assert len(o.asked) == 1
        event = until("its outcome", lambda: gw.events(
            event__action="outcome", url__original="http://www.example.net/a"))
        assert event[0]["sallyport.next_hop"] == f"{HERE}:80"

    with_own_network(body)


# ---- reverse -------------------------------------------------------------------


@pytest.mark.core
def test_one_server_behind_it(gateway, cleanly):
    o = Origin({"/a": answer(TEXT), "/x.com": answer(eicar()),
                "/up": answer(TEXT), "/proxy.pac": answer(b"the server's")})
    cleanly(o)
    o.start()
    # its address is what the operator says: nothing else goes there
    gw = gateway(web_listener(mode="reverse", origin=f"localhost:{o.port}",
                              deny_destinations="127.0.0.0/8, ::1"))
    with Raw(web_port(gw)) as c:
        got = c.ask("GET", "http://www.example.net/a")   # absolute-form, too
        assert got.body == TEXT
        c.send(b"GET /a HTTP/1.1\r\nHost: other.example.net:81\r\n\r\n")
        assert c.answer().body == TEXT
        assert o.asked[-1].get("host") == "other.example.net:81"
        assert o.asked[-1].target == "/a"
        c.send(b"GET /proxy.pac HTTP/1.1\r\nHost: sallyport.internal\r\n\r\n")
        assert c.answer().body == b"the server's"
        c.send(b"GET /x.com HTTP/1.1\r\nHost: www.example.net\r\n\r\n")
        assert c.answer().status == 403
        c.send(b"GET /a HTTP/1.1\r\nHost: www\r\nVia: 1.0 gw.example.org\r\n\r\n")
        assert c.answer().status == 508
        before = len(o.asked)
        c.send(b"POST /up HTTP/1.1\r\nHost: www\r\nContent-Length: %d\r\n\r\n"
               % len(eicar()) + eicar())
        assert c.answer().status == 403 and len(o.asked) == before
    with Raw(web_port(gw)) as c:
        c.send(b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n")
        assert c.answer().status == 405
    event = until("its outcome", lambda: gw.events(
        event__action="outcome",
        url__original="http://other.example.net:81/a"))
    assert event[0]["sallyport.next_hop"] == f"localhost:{o.port}"


def test_a_server_that_is_the_gateway_itself(gateway):
    port = free_port()
    gw = gateway(web_listener(port, mode="reverse", origin=f"127.0.0.1:{port}"))
    with Raw(port) as c:
        c.send(b"GET /a HTTP/1.1\r\nHost: www.example.net\r\n\r\n")
        assert c.answer().status == 403
    assert not gw.errors()


# ---- what the docs say -----------------------------------------------------------


def nft_of_docs():
    return re.findall(r"```nft\n(.*?)```", DOCS.read_text("utf-8"), re.S)


def test_the_lines_in_the_docs_are_right():
    blocks = nft_of_docs()
    assert len(blocks) >= 2

    def body():
        for rules in blocks:
            nft(rules, "-c")
        with pytest.raises(subprocess.CalledProcessError):
            nft(blocks[0].replace("redirect", "redirekt"), "-c")

    with_own_network(body)
