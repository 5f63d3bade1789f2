"""A router with the gateway on it, as docs/web.md sets it up: a client that
knows of no proxy, nginx as it is on the other side, a network for each."""

import os
import pathlib
import re
import subprocess

import pytest
from corpus_mail import eicar
from inspection import House, last
from peers.common import until
from peers.netns import Network
from peers.nginx_tls import NginxTls
from peers.sallyport import Sallyport

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "web.md"
WWW, BANK = "www.example.test", "bank.example.test"
SERVERS = ("10.99.2.2", "[fd99:2::2]")
PORT = 3128  # the page's


class NginxThere(NginxTls):
    """On both ports of the server's network."""

    def __init__(self, cert, net):
        super().__init__(cert)
        self.net = net
        path = f"{self.dir}/conf"
        with open(path, encoding="ascii") as f:
            text = f.read()
        listens = f"listen 127.0.0.1:{self.port} ssl http2;"
        assert listens in text
        with open(path, "w", encoding="ascii") as f:
            f.write(text.replace(
                listens, "listen 80; listen [::]:80; listen 443 ssl http2; "
                "listen [::]:443 ssl http2;"))

    def start(self):
        # pylint: disable=R1732 # it lives until remove()
        self.child = subprocess.Popen(
            [*self.net.words(self.net.SERVER), "/usr/sbin/nginx", "-c",
             f"{self.dir}/conf", "-e", f"{self.dir}/error.log"],
            stdin=subprocess.DEVNULL, start_new_session=True)
        until("nginx answers", lambda: self.net.run(
            self.net.SERVER, "curl", "-s", "http://127.0.0.1/").returncode
            == 0)
        return self


@pytest.fixture(scope="module", name="net")
def networks(module_cleanly):
    n = Network()
    module_cleanly(n)
    rules = re.findall(r"```nft\n(.*?)```", PAGE.read_text("utf-8"), re.S)[0]
    assert f"redirect to :{PORT}" in rules
    n.filter(rules.replace("lan0", "to1"))
    return n


@pytest.fixture(scope="module", name="house")
def one_house(module_cleanly, net):
    house = House(module_cleanly)
    house.nginx = NginxThere(house.mid.leaf(WWW, BANK), net)
    module_cleanly(house.nginx)
    house.nginx.start()
    return house


@pytest.fixture(scope="module", name="gw")
def gateway_on_the_way(build, house, net):
    changes = house.changes({"bypass": BANK}, mode="redirect")
    changes["listener web"].update(
        address=f"0.0.0.0:{PORT}, [::]:{PORT}", deny_destinations="127.0.0.0/8")
    changes["listener web"].pop("connect_ports")
    gw = Sallyport(build, changes)
    house.cleanly(gw)
    path = f"{gw.dir}/hosts"
    with open(path, "w", encoding="ascii") as f:
        f.write(f"10.99.2.2 {BANK}\n")
    gw.launch(program=[
        *net.words(net.ROUTER), "sh", "-c",
        'mount --bind "$1" /etc/hosts && shift && exec "$@"', "sh", path,
        f"{gw.build}/sallyportd", "--config", gw.path])
    gw.wait_ready()
    yield gw
    assert not gw.errors(), gw.errors()


def curl(net, house, url, server, *words):
    """As somebody who has heard of the CA and of no proxy."""
    with open(house.trusted, "rb") as f, open(house.ca.pem, "rb") as g, \
            open(f"{house.pki.dir}/both.pem", "wb") as both:
        both.write(f.read() + g.read())
    return net.run(net.CLIENT, "curl", "-sS", "--max-time", "60", "-w",
                   "%{http_code} %{http_version}", "--cacert", both.name,
                   "--connect-to", f"::{server}:", *words, url)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("words", [["--http1.1"], ["--http2"]], ids=str)
def test_what_a_client_gets(gw, net, house, server, scheme, words):
    data = os.urandom(200_000)
    house.nginx.put("clean.bin", data)
    house.nginx.put("x.com", eicar())
    got = curl(net, house, f"{scheme}://{WWW}/clean.bin", server, *words)
    assert got.stdout.startswith(data), got.stderr
    assert got.stdout[len(data):].startswith(b"200 ")
    assert got.stdout.endswith(
        b" 2" if (scheme, words) == ("https", ["--http2"]) else b" 1.1")
    got = curl(net, house, f"{scheme}://{WWW}/x.com", server, *words)
    assert eicar() not in got.stdout
    assert b"403 " in got.stdout[-8:]
    event = last(gw, f"{scheme}://{WWW}/x.com")
    assert event["client.address"] in ("10.99.1.2", "fd99:1::2")
    assert event["sallyport.verdict"] == "malware"


def test_what_a_client_puts(gw, net, house):
    del gw
    for name, data, status in (("clean", b"All quiet.\n", b"201 "),
                               ("bad", eicar(), b"403 ")):
        got = net.run(net.CLIENT, "curl", "-sS", "--max-time", "60", "-o",
                      "/dev/null", "-w", "%{http_code} ", "--cacert",
                      house.ca.pem, "--connect-to", f"::{SERVERS[0]}:",
                      "-T", "-", f"https://{WWW}/up/{name}", input=data)
        assert got.stdout == status, got
        assert house.nginx.has(f"up/{name}") == (status == b"201 ")


def test_a_bank_is_left_alone(gw, net, house):
    got = curl(net, house, f"https://{BANK}/clean.bin", SERVERS[0], "-v",
               "-o", "/dev/null")
    assert b"issuer: CN=Test Intermediate" in got.stderr
    event = last(gw, f"{BANK}:443")
    assert event["sallyport.reason"] == "tunnel"
    assert event["sallyport.bytes.out"] > 1000
