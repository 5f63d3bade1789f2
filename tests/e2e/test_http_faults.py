"""Clients, origins, workers and the spool of the web proxy that fail: what
breaks off at any moment leaves nothing behind."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time

import corpus
import pytest
from corpus_mail import eicar
from peers.common import free_port, kill, sanitized, until
from peers.origin import answer
from peers.web import curl, outcome, raw, web_listener, web_port

pytestmark = pytest.mark.core

TEXT = b"All quiet at the gate.\n" * 200
MEGA = 1 << 20


def drip(data, after, chunked=False):
    """Sends all but the end, then the rest after a while."""
    def serve(connection):
        if chunked:
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"
                            b"\r\n\r\n%x\r\n" % len(data))
        else:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
                            % len(data))
        connection.send(data[:-100])
        time.sleep(after)
        connection.send(data[-100:])
        if chunked:
            connection.send(b"\r\n0\r\n\r\n")
        return True
    return serve


# ---- faults ------------------------------------------------------------------------


def test_a_client_that_goes_is_noticed(web, origin):
    o = origin({"/a": lambda c: c.file.read() and False})
    c = raw(web)
    c.send(f"GET {o.url('/a')} HTTP/1.1\r\nHost: 127.0.0.1:{o.port}"
           "\r\n\r\n".encode())
    until("it is asked", lambda: o.asked)
    c.sock.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER: a reset
    c.close()
    event = outcome(web, o.url("/a"))
    assert event["sallyport.reason"] == "client_gone"
    assert event["sallyport.result"] == "aborted"


def test_a_killed_scan_worker_is_not_clean(gateway, origin):
    """Each time either the whole of it, or a page: it could not be looked
    at; and the next one is well."""
    gw = gateway({**web_listener(), "scan": {"workers": "1", "cache_size": "0"},
                  "gateway": {"workers": "1"}})
    big = corpus.zip_nested(os.urandom(MEGA) * 20, 2)
    o = origin({"/a": answer(big), "/b": answer(TEXT)})
    with raw(gw) as c:
        c.send(f"GET {o.url('/a')} HTTP/1.1\r\nHost: 127.0.0.1:{o.port}"
               "\r\n\r\n".encode())
        until("it is scanned", lambda: "http fetch -> scan" in gw.stderr())
        kill(gw.role("scan 1"))
        got = c.answer()
        assert got.status in (200, 503), got.line
        if got.status == 503:
            event = gw.event_of(got.body.decode())
            assert event["sallyport.verdict"] == "failed"
        else:
            assert got.body == big
        assert c.ask("GET", o.url("/b")).body == TEXT


def test_no_scan_worker_no_web(gateway, origin):
    gw = gateway({**web_listener(scan_deadline="600ms"),
                  "scan": {"workers": "1", "cache_size": "0"}})
    o = origin({"/a": answer(TEXT)})
    os.kill(gw.role("scan 1"), signal.SIGSTOP)
    try:
        with raw(gw) as c:
            got = c.ask("GET", o.url("/a"))
            assert got.status == 503
            event = gw.event_of(got.body.decode())
            assert event["sallyport.verdict"] == "failed"
    finally:
        kill(gw.role("scan 1"), signal.SIGCONT)


def test_a_full_spool_is_said_and_passes(gateway, origin):
    gw = gateway({**web_listener(),
                  "gateway": {"spool_max_size": "2M", "spool_memory": "64k"}})
    o = origin({"/big": answer(os.urandom(3 * MEGA)), "/a": answer(TEXT),
                "/up": answer(b"ok")})
    with raw(gw) as c:
        got = c.ask("GET", o.url("/big"))
        assert got.status == 503
        assert c.ask("GET", o.url("/a")).body == TEXT
        body = os.urandom(3 * MEGA)
        c.send(f"POST {o.url('/up')} HTTP/1.1\r\nHost: 127.0.0.1:{o.port}\r\n"
               f"Content-Length: {len(body)}\r\n\r\n".encode())
        with contextlib.suppress(OSError):
            c.send(body)
        assert c.answer().status == 503
    assert "/up" not in [r.target for r in o.asked]


def test_a_client_that_never_reads(gateway, origin):
    gw = gateway(web_listener(idle_timeout="2s"))
    o = origin({"/a": answer(os.urandom(16 * MEGA))})
    with raw(gw) as c:
        c.send(f"GET {o.url('/a')} HTTP/1.1\r\nHost: 127.0.0.1:{o.port}"
               "\r\n\r\n".encode())
        event = outcome(gw, o.url("/a"))
        assert event["sallyport.reason"] == "idle_timeout"
        assert event["sallyport.result"] == "aborted"


def test_ntlm_stays_with_its_client(web, origin):
    """A connection that knows who is there is nobody else's."""
    o = origin({"/a": answer(TEXT), "/who": answer(
        TEXT, "401 Unauthorized", ["WWW-Authenticate: Basic realm=x",
                                   "WWW-Authenticate: NTLM"])})
    with raw(web) as c:
        for path, fields in (("/who", []), ("/a", []), ("/a", [
                "Authorization: Negotiate abcd"]), ("/a", []), ("/a", [])):
            assert c.ask("GET", o.url(path), fields).body == TEXT
    assert [r.connection for r in o.asked] == [1, 2, 2, 3, 3]


