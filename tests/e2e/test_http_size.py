"""Bodies that are larger than may be scanned: refused as soon as that is
known, or passed on through the spool by an operator who wants it so."""

import contextlib
import os
import shutil
import subprocess
import threading

import pytest
from peers.common import PATIENCE, sanitized, until
from peers.origin import answer
from peers.sallyport import Sallyport
from peers.web import Raw, web_listener, web_port

pytestmark = pytest.mark.core

KILO = 1 << 10
GIGA = 1 << 30
LIMIT = 64 * KILO


def changes(**policy):
    return {**web_listener(),
            "scan": {"max_scan_size": "64k", "workers": "1"},
            "policy web": {"malware": "block", "failed": "block", **policy}}


@pytest.fixture(scope="module", name="web")
def one_for_all(build, module_cleanly):
    gw = Sallyport(build, changes())
    module_cleanly(gw)
    yield gw.start()
    assert not gw.errors(), gw.errors()


class Begins:
    """Sends its head, and waits for the other side to go."""

    def __init__(self, head, body=b""):
        self.data = head + b"\r\n\r\n" + body
        self.left = threading.Event()

    def __call__(self, connection):
        connection.send(self.data)
        with contextlib.suppress(OSError):
            connection.file.read()
        self.left.set()


def is_the_limit(gw, got, size):
    assert got.status == 403, got.line
    event = gw.event_of(got.body.decode())
    assert event["sallyport.verdict"] == "limit"
    assert event["sallyport.because.what"] == "max_scan_size"
    assert event["sallyport.unscanned_bytes"] == size
    assert event["file.size"] == size
    end = gw.event_of(got.body.decode(), "outcome")
    assert end["sallyport.result"] == "refused"


def test_a_length_that_is_too_large_is_refused_by_its_head(web, origin):
    begins = Begins(b"HTTP/1.1 200 OK\r\nContent-Length: %d" % (LIMIT + 1))
    o = origin({"/a": begins})
    with Raw(web_port(web)) as c:
        is_the_limit(web, c.ask("GET", o.url("/a")), LIMIT + 1)
    assert begins.left.wait(PATIENCE)


def test_what_fits_is_scanned(web, origin):
    data = os.urandom(LIMIT)
    o = origin({"/a": answer(data)})
    with Raw(web_port(web)) as c:
        assert c.ask("GET", o.url("/a")).body == data


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_one_without_a_length_is_refused_when_it_is_known(web, origin, framing):
    body, head = bytes(2 * LIMIT), b"HTTP/1.1 200 OK"
    if framing == "chunked":
        head += b"\r\nTransfer-Encoding: chunked"
        body = b"%x\r\n%s\r\n" % (len(body), body)
    begins = Begins(head, body)
    o = origin({"/a": begins})
    with Raw(web_port(web)) as c:
        got = c.ask("GET", o.url("/a"))
    event = web.event_of(got.body.decode())
    assert got.status == 403
    assert event["sallyport.because.what"] == "max_scan_size"
    assert event["file.size"] > LIMIT
    assert begins.left.wait(PATIENCE)


def test_one_that_flows_already_is_cut_off(gateway, origin):
    flow = {**changes(), **web_listener(delivery="hold-tail", hold="16k",
                                        tail="1k")}
    flow["policy web"] = {"malware": "block"}
    gw = gateway(flow)
    body = os.urandom(LIMIT)
    more = threading.Event()

    def serve(connection):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                        b"%x\r\n%s\r\n" % (LIMIT, body))
        more.wait(PATIENCE)
        connection.send(b"1\r\nx\r\n")
        connection.file.read()

    o = origin({"/a": serve})
    with Raw(web_port(gw)) as c:
        c.send(f"GET {o.url('/a')} HTTP/1.1\r\nHost: 127.0.0.1:{o.port}"
               "\r\n\r\n".encode())
        assert b"200 OK" in c.head()
        more.set()
        got, whole = c.chunks()
    assert not whole and body.startswith(got)
    end = until("its outcome", lambda: gw.events(event__action="outcome"))[0]
    assert end["sallyport.verdict"] == "limit"
    assert end["sallyport.released_before_verdict"]


@pytest.mark.parametrize("fields,body", [
    ([f"Content-Length: {LIMIT + 1}", "Expect: 100-continue"], b""),
    (["Transfer-Encoding: chunked"],
     b"%x\r\n%s\r\n" % (LIMIT + 1, bytes(LIMIT + 1)))], ids=["length", "chunked"])
def test_an_upload_that_is_too_large(web, origin, fields, body):
    o = origin({"/up": answer(b"ok")})
    with Raw(web_port(web)) as c:
        got = c.ask("PUT", o.url("/up"), fields, body)
        assert got.status == 403
        assert got.fields["connection"] == "close"
        event = web.event_of(got.body.decode())
        assert event["sallyport.verdict"] == "limit"
    assert not o.asked


def test_who_lets_them_pass_gets_them(gateway, origin):
    gw = gateway(changes(limit="pass"))
    data = os.urandom(3 * LIMIT)
    o = origin({"/a": answer(data), "/b": answer(data, framing="chunked"),
                "/up": answer(b"ok")})
    with Raw(web_port(gw)) as c:
        for path in ("/a", "/b"):
            assert c.ask("GET", o.url(path)).body == data
        assert c.ask("PUT", o.url("/up"), [f"Content-Length: {len(data)}"],
                     data).status == 200
    assert o.asked[-1].body == data
    seen = [e["sallyport.unscanned_bytes"]
            for e in gw.events(event__action="decision")
            if e["file.size"] == len(data)]
    assert seen == [len(data)] * 3


def most_memory(gw):
    """{role: KB it has had at most} of those that touch a content."""
    found = {}
    for word, pid in gw.roles().items():
        if word.startswith(("net ", "scan ")):
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                found[word] = next(int(line.split()[1]) for line in f
                                   if line.startswith("VmHWM"))
    return found


def test_four_gigabytes_are_not_in_memory(gateway, origin, build):
    """Needs 5 GB below /tmp: the spool is what such a body lies in."""
    if sanitized(build):
        return
    gw = gateway({**web_listener(max_response_body="5G"),
                  "policy web": {"malware": "block", "limit": "pass"}})
    assert shutil.disk_usage(gw.dir).free > 5 * GIGA

    def serve(connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
                        % (4 * GIGA))
        block = bytes(4 << 20)
        for _ in range(1024):
            connection.send(block)
        return True

    o = origin({"/a": serve})
    before = most_memory(gw)
    done = subprocess.run(
        ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{size_download}",
         "-x", f"http://127.0.0.1:{web_port(gw)}", o.url("/a")],
        capture_output=True, check=False, timeout=600)
    assert done.stdout.split() == [b"200", b"%d" % (4 * GIGA)], done
    event = gw.events(event__action="decision")[0]
    assert event["sallyport.unscanned_bytes"] == 4 * GIGA
    for word, peak in most_memory(gw).items():
        assert peak - before[word] < 8 * KILO, (word, peak, before[word])
