"""Clients of HTTP/2 that mean harm: what each can hold up has a limit, the
limit has a name in the log, and the others do not notice."""

import contextlib
import os
import socket
import struct
import threading
import time

import pytest
from h2_house import WWW, H2House, net_memory
from peers import h2_raw as h2
from peers.common import PATIENCE, until
from peers.h2_raw import frame
from peers.origin import answer

TEXT = b"All quiet at the gate.\n" * 100
MEGA = 1 << 20
ROOM = 8 << 10          # KB that an attack may cost a net worker while it lasts
MOST = 64 * MEGA        # nobody may be listened to for so long
CALM = (h2.ENHANCE_YOUR_CALM, h2.INTERNAL_ERROR, h2.PROTOCOL_ERROR)


@pytest.fixture(scope="module", name="house")
def one_house(module_cleanly):
    house = H2House(module_cleanly)
    house.two.answers["/a"] = answer(TEXT)
    house.one.answers["/a"] = answer(TEXT)
    house.free = threading.Event()

    def never(stream):
        stream.left()

    house.two.answers["/never"] = never
    return house


@pytest.fixture(scope="module", name="gw")
def one_gateway(build, house):
    """All are in one net worker."""
    gw = house.gateway(build, more={
        "gateway": {"workers": "1"},
        "log console": {"level": "info"}})
    yield gw
    assert not gw.errors(), gw.errors()


@pytest.fixture(name="host")
def its_host(house):
    return f"{WWW}:{house.two.port}".encode()


class Others:
    """Clients that are there all the time, and want to be served."""

    def __init__(self, house, gw, stay=True):
        """stay: each asks on one connection."""
        self.house, self.gw, self.stay = house, gw, stay
        self.held = contextlib.ExitStack()
        self.some = self.clients() if stay else []
        self.fine()
        self.before = net_memory(gw)
        self.worker = gw.role("net 1")

    def clients(self):
        return [self.held.enter_context(self.house.client(v, self.gw, o))
                for v in ("h1", "h2")
                for o in (self.house.one, self.house.two)]

    def fine(self):
        for c in self.some or self.clients():
            got = c.ask("GET", "/a")
            assert (got.status, got.body) == (200, TEXT)

    def bounded(self, room=ROOM):
        """Memory, and that it is the same process."""
        now = net_memory(self.gw)
        assert now - self.before < room, f"{self.before} KB, then {now}"
        assert self.gw.role("net 1") == self.worker


@pytest.fixture(name="others")
def some_others(house, gw):
    others = Others(house, gw)
    with others.held:
        yield others
        others.fine()
        others.bounded()


def flood(c, piece, most=MOST):
    """Says it again and again until nobody listens; how much that was."""
    sent = 0
    while sent < most and not c.wire.ended and c.away is None:
        c.send(piece)
        sent += len(piece)
        if c.wire.stuck():
            break
    return sent


def calmed(gw, c, *names):
    """It is sent away, and the log says by which limit."""
    c.ended()
    assert c.away in CALM, c.away
    in_the_log(gw, *names)


def in_the_log(gw, *names):
    until(f"one of {names} in the log",
          lambda: any(n in gw.stderr() for n in names))


# ---- too many ---------------------------------------------------------------


def test_rapid_reset(gw, house, others, host):
    """CVE-2023-44487"""
    before = len(house.two.asked)
    request = h2.get(host, b"/never")
    with house.raw(gw, house.two) as c:
        for first in range(1, 20001, 500):
            c.send(*[h2.headers(n, request) + h2.reset(n)
                     for n in range(first, first + 500, 2)])
            if c.wire.ended:
                break
        others.fine()
        others.bounded()
        calmed(gw, c, *LIMITS["resets"])
    assert len(house.two.asked) - before < 2500


def test_made_you_reset(gw, house, others, host):
    """The client errs, so that we reset (CVE-2025-8671): counts as well."""
    request = h2.get(host, b"/never")
    with house.raw(gw, house.two) as c:
        for first in range(1, 20001, 500):
            c.send(*[h2.headers(n, request) +
                     h2.window(n, (1 << 31) - 1)
                     for n in range(first, first + 500, 2)])
            if c.wire.ended:
                break
        others.fine()
        others.bounded()
        calmed(gw, c, *LIMITS["resets"])


