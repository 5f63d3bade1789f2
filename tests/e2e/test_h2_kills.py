"""HTTP/2 when something breaks off: a worker, a client's stream, a connection.
What is infected never looks whole, and nothing that is over stays behind."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import threading
import time

import corpus
import pytest
from h2.exceptions import ProtocolError
from h2_house import WWW, H2House, net_memory
from inspection import last
from peers import h2_raw as h2
from peers.common import PATIENCE, kill, until
from peers.nginx_tls import NginxTls
from peers.origin import answer
from peers.web import web_port

TEXT = b"All quiet at the gate.\n" * 200
MEGA = 1 << 20
CLIENTS = 4
AT_ONCE = 6         # streams of each
HOLD = 64 * 1024
SMALL = corpus.zipped(corpus.marker())
FLOWS = {"delivery": "trickle", "hold": "64k", "trickle_after": "100ms",
         "trickle_rate": "20k", "scan_deadline": "20s"}


@pytest.fixture(scope="module", name="house")
def one_house(module_cleanly):
    house = H2House(module_cleanly)
    house.nginx = NginxTls(house.leaf)
    module_cleanly(house.nginx)
    house.ports.append(house.nginx.start().port)
    return house


@pytest.fixture(scope="module", name="gw")
def one_gateway(build, house):
    gw = house.gateway(build)
    yield gw
    assert not gw.errors(), gw.errors()


@pytest.fixture(name="origin")
def fresh_answers(house):
    for o in (house.one, house.two):
        o.answers.clear()
        o.asked.clear()
        o.answers["/a"] = answer(TEXT)
    return house.two


# ---- a worker is killed -----------------------------------------------------


def body_of(n):
    rng = random.Random(n)
    return rng.randbytes(rng.choice([500, 9000, 200_000]))


def clean(stream):
    """Another one each time: no verdict is known before."""
    stream.plain(answer(body_of(int(stream.request.target.split("=")[1]))))


def large(data):
    """All but its end, which comes after a while: some of it trickles."""
    def serve(stream):
        stream.head(200, [("content-length", str(len(data)))])
        stream.data(data[:-10])
        time.sleep(0.3)
        stream.data(data[-10:])
        stream.finish()
    return serve


class Load:
    """Clients that ask for all sorts of things, several at once each."""

    def __init__(self, house, gw, most):
        self.house, self.gw, self.most = house, gw, most
        self.over, self.wrong, self.seen = threading.Event(), [], {}
        self.threads = [threading.Thread(target=self.run, args=(i,))
                        for i in range(CLIENTS)]

    def run(self, number):
        rng, n = random.Random(number), number * 1_000_000
        while not self.over.is_set():
            try:
                with self.house.h2(self.gw, self.house.two) as c:
                    while not self.over.is_set() and c.away is None:
                        n += AT_ONCE
                        self.some(c, rng, n)
                    if c.wire.ended == "end" and c.away is None:
                        self.wrong.append("an end without GOAWAY")
            except (OSError, AttributeError):
                self.count("no connection")     # its net worker is dead
            except Exception as e:  # pylint: disable=broad-except
                self.wrong.append(repr(e))
                raise

    def some(self, c, rng, n):
        host = f"{WWW}:{self.house.two.port}"
        kinds = [rng.choice(["clean", "clean", "small", "large"])
                 for _ in range(AT_ONCE)]
        numbers = []
        for i, kind in enumerate(kinds):
            try:
                numbers.append(c.begin("GET", f"/{kind}?n={n + i}", host))
            except ProtocolError:
                break
        for i, number in enumerate(numbers):
            self.look(kinds[i], c.answer(number), n + i)
        if c.wire.ended:
            raise OSError

    def look(self, kind, got, n):
        self.count(f"{kind} {got.status} {'whole' if got.whole else 'cut'}")
        if kind == "clean":
            if got.whole and got.status == 200 and got.body != body_of(n):
                self.wrong.append(("another body", n))
            if got.status not in (None, 200, 502, 503):
                self.wrong.append(("clean", n, got))
        elif got.status == 200 and (got.whole or kind == "small"):
            self.wrong.append((kind, n, got))
        elif got.status == 200 and len(got.body) > self.most:
            self.wrong.append((kind, n, "too much", got))

    def count(self, word):
        self.seen[word] = self.seen.get(word, 0) + 1


@pytest.mark.core
def test_kill_9_under_load(build, house, origin):
    bad = b"All quiet. " * (HOLD // 2) + corpus.marker()
    origin.answers.update({"/small": answer(SMALL), "/large": large(bad),
                           "/clean": clean})
    gw = house.gateway(build, more={"scan": {"workers": "2",
                                             "cache_size": "0"}}, **FLOWS)
    load = Load(house, gw, len(bad) - HOLD)
    for t in load.threads:
        t.start()
    try:
        for role in ("scan 1", "net 1", "scan 2", "scan 1", "net 2", "scan 2",
                     "armoury", "scan 1"):
            time.sleep(0.35)
            kill(gw.role(role))
        # "large 200": begun, and cut off
        until("all sorts have been seen", lambda: load.wrong or all(sum(
            n for word, n in list(load.seen.items()) if word.startswith(w)
            ) > 3 for w in ("clean 200 whole", "small 403 whole",
                            "large 200")), 3 * PATIENCE)
    finally:
        load.over.set()
        for t in load.threads:
            t.join()
    print(load.seen)
    assert load.wrong == []
    host = f"{WWW}:{origin.port}"

    def served():
        with house.h2(gw, origin) as c:
            return c.ask("GET", "/clean?n=10", host).status == 200

    until("the workers are back", served)
    with house.h2(gw, origin) as c:
        for n in range(10):
            assert c.ask("GET", f"/clean?n={n}", host).status == 200
            assert c.ask("GET", f"/small?n={n}", host).status == 403
    assert not gw.errors(), gw.errors()


@pytest.mark.core
def test_a_killed_net_worker_is_no_tidy_end(build, house, origin):
    gw = house.gateway(build, more={"gateway": {"workers": "1"}}, **FLOWS)
    origin.answers["/b"] = large_and_never_ends
    host = f"{WWW}:{origin.port}"
    with house.h2(gw, origin) as c:
        number = c.begin("GET", "/b", host)
        assert c.headed(number).status == 200
        kill(gw.role("net 1"))
        got = c.answer(number)
        assert got.lost and not got.whole
        assert c.wire.ended in ("cut", "reset")

    def served():
        with contextlib.suppress(OSError, AttributeError):
            with house.h2(gw, origin) as d:
                return d.ask("GET", "/a", host).body == TEXT
        return False

    until("another one serves", served)


def large_and_never_ends(stream):
    stream.head(200, [("content-length", "900000")])
    stream.data(os.urandom(300_000))
    stream.left()


@pytest.mark.core
def test_a_killed_scan_worker_is_not_clean(build, house, origin):
    gw = house.gateway(build, more={
        "scan": {"workers": "1", "cache_size": "0"}})
    big = corpus.zip_nested(os.urandom(MEGA) * 20, 2)
    origin.answers["/big"] = answer(big)
    with house.h2(gw, origin) as c:
        host = f"{WWW}:{origin.port}"
        number = c.begin("GET", "/big", host)
        until("it is scanned", lambda: "http fetch -> scan" in gw.stderr())
        kill(gw.role("scan 1"))
        got = c.answer(number)
        assert got.status in (200, 503) and got.whole, got
        assert got.status == 503 or got.body == big
        assert c.ask("GET", "/a", host).body == TEXT
    assert not gw.errors(), gw.errors()


# ---- a client gives up ------------------------------------------------------


def ended_as_gone(gw, origin, path):
    event = last(gw, origin.url(path, WWW))
    assert event["sallyport.reason"] == "client_gone", event
    assert event["sallyport.result"] == "aborted"


@pytest.mark.core
@pytest.mark.parametrize("how", ["cancel", "close", "reset"])
@pytest.mark.parametrize("server", ["h1", "h2"])
def test_an_upload_that_is_given_up(gw, house, origin, server, how):
    """The origin never hears of it."""
    origin = house.two if server == "h2" else house.one
    path = f"/up-{how}"
    with house.h2(gw, origin) as c:
        host = f"{WWW}:{origin.port}"
        assert c.ask("GET", "/a", host).body == TEXT
        number = c.head("PUT", path, host, [("content-length", "200000")],
                        end=False)
        c.data(number, os.urandom(100_000))
        # what comes behind it was read, so it was: a reset takes nothing away
        assert c.ask("GET", "/a", host).body == TEXT
        if how != "cancel":
            c.wire.flushed()
            c.close(reset=how == "reset")
        else:
            c.cancel(number)
            assert c.ask("GET", "/a", host).body == TEXT
        ended_as_gone(gw, origin, path)
    assert not [r for r in origin.asked if r.target == path]


@pytest.mark.core
@pytest.mark.parametrize("how", ["cancel", "reset"])
@pytest.mark.parametrize("server", ["h1", "h2"])
def test_a_download_that_is_given_up(gw, house, origin, server, how):
    """The origin hears of that: by a stream's reset, or the connection's."""
    noticed, began = threading.Event(), threading.Event()

    def two(stream):
        stream.head(200, [("content-length", "200000")])
        stream.data(bytes(100_000))
        began.set()
        if stream.left() and stream.code in (None, h2.CANCEL):
            noticed.set()

    def one(connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n"
                        + bytes(100_000))
        began.set()
        with contextlib.suppress(OSError):
            connection.file.read()
        noticed.set()

    origin = house.two if server == "h2" else house.one
    path = f"/down-{how}"
    origin.answers[path] = two if server == "h2" else one
    with house.h2(gw, origin) as c:
        host = f"{WWW}:{origin.port}"
        number = c.begin("GET", path, host)
        assert began.wait(PATIENCE)
        if how == "cancel":
            c.cancel(number)
            assert c.ask("GET", "/a", host).body == TEXT
        else:
            c.close(reset=True)
        assert noticed.wait(PATIENCE)
        ended_as_gone(gw, origin, path)


@pytest.mark.core
def test_a_scan_that_nobody_waits_for(build, house, origin):
    """The worker is stopped while it has the job: cancelled, it is ended and
    replaced, and nobody hears of a verdict."""
    gw = house.gateway(build, more={
        "scan": {"workers": "1", "cache_size": "0"}})
    origin.answers["/b"] = answer(os.urandom(5000))
    worker = gw.role("scan 1")
    os.kill(worker, signal.SIGSTOP)
    try:
        with house.h2(gw, origin) as c:
            host = f"{WWW}:{origin.port}"
            number = c.begin("GET", "/b", host)
            until("it is at the gate",
                  lambda: "http fetch -> scan" in gw.stderr())
            c.cancel(number)
            ended_as_gone(gw, origin, "/b")
            kill(worker, signal.SIGCONT)
            assert c.ask("GET", "/a", host).body == TEXT
    finally:
        kill(worker, signal.SIGCONT)
    assert not gw.errors(), gw.errors()


@pytest.mark.core
def test_cancelling_at_random_leaves_nothing(build, house, origin):
    gw = house.gateway(build, request_timeout="20s", idle_timeout="20s")
    rng, data = random.Random(6), os.urandom(300_000)

    def slow(stream):
        stream.head(200, [("content-length", str(len(data)))])
        stream.data(data[:150_000])
        time.sleep(0.01)
        with contextlib.suppress(KeyError):     # it was cancelled meanwhile
            stream.data(data[150_000:])
            stream.finish()

    origin.answers.update({"/s": slow, "/up": answer(b"ok"),
                           "/x": answer(SMALL)})
    host = f"{WWW}:{origin.port}"
    for n in range(10):
        with house.h2(gw, origin) as c:
            numbers = []
            for _ in range(12):
                numbers.append(at_random(c, rng, host, data))
                if rng.random() < 0.2:
                    time.sleep(rng.random() / 50)
                if rng.random() < 0.4:
                    victim = rng.choice(numbers)
                    if not c.streams[victim].over():
                        with contextlib.suppress(ProtocolError):
                            c.cancel(victim)
            if n % 3:       # else it goes in the middle of all
                for number in numbers:
                    with contextlib.suppress(AssertionError):
                        settled(c, number, data)
    with house.h2(gw, origin) as c:
        assert c.ask("GET", "/s", host).body == data
    ids = {e["event.id"] for e in gw.events(event__action="decision")}
    until("each decision has its outcome", lambda: ids <= {
        e["event.id"] for e in gw.events(event__action="outcome")})
    assert not gw.errors(), gw.errors()


def at_random(c, rng, host, data):
    kind = rng.choice(["/s", "/x", "/up", "half"])
    if kind == "half":
        number = c.head("PUT", "/up", host, end=False)
        c.data(number, data[:rng.randrange(1, 60_000)])
        return number
    return c.begin("PUT" if kind == "/up" else "GET", kind, host,
                   body=data[:50_000] if kind == "/up" else None)


def settled(c, number, data):
    got = c.streams[number]
    c.wire.until("it ends", lambda: c.over(number), 0.1)
    if got.status == 200 and got.whole:
        assert got.body in (data, b"ok")


# ---- many, and large --------------------------------------------------------


@pytest.mark.core
def test_a_hundred_streams_each_have_their_own_verdict(gw, house, origin):
    """Slow and infected ones among them, on one connection."""
    free = threading.Event()

    def slow(stream):
        free.wait(PATIENCE)
        clean(stream)

    origin.answers.update({"/slow": slow, "/clean": clean,
                           "/small": answer(SMALL)})
    host = f"{WWW}:{origin.port}"
    kinds = ["slow", "clean", "small", "clean"] * 25
    with house.h2(gw, origin) as c:
        numbers = [c.begin("GET", f"/{kind}?n={i}", host)
                   for i, kind in enumerate(kinds)]
        for i, kind in enumerate(kinds):
            if kind != "slow":
                has_its_own(c.answer(numbers[i]), kind, i)
        assert not any(c.streams[numbers[i]].over()
                       for i, kind in enumerate(kinds) if kind == "slow")
        free.set()
        for i, kind in enumerate(kinds):
            has_its_own(c.answer(numbers[i]), kind, i)
        assert c.away is None


def has_its_own(got, kind, n):
    assert got.whole
    if kind == "small":
        assert got.status == 403
    else:
        assert (got.status, got.body) == (200, body_of(n))


def curl_2(gw, house, *words):
    done = subprocess.run(
        ["curl", "-sS", "--http2", "--noproxy", "", "-x",
         f"http://127.0.0.1:{web_port(gw)}", "--cacert", house.ca.pem,
         "-o", "/dev/null", "-w", "%{http_code} %{http_version} "
         "%{size_download} %{size_upload}", *words],
        capture_output=True, check=False, timeout=10 * PATIENCE)
    assert done.returncode == 0, done
    return done.stdout.decode().split()


class Peak:
    """The most memory of the net workers while it is looked at."""

    def __init__(self, gw):
        self.gw, self.most = gw, net_memory(gw)
        self.before = self.most
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def run(self):
        while not self.over.wait(0.05):
            self.most = max(self.most, net_memory(self.gw))

    def more(self):
        return self.most - self.before


def test_a_hundred_megabytes_either_way(gw, house, folder):
    """Through the spool: the net workers' memory does not grow with it."""
    size = 100 * MEGA
    path = f"{folder}/large"
    with open(path, "wb") as f:
        block = os.urandom(MEGA)
        for i in range(100):
            f.write(i.to_bytes(8, "big") + block[8:])
    shutil.copy(path, f"{house.nginx.dir}/www/large")
    with Peak(gw) as memory:
        assert curl_2(gw, house, house.nginx.url("/large")) == [
            "200", "2", str(size), "0"]
        code, version, _, up = curl_2(gw, house, "-T", path,
                                      house.nginx.url("/up/large"))
        assert (code, version, up) == ("201", "2", str(size))
    done = subprocess.run(["cmp", path, f"{house.nginx.dir}/www/up/large"],
                          check=False)
    assert done.returncode == 0
    assert memory.more() < 32 * 1024, memory.more()
