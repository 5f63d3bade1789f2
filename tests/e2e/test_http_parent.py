"""The web behind another proxy: whole URLs and tunnels through it, with a
login of ours, and what a client sees when it fails."""

import os

import pytest
from corpus_mail import eicar
from peers.common import free_port, until
from peers.origin import Origin, answer
from peers.sallyport import Sallyport
from peers.web import WEB, Raw, curl, web_listener, web_port

pytestmark = pytest.mark.core

TEXT = b"All quiet at the gate.\n" * 20
LOGIN = "Basic Z3c6czNjcmV0"     # gw:s3cret


def tunnel(connection):
    """A CONNECT: what follows is HTTP with the origin at the other end."""
    connection.send(b"HTTP/1.1 200 Yes\r\nX-Parent: 1\r\n\r\n")
    connection.serve_one()
    return True


class Parent(Origin):
    """A proxy that answers for all of the web itself."""

    def __init__(self):
        super().__init__()
        self.says = {}      # by target: an answer or a function

    def start(self):
        parent = self

        class Answers(dict):
            def get(self, path, default=None):
                target = parent.asked[-1].target
                if target.endswith(":443") or target.endswith(":8443"):
                    return parent.says.get(target, tunnel)
                return parent.says.get(target, default)

        self.answers = Answers()
        return super().start()


@pytest.fixture(scope="module", name="parent")
def a_parent(module_cleanly):
    p = Parent()
    module_cleanly(p)
    return p.start()


@pytest.fixture(scope="module", name="web")
def a_gateway(build, module_cleanly, parent, tmp_path_factory):
    gw = Sallyport(build, behind(parent.port, tmp_path_factory.mktemp("p")))
    module_cleanly(gw)
    yield gw.start()
    assert not gw.errors(), gw.errors()


def behind(port, folder, **keys):
    path = f"{folder}/secret"
    with open(path, "w", encoding="utf-8") as f:
        f.write("s3cret\nand a second line\n")
    os.chmod(path, 0o600)
    mine = free_port()
    return web_listener(mine, address=f"0.0.0.0:{mine}",
                        parent_proxy=f"http://gw@127.0.0.1:{port}",
                        parent_proxy_password_file=path,
                        deny_destinations="169.254.0.0/16, 127.0.0.0/8",
                        **keys)


def test_a_whole_url_and_our_login(web, parent):
    parent.says["http://www.example.net/a?b=c"] = answer(TEXT)

    got = curl(web_port(web), "http://www.example.net/a?b=c",
               "-H", "Proxy-Authorization: Basic eDp5")

    assert (got.status, got.body) == (200, TEXT)
    asked = parent.asked[-1]
    assert asked.target == "http://www.example.net/a?b=c"
    assert asked.get("host") == "www.example.net"
    assert asked.get("proxy-authorization") == LOGIN
    assert asked.get("via") == "1.1 gw.example.org"
    event = until("its outcome", lambda: web.events(
        event__action="outcome", url__original="http://www.example.net/a?b=c"))
    assert event[0]["sallyport.next_hop"] == f"127.0.0.1:{parent.port}"
    assert event[0]["url.domain"] == "www.example.net"


def test_an_ftp_url_is_the_parents(web, parent):
    parent.says["ftp://ftp.example.net/pub/a"] = answer(TEXT)
    got = curl(web_port(web), "ftp://ftp.example.net/pub/a")
    assert (got.status, got.body) == (200, TEXT)
    parent.says["ftp://ftp.example.net/pub/x"] = answer(eicar())
    assert curl(web_port(web), "ftp://ftp.example.net/pub/x").status == 403


def test_a_number_may_have_the_port_of_a_listener(web, parent):
    """Of one on every address it cannot be known whether it is ours."""
    url = f"http://192.0.2.9:{web_port(web)}/a"
    parent.says[url] = answer(TEXT)
    assert curl(web_port(web), url).body == TEXT


def test_what_comes_from_there_is_scanned(web, parent):
    parent.says["http://www.example.net/x.com"] = answer(eicar())
    got = curl(web_port(web), "http://www.example.net/x.com")
    assert got.status == 403 and eicar() not in got.body


def test_connections_to_it_serve_all_hosts(web, parent):
    parent.says["http://one.example.net/"] = answer(TEXT)
    parent.says["http://two.example.net/"] = answer(TEXT)
    with Raw(web_port(web)) as c:
        assert c.ask("GET", "http://one.example.net/").body == TEXT
        first = parent.asked[-1].connection
        assert c.ask("GET", "http://two.example.net/").body == TEXT
        assert parent.asked[-1].connection == first


def test_a_tunnel_goes_through_it(web, parent):
    with Raw(web_port(web)) as c:
        c.send(b"CONNECT www.example.net:443 HTTP/1.1\r\n"
               b"Host: www.example.net:443\r\n\r\n")
        assert c.answer(bare=True).status == 200
        parent.says["/inside"] = answer(TEXT)
        c.send(b"GET /inside HTTP/1.1\r\nHost: www.example.net\r\n\r\n")
        assert c.answer().body == TEXT
    asked = [r for r in parent.asked if r.method == "CONNECT"][-1]
    assert asked.target == "www.example.net:443"
    assert asked.get("host") == "www.example.net:443"
    assert asked.get("proxy-authorization") == LOGIN
    assert parent.asked[-1].get("proxy-authorization") is None


