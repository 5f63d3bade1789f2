"""What of a large answer leaves before its verdict, and what the client sees
when the verdict is bad: never a body that it could take for whole."""

import gzip
import os
import signal
import threading

import corpus
import pytest
from peers.common import PATIENCE, sanitized, until
from peers.origin import answer
from peers.sallyport import Sallyport
from peers.web import Raw, web_listener, web_port

KILO = 1 << 10
MEGA = 1 << 20

HOLD, TAIL = 64 * KILO, 4 * KILO
FLOW = {"delivery": "hold-tail", "hold": "64k", "tail": "4k",
        "trickle_after": "1s"}
TRICKLE = {"delivery": "trickle", "hold": "64k", "trickle_after": "200ms",
           "trickle_rate": "100B"}

# How the origin says where the body ends, and what the client speaks.
WAYS = [(framing, version) for framing in ("length", "chunked", "close")
        for version in ("1.1", "1.0")]


class Slow:
    """An answer that comes in pieces, each when it is asked for; then, as
    it is told, the end, a reset, or an end too soon."""

    def __init__(self, data, cuts, framing="length", fields=()):
        self.data, self.cuts = data, [0, *cuts, len(data)]
        self.framing, self.fields = framing, fields
        self.go = [threading.Event() for _ in self.cuts[1:]]
        self.ends = "well"

    def on(self, upto=None):
        """Lets the next pieces come, up to this one."""
        for event in self.go[:upto]:
            event.set()

    def head(self):
        lines = ["HTTP/1.1 200 OK", *self.fields]
        if self.framing == "length":
            lines.append(f"Content-Length: {len(self.data)}")
        if self.framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    def __call__(self, connection):
        connection.send(self.head())
        for event, start, end in zip(self.go, self.cuts, self.cuts[1:]):
            event.wait(PATIENCE)
            piece = self.data[start:end]
            if self.framing == "chunked":
                piece = b"%x\r\n%s\r\n" % (len(piece), piece)
            connection.send(piece)
        if self.ends == "reset":
            connection.reset()
        elif self.ends == "well" and self.framing == "chunked":
            connection.send(b"0\r\n\r\n")
        return self.ends == "well" and self.framing != "close"


class Client(Raw):
    """Asks, and says when it has got how much."""

    def __init__(self, gw, url, version="1.1"):
        super().__init__(web_port(gw))
        host = url.split("/")[2]
        self.send(f"GET {url} HTTP/{version}\r\nHost: {host}\r\n\r\n".encode())

    def got_nothing(self, seconds):
        self.sock.settimeout(seconds)
        try:
            assert self.sock.recv(1) == b"", "a byte has come"
        except TimeoutError:
            return True
        finally:
            self.sock.settimeout(PATIENCE)
        return False

    def begin(self):
        """The head, and the fields in it."""
        head = self.head().decode().split("\r\n")
        return int(head[0].split()[1]), {
            k.lower(): v for k, _, v in (f.partition(": ") for f in head[1:])}

    def body(self, size, fields):
        """So many bytes of it."""
        data = b""
        while len(data) < size:
            if "transfer-encoding" in fields:
                want = int(self.file.readline(), 16)
                data += self.take(want)
                self.file.readline()
            else:
                data += self.take(size - len(data))
        return data

    def remains(self, fields):
        """(the rest, did it end as a body that is whole does?)"""
        if "transfer-encoding" in fields:
            return self.chunks()
        data = b""
        try:
            while True:
                piece = self.file.read1(65536)
                if not piece:
                    return data, "content-length" not in fields
                data += piece
        except ConnectionResetError:
            return data, False


@pytest.fixture(scope="module", name="web")
def one_for_all(build, module_cleanly):
    gw = Sallyport(build, {**web_listener(**FLOW, idle_timeout="60s"),
                           "gateway": {"spool_memory": "16k"}})
    module_cleanly(gw)
    with open(f"{gw.dir}/db/test.ndb", "w", encoding="ascii") as f:
        f.write(corpus.signatures())
    yield gw.start()
    assert not gw.errors(), gw.errors()


def outcome(gw, url):
    return until(f"the outcome of {url}", lambda: next(
        (e for e in gw.events()
         if e.get("url.original") == url
         and e["event.action"] in ("outcome", "ended")), None))


# ---- hold-tail ---------------------------------------------------------------------


