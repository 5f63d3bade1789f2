"""Limits, and what `sallyport` and the gateway say to each other."""

import signal
import socket
import struct

import corpus_mail
import pytest
from peers.common import PATIENCE, until
from peers.local_mail import LF, frame, outcome


# ---- limits ------------------------------------------------------------------


LIMITS = {
    "max_message_size": (
        {"max_message_size": "10k"}, (), corpus_mail.plain(size=20000), 77,
        b"5.3.4 Message size exceeds max_message_size\n"),
    "max_message_size, and on and on": (
        {"max_message_size": "10k"}, (), corpus_mail.large("a", 900_000), 77,
        b"5.3.4 Message size exceeds max_message_size\n"),
    "max_recipients": (
        {"max_recipients": "2"}, ("-d", "a", "-d", "b", "-d", "c"), LF, 75,
        b"4.5.3 Too many recipients: max_recipients\n"),
    "max_received": (
        {"max_received": "3"}, (), b"Received: x\n" * 4 + LF, 77,
        b"5.4.6 max_received: too many hops, a mail loop\n"),
    "allow_from": (
        {"allow_from": "127.0.0.1"}, (), LF, 75,
        b"4.7.1 allow_from does not name you\n"),
    "reject_text": (
        {"reject_text": "550 no {reason}"}, (), corpus_mail.infected("raw"),
        77, b"no malware Eicar-Test-Signature.UNOFFICIAL\n"),
}


@pytest.mark.core
@pytest.mark.parametrize("limit", LIMITS)
def test_each_limit_has_its_name(house, run, limit):
    changes, words, mail, status, text = LIMITS[limit]
    gw = house({"listener local": changes})

    done = run("deliver", "--socket", gw.socket, *words, "--", "cat",
               stdin=mail)

    assert (done.returncode, done.stderr, done.stdout) == (status, text, b"")
    counted = {} if limit == "reject_text" else {
        limit.partition(",")[0]: {"local": 1}}
    until("it is counted",
          lambda: (gw.count("limits_total") or {}) == counted)


