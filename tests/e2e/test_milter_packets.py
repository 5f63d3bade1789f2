"""The filter interface packet by packet, for what no real MTA would do."""

import hashlib
import os
import signal
import socket

import corpus_mail
import pytest
from peers.common import kill, until
from peers.milter_mta import MilterMta
from peers.milter_place import by_sendmail, later


@pytest.mark.core
@pytest.mark.parametrize("version", (2, 3, 4, 6))
def test_every_version_by_hand(filtering, place, version):
    gw = filtering()
    mail = corpus_mail.folded()
    with MilterMta(("127.0.0.1", place.port)) as mta:
        mta.negotiate(version).client()
        for _ in range(3):
            assert mta.envelope() == [("c", b"")]
            mta.message(mail, chunk=10)
            said = mta.end()
            assert [letter for letter, _ in said] == ["i", "a"]
        mta.put("Q")
        assert mta.closed() == []
    events = gw.events(event__action="decision")
    # without the blanks of the interface's older versions
    sizes = {len(mail)} if version == 6 else {
        len(mail.replace(b"X-Tight:", b"X-Tight: ")
            .replace(b"X-Empty:", b"X-Empty: ")
            .replace(b"X-Wide:   ", b"X-Wide:"))}
    assert {e["file.size"] for e in events} == sizes
    assert {e["client.address"] for e in events} == {"192.0.2.7"}
    assert {e["client.domain"] for e in events} == {"mx.example.org"}


@pytest.mark.core
def test_macros_are_facts(filtering, place):
    gw = filtering()
    with MilterMta(place.path) as mta:
        mta.negotiate()
        assert mta.wanted[1] == "{tls_version} {cipher}"
        mta.macros("H", tls_version="TLSv1.3", cipher="AES")
        mta.client()
        mta.macros("M", auth_authen="carol", i="Q1")
        mta.envelope()
        mta.message(corpus_mail.plain())
        mta.end()
        mta.envelope()
        mta.message(corpus_mail.plain())
        mta.end()
    first, second = gw.events(event__action="decision")
    assert first["user.name"] == "carol"
    assert first["sallyport.smtp.queue_id"] == "Q1"
    assert first["tls.version"] == "TLSv1.3"
    assert first["tls.cipher"] == "AES"
    # of the connection, not of the mail before
    assert second["tls.version"] == "TLSv1.3"
    assert "user.name" not in second
    assert "sallyport.smtp.queue_id" not in second


@pytest.mark.core
def test_a_fold_is_a_line_end_whichever_the_mta_has(filtering, place):
    gw = filtering()
    sums = set()
    for fold in (b"\n\t", b"\r\n\t"):
        with MilterMta(place.path) as mta:
            mta.negotiate().client().envelope()
            mta.step("L", b"X-Fold\0 a" + fold + b"b\0")
            mta.step("N")
            assert mta.end()[-1][0] == "a"
    for event in gw.events(event__action="decision"):
        sums.add(event["file.hash.sha256"])
    assert sums == {hashlib.sha256(b"X-Fold: a\r\n\tb\r\n\r\n").hexdigest()}


@pytest.mark.core
def test_the_next_client_of_a_connection(filtering, place):
    """QUIT_NC: nothing is left of the one before."""
    gw = filtering()
    with MilterMta(place.path) as mta:
        mta.negotiate()
        mta.macros("H", tls_version="TLSv1.3")
        mta.client(helo="first.example.org")
        mta.put("K")
        mta.envelope()
        mta.message(corpus_mail.plain())
        mta.end()
        mta.put("K")
        mta.client(address="192.0.2.8", helo="third.example.org")
        mta.envelope()
        mta.message(corpus_mail.plain())
        mta.end()
    second, third = gw.events(event__action="decision")
    assert second["client.address"] == "unix"
    assert not {"client.domain", "tls.version", "sallyport.smtp.helo"} \
        & set(second)
    assert third["client.address"] == "192.0.2.8"
    assert third["sallyport.smtp.helo"] == "third.example.org"


@pytest.mark.core
@pytest.mark.parametrize("packet, words", (
    (b"\0\0\0\1Z", 'bad_command command="Z" state=ready'),
    (b"\0\0\0\1E", 'bad_command command="BODYEOB" state=ready'),
    (b"\0\0\0\1L", 'bad_command command="HEADER" state=ready'),
    (b"\0\0\0\3Hxy", 'bad_packet command="HELO" state=ready'),
    (b"\0\0\0\0", "bad_packet limit=262145 length=0"),
    (b"\0\4\0\2B", "bad_packet limit=262145 length=262146"),
    (b"GET / HTTP/1.0\r\n\r\n", "bad_packet limit=262145"),
))
def test_what_is_no_command_ends_the_connection(
        filtering, place, packet, words):
    gw = filtering()
    with MilterMta(place.path) as mta:
        mta.negotiate()
        mta.raw(packet)
        assert mta.closed() == []
    gw.says(words)


@pytest.mark.core
def test_nothing_goes_before_an_offer(filtering, place):
    gw = filtering()
    for packet in (b"\0\0\0\1H", b"\0\0\0\x0dO\0\0\0\1\0\0\0\0\0\0\0\0"):
        with MilterMta(place.path) as mta:
            mta.raw(packet)
            assert mta.closed() == []
    gw.says('bad_command command="HELO" state=offer')
    gw.says("milter version=1 least=2")


