"""Where no client of the web proxy gets to, however it names it."""

import socket

import pytest
from peers.common import until
from peers.network import ip, with_own_network
from peers.origin import Origin, answer
from peers.sallyport import Sallyport
from peers.web import Raw, curl, web_listener, web_port

pytestmark = pytest.mark.core

TEXT = b"All quiet at the gate.\n" * 20
METADATA = "169.254.169.254"


@pytest.fixture(name="origin")
def an_origin(cleanly):
    o = Origin({"/a": answer(TEXT), "/": answer(TEXT)})
    cleanly(o)
    return o.start()


def refused(gw, url):
    got = curl(web_port(gw), url, "-g")
    assert got.status == 403, url
    assert "destination_ip_prohibited" in got.fields["proxy-status"]
    assert "deny_destinations" in got.fields["proxy-status"]
    with Raw(web_port(gw)) as c:    # nor by a tunnel
        target = url.split("/")[2]
        if target.endswith("]") or ":" not in target.rpartition("]")[2]:
            target += ":443"
        c.send(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        assert c.answer().status == 403


@pytest.mark.parametrize("host", [
    METADATA, f"[::ffff:{METADATA}]", f"[::{METADATA}]",
    f"[64:ff9b::{METADATA}]", f"[64:ff9b:1::{METADATA}]",
    "[2002:a9fe:a9fe::1]", "[fd00:ec2::254]", "[fd20:ce::254]",
    "[fd00:c1::a9fe:a9fe]", "100.100.100.200", "168.63.129.16", "127.0.0.1",
    "127.255.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]",
    "[::ffff:0:0]", "localhost"])
def test_what_is_denied_by_default(one, host):
    refused(one, f"http://{host}/latest/meta-data/")


@pytest.fixture(scope="module", name="one")
def one_for_all(build, module_cleanly):
    changes = web_listener()
    del changes["listener web"]["deny_destinations"]
    gw = Sallyport(build, changes)
    module_cleanly(gw)
    yield gw.start()
    assert not gw.errors(), gw.errors()


def test_this_machine_by_nobodys_address(gateway, origin):
    """connect(2) takes 0.0.0.0 for loopback, whatever the list says."""
    gw = gateway(web_listener(deny_destinations="none",
                              connect_ports=f"443, {origin.port}"))
    assert curl(web_port(gw), origin.url("/a")).status == 200
    before = len(origin.connections)
    for host in ("0.0.0.0", "[::]", "[::ffff:0.0.0.0]"):
        refused(gw, f"http://{host}:{origin.port}/a")
    assert len(origin.connections) == before


def test_our_own_doors_by_every_name(gateway, origin):
    gw = gateway(web_listener(deny_destinations="none"))
    for port in (gw.port, web_port(gw)):
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
            got = curl(web_port(gw), f"http://{host}:{port}/", "-g")
            assert got.status in (403, 502), host
            if host != "localhost":
                assert got.status == 403
    assert not origin.asked


class Everywhere(Origin):
    """On every address of its network."""

    def __init__(self, answers):
        super().__init__(answers)
        self.listener.close()
        self.listener = socket.create_server(("0.0.0.0", 0))
        self.port = self.listener.getsockname()[1]


HOSTS = f"""127.0.0.1 localhost good.example.net
{METADATA} meta.example.net
192.0.2.66 inside.example.net
::ffff:192.0.2.66 mapped.example.net
192.0.2.66 two.example.net
127.0.0.1 two.example.net
"""


def test_names_that_lead_there(gateway, cleanly):
    """It is the address that counts, each one of a name."""
    def body():
        for a in (METADATA, "192.0.2.66"):
            ip("addr", "add", f"{a}/32", "dev", "lo")
        o = Everywhere({"/a": answer(TEXT)})
        cleanly(o)
        o.start()
        gw = gateway(web_listener(
            deny_destinations="169.254.0.0/16, 192.0.2.0/24"))
        got = curl(web_port(gw), f"http://good.example.net:{o.port}/a")
        assert (got.status, got.body) == (200, TEXT)
        for name in ("meta", "inside", "mapped"):
            refused(gw, f"http://{name}.example.net:{o.port}/a")
        assert len(o.connections) == 1
        url = f"http://two.example.net:{o.port}/a"
        assert curl(web_port(gw), url).status == 200
        event = until("its outcome", lambda: gw.events(
            event__action="outcome", url__original=url))[0]
        assert event["server.address"] == f"127.0.0.1:{o.port}"

    with_own_network(body, hosts=HOSTS)
