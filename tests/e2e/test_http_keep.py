"""What was fetched whole for a part of it serves those who ask for other
parts, meanwhile and for a while: whom it may be given to, and no one else."""

import contextlib
import os
import threading

import corpus
import pytest
from peers.common import PATIENCE, until
from peers.origin import answer
from peers.sallyport import Sallyport
from peers.web import Raw, web_listener, web_port

KILO = 1 << 10
TAGGED = ['ETag: "one"']
DATA = bytes(range(256)) * 40


def changes(**keys):
    return {**web_listener(**keys), "gateway": {"workers": "1"}}


@pytest.fixture(scope="module", name="web")
def one_for_all(build, module_cleanly):
    gw = Sallyport(build, changes(range_keep_size="1M"))
    module_cleanly(gw)
    yield gw.start()
    assert not gw.errors(), gw.errors()


def part(gw, url, first, last, *fields):
    with Raw(web_port(gw)) as c:
        return c.ask("GET", url, [f"Range: bytes={first}-{last}", *fields])


def outcome(gw, url, **wanted):
    return until(f"the outcome of {url}", lambda: gw.events(
        url__original=url, event__action="outcome", **wanted))[-1]


@pytest.mark.core
def test_later_parts_are_cut_from_what_is_here(web, origin):
    o = origin({"/a": answer(DATA, fields=TAGGED)})
    got = part(web, o.url("/a"), 10, 19)
    assert (got.status, got.body) == (206, DATA[10:20])
    assert "age" not in got.fields
    got = part(web, o.url("/a"), 300, 10239)
    assert (got.status, got.body) == (206, DATA[300:])
    assert got.fields["content-range"] == "bytes 300-10239/10240"
    assert int(got.fields["age"]) < PATIENCE and got.fields["etag"] == '"one"'
    with Raw(web_port(web)) as c:
        got = c.ask("GET", o.url("/a"), ["Range: bytes=0-1, 5000-5001"])
        assert got.status == 206 and DATA[5000:5002] in got.body
        assert c.ask("GET", o.url("/a"), ["Range: bytes=99999-"]).status == 416
        got = c.ask("GET", o.url("/a"), ["Range: bytes=0-4",
                                         'If-Range: "one"'])
        assert got.body == DATA[:5]
    assert len(o.asked) == 1
    event = outcome(web, o.url("/a"), sallyport__reason="range_keep")
    assert "sallyport.next_hop" not in event
    assert event["sallyport.verdict"] == "clean"
    said = web.events(event__id=event["event.id"], event__action="decision")
    assert said[0]["sallyport.cached"]


def test_a_plain_request_is_not_served_from_it(web, origin):
    o = origin({"/a": answer(DATA, fields=TAGGED)})
    part(web, o.url("/a"), 0, 9)
    with Raw(web_port(web)) as c:
        assert c.ask("GET", o.url("/a")).body == DATA
    assert len(o.asked) == 2


def test_who_knows_a_newer_one_gets_that(web, origin):
    o = origin({"/a": answer(DATA, fields=TAGGED)})
    part(web, o.url("/a"), 0, 9)
    newer = DATA[::-1]
    o.answers["/a"] = answer(newer, fields=['ETag: "two"'])
    got = part(web, o.url("/a"), 0, 9, 'If-Range: "two"')
    assert (got.status, got.body) == (206, newer[:10])
    got = part(web, o.url("/a"), 10, 19)
    assert got.body == newer[10:20]
    assert len(o.asked) == 2


# Fields of the first answer, of the first and of the second request.
NOT_FOR_OTHERS = {
    "authorization": (TAGGED, ["Authorization: Basic YTpi"], []),
    "authorization-behind": (TAGGED, [], ["Authorization: Basic YTpi"]),
    "cookie": (TAGGED, ["Cookie: a=1"], ["Cookie: a=2"]),
    "vary": ([*TAGGED, "Vary: Accept-Language"], ["Accept-Language: de"],
             ["Accept-Language: en"]),
    "vary-none": ([*TAGGED, "Vary: Accept-Language"], ["Accept-Language: de"],
                  []),
    "vary-all": ([*TAGGED, "Vary: *"], [], []),
    "no-store": ([*TAGGED, "Cache-Control: no-store"], [], []),
    "private": ([*TAGGED, "Cache-Control: max-age=60, private"], [], []),
    "set-cookie": ([*TAGGED, "Set-Cookie: a=1"], [], []),
    "no-cache": ([*TAGGED, "Cache-Control: no-cache"], [], []),
    "max-age": ([*TAGGED, "Cache-Control: max-age=0"], [], []),
    "shared": ([*TAGGED, "Cache-Control: max-age=60, s-maxage=0"], [], []),
    "old": ([*TAGGED, "Cache-Control: max-age=60", "Age: 60"], [], []),
    "expired": ([*TAGGED, "Expires: 0"], [], []),
    "no-validator": ([], [], []),
    "asks-anew": (TAGGED, [], ["Cache-Control: no-cache"]),
    "asks-anew-1.0": (TAGGED, [], ["Pragma: no-cache"]),
    "condition": (TAGGED, [], ['If-Match: "one"']),
}