@pytest.mark.core
@pytest.mark.parametrize("framing,version", WAYS)
def test_a_passed_beginning_flows_and_the_whole_arrives(web, origin, framing,
                                                        version):
    data = os.urandom(300 * KILO)
    slow = Slow(data, [HOLD + 1, 200 * KILO], framing)
    o = origin({"/a": slow})
    with Client(web, o.url("/a"), version) as c:
        slow.on(1)
        status, fields = c.begin()
        assert status == 200
        got = c.body(HOLD - TAIL, fields)
        assert c.got_nothing(0.05)

        slow.on(2)
        got += c.body(128 * KILO - HOLD, fields)
        assert c.got_nothing(0.05)
        assert got == data[:128 * KILO - TAIL]

        slow.on()
        if version == "1.0" and framing != "length":
            rest, whole = c.remains(fields)
        elif "transfer-encoding" in fields:
            rest, whole = c.chunks()
        else:
            rest, whole = c.take(len(data) - len(got)), True
    assert whole and got + rest == data
    event = outcome(web, o.url("/a"))
    assert event["sallyport.released_before_verdict"]
    assert event["sallyport.result"] == "delivered"


@pytest.mark.core
@pytest.mark.parametrize("framing,version", WAYS)
def test_a_virus_at_the_end_is_seen_to_be_missing(web, origin, framing, version):
    data = os.urandom(200 * KILO) + corpus.zipped(corpus.marker())
    slow = Slow(data, [HOLD + 1], framing)
    o = origin({"/a": slow})
    with Client(web, o.url("/a"), version) as c:
        slow.on(1)
        _, fields = c.begin()
        got = c.body(HOLD - TAIL, fields)
        slow.on()
        rest, whole = c.remains(fields)
    got += rest
    assert not whole
    assert data.startswith(got) and len(got) <= len(data) - TAIL
    event = outcome(web, o.url("/a"))
    assert event["sallyport.released_before_verdict"]
    assert event["sallyport.result"] == "refused"
    assert event["sallyport.verdict"] == "malware"


@pytest.mark.parametrize("ends", ["reset", "too soon"])
@pytest.mark.parametrize("framing,version", WAYS)
def test_an_origin_that_dies_is_seen_to_have(web, origin, framing, version, ends):
    if (framing, ends) == ("close", "too soon"):
        return  # that is how such a body ends
    data = os.urandom(200 * KILO)
    slow = Slow(data, [HOLD + 1], framing)
    slow.ends = ends
    if framing == "length":
        slow.head = lambda: b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n"
    o = origin({"/a": slow})
    with Client(web, o.url("/a"), version) as c:
        slow.on(1)
        _, fields = c.begin()
        c.body(HOLD - TAIL, fields)
        slow.on()
        assert not c.remains(fields)[1]
    event = outcome(web, o.url("/a"))
    assert event["sallyport.result"] == "deferred"
    assert event["sallyport.released_before_verdict"]


@pytest.mark.parametrize("size", [HOLD - 1, HOLD])
def test_up_to_hold_no_byte_leaves(web, origin, size):
    bad = corpus.zipped(corpus.marker())
    data = os.urandom(size - len(bad)) + bad
    slow = Slow(data, [size], "close")
    o = origin({"/a": slow})
    with Client(web, o.url("/a")) as c:
        slow.on(1)
        assert c.got_nothing(0.3)
        slow.on()
        assert c.answer().status == 403
    assert not outcome(web, o.url("/a"))["sallyport.released_before_verdict"]


@pytest.mark.core
def test_a_virus_in_the_beginning_holds_it_all(web, origin):
    data = corpus.zipped(corpus.marker()) + os.urandom(300 * KILO)
    slow = Slow(data, [200 * KILO])
    o = origin({"/a": slow})
    with Client(web, o.url("/a")) as c:
        slow.on(1)
        until("the beginning was looked at",
              lambda: "verdict=malware" in web.stderr())
        assert c.got_nothing(0.1)
        slow.on()
        assert c.answer().status == 403
    assert not outcome(web, o.url("/a"))["sallyport.released_before_verdict"]