def test_requests_that_are_all_malformed(gw, house, others, host):
    request = h2.get(host, b"/a", (b"X", b"y"))
    with house.raw(gw, house.two) as c:
        for first in range(1, 20001, 500):
            c.send(*[h2.headers(n, request)
                     for n in range(first, first + 500, 2)])
            if c.wire.ended:
                break
        others.fine()
        others.bounded()
        calmed(gw, c, *LIMITS["resets"])


@pytest.mark.parametrize("ends", [True, False], ids=["asked", "half-asked"])
def test_thousands_of_streams_at_once(gw, house, others, host, ends):
    before = len(house.two.asked)
    with house.raw(gw, house.two) as c:
        assert c.alive()
        limit = c.settings[h2.MAX_CONCURRENT_STREAMS]
        request = h2.get(host, b"/never")
        for first in range(1, 6001, 500):
            c.send(*[h2.headers(n, request, ends)
                     for n in range(first, first + 500, 2)])
        others.fine()
        others.bounded(2 * ROOM)
        if c.alive():
            refused = [f for f in c.fates.values()
                       if f.code == h2.REFUSED_STREAM]
            assert len(refused) >= 3000 - limit
        assert len(house.two.asked) - before <= limit
    in_the_log(gw, *LIMITS["streams"])


def test_settings_pings_and_nobody_reads_the_answers(gw, house, others):
    for piece in (h2.settings(INITIAL_WINDOW_SIZE=5), frame(
            h2.PING, 0, 0, b"sallypor")):
        with house.raw(gw, house.two) as c:
            assert c.alive()
            c.wire.paused = True
            end = time.monotonic() + PATIENCE
            while not c.wire.ended and time.monotonic() < end:
                flood(c, piece * 4000, 4 * MEGA)
                others.fine()
                others.bounded()
            assert c.wire.ended
    in_the_log(gw, *LIMITS["frames"])


@pytest.mark.parametrize("kind", ["settings", "ping", "priority", "unknown",
                                  "window", "empty-data"])