@pytest.mark.parametrize("kind", NOT_FOR_OTHERS)
def test_what_is_not_for_others_is_fetched_for_each(web, origin, kind):
    of_answer, first, second = NOT_FOR_OTHERS[kind]
    o = origin({"/a": answer(DATA, fields=of_answer)})
    for fields in (first, second):
        got = part(web, o.url("/a"), 5, 9, *fields)
        assert (got.status, got.body) == (206, DATA[5:10])
    assert len(o.asked) == 2


@pytest.mark.parametrize("of_answer,fields", [
    ([*TAGGED, "Vary: Accept-Language, Cookie", "Cache-Control: max-age=60"],
     ["Accept-Language: de", "Cookie: a=1"]),
    (["Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT"], ["User-Agent: one"])])
def test_what_is_the_same_for_both_is_fetched_once(web, origin, of_answer,
                                                   fields):
    o = origin({"/a": answer(DATA, fields=of_answer)})
    for _ in range(2):
        assert part(web, o.url("/a"), 5, 9, *fields).body == DATA[5:10]
    assert len(o.asked) == 1


class Gated:
    """An answer that begins, and goes on when it is told."""

    def __init__(self, data, fields=(), dies=0):
        self.go, self.dies = threading.Event(), dies
        self.whole = answer(data, fields=fields).data
        self.half = len(self.whole) - 50

    def __call__(self, connection):
        connection.send(self.whole[:self.half])
        self.go.wait(PATIENCE)
        if self.dies > 0:
            self.dies -= 1
            return False
        connection.send(self.whole[self.half:])
        return True


def ask_all(gw, o, n):
    """n clients that have asked for a part of /a each, the first one first."""
    found = []
    for i in range(n):
        c = Raw(web_port(gw))
        c.send(f"GET {o.url('/a')} HTTP/1.1\r\nHost: x\r\n"
               f"Range: bytes={i * 10}-{i * 10 + 9}\r\n\r\n".encode())
        found.append(c)
        until("it is asked", lambda: o.asked)
    until("all have asked",
          lambda: gw.stderr().count("http head -> fetch") >= n)
    return found


@pytest.mark.core
@pytest.mark.parametrize("later", [True, False])
def test_those_who_ask_meanwhile_wait_for_the_one(gateway, origin, later):
    gw = gateway(changes())
    gated = Gated(DATA, TAGGED if later else ["Cache-Control: no-cache"])
    o = origin({"/a": gated})
    clients = ask_all(gw, o, 6)
    gated.go.set()
    for i, c in enumerate(clients):
        got = c.answer()
        assert (got.status, got.body) == (206, DATA[i * 10:i * 10 + 10])
        c.close()
    assert len(o.asked) == 1


@pytest.mark.core
def test_an_infected_one_leaves_in_no_piece(gateway, origin):
    """Each client has its own page and event; nobody a byte of it."""
    gw = gateway(changes())
    bad = corpus.eicar()
    gated = Gated(bad, TAGGED)
    o = origin({"/a": gated})
    clients = ask_all(gw, o, 6)
    gated.go.set()
    ids = set()
    for c in clients:
        got = c.answer()
        assert got.status == 403
        ids.add(gw.event_of(got.body.decode())["event.id"])
        c.close()
    assert len(ids) == 6 and len(o.asked) == 1
    for i in range(0, len(bad), 17):
        assert part(gw, o.url("/a"), i, i + 16).status == 403
    assert len(o.asked) == 5        # what is infected is not kept


def test_when_the_first_one_goes_another_fetches(gateway, origin):
    gw = gateway(changes())
    gated = Gated(DATA, TAGGED)
    o = origin({"/a": gated})
    clients = ask_all(gw, o, 4)
    clients[0].sock.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # a reset
    clients[0].close()
    until("it is asked again", lambda: len(o.asked) == 2)
    gated.go.set()
    for i, c in enumerate(clients[1:], 1):
        assert c.answer().body == DATA[i * 10:i * 10 + 10]
        c.close()
    assert len(o.asked) == 2


def test_those_who_wait_may_go(gateway, origin):
    gw = gateway(changes())
    gated = Gated(DATA, TAGGED)
    o = origin({"/a": gated})
    clients = ask_all(gw, o, 4)
    for c in clients[1:]:
        c.sock.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")
        c.close()
    until("they are gone", lambda: len(
        gw.events(sallyport__reason="client_gone")) == 3)
    gated.go.set()
    assert clients[0].answer().body == DATA[:10]
    clients[0].close()