def test_a_large_body_goes_through_the_spool(gateway, nginx):
    gw = gateway(web_listener())
    with open(f"{nginx.dir}/www/large.bin", "wb") as f:
        f.truncate(200 * MEGA)

    def peak():
        found = 0
        for word, pid in gw.roles().items():
            if word.startswith("net "):
                with open(f"/proc/{pid}/status", encoding="ascii") as status:
                    found = max(found, *(int(line.split()[1]) for line in status
                                         if line.startswith("VmHWM")))
        return found

    before = peak()
    done = subprocess.run(
        ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{size_download}",
         "-x", f"http://127.0.0.1:{web_port(gw)}", nginx.url("/large.bin")],
        capture_output=True, check=False, timeout=300)
    assert done.stdout.split() == [b"200", b"%d" % (200 * MEGA)], done
    if not sanitized(gw.build):
        assert peak() - before < 8 * 1024      # KB


def test_a_stop_lets_what_has_begun_end(gateway, origin):
    gw = gateway(web_listener())
    o = origin({"/a": drip(os.urandom(MEGA), 1)})
    with raw(gw) as busy, raw(gw) as idle:
        assert idle.ask("GET", o.url("/none")).status == 404
        busy.send(f"GET {o.url('/a')} HTTP/1.1\r\nHost: 127.0.0.1:{o.port}"
                  "\r\n\r\n".encode())
        until("it is asked", lambda: len(o.asked) == 2)
        gw.signal(signal.SIGTERM)
        assert idle.rest() == b""
        got = busy.answer()
        assert got.whole and len(got.body) == MEGA
        assert busy.rest() == b""
    assert gw.stop() == 0


def test_an_origin_on_ipv6(web, folder):
    with open(f"{folder}/page.txt", "wb") as f:
        f.write(TEXT)
    port = free_port()
    # pylint: disable=R1732 # ended below
    server = subprocess.Popen(
        [sys.executable, "-m", "http.server", "-d", folder, "-b", "::1",
         str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until("http.server answers", lambda: curl(
            web_port(web), f"http://[::1]:{port}/").status == 200)
        got = curl(web_port(web), f"http://[::1]:{port}/page.txt")
        assert got.body == TEXT
        event = outcome(web, f"http://[::1]:{port}/page.txt")
        assert event["sallyport.next_hop"] == f"[::1]:{port}"
    finally:
        server.kill()
        server.wait()


# ---- anything may break off at any moment ----------------------------------------


def breaks_off(rng, data):
    """Sends some of an answer, then a reset, an end, or the rest."""
    def serve(connection):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data)
        whole = head + data
        cut = rng.randrange(len(whole))
        connection.send(whole[:cut])
        how = rng.randrange(3)
        if how == 0:
            connection.reset()
            return False
        if how == 1:
            return False
        connection.send(whole[cut:])
        return True
    return serve


def one_client(gw, o, rng, data):
    """A request or a few, left at any moment; whole answers are right."""
    with contextlib.suppress(OSError), raw(gw) as c:
        for _ in range(rng.randrange(1, 4)):
            path = rng.choice(["/odd", "/good", "/none"])
            body = rng.choice([b"", rng.randbytes(rng.randrange(1, 100_000))])
            head = (f"{'POST' if body else 'GET'} {o.url(path)} HTTP/1.1\r\n"
                    f"Host: 127.0.0.1:{o.port}\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n").encode()
            whole = head + body
            if rng.randrange(3) == 0:
                c.send(whole[:rng.randrange(len(whole))])
                if rng.randrange(2):
                    c.sock.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")
                return
            c.send(whole)
            if rng.randrange(4) == 0:
                return
            got = c.answer()
            if got is None:
                return
            assert got.status in (200, 404, 502), (got.line, got.body, [
                e for e in gw.events()
                if e["event.id"].encode() in got.body])
            if got.status == 200:
                assert got.whole and got.body == data


def test_breaking_off_at_random_leaves_nothing(gateway, origin):
    gw = gateway(web_listener(request_timeout="20s", idle_timeout="20s"))
    rng = random.Random(4)
    data = rng.randbytes(300_000)
    o = origin({"/odd": breaks_off(rng, data), "/good": answer(data)})
    wrong = []

    def client(seed):
        try:
            for i in range(15):
                one_client(gw, o, random.Random(seed * 100 + i), data)
        except AssertionError as e:
            wrong.append(e)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong, wrong
    with raw(gw) as c:
        assert c.ask("GET", o.url("/good")).body == data
    ids = [e["event.id"] for e in gw.events(event__action="decision")]
    until("each decision has its outcome", lambda: set(ids) <= {
        e["event.id"] for e in gw.events(event__action="outcome")})
    until("no session is left", lambda: gw.stderr().count("session begins")
          == gw.stderr().count("session ends"))


def test_a_killed_net_worker_costs_its_connections_alone(gateway, origin):
    gw = gateway({**web_listener(), "gateway": {"workers": "1"}})
    o = origin({"/a": drip(os.urandom(MEGA), 30), "/b": answer(TEXT)})
    with raw(gw) as c:
        c.send(f"GET {o.url('/a')} HTTP/1.1\r\nHost: 127.0.0.1:{o.port}"
               "\r\n\r\n".encode())
        until("it is asked", lambda: o.asked)
        kill(gw.role("net 1"))
        assert c.rest() == b""

    def served():
        with contextlib.suppress(OSError), raw(gw) as d:
            got = d.ask("GET", o.url("/b"))
            return got is not None and got.body == TEXT
        return False

    until("another one serves", served)


def test_a_reload_is_for_the_next_connection(gateway, origin):
    gw = gateway(web_listener())
    o = origin({"/x": answer(eicar())})
    with raw(gw) as old:
        assert old.ask("GET", o.url("/x")).status == 403
        gw.configure({"policy web": {"malware": "pass"}})
        gw.reload()

        def passes():
            with raw(gw) as new:
                return new.ask("GET", o.url("/x")).body == eicar()
        until("every net worker has it", lambda: all(
            passes() for _ in range(4)))
