"""Names of origins: several addresses of which some are dead, one that is
another each time it is asked for, one that takes long."""

import socket
import threading

import pytest
from peers.common import until
from peers.dns import Dns
from peers.network import ip, nft, with_own_network
from peers.origin import Origin, answer
from peers.web import Raw, curl, web_listener, web_port

TEXT = b"All quiet at the gate.\n" * 20
V4, V6 = "192.0.2.66", "2001:db8::66"
CONNECT_S = 20  # so long an address that does not answer would be waited for

HOSTS = f"{V6} two.example.test\n{V4} two.example.test\n"
DEAF = """table inet deaf {{
    chain input {{
        type filter hook input priority 0
        {family} daddr {address} drop
    }}
}}
"""


class Everywhere(Origin):
    """On every address of its network."""

    def __init__(self, answers):
        super().__init__(answers)
        self.listener.close()
        self.listener = socket.create_server(
            ("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self.port = self.listener.getsockname()[1]


def has(*addresses):
    for address in addresses:
        bits = 128 if ":" in address else 32
        ip("addr", "add", f"{address}/{bits}", "dev", "lo")


@pytest.mark.parametrize("deaf", [V4, V6])
def test_an_address_that_does_not_answer_is_not_waited_for(gateway, cleanly,
                                                           deaf):
    """RFC 8305: the other one is tried beside it."""
    def body():
        has(V4, V6)
        nft(DEAF.format(family="ip6" if ":" in deaf else "ip", address=deaf))
        o = Everywhere({"/a": answer(TEXT)})
        cleanly(o)
        o.start()
        gw = gateway(web_listener(connect_timeout=f"{CONNECT_S}s"))
        url = f"http://two.example.test:{o.port}/a"
        got = curl(web_port(gw), url)
        assert (got.status, got.body) == (200, TEXT)
        event = until("its outcome", lambda: gw.events(
            event__action="outcome", url__original=url))[0]
        assert deaf not in event["server.address"]
        assert event["sallyport.ms.total"] < CONNECT_S * 1000

    with_own_network(body, hosts=HOSTS)


def test_a_name_that_changes_its_address(gateway, cleanly):
    """What it was when somebody looked is worth nothing (DNS rebinding)."""
    def body():
        has(V4, "169.254.169.254")
        o = Everywhere({"/a": answer(TEXT)})
        cleanly(o)
        o.start()
        with Dns({"r.example.test": [V4, "169.254.169.254", "127.0.0.1"]}):
            gw = gateway(web_listener(
                deny_destinations="169.254.0.0/16, 127.0.0.0/8"))
            url = f"http://r.example.test:{o.port}/a"
            # each on a connection of its own: none is used again for it
            with Raw(web_port(gw)) as c:
                assert c.ask("GET", url).body == TEXT
                o.connections[0].close()
                for _ in range(2):
                    got = c.ask("POST", url, ["Content-Length: 1"], b"x")
                    assert got.status == 403
                    assert "deny_destinations" in got.fields["proxy-status"]
            assert len(o.connections) == 1

    with_own_network(body, hosts="127.0.0.1 localhost\n")


def test_a_name_that_takes_long_holds_nobody_else(gateway, cleanly):
    def body():
        has(V4)
        o = Everywhere({"/a": answer(TEXT)})
        cleanly(o)
        o.start()
        go = threading.Event()
        with Dns({"slow.example.test": [V4], "quick.example.test": [V4]}) as d:
            d.slow["slow.example.test"] = go
            gw = gateway({**web_listener(connect_timeout="60s"),
                          "gateway": {"workers": "1"}})
            with Raw(web_port(gw)) as slow:
                host = f"slow.example.test:{o.port}"
                slow.send(f"GET http://{host}/a HTTP/1.1\r\nHost: {host}\r\n"
                          "\r\n".encode())
                until("it is asked for",
                      lambda: "slow.example.test" in d.asked)
                for _ in range(5):
                    got = curl(web_port(gw),
                               f"http://quick.example.test:{o.port}/a")
                    assert got.body == TEXT
                assert not gw.events(url__domain="slow.example.test")
                go.set()
                assert slow.answer().body == TEXT

    with_own_network(body, hosts="127.0.0.1 localhost\n")