def test_an_encoded_body_is_held_whole(web, origin):
    data = gzip.compress(os.urandom(300 * KILO))
    slow = Slow(data, [200 * KILO], fields=["Content-Encoding: gzip"])
    o = origin({"/a": slow})
    with Client(web, o.url("/a")) as c:
        slow.on(1)
        assert c.got_nothing(0.3)
        slow.on()
        got = c.answer()
    assert got.whole and got.body == data
    assert not outcome(web, o.url("/a"))["sallyport.released_before_verdict"]


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "pdf"])
def test_a_beginning_of_an_archive_is_not_malformed(web, origin, kind):
    data = os.urandom(300 * KILO)
    made = {"zip": corpus.zipped, "tar.gz": lambda b: gzip.compress(corpus.tar(b)),
            "pdf": lambda b: b"%PDF-1.4\n1 0 obj\nstream\n" + b}[kind](data)
    slow = Slow(made, [HOLD + 1])
    o = origin({"/a": slow})
    with Client(web, o.url("/a")) as c:
        slow.on(1)
        _, fields = c.begin()
        got = c.body(HOLD - TAIL, fields)
        slow.on()
        assert got + c.take(len(made) - len(got)) == made
    assert outcome(web, o.url("/a"))["sallyport.verdict"] == "clean"


def test_what_could_not_be_looked_at_does_not_flow(gateway, origin):
    gw = gateway({**web_listener(**FLOW, scan_deadline="300ms"),
                  "scan": {"workers": "1"}, "policy web": {"failed": "block"}})
    data = os.urandom(300 * KILO)
    slow = Slow(data, [HOLD + 1])
    o = origin({"/a": slow})
    os.kill(gw.role("scan 1"), signal.SIGSTOP)  # killed when its time is over
    with Client(gw, o.url("/a")) as c:
        slow.on(1)
        until("it gives up", lambda: "http flow ends" in gw.stderr())
        slow.on()
        assert c.answer().status in (200, 503)
    assert not outcome(gw, o.url("/a"))["sallyport.released_before_verdict"]


def test_a_client_that_does_not_read_the_flow(gateway, origin):
    """Its bytes wait in the spool, and its time ends."""
    gw = gateway({**web_listener(**FLOW, idle_timeout="2s"),
                  "gateway": {"workers": "1"}})
    o = origin({"/a": answer(os.urandom(24 * MEGA))})
    with Client(gw, o.url("/a")):
        event = outcome(gw, o.url("/a"))
        assert event["sallyport.reason"] == "idle_timeout"
        assert event["sallyport.result"] == "aborted"
        if not sanitized(gw.build):
            with open(f"/proc/{gw.role('net 1')}/status",
                      encoding="ascii") as f:
                peak = next(int(line.split()[1]) for line in f
                            if line.startswith("VmHWM"))
            assert peak < 40 * KILO, "in KB"


# ---- trickle -----------------------------------------------------------------------


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_trickle_keeps_a_client_waiting(gateway, origin, framing):
    gw = gateway(web_listener(**TRICKLE))
    data = os.urandom(MEGA)
    slow = Slow(data, [len(data) - 100], framing)
    o = origin({"/a": slow})
    with Client(gw, o.url("/a")) as c:
        slow.on(1)
        _, fields = c.begin()
        got = c.body(200, fields)
        slow.on()
        if framing == "chunked":
            rest, whole = c.chunks()
        else:
            rest, whole = c.take(len(data) - len(got)), True
    assert whole and got + rest == data
    assert outcome(gw, o.url("/a"))["sallyport.released_before_verdict"]


@pytest.mark.parametrize("framing,version", [
    ("length", "1.1"), ("chunked", "1.1"), ("chunked", "1.0")])
def test_a_virus_that_trickles_is_never_whole(gateway, origin, framing, version):
    gw = gateway(web_listener(**TRICKLE))
    data = bytes(MEGA) + corpus.zipped(corpus.eicar())
    slow = Slow(data, [len(data) - 100], framing)
    o = origin({"/a": slow})
    with Client(gw, o.url("/a"), version) as c:
        slow.on(1)
        _, fields = c.begin()
        c.body(100, fields)
        slow.on()
        rest, whole = c.remains(fields)
    assert not whole and len(rest) < MEGA // 10
    event = outcome(gw, o.url("/a"))
    assert event["sallyport.released_before_verdict"]
    assert event["sallyport.result"] == "refused"


def test_what_trickles_has_been_looked_at(gateway, origin):
    """The virus is in front: not a byte of it is used to keep one waiting."""
    gw = gateway(web_listener(**TRICKLE))
    data = corpus.zipped(corpus.eicar()) + bytes(MEGA)
    slow = Slow(data, [len(data) - 100])
    o = origin({"/a": slow})
    with Client(gw, o.url("/a")) as c:
        slow.on(1)
        until("the beginning was looked at",
              lambda: "verdict=malware" in gw.stderr())
        assert c.got_nothing(1.2)
        slow.on()
        assert c.answer().status == 403
    assert not outcome(gw, o.url("/a"))["sallyport.released_before_verdict"]