def test_when_it_fails_each_asks_for_itself(gateway, origin):
    gw = gateway(changes())
    gated = Gated(DATA, TAGGED, dies=1)
    o = origin({"/a": gated})
    clients = ask_all(gw, o, 4)
    gated.go.set()
    got = [c.answer() for c in clients]
    assert [g.status for g in got] == [502, 206, 206, 206]
    assert [g.body for g in got[1:]] == [DATA[i:i + 10] for i in (10, 20, 30)]
    assert len(o.asked) == 4
    for c in clients:
        c.close()


@pytest.mark.parametrize("fields", [["Cache-Control: no-store"],
                                    [*TAGGED, "Vary: Accept-Language"]])
def test_whom_it_is_not_for_is_told_by_its_head(gateway, origin, fields):
    """They do not wait for its end."""
    gw = gateway(changes())
    gated = Gated(DATA, fields)
    o = origin({"/a": gated})
    first = Raw(web_port(gw))
    first.send(f"GET {o.url('/a')} HTTP/1.1\r\nHost: x\r\nRange: bytes=0-9"
               "\r\nAccept-Language: de\r\n\r\n".encode())
    until("it is asked", lambda: o.asked)
    second = Raw(web_port(gw))
    second.send(f"GET {o.url('/a')} HTTP/1.1\r\nHost: x\r\nRange: bytes=10-19"
                "\r\n\r\n".encode())
    until("it is asked for both", lambda: len(o.asked) == 2)
    gated.go.set()
    assert first.answer().body == DATA[:10]
    assert second.answer().body == DATA[10:20]
    first.close()
    second.close()


def test_nobody_waits_for_a_stream(gateway, origin):
    gw = gateway(changes())
    more = threading.Event()

    def serve(connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream"
                        b"\r\n\r\ndata: 1\n\n")
        more.wait(PATIENCE)

    o = origin({"/a": serve})
    with Raw(web_port(gw)) as one, Raw(web_port(gw)) as other:
        for c in (one, other):
            c.send(f"GET {o.url('/a')} HTTP/1.1\r\nHost: x\r\nAccept: "
                   "text/event-stream\r\nRange: bytes=0-9\r\n\r\n".encode())
        until("both are asked for", lambda: len(o.asked) == 2, PATIENCE / 2)
        for c in (one, other):
            assert b"200 OK" in c.head()
        more.set()


def test_it_is_kept_for_its_time(gateway, origin):
    gw = gateway({**changes(range_keep="4s"),
                  "gateway": {"workers": "1", "spool_memory": "1k"}})
    o = origin({"/a": answer(DATA, fields=TAGGED)})
    part(gw, o.url("/a"), 0, 9)
    assert spool_files(gw) == 1
    until("its time is over", lambda: spool_files(gw) == 0)
    part(gw, o.url("/a"), 0, 9)
    assert len(o.asked) == 2


def spool_files(gw):
    """How many of them a net worker has open."""
    folder = f"/proc/{gw.role('net 1')}/fd"
    found = set()
    for name in os.listdir(folder):
        with contextlib.suppress(OSError):
            if "/spool/" in os.readlink(f"{folder}/{name}"):
                found.add(os.stat(f"{folder}/{name}").st_ino)
    return len(found)


def test_the_oldest_gives_way(web, origin):
    data = os.urandom(400 * KILO)
    o = origin({f"/{i}": answer(data, fields=TAGGED) for i in range(3)})
    for name in "012210":
        part(web, o.url(f"/{name}"), 0, 9)
    asked = [r.target for r in o.asked]
    assert asked == ["/0", "/1", "/2", "/0"]


def test_one_that_is_larger_than_all_may_be(web, origin):
    o = origin({"/a": answer(os.urandom(1100 * KILO), fields=TAGGED)})
    for _ in range(2):
        part(web, o.url("/a"), 0, 9)
    assert len(o.asked) == 2
    web.says("limit range_keep_size")


def test_it_gives_way_when_the_spool_is_full(gateway, origin):
    gw = gateway({**changes(), "gateway": {
        "workers": "1", "spool_memory": "16k", "spool_max_size": "2M"}})
    data = os.urandom(1500 * KILO)
    o = origin({"/a": answer(data, fields=TAGGED), "/b": answer(data)})
    part(gw, o.url("/a"), 0, 9)
    with Raw(web_port(gw)) as c:
        assert c.ask("GET", o.url("/b")).body == data


@pytest.mark.parametrize("keys", [{"range_keep": "0"},
                                  {"range_requests": "deny"}])
def test_where_nothing_is_kept(gateway, origin, keys):
    gw = gateway(changes(**keys))
    o = origin({"/a": answer(DATA, fields=TAGGED)})
    for _ in range(2):
        part(gw, o.url("/a"), 0, 9)
    assert len(o.asked) == 2


def test_a_part_nobody_asked_for_is_no_answer(web, origin):
    o = origin({"/a": answer(DATA[:10], "206 Partial Content",
                             ["Content-Range: bytes 0-9/10240"])})
    for fields in ([], ["Range: bytes=0-9"]):
        with Raw(web_port(web)) as c:
            assert c.ask("GET", o.url("/a"), fields).status == 502
