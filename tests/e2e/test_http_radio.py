"""Sound without an end: held like all else, or scanned in windows."""

import os
import threading

import corpus
import pytest
from peers.common import PATIENCE
from peers.origin import Origin
from peers.web import Raw, web_listener, web_port


class Radio:
    """Sends piece after piece, each when it is told."""

    def __init__(self, pieces, fields=(), chunked=False):
        self.pieces, self.chunked = pieces, chunked
        self.fields = ["Content-Type: audio/mpeg", *fields]
        if chunked:
            self.fields.append("Transfer-Encoding: chunked")
        self.go = [threading.Event() for _ in pieces]

    def __call__(self, connection):
        head = ["HTTP/1.1 200 OK", *self.fields]
        connection.send("\r\n".join(head).encode() + b"\r\n\r\n")
        for event, piece in zip(self.go, self.pieces):
            event.wait(PATIENCE)
            if self.chunked:
                piece = b"%x\r\n%s\r\n" % (len(piece), piece)
            connection.send(piece)
        connection.file.read()      # until the other side goes


@pytest.fixture(name="play")
def one_that_plays(gateway, cleanly):
    def make(radio, **keys):
        gw = gateway(web_listener(**keys), start=False)
        with open(f"{gw.dir}/db/test.ndb", "w", encoding="ascii") as f:
            f.write(corpus.signatures())
        gw.start()
        o = Origin({"/radio": radio})
        cleanly(o)
        o.start()
        c = Raw(web_port(gw))
        c.send(f"GET {o.url('/radio')} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return gw, c
    return make


def heard(client):
    size = int(client.line(), 16)
    piece = client.take(size)
    client.line()
    return piece


@pytest.mark.parametrize("chunked", [False, True])
def test_it_plays_while_it_goes_on(play, chunked):
    radio = Radio([os.urandom(9000) for _ in range(3)], chunked=chunked)
    _, c = play(radio, media_stream="pass")
    for event, piece in zip(radio.go, radio.pieces):
        event.set()
        if event is radio.go[0]:
            assert b"200 OK" in c.head()
        got = b""
        while len(got) < len(piece):
            got += heard(c)
        assert got == piece
    c.close()


def test_a_virus_in_it_ends_it(play):
    bad = corpus.eicar()
    radio = Radio([os.urandom(9000), bad])
    _, c = play(radio, media_stream="pass")
    radio.go[0].set()
    c.head()
    assert len(heard(c)) > 0
    radio.go[1].set()
    rest, whole = c.chunks()
    assert not whole and bad not in rest
    c.close()


@pytest.mark.parametrize("keys,fields", [
    ({}, ()), ({"media_stream": "hold"}, ()),
    ({"media_stream": "pass"}, ["Content-Disposition: attachment"]),
    ({"media_stream": "pass"}, ["Content-Encoding: gzip"])])
def test_elsewhere_it_is_held_and_ends_at_a_limit(play, keys, fields):
    radio = Radio([os.urandom(9000), os.urandom(9000)], fields)
    for event in radio.go:
        event.set()
    _, c = play(radio, max_response_body="10k", **keys)
    assert c.answer().status == 403
    c.close()