def test_a_websocket_needs_a_tunnel(web, parent):
    parent.says["/chat"] = (b"HTTP/1.1 101 Switching Protocols\r\n"
                            b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
                            b"\r\nhello")
    with Raw(web_port(web)) as c:
        got = c.ask("GET", "http://ws.example.net:8443/chat", [
            "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="])
        assert got.status == 101
        assert c.file.read(5) == b"hello"
    assert [r.method for r in parent.asked[-2:]] == ["CONNECT", "GET"]
    assert parent.asked[-2].target == "ws.example.net:8443"
    assert parent.asked[-1].target == "/chat"


@pytest.mark.parametrize("status,seen", [(407, 502), (403, 502), (503, 502),
                                         (504, 504)])
def test_a_tunnel_it_refuses_is_a_page(web, parent, status, seen):
    parent.says["no.example.net:443"] = answer(b"no", f"{status} No")
    with Raw(web_port(web)) as c:
        c.send(b"CONNECT no.example.net:443 HTTP/1.1\r\n"
               b"Host: no.example.net:443\r\n\r\n")
        got = c.answer()
    assert got.status == seen
    assert f"parent_proxy says {status}" in got.fields["proxy-status"]


def test_its_407_is_not_the_clients(web, parent):
    parent.says["http://www.example.net/who"] = answer(
        b"who?", "407 Who", ["Proxy-Authenticate: Basic realm=parent"])
    got = curl(web_port(web), "http://www.example.net/who")
    assert got.status == 502
    assert "proxy-authenticate" not in got.fields


@pytest.mark.parametrize("host", ["169.254.169.254", "127.0.0.1",
                                  "[::ffff:169.254.169.254]",
                                  "[64:ff9b::a9fe:a9fe]"])
def test_numbers_are_denied_before_it_is_asked(web, parent, host):
    before = len(parent.asked)
    got = curl(web_port(web), f"http://{host}/latest/meta-data/", "-g")
    assert got.status == 403 and len(parent.asked) == before
    assert got.fields["proxy-status"].count("deny_destinations") == 1


def test_nobody_there(gateway, folder):
    gw = gateway(behind(free_port(), folder))
    got = curl(web_port(gw), "http://www.example.net/")
    assert got.status == 502
    assert "parent_proxy: connection refused" in got.fields["proxy-status"]


def test_a_silent_one_is_a_504(gateway, folder, cleanly):
    p = Parent()
    cleanly(p)
    p.start()
    waits = []

    def silent(connection):
        waits.append(connection)
        connection.file.read(1)     # until it ends

    p.says["no.example.net:443"] = silent
    gw = gateway(behind(p.port, folder, connect_timeout="300ms"))
    with Raw(web_port(gw)) as c:
        c.send(b"CONNECT no.example.net:443 HTTP/1.1\r\n"
               b"Host: no.example.net:443\r\n\r\n")
        assert c.answer().status == 504
    until("it was asked", lambda: waits)


def test_two_gateways_in_a_row_and_in_a_ring(gateway, folder, cleanly):
    """The second has another name; a third that sends back to the first is a
    loop."""
    o = Origin({"/a": answer(TEXT)})
    cleanly(o)
    o.start()
    far = gateway({**web_listener(), "gateway": {"name": "far.example.org"}})
    near = gateway(web_listener(
        parent_proxy=f"http://127.0.0.1:{web_port(far)}"))
    with Raw(web_port(near)) as c:
        got = c.ask("GET", f"http://localhost:{o.port}/a")
        assert got.body == TEXT
        assert got.fields["via"] == "1.1 far.example.org, 1.1 gw.example.org"
    far.configure({WEB: {
        "parent_proxy": f"http://127.0.0.1:{web_port(near)}"}})
    far.reload()

    def looped():
        with Raw(web_port(near)) as c:
            return c.ask("GET", f"http://localhost:{o.port}/a").status == 508
    until("the ring is seen", looped)


WRONG = [
    ({"parent_proxy": "https://p.example.org:1"}, "want http://"),
    ({"parent_proxy": "http://p.example.org"}, "want http://"),
    ({"parent_proxy": "http://u@p.example.org:1"}, "go together"),
    ({"parent_proxy": "http://p.example.org:1", "mode": "redirect"},
     "only with mode = forward"),
    ({"mode": "reverse"}, "mode: reverse needs an origin"),
    ({"mode": "reverse", "origin": "www"}, "origin: want host:port"),
    ({"origin": "www:80"}, "origin: only with mode = reverse"),
]


@pytest.mark.parametrize("keys,words", WRONG)
def test_what_is_wrong_is_said(gateway, keys, words):
    done = gateway(web_listener(**keys), start=False).run("--check")
    assert done.returncode == 78 and words in done.stdout + done.stderr


def test_a_secret_that_others_can_read(gateway, folder):
    gw = gateway(behind(1, folder), start=False)
    os.chmod(f"{folder}/secret", 0o644)
    done = gw.run("--check")
    assert done.returncode == 78
    assert "others can read or write the file" in done.stdout + done.stderr
