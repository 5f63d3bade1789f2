"""Clients that know nothing of the gateway: the packet filter turns them to it.
A client, a router with the gateway on it, and a server have networks of their
own."""

import pathlib
import shlex

import pytest
from peers.common import until
from peers.ftp_client import Wire
from peers.ftp_gateway import bad, files, noise, start
from peers.netns import Network
from peers.proftpd import ProFtpd
from peers.sallyport import Sallyport

PAGE = pathlib.Path(__file__).parents[3] / "docs/ftp.md"


def page_rules():
    """The nftables lines of the page: on a router, and for mode = redirect."""
    return [part.split("```")[0] for part in
            PAGE.read_text(encoding="utf-8").split("```nft\n")[1:]]


@pytest.fixture(scope="module", name="net")
def networks(module_cleanly):
    n = Network()
    module_cleanly(n)
    n.filter(page_rules()[1].replace("lan0", "to1"))
    return n


@pytest.fixture(scope="module", name="turned")
def gateway_on_the_way(build, module_cleanly, net):
    gw = Sallyport(build, {**files(2121, {
        "address": "0.0.0.0:2121, [::]:2121"}, mode="redirect",
        deny_destinations=None, server_ports=None, passive_ports=None)})
    module_cleanly(gw)
    gw.launch(program=[*net.words(net.ROUTER), f"{gw.build}/sallyportd",
                       "--config", gw.path])
    gw.wait_ready()
    yield gw
    assert not gw.errors(), gw.errors()


@pytest.fixture(scope="module", name="servers")
def servers_behind_it(module_cleanly, net):
    found = {}
    for host in ("10.99.2.2", "fd99:2::2"):
        server = found[host] = ProFtpd(host, port=21)
        module_cleanly(server)
        server.inside = net.words(net.SERVER)
        server.start()
    return found


@pytest.mark.parametrize("host", ("10.99.2.2", "fd99:2::2"))
@pytest.mark.parametrize("way", ("", "--disable-epsv", "-P -"),
                         ids=("epsv", "pasv", "active"))
def test_a_client_is_turned_to_the_gateway(turned, net, servers, host, way,
                                           folder):
    server = servers[host]
    data = noise(300_000)
    server.put("down", data)
    server.put("down-bad", bad("zip"))
    at = f"[{host}]" if ":" in host else host
    url = f"ftp://{server.user}:{server.password}@{at}/"

    def curl(*words):
        return net.run(net.CLIENT, "curl", "-gsS", "--max-time", "60",
                       *shlex.split(way), *words)

    assert curl(url + "down").stdout == data
    done = curl(url + "down-bad")
    assert done.returncode != 0 and not done.stdout
    for name, content in (("up", data), ("bad-up", bad("nested"))):
        with open(f"{folder}/{name}", "wb") as f:
            f.write(content)
    assert curl("-T", f"{folder}/up", url).returncode == 0
    assert server.get("up") == data
    assert curl("-T", f"{folder}/bad-up", url).returncode != 0
    assert server.get("bad-up") is None
    outcome = until("its outcome", lambda: turned.events(
        event__action="outcome", url__original=f"ftp://{at}:21/bad-up"))[-1]
    assert outcome["client.address"] in ("10.99.1.2", "fd99:1::2")


def test_who_comes_by_himself_is_taken_nowhere(build, cleanly):
    gw = start(build, mode="redirect")
    cleanly(gw)
    w = Wire(gw.port)
    w.reply()
    assert w.say("USER bob").startswith("530 mode = redirect")
    assert w.say("USER bob@127.0.0.1").startswith("530 mode = redirect")
    assert w.say("OPEN 127.0.0.1").startswith("502")
    w.close()
    assert not gw.errors()


def test_a_parent_that_is_such_a_proxy(gw, build, cleanly, vsftpd):
    """default_server is another gateway, which takes user@host."""
    near = start(build, mode="reverse", default_server=f"127.0.0.1:{gw.port}")
    cleanly(near)
    vsftpd.put("p", b"by the parent")
    w = Wire(near.port).login(vsftpd)
    assert w.fetch("p") == b"by the parent"
    w.close()
    assert not near.errors()


def test_the_nftables_lines_of_the_page(net):
    for rules in page_rules():
        done = net.run(net.ROUTER, "/usr/sbin/nft", "-c", "-f", "-",
                       input=rules.encode())
        assert done.returncode == 0, done.stderr
