"""HUP while browsers keep their connections: what has begun ends as it began,
and what comes next is under the new configuration."""

import threading

import pytest
from h2_house import H2House, ends_as_it_began
from peers.common import PATIENCE, until
from peers.origin import answer
from peers.web import Raw, curl, web_listener, web_port

pytestmark = pytest.mark.core

TEXT = b"All quiet at the gate.\n" * 200


def get(url):
    return f"GET {url} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def test_a_kept_connection_ends_between_two_requests(gateway, origin):
    began, free = threading.Event(), threading.Event()

    def slow(c):
        began.set()
        free.wait(PATIENCE)
        c.send(answer(TEXT).data)
        return True

    gw = gateway(web_listener())
    o = origin({"/a": answer(TEXT), "/slow": slow})
    with Raw(web_port(gw)) as idle, Raw(web_port(gw)) as busy:
        idle.send(get(o.url("/a")))
        assert idle.answer().body == TEXT
        busy.send(get(o.url("/slow")))
        assert began.wait(PATIENCE)

        gw.configure({"policy web": {"blocked_urls": f"127.0.0.1:{o.port}/a"}})
        gw.reload()

        assert idle.rest() == b""
        free.set()
        got = busy.answer()
        assert got.body == TEXT and got.fields["connection"] == "close"
        assert busy.rest() == b""
    until("the new rule holds",
          lambda: curl(web_port(gw), o.url("/a")).status == 403)


def test_streams_of_http_2_go_on_and_get_no_new_ones(build, module_cleanly):
    house = H2House(module_cleanly)
    gw = house.gateway(build)
    ends_as_it_began(house, gw, gw.reload, TEXT)
    assert not gw.errors(), gw.errors()