class Wire:
    """The protocol by hand."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(path)

    def say(self, *frames):
        self.sock.sendall(b"".join(frames))
        return self

    def hear(self):
        """All frames up to the end of the answer: {letter: text}."""
        have, found = b"", {}
        while True:
            while len(have) < 3 or len(have) < 3 + struct.unpack(
                    ">H", have[1:3])[0]:
                more = self.sock.recv(4096)
                if not more:
                    return found
                have += more
            size = struct.unpack(">H", have[1:3])[0]
            found[have[:1].decode()] = have[3:3 + size].decode()
            have = have[3 + size:]
            if "." in found:
                return found

    def remove(self):
        self.sock.close()


@pytest.fixture(name="wire")
def wires(cleanly):
    def make(gw):
        w = Wire(gw.socket)
        cleanly(w)
        return w
    return make


HELLO = frame("V", b"1")
ODD = {
    "garbage": b"GET / HTTP/1.1\r\n\r\n",
    "a version of tomorrow": frame("V", b"2"),
    "no version": frame("S", b"a@example.org"),
    "a second sender": HELLO + frame("S") + frame("S"),
    "a mail before its version": frame("M", b"x"),
    "an outcome before the mail": HELLO + frame("O", b"delivered"),
    "too long a recipient": HELLO + b"R\xff\xff",
    "too long a piece": HELLO + b"M\x80\x01",
    "an answer": frame("A", b"pass"),
}


@pytest.mark.core
@pytest.mark.parametrize("odd", ODD)
def test_what_is_not_the_protocol_gets_one_answer(house, wire, odd):
    gw = house()
    w = wire(gw)

    said = w.say(ODD[odd]).hear()

    assert said["A"] == "tempfail"
    assert said["T"] == "4.5.0 sallyport and sallyportd do not agree"
    assert w.sock.recv(10) == b""
    gw.says("local protocol error")


@pytest.mark.core
def test_a_byte_at_a_time_is_the_same(house, wire):
    gw = house()
    w = wire(gw)

    for byte in HELLO + frame("R", b"bob") + frame("M", LF) + frame("E"):
        w.say(bytes([byte]))

    said = w.hear()
    assert said["A"] == "pass"
    assert said["K"].endswith(f"; {said['I']}; inbound")
    w.say(frame("O", b"delivered by hand\r\nnext line"))
    assert outcome(gw)["sallyport.reply"] == "by hand\r\nnext line"
    assert len(gw.events()) == 2


@pytest.mark.core
@pytest.mark.parametrize("changes, sent, word", [
    ({"command_timeout": "1s"}, b"", "command_timeout"),
    ({"command_timeout": "1s"}, HELLO, "command_timeout"),
    ({"data_timeout": "1s"}, HELLO + frame("M", b"x"), "data_timeout")],
    ids=["connected", "greeted", "in the mail"])
def test_each_time_limit_has_its_name(house, wire, changes, sent, word):
    gw = house({"listener local": changes})
    w = wire(gw)

    said = w.say(sent).hear()

    assert (said["A"], said["T"]) == ("tempfail", f"4.4.2 {word} exceeded")
    if sent:
        (ended,) = until("its event", gw.events)
        assert ended["sallyport.reason"] == word
    until("it is counted",
          lambda: gw.count("limits_total") == {word: {"local": 1}})


@pytest.mark.core
def test_who_never_says_how_it_ended_is_not_waited_for(house, wire):
    gw = house({"listener local": {"next_hop_data_timeout": "200ms"}})
    w = wire(gw)

    assert w.say(HELLO + frame("M", LF) + frame("E")).hear()["A"] == "pass"
    assert w.sock.recv(10) == b""

    assert outcome(gw)["sallyport.reason"] == "next_hop_data_timeout"


@pytest.mark.core
@pytest.mark.parametrize("sent", [
    HELLO, HELLO + frame("M", b"x"),
    HELLO + frame("M", LF) + frame("E")],
    ids=["greeted", "in the mail", "told"])
def test_who_goes_in_the_middle_leaves_one_event(house, wire, sent):
    gw = house()
    w = wire(gw)
    w.say(sent)
    if sent.endswith(frame("E")):
        w.hear()
    else:
        w.say(frame("M", b"more"))

    w.remove()

    (said,) = until("its event", lambda: [
        e for e in gw.events() if e["event.action"] != "decision"])
    assert said["sallyport.result"] == "aborted"
    assert said["sallyport.reason"] == "client_gone"


@pytest.mark.core
def test_sessions_have_a_limit(house, wire):
    gw = house({"gateway": {"workers": "1"},
                "listener local": {"max_sessions": "1"}})
    first = wire(gw).say(HELLO)
    until("it is in", lambda: "session begins listener=local" in gw.stderr())

    said = wire(gw).hear()

    assert said["T"] == "4.3.2 max_sessions reached, try again later"
    first.say(frame("M", LF) + frame("E"))
    assert first.hear()["A"] == "pass"


@pytest.mark.core
def test_a_gateway_that_stops_lets_a_mail_end(house, wire):
    gw = house({"gateway": {"workers": "1"}})
    idle, busy = wire(gw), wire(gw)
    idle.say(HELLO)
    busy.say(HELLO + frame("M", LF))
    until("both are in", lambda: gw.stderr().count(
        "session begins listener=local") == 2)
    until("it comes in", lambda: "local envelope -> content" in gw.stderr())

    gw.signal(signal.SIGTERM)

    assert idle.hear()["T"] == "4.3.2 The gateway is shutting down"
    assert busy.say(frame("E")).hear()["A"] == "pass"
    busy.say(frame("O", b"delivered exit 0"))
    assert gw.child.wait(PATIENCE) == 0
    assert [e["sallyport.result"] for e in gw.events(
        event__action="outcome")] == ["delivered"]
