"""Event streams: they arrive while they go on, and end at a virus."""

import os
import threading

import corpus
import pytest
from corpus_mail import eicar
from peers.common import PATIENCE
from peers.origin import answer
from peers.web import outcome, raw, web_listener

pytestmark = pytest.mark.core

TEXT = b"All quiet at the gate.\n" * 200
MEGA = 1 << 20

STREAM = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
          b"Transfer-Encoding: chunked\r\n\r\n")
ACCEPT = ["Accept: text/event-stream"]


def events(pieces, more=None):
    """Sends each piece when the client has had the one before."""
    def serve(connection):
        connection.send(STREAM)
        for piece in pieces:
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            if more is not None:
                more.wait(PATIENCE)
                more.clear()
        connection.send(b"0\r\n\r\n")
        return True
    return serve


def test_events_arrive_while_the_answer_goes_on(web, origin):
    more = threading.Event()
    pieces = [b"data: %d\n\n" % i for i in range(5)]
    o = origin({"/e": events(pieces, more), "/a": answer(TEXT)})
    with raw(web) as c:
        c.send((f"GET {o.url('/e')} HTTP/1.1\r\nHost: 127.0.0.1:{o.port}\r\n"
                + ACCEPT[0] + "\r\n\r\n").encode())
        assert b"text/event-stream" in c.head()
        for piece in pieces:
            size = int(c.file.readline(), 16)
            assert c.file.read(size + 2) == piece + b"\r\n"
            more.set()
        assert c.file.readline() == b"0\r\n"
        assert c.file.readline() == b"\r\n"
        assert c.ask("GET", o.url("/a")).body == TEXT
    event = outcome(web, o.url("/e"))
    assert event["sallyport.result"] == "delivered"


def test_a_virus_across_two_windows_of_a_stream(gateway, origin):
    gw = gateway(web_listener(), start=False)
    with open(f"{gw.dir}/db/test.ndb", "w", encoding="ascii") as f:
        f.write(corpus.signatures())
    gw.start()
    more = threading.Event()
    o = origin({"/e": events([b"data: " + eicar()[:30], eicar()[30:] + b"\n\n",
                              b"data: never\n\n"], more)})
    with raw(gw) as c:
        c.send((f"GET {o.url('/e')} HTTP/1.1\r\nHost: 127.0.0.1:{o.port}\r\n"
                + ACCEPT[0] + "\r\n\r\n").encode())
        c.head()
        assert c.file.readline() == b"24\r\n"
        more.set()
        assert c.rest() == b"data: " + eicar()[:30] + b"\r\n"
    event = outcome(gw, o.url("/e"))
    assert event["sallyport.result"] == "refused"
    assert event["sallyport.reply"].startswith("malware: ")


def test_a_large_stream_and_a_slow_reader(web, origin):
    data = os.urandom(3 * MEGA)
    o = origin({"/e": events([data[i:i + 50_000]
                              for i in range(0, len(data), 50_000)])})
    with raw(web) as c:
        got = c.ask("GET", o.url("/e"), ACCEPT)
    assert got.whole and got.body == data


def test_what_is_not_asked_for_does_not_flow(web, gateway, origin):
    o = origin({"/e": events([b"data: " + eicar() + b"\n\n"])})
    with raw(web) as c:
        got = c.ask("GET", o.url("/e"))     # no Accept: held
        assert "content-length" in got.fields
    gw = gateway(web_listener(event_stream="block"))
    with raw(gw) as c:
        assert c.ask("GET", o.url("/e"), ACCEPT).status == 403
