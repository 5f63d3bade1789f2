"""Clients of HTTP/1.0 take the end of the connection for the end of a body: of
one that is not whole they hear a reset, whoever ended it and why."""

import os
import signal

import pytest
from peers.common import kill, until
from peers.origin import answer
from peers.web import web_listener
from test_http_flow import FLOW, KILO, MEGA, TRICKLE, Client, Slow, outcome

# Kilobytes: of a body that flows, and of one that no kernel holds.
SOME, MUCH = 300 * KILO, 24 * MEGA


def begun(client, size):
    """Its head says nothing about a length; so much of the body has come."""
    status, fields = client.begin()
    assert status == 200
    assert not {"content-length", "transfer-encoding"} & set(fields)
    return client.body(size, fields)


def reset(client):
    """Is it by a reset that it ends?"""
    try:
        while client.sock.recv(65536):
            pass
    except ConnectionResetError:
        return True
    return False


@pytest.mark.parametrize("keys,size", [(FLOW, 20_000), (TRICKLE, 200)],
                         ids=["hold-tail", "trickle"])
def test_a_net_worker_that_is_killed(gateway, origin, keys, size):
    gw = gateway({**web_listener(**keys), "gateway": {"workers": "1"}})
    slow = Slow(os.urandom(SOME), [SOME - 100], framing="chunked")
    o = origin({"/a": slow})
    with Client(gw, o.url("/a"), "1.0") as c:
        slow.on(1)
        begun(c, size)
        kill(gw.role("net 1"))
        assert reset(c)
    slow.on()


def test_a_client_that_read_too_late(gateway, origin):
    gw = gateway(web_listener(**FLOW, idle_timeout="2s"))
    o = origin({"/a": answer(os.urandom(MUCH), framing="chunked")})
    with Client(gw, o.url("/a"), "1.0") as c:
        event = outcome(gw, o.url("/a"))
        assert event["sallyport.reason"] == "idle_timeout"
        assert reset(c)


def test_a_gateway_that_ends(gateway, origin):
    gw = gateway({**web_listener(**FLOW), "gateway": {"drain_timeout": "1s"}})
    slow = Slow(os.urandom(SOME), [SOME - 100], framing="chunked")
    o = origin({"/a": slow})
    with Client(gw, o.url("/a"), "1.0") as c:
        slow.on(1)
        begun(c, 20_000)
        gw.signal(signal.SIGTERM)
        assert reset(c)
    slow.on()
    until("it has ended", lambda: gw.child.poll() is not None)


def test_one_that_is_whole_ends_well(gateway, origin):
    gw = gateway(web_listener(**FLOW))
    data = os.urandom(SOME)
    slow = Slow(data, [SOME - 100], framing="chunked")
    o = origin({"/a": slow})
    with Client(gw, o.url("/a"), "1.0") as c:
        slow.on(1)
        got = begun(c, 20_000)
        slow.on()
        rest = c.file.read()        # a reset would be an exception
    assert got + rest == data
    assert outcome(gw, o.url("/a"))["sallyport.result"] == "delivered"
