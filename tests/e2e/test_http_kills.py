"""Workers are killed while many download: what is infected is never whole, up
to `hold` not even begun, and afterwards no connection is stuck."""

import random
import threading
import time

import corpus
import pytest
from corpus_mail import eicar
from peers.common import PATIENCE, kill, until
from peers.origin import Origin, answer
from peers.web import Raw, web_listener, web_port

CLIENTS = 12
HOLD = 64 * 1024
TAIL = 20_000
SMALL = corpus.zipped(eicar() + b"\n")
PAUSE = 0.35        # between two kills
OFTEN = {"clean 200": 20, "small 403": 5, "large 200": 5}  # that is cut off

SETTINGS = {"delivery": "trickle", "hold": "64k", "trickle_after": "100ms",
            "trickle_rate": "20k", "scan_deadline": "20s"}


def large(data):
    """All but its end, which comes after a while: some of it trickles."""
    def serve(connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
                        % len(data))
        connection.send(data[:-10])
        time.sleep(0.4)
        connection.send(data[-10:])
        return True
    return serve


def clean(connection):
    """Another one each time: no verdict is known before."""
    n = int(connection.request.target.rpartition("=")[2])
    rng = random.Random(n)
    connection.send(answer(rng.randbytes(rng.choice([500, 9000, 200_000])))
                    .data)
    return True


class Clients:
    """Ask for all sorts of things until they are told to stop."""

    def __init__(self, gw, origin, most):
        self.port, self.origin, self.most = web_port(gw), origin, most
        self.over, self.wrong = threading.Event(), []
        self.seen = {}
        self.threads = [threading.Thread(target=self.run, args=(i,))
                        for i in range(CLIENTS)]

    def run(self, number):
        rng = random.Random(number)
        n = number * 1_000_000
        while not self.over.is_set():
            try:
                with Raw(self.port) as c:
                    for _ in range(rng.randint(1, 20)):
                        n += 1
                        if not self.one(c, rng, n) or self.over.is_set():
                            break
            except (OSError, ValueError, EOFError):
                self.count("broken")    # its net worker is dead
            except Exception as e:  # pylint: disable=broad-except
                self.wrong.append(repr(e))
                raise

    def one(self, c, rng, n):
        """Does the connection go on behind it?"""
        what = rng.choice(["clean", "clean", "small", "large"])
        got = c.ask("GET", self.origin.url(f"/{what}?n={n}"))
        if got is None:
            raise EOFError
        self.count(f"{what} {got.status}")
        if what == "clean":
            self.look_at_clean(got, n)
        elif got.status == 200 and (got.whole or what == "small"):
            self.wrong.append((what, n, got.whole, len(got.body)))
        elif got.status == 200 and len(got.body) > self.most:
            self.wrong.append((what, n, "too much", len(got.body)))
        return got.whole

    def look_at_clean(self, got, n):
        rng = random.Random(n)
        data = rng.randbytes(rng.choice([500, 9000, 200_000]))
        if got.status == 200 and got.whole and got.body != data:
            self.wrong.append(("another body", n))
        if got.status not in (200, 502, 503):
            self.wrong.append(("clean", n, got.line))

    def count(self, word):
        self.seen[word] = self.seen.get(word, 0) + 1


def still_open(port):
    """Connections to a port of ours that have not come to their end."""
    found = 0
    with open("/proc/net/tcp", encoding="ascii") as f:
        for line in list(f)[1:]:
            words = line.split()
            state = words[3]        # 0A: listens, 06: TIME_WAIT
            if int(words[1].partition(":")[2], 16) == port and \
                    state not in ("0A", "06"):
                found += 1
    return found


def kill_some(gw, roles):
    for role in roles:
        time.sleep(PAUSE)
        kill(gw.role(role))


@pytest.mark.core
def test_kill_9_under_load(gateway, cleanly):
    rounds(gateway, cleanly, HOLD, SETTINGS)


def test_kill_9_while_it_flows(gateway, cleanly):
    rounds(gateway, cleanly, TAIL, {**SETTINGS, "delivery": "hold-tail",
                                    "tail": f"{TAIL}B"})


def rounds(gateway, cleanly, kept, settings):
    """kept: so many bytes of what is infected never leave."""
    bad = b"All quiet. " * (HOLD // 2) + corpus.marker()
    origin = Origin({"/small": answer(SMALL), "/large": large(bad),
                     "/clean": clean})
    cleanly(origin)
    origin.start()
    gw = gateway({**web_listener(**settings), "scan": {
        "workers": "2", "cache_size": "0"}}, start=False)
    with open(f"{gw.dir}/db/test.ndb", "w", encoding="ascii") as f:
        f.write(corpus.signatures())
    gw.start()
    load = Clients(gw, origin, len(bad) - kept)
    for t in load.threads:
        t.start()
    try:
        kill_some(gw, ["scan 1", "scan 2", "net 1", "scan 1", "scan 2",
                       "scan 1", "net 2", "scan 2", "scan 1", "armoury",
                       "scan 2", "scan 1"])
        until("all was seen often", lambda: load.wrong or all(
            load.seen.get(word, 0) > n for word, n in OFTEN.items()),
            3 * PATIENCE)
    finally:
        load.over.set()
        for t in load.threads:
            t.join()
    print(load.seen)
    assert load.wrong == []
    until("no connection is left", lambda: still_open(web_port(gw)) == 0)
    until("each decision has its outcome, but those of the dead", lambda:
          len(undecided(gw)) <= 2 * CLIENTS)

    def served():
        with Raw(web_port(gw)) as c:
            return c.ask("GET", origin.url("/clean?n=20")).status == 200

    until("the workers are back", served)
    with Raw(web_port(gw)) as c:
        for n in range(20):
            assert c.ask("GET", origin.url(f"/clean?n={n}")).status == 200
            assert c.ask("GET", origin.url(f"/small?n={n}")).status == 403


def undecided(gw):
    by_id = {}
    for e in gw.events():
        by_id.setdefault(e.get("event.id"), set()).add(e["event.action"])
    return [i for i, kinds in by_id.items() if kinds == {"decision"}]
