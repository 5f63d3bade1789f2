"""The limits of the filter interface, the words for them, its end and what
--check says of it."""

import contextlib
import os
import signal

import corpus_mail
import pytest
from peers.common import kill, until
from peers.milter_mta import Closed, MilterMta


@pytest.mark.core
def test_max_message_size(filtering, place):
    gw = filtering({"smtp": {"max_message_size": "100k"}})
    mail = corpus_mail.large("large", 300_000)
    said = []
    for steps in (None, 0x17ffff, 0x17ffff & ~0x400):
        with MilterMta(place.path) as mta:
            mta.negotiate(6, steps=steps).client().envelope()
            pieces = mta.message(mail, chunk=10_000)
            said.append(pieces[-1])
            letter, text = mta.end()[0]
            assert letter == "y"
            assert text.startswith(b"552 5.3.4 ")
            assert b"max_message_size" in text
            # and the next one is taken
            mta.envelope()
            mta.message(corpus_mail.plain())
            assert mta.end()[-1][0] == "a"
    # no answers; SKIP; "go on" where SKIP was not offered
    assert said == [None, ("s", b""), ("c", b"")]
    until("each is told", lambda: gw.stderr().count(
        "refused limit=max_message_size") == 3)
    assert {e["sallyport.reason"] for e in gw.events(event__action="ended")} \
        == {"max_message_size"}


@pytest.mark.core
def test_max_recipients(filtering, place):
    gw = filtering({"smtp": {"max_recipients": "3"}})
    with MilterMta(place.path) as mta:
        mta.negotiate().client()
        said = mta.envelope(recipients=[f"r{n}@example.net"
                                        for n in range(5)])
        assert [letter for letter, _ in said] == ["c", "c", "c", "y", "y"]
        assert said[3][1].startswith(b"452 4.5.3 max_recipients")
        mta.message(corpus_mail.plain())
        assert mta.end()[-1][0] == "a"
    event = gw.events(event__action="decision")[0]
    assert event["sallyport.recipients"] == 3
    gw.says("refused limit=max_recipients")
    until("it is counted", lambda: gw.count(
        "limits_total", "max_recipients", "milter") >= 1)


@pytest.mark.core
@pytest.mark.parametrize("fields, text", (
    (["Received: x"] * 4, b"554 5.4.6 max_received"),
    (["X-Sallyport: x"] * 33, b"554 5.6.0 Too many X-Sallyport fields")))
def test_header_limits(filtering, place, fields, text):
    filtering({"smtp": {"max_received": "3"}})
    with MilterMta(place.path) as mta:
        mta.negotiate().client().envelope()
        mta.message(corpus_mail.marked("many", *fields))
        assert mta.end()[0][1].startswith(text)
        mta.envelope()
        mta.message(corpus_mail.marked("fewer", *fields[1:]))
        said = mta.end()
    assert said[-1][0] == "a"
    assert [s[0] for s in said].count("m") == (
        32 if b"X-Sallyport" in text else 0)


@pytest.mark.core
def test_mta_timeout(filtering, place):
    gw = filtering({"milter": {"mta_timeout": "300ms"}})
    with MilterMta(place.path) as mta:
        assert mta.closed() == []

    def in_a_mail():
        # it may be over before we are that far
        with MilterMta(place.path) as mta, contextlib.suppress(
                Closed, OSError):
            mta.negotiate().client().envelope()
            mta.get()
        return "closed limit=mta_timeout state=mail" in gw.stderr()
    until("it is closed in a mail", in_a_mail)
    gw.says("closed limit=mta_timeout state=offer")
    until("both are counted", lambda: gw.count(
        "limits_total", "mta_timeout", "milter") >= 2)
    until("its event", lambda: gw.events(sallyport__reason="mta_timeout"))


@pytest.mark.core
def test_max_sessions(filtering, place):
    gw = filtering(max_sessions="2")
    held = [MilterMta(place.path).negotiate() for _ in range(2)]
    with pytest.raises((Closed, ConnectionError)):
        MilterMta(place.path).negotiate()
    gw.says("refused limit=max_sessions listener=milter")
    gw.counts(1, "limits_total", "max_sessions", "milter")
    for mta in held:
        mta.sock.close()


@pytest.mark.core
def test_a_full_disk_is_told_and_passed_as_nothing(filtering, place):
    gw = filtering({"gateway": {"spool_memory": "0", "spool_max_size": "1M"}})
    with MilterMta(place.path) as mta:
        mta.negotiate().client().envelope()
        mta.message(corpus_mail.large("large", 3_000_000))
        letter, text = mta.end()[0]
    assert letter == "y" and text.startswith(b"452 4.3.1 ")
    gw.says("refused limit=spool")


@pytest.mark.core
def test_draining_ends_what_is_idle_and_answers_what_is_not(
        filtering, place):
    gw = filtering()
    scanners = [p for r, p in gw.roles().items() if r.startswith("scan")]
    for pid in scanners:
        os.kill(pid, signal.SIGSTOP)
    idle = MilterMta(place.path).negotiate().client()
    busy = MilterMta(place.path).negotiate().client()
    busy.envelope()
    busy.message(corpus_mail.plain())
    busy.put("E")
    until("it is scanned", lambda: "body -> scan" in gw.stderr())
    gw.signal(signal.SIGTERM)
    assert idle.closed() == []
    for pid in scanners:
        kill(pid, signal.SIGCONT)
    assert busy.answers()[-1][0] == "a"
    assert busy.closed() == []
    assert gw.stop() == 0


@pytest.mark.core
@pytest.mark.parametrize("mode", ("0600", "0660", "0666"))
def test_unix_mode(filtering, place, mode):
    gw = filtering(unix_mode=mode)
    assert os.stat(place.path).st_mode & 0o777 == int(mode, 8)
    gw.configure({"listener milter": {"unix_mode": "0600"}})
    gw.reload()
    until("it is another", lambda: os.stat(
        place.path).st_mode & 0o777 == 0o600)
    with MilterMta(place.path) as mta:
        assert mta.negotiate().version == 6


def test_what_check_says(gateway):
    gw = gateway({"listener milter": {
        "protocol": "milter", "address": "unix:/run/x", "policy": "mail",
        "unix_mode": "777", "reject_text": "250 Ok"}}, start=False)
    said = gw.run("--check")
    assert said.returncode == 78 and "unix_mode" in said.stderr
    gw.configure({"listener milter": {"unix_mode": None}})
    said = gw.run("--check")
    assert said.returncode == 78 and "reject_text" in said.stderr
    gw.configure({"listener milter": {
        "reject_text": None, "next_hop": "smtp:127.0.0.1:25"},
        "listener mail-in": {"mta_timeout": "5m"}})
    said = gw.run("--check")
    assert said.returncode == 78
    assert "[listener milter] next_hop: does nothing with protocol milter" \
        in said.stderr
    assert "[listener mail-in] mta_timeout: does nothing with protocol smtp" \
        in said.stderr
    gw.configure({"listener milter": {"next_hop": None},
                  "listener mail-in": {"mta_timeout": None}})
    assert gw.run("--check").returncode == 0