@pytest.mark.core
def test_larger_packets_where_they_were_agreed_upon(filtering, place):
    filtering()
    mail = corpus_mail.large("big", 2_000_000)
    for flag, size in ((0x10000000, 256 * 1024), (0x30000000, 1 << 20)):
        with MilterMta(place.path) as mta:
            mta.negotiate(6, steps=0x1fffff | flag).client()
            assert mta.steps & 0x30000000 == min(flag, 0x20000000)
            mta.envelope()
            mta.message(mail, chunk=size)
            assert mta.end()[-1] == ("a", b"")


@pytest.mark.core
@pytest.mark.parametrize("way, reason", (
    ("A", "mta_abort"), ("Q", "mta_quit"), ("K", "mta_quit"),
    ("close", "client_gone"), ("shut", "client_gone"), ("C", "mta_abort"),
    ("M", "mta_abort"), ("Z", "bad_command")))
@pytest.mark.parametrize("point", ("mail", "head", "body", "scan"))
def test_a_mail_that_is_given_up(filtering, place, way, reason, point):
    if point == "scan" and way in "CM":
        reason = "bad_command"
    gw = filtering()
    if point == "scan":
        for role, pid in gw.roles().items():
            if role.startswith("scan"):
                os.kill(pid, signal.SIGSTOP)
    with MilterMta(place.path) as mta:
        mta.negotiate().client().envelope()
        if point == "head":
            mta.step("L", b"X-A\0 b\0")
        if point in ("body", "scan"):
            mta.message(corpus_mail.plain())
        if point == "scan":
            mta.put("E")
            until("it is scanned", lambda: "body -> scan" in gw.stderr())
        if way == "close":
            mta.sock.close()
        elif way == "shut":
            mta.sock.shutdown(socket.SHUT_WR)
        else:
            mta.put(way, {"C": b"mx\0U", "M": b"<x@y>\0"}.get(way, b""))
        event = until("it is told", lambda: gw.events(
            event__action="ended"))[0]
        assert event["sallyport.result"] == "aborted"
        assert event["sallyport.reason"] == reason
        if way in "AK":  # and then the next one
            for role, pid in gw.roles().items():
                if role.startswith("scan") and point == "scan":
                    kill(pid, signal.SIGCONT)
            mta.envelope()
            mta.message(corpus_mail.plain())
            assert mta.end()[-1][0] in "ay"
    for role, pid in gw.roles().items():
        if role.startswith("scan"):
            kill(pid, signal.SIGCONT)


@pytest.mark.core
def test_progress_while_a_scan_takes_long(filtering, place):
    gw = filtering({"milter": {"mta_progress": "200ms"}})
    scanners = [p for r, p in gw.roles().items() if r.startswith("scan")]
    for pid in scanners:
        os.kill(pid, signal.SIGSTOP)
    with MilterMta(place.path) as mta:
        mta.negotiate().client().envelope()
        mta.message(corpus_mail.plain())
        mta.put("E")
        assert [mta.get() for _ in range(4)] == [("p", b"")] * 4
        for pid in scanners:
            kill(pid)
        said = mta.answers()
    assert said[:-1] == [("p", b"")] * (len(said) - 1)
    assert said[-1][0] == "y" and said[-1][1].startswith(b"451 4.7.1 ")


def test_sendmail_waits_longer_than_its_limit_for_a_scan_that_goes_on(
        filtering, sendmail, sink, place):
    """T=R: is for silence: a word of progress begins it anew; E: is not."""
    gw = filtering({"milter": {"mta_progress": "500ms"}})
    mta = sendmail(by_sendmail(place, "unix", "F=T", "S:4s;R:4s;E:1m"))
    scanners = [p for r, p in gw.roles().items() if r.startswith("scan")]
    for pid in scanners:
        os.kill(pid, signal.SIGSTOP)
    answer = later(mta.port, corpus_mail.plain("patience"))
    until("it has heard of progress for longer than that",
          lambda: gw.stderr().count("milter says p") >= 12)
    for pid in scanners:
        kill(pid, signal.SIGCONT)
    assert answer()[0] == 250
    until("it is passed on", lambda: len(sink.mails) == 1)


@pytest.mark.core
def test_one_slow_scan_holds_up_no_other_mail(filtering, place):
    gw = filtering({"gateway": {"workers": "1"}, "scan": {"workers": "2"}})
    scanners = {r: p for r, p in gw.roles().items() if r.startswith("scan")}
    stopped = min(scanners)
    os.kill(scanners[stopped], signal.SIGSTOP)
    try:
        waiting = []
        # each goes to an idle worker: one of the first two gets stuck
        for n in range(2):
            mta = MilterMta(place.path).negotiate().client()
            waiting.append(mta)
            mta.envelope()
            mta.message(corpus_mail.plain(f"slow-{n}"))
            mta.put("E")
        until("one of them is answered", lambda: len(
            gw.events(event__action="outcome")) == 1)
        with MilterMta(place.path) as mta:
            mta.negotiate().client()
            for n in range(5):
                mta.envelope()
                mta.message(corpus_mail.plain(f"quick-{n}"))
                assert mta.end()[-1][0] == "a"
        until("they are told", lambda: len(
            gw.events(event__action="outcome")) == 6)
    finally:
        kill(scanners[stopped], signal.SIGCONT)
    for mta in waiting:
        assert mta.answers()[-1][0] == "a"
        mta.sock.close()