def test_frames_without_end(gw, house, others, host, kind):
    """Who reads all of it as well."""
    piece = {
        "settings": h2.settings(INITIAL_WINDOW_SIZE=5),
        "ping": frame(h2.PING, 0, 0, b"sallypor"),
        "priority": b"".join(frame(h2.PRIORITY, 0, n, b"\0\0\0\1\x10")
                             for n in range(101, 301, 2)),
        "unknown": frame(0xbe, 0, 0, b"x" * 100),
        "window": h2.window(0, 1),
        "empty-data": frame(h2.DATA, 0, 1),
    }[kind]
    with house.raw(gw, house.two) as c:
        if kind == "empty-data":
            c.send(h2.headers(1, [(b":method", b"POST"),
                                  *h2.get(host)[1:]], end=False))
        flood(c, piece * (40_000 // len(piece)), 4 * MEGA)
        others.fine()
        others.bounded()
        if not c.wire.ended and c.away is None:
            return              # it was borne; others.fine() said the rest
        calmed(gw, c, *LIMITS["frames"])


# ---- too long ---------------------------------------------------------------


def test_a_head_in_pieces_without_end(gw, house, others, host):
    """CONTINUATION flood (CVE-2024-28182 and its kin)"""
    for piece in (h2.literal(b"x", b"y" * 16000), b"", b"\0\1x\1y"):
        with house.raw(gw, house.two) as c:
            c.send(frame(h2.HEADERS, h2.END_STREAM, 1, h2.block(h2.get(host))))
            one = frame(h2.CONTINUATION, 0, 1, piece)
            sent = flood(c, one * (1 + 60_000 // len(one)))
            assert sent < MOST
            others.bounded()
            # the library has rules of its own, before ours or after
            assert c.ended() in (h2.ENHANCE_YOUR_CALM, h2.PROTOCOL_ERROR)
            if c.away == h2.ENHANCE_YOUR_CALM:
                in_the_log(gw, *LIMITS["head"])


def test_a_bomb_of_hpack(gw, house, others, host):
    """A field of 4 KB in the table, and a byte for each time it is meant."""
    bomb = h2.block(h2.get(host, b"/bomb")) + h2.learned(b"x", b"y" * 3900) + \
        h2.number(62, 7, 0x80) * 15_000
    more = h2.block(h2.get(host, b"/bomb")) + h2.number(62, 7, 0x80) * 15_000
    with house.raw(gw, house.two) as c:
        for n in range(1, 41, 2):
            c.send(h2.headers(n, bomb if n == 1 else more))
        others.fine()
        others.bounded()
        fates = [c.fate(n) for n in range(1, 41, 2)]
        assert all(f.status == 431 or f.word != "answer" for f in fates), fates
    assert "/bomb" not in [r.target for r in house.two.asked]
    in_the_log(gw, *LIMITS["head"])


# ---- windows ----------------------------------------------------------------


def test_a_window_that_never_opens(build, house, host):
    """The answers are there, nobody takes them: idle_timeout, and until then
    they cost no memory of a net worker."""
    gw = house.gateway(build, {}, {"gateway": {"workers": "1"}},
                       idle_timeout="2s")
    house.two.answers["/large"] = answer(os.urandom(2 * MEGA))
    others = Others(house, gw, stay=False)
    for opens in (0, 1):
        before = len(gw.events(sallyport__reason="idle_timeout"))
        with house.raw(gw, house.two, hello=h2.PREFACE + h2.settings(
                INITIAL_WINDOW_SIZE=opens)) as c:
            c.opens = False
            for n in range(1, 21, 2):
                c.request(n, h2.get(host, b"/large"))
            c.wire.until("all are answered", lambda: c.wire.ended or all(
                n in c.fates and c.fates[n].status for n in range(1, 21, 2)))
            others.bounded()
            others.fine()
            until("all are ended", lambda: len(gw.events(
                sallyport__reason="idle_timeout")) - before == 10)
    others.held.close()
    assert not gw.errors(), gw.errors()


def test_a_client_that_never_reads(build, house, host):
    gw = house.gateway(build, {}, {"gateway": {"workers": "1"}},
                       idle_timeout="2s")
    house.two.answers["/large"] = answer(os.urandom(8 * MEGA))
    others = Others(house, gw, stay=False)
    with house.raw(gw, house.two, hello=h2.PREFACE + h2.settings(
            INITIAL_WINDOW_SIZE=(1 << 31) - 1) + h2.window(
                0, (1 << 31) - 65536)) as c:
        assert c.alive()
        c.wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c.wire.paused = True
        for n in range(1, 21, 2):
            c.request(n, h2.get(host, b"/large"))
        until("all are decided", lambda: len([
            e for e in gw.events(event__action="decision")
            if e["url.original"].endswith("/large")]) == 10)
        others.bounded()
        others.fine()
        until("all are ended", lambda: len(gw.events(
            sallyport__reason="idle_timeout")) >= 10)
    others.held.close()
    assert not gw.errors(), gw.errors()


def test_an_upload_past_our_window(gw, house, others, host):
    """Flow control is not a wish: more than the window is an error, and what
    we do not read stays outside."""
    with house.raw(gw, house.two) as c:
        c.send(h2.headers(1, [(b":method", b"POST"), *h2.get(host)[1:]],
                          end=False))
        c.send(h2.data(1, bytes(1 << 20), end=False) * 64)
        assert c.fate(1).code == h2.FLOW_CONTROL_ERROR, c.fate(1)


# ---- nothing at all ---------------------------------------------------------


SLOW = {
    "nothing": b"",
    "half-a-preface": h2.PREFACE[:10],
    "no-settings": h2.PREFACE,
    "half-a-frame": h2.PREFACE + h2.settings() + frame(
        h2.HEADERS, 4, 1, bytes(100))[:20],
    "half-a-head": h2.PREFACE + h2.settings() + frame(
        h2.HEADERS, 0, 1, h2.block(h2.get(b"x"))),
    "half-a-request": None,
}


@pytest.mark.core
@pytest.mark.parametrize("kind", SLOW)
def test_who_begins_and_does_not_go_on(slow_gateway, house, host, kind):
    gw, data = slow_gateway, SLOW[kind]
    if data is None:
        data = h2.PREFACE + h2.settings() + h2.headers(
            1, [(b":method", b"POST"), *h2.get(host)[1:]], end=False)
    with house.raw(gw, house.two, greets=False) as c:
        c.send(data)
        if kind == "half-a-request":
            c.wire.until("an end", lambda: c.wire.ended or (
                1 in c.fates and c.fates[1].word))
        else:
            c.ended()
    in_the_log(gw, *LIMITS["slow"])


@pytest.fixture(scope="module", name="slow_gateway")
def one_that_does_not_wait(build, house):
    gw = house.gateway(build, request_timeout="700ms", idle_timeout="1s")
    yield gw
    assert not gw.errors(), gw.errors()


def drips(c, piece, pause=0.05):
    """Sends a little again and again until it is sent away."""
    end = time.monotonic() + PATIENCE
    while not c.wire.ended and not (1 in c.fates and c.fates[1].word):
        c.send(piece)
        time.sleep(pause)
        assert time.monotonic() < end, "nobody minds"


@pytest.mark.core
@pytest.mark.parametrize("piece", [
    frame(h2.DATA, 0, 1), frame(h2.DATA, 0, 1, b"x"),
    frame(h2.DATA, 8, 1, b"\xfe" + bytes(254))],
    ids=["empty", "a-byte", "padding"])
def test_a_body_that_drips(slow_gateway, house, host, piece):
    gw = slow_gateway
    before = len(house.two.asked)
    with house.raw(gw, house.two) as c:
        c.send(h2.headers(1, [(b":method", b"POST"), *h2.get(host)[1:]],
                          end=False))
        drips(c, piece)
    until("its event", lambda: gw.events(sallyport__reason="request_timeout"))
    assert len(house.two.asked) == before


@pytest.mark.core
def test_a_head_that_drips(slow_gateway, house):
    with house.raw(slow_gateway, house.two) as c:
        text = frame(h2.HEADERS, 4, 1, bytes(16000))
        end = time.monotonic() + PATIENCE
        for i in range(0, len(text), 2):
            if c.wire.ended or time.monotonic() > end:
                break
            c.send(text[i:i + 2])
            time.sleep(0.05)
        assert c.wire.ended


# ---- what is no HTTP/2 ------------------------------------------------------


PING = frame(h2.PING, 0, 0, b"sallypor")
WRONG = {
    "http-1": (None, b"GET /a HTTP/1.1\r\nHost: www.example.test\r\n\r\n"),
    "preface": (None, h2.PREFACE[:-4] + b"XX\r\n" + h2.settings()),
    "no-settings": (None, h2.PREFACE + PING),
    "window-0": (h2.PROTOCOL_ERROR, h2.window(0, 0)),
    "window-over": (h2.FLOW_CONTROL_ERROR, h2.window(0, (1 << 31) - 1)),
    "window-idle": (h2.PROTOCOL_ERROR, h2.window(9, 5)),
    "window-size": (h2.FRAME_SIZE_ERROR, frame(h2.WINDOW_UPDATE, 0, 0, b"x")),
    "initial-window": (h2.FLOW_CONTROL_ERROR, h2.settings(
        INITIAL_WINDOW_SIZE=1 << 31)),
    "frame-size": (h2.PROTOCOL_ERROR, h2.settings(MAX_FRAME_SIZE=1)),
    "push-2": (h2.PROTOCOL_ERROR, h2.settings(ENABLE_PUSH=2)),
    "settings-size": (h2.FRAME_SIZE_ERROR, frame(h2.SETTINGS, 0, 0, b"xxx")),
    "settings-stream": (h2.PROTOCOL_ERROR, frame(h2.SETTINGS, 0, 1)),
    "settings-ack": (h2.FRAME_SIZE_ERROR, frame(h2.SETTINGS, h2.ACK, 0,
                                                bytes(6))),
    "ping-size": (h2.FRAME_SIZE_ERROR, frame(h2.PING, 0, 0, b"x")),
    "ping-stream": (h2.PROTOCOL_ERROR, frame(h2.PING, 0, 1, bytes(8))),
    "too-large": (h2.FRAME_SIZE_ERROR, frame(h2.DATA, 0, 1, bytes(20_000))),
    "data-0": (h2.PROTOCOL_ERROR, frame(h2.DATA, 0, 0, b"x")),
    "data-idle": (h2.PROTOCOL_ERROR, frame(h2.DATA, 0, 1, b"x")),
    "reset-idle": (h2.PROTOCOL_ERROR, h2.reset(1)),
    "reset-size": (h2.FRAME_SIZE_ERROR, frame(h2.RST_STREAM, 0, 1, b"x")),
    "headers-0": (h2.PROTOCOL_ERROR, frame(h2.HEADERS, 5, 0, b"\x82")),
    "even": (h2.PROTOCOL_ERROR, frame(h2.HEADERS, 5, 2, b"\x82")),
    "push-promise": (h2.PROTOCOL_ERROR, frame(
        h2.PUSH_PROMISE, 4, 1, struct.pack(">I", 2) + b"\x82")),
    "continuation": (h2.PROTOCOL_ERROR, frame(h2.CONTINUATION, 4, 1, b"\x82")),
    "between": (h2.PROTOCOL_ERROR, frame(h2.HEADERS, 1, 1, b"\x82") + PING),
    "padding": (h2.PROTOCOL_ERROR, frame(h2.HEADERS, 13, 1, b"\x09\x82")),
    "index": (h2.COMPRESSION_ERROR, frame(h2.HEADERS, 5, 1, b"\xff\x70")),
    "index-0": (h2.COMPRESSION_ERROR, frame(h2.HEADERS, 5, 1, b"\x80")),
    "huffman": (h2.COMPRESSION_ERROR, frame(
        h2.HEADERS, 5, 1, b"\0\x84\xff\xff\xff\xff\1x")),
    "table-size": (h2.COMPRESSION_ERROR, frame(
        h2.HEADERS, 5, 1, h2.number(1 << 20, 5, 0x20) + b"\x82")),
    "integer": (h2.COMPRESSION_ERROR, frame(
        h2.HEADERS, 5, 1, b"\xff" * 20 + b"\x7f")),
    "goaway-size": (h2.FRAME_SIZE_ERROR, frame(h2.GOAWAY, 0, 0, b"x")),
}


@pytest.mark.core
@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_http_2(gw, house, kind):
    code, data = WRONG[kind]
    with house.raw(gw, house.two, greets=code is not None) as c:
        c.send(data)
        away = c.ended()
        assert away == code or code is None or away == h2.PROTOCOL_ERROR


# On a stream that is there: the stream or the connection ends.
WRONG_ON_STREAM = {
    "window-0": h2.window(1, 0),
    "window-over": h2.window(1, (1 << 31) - 1),
    "data-behind-the-end": frame(h2.DATA, 0, 1, b"x"),
    "headers-behind-the-end": frame(h2.HEADERS, 5, 1, b"\x82"),
    "itself": frame(h2.PRIORITY, 0, 1, b"\0\0\0\1\x10"),
}


@pytest.mark.core
@pytest.mark.parametrize("kind", WRONG_ON_STREAM)
def test_what_is_wrong_on_a_stream(gw, house, host, kind):
    with house.raw(gw, house.two) as c:
        c.request(1, h2.get(host, b"/never"))
        c.send(WRONG_ON_STREAM[kind])
        if kind == "itself":    # RFC 9113 5.3.2 has no more opinion
            assert c.alive() or c.away
            return
        fate = c.fate(1)
        assert fate.word in ("reset", "goaway") and fate.code, fate


@pytest.mark.core
def test_streams_go_up(gw, house, host):
    with house.raw(gw, house.two) as c:
        c.request(5, h2.get(host))
        assert c.fate(5).body == TEXT
        c.request(3, h2.get(host))      # closed, it was never open
        assert not c.alive() or 3 not in c.fates or \
            c.fates[3].word != "answer"


# ---- the names of limits in the log -----------------------------------------


LIMITS = {
    "resets": ["h2_resets"],
    "streams": ["h2_streams"],
    "frames": ["h2_frames"],
    "head": ["h2_header_list", "h2_continuations", "max_header"],
    "slow": ["request_timeout", "idle_timeout"],
}
