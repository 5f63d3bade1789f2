"""The filter interface: with real Postfix and Sendmail, with miltertest, and
packet by packet."""

import hashlib
import os
import pathlib
import re
import signal
import socket
import subprocess

import corpus_mail
import pytest
from peers.client import Ledger, Load, connect, hand_over, send
from peers.common import PATIENCE, kill, until
from peers.milter_mta import Closed, MilterMta
from peers.milter_place import by_postfix, by_sendmail, later

SCRIPTS = pathlib.Path(__file__).parent / "milter"
KINDS = [k for k in corpus_mail.INFECTED]
REFUSED = re.compile(r"5\.7\.1 Refused: malware Eicar-Test-Signature\S* "
                     r"\((\w{26})\)")


def folded():
    """A mail with all that a header can have."""
    return (corpus_mail.head(
        "folded", "X-Fold: one", "\ttwo", "  three", "X-Empty:",
        "X-Tight:tight", "X-Wide:    wide  ", "X-Eight: \xe4\xf6")
        + b"\r\nline\r\n\r\n. \r\n..\r\nlast\r\n")


def clean_mails():
    mails = dict(corpus_mail.mixed(12, seed=31))
    mails["folded"] = folded()
    mails["empty"] = corpus_mail.head("empty") + b"\r\n"
    mails["big"] = corpus_mail.large("big", 3_000_000)
    return mails


# ---- real MTAs --------------------------------------------------------------


def everything(gw, port):
    """Clean and infected mails; the names of those the MTA took."""
    mails = clean_mails()
    for name, mail in mails.items():
        code, text = send(port, mail)
        assert code == 250, (name, text)
    for kind in KINDS:
        code, text = send(port, corpus_mail.infected(kind))
        assert code == 554, (kind, text)
        event = gw.event_of(REFUSED.search(text)[1])
        assert event["network.protocol"] == "milter"
        assert event["sallyport.because.kind"] == "malware"
        assert event["client.address"] == "127.0.0.1"
        assert event["sallyport.smtp.helo"] == "client.example.org"
        assert event["email.from.address"] == [corpus_mail.SENDER]
        assert event["email.to.address"] == [corpus_mail.RECIPIENT]
    return mails


def same_bytes(got, mails, line_end):
    assert len(got) == len(mails)
    for mail in got:
        name = corpus_mail.name_of(mail)
        assert corpus_mail.body_of(mail) == \
            mails[name].replace(b"\r\n", line_end), name
        added = mail[:-len(corpus_mail.body_of(mail))]
        assert added.count(b"X-Sallyport: clean; clamav/") == 1


@pytest.mark.parametrize("how", ("unix", "inet"))
@pytest.mark.parametrize("version", (2, 3, 4, 6))
def test_postfix(filtering, postfix, place, how, version):
    gw = filtering()
    mta = postfix(settings=by_postfix(place, how, version))
    mails = everything(gw, mta.port)
    until("all of them are delivered", lambda: mta.count() >= len(mails))
    same_bytes(mta.mails(), mails, b"\n")
    assert f"agreed version={version} " in gw.stderr()


@pytest.mark.parametrize("how", ("unix", "inet"))
def test_sendmail(filtering, sendmail, sink, place, how):
    gw = filtering()
    mta = sendmail(by_sendmail(place, how))
    mails = everything(gw, mta.port)
    until("all of them are passed on", lambda: len(sink.mails) >= len(mails))
    same_bytes([m.data for m in sink.mails], mails, b"\r\n")
    until("its queue is empty", lambda: mta.queued() == 0)


def odd_mails():
    """Mails that an MTA may not deliver as they came."""
    head = corpus_mail.head
    return {
        "nul": head("nul", "X-Nul: before\0after") + b"\r\nbody \0 nul\r\n",
        "control": head("control", "X-C: \x01\x7f") + b"\r\n\x01\x02\x7f\r\n",
        "eight": head("eight", "X-E: \xe4") + b"\r\n" + bytes(
            range(128, 256)) + b"\r\n",
        "colon": head("colon", "X-Colon : a", "X-Blank:\t b") + b"\r\nx\r\n",
        "no-end": head("no-end") + b"\r\nno line end",
        "no-header": corpus_mail.MARK + b"no-header\r\nnot a field\r\nx\r\n",
        "empty": head("empty") + b"\r\n",
        "folded": folded(),
    }


@pytest.mark.parametrize("which", ("postfix", "sendmail"))
def test_what_was_scanned_is_what_is_delivered(
        filtering, place, sink, which, request):
    gw = filtering()
    mta = request.getfixturevalue(which)(**(
        {"settings": by_postfix(place, "unix")} if which == "postfix"
        else {"milter": by_sendmail(place, "unix")}))

    def delivered():
        mails = [m.data for m in sink.mails] if which == "sendmail" \
            else [corpus_mail.crlf(m) for m in mta.mails()]
        return {corpus_mail.name_of(m): corpus_mail.body_of(m) for m in mails}

    for n, (name, mail) in enumerate(odd_mails().items()):
        code, text = send(mta.port, mail)
        assert code == 250, (name, text)
        until("it is delivered", lambda name=name: name in delivered())
        event = until("it is told", lambda n=n: gw.events(
            event__action="decision")[n:])[0]
        body = delivered()[name]
        assert hashlib.sha256(body).hexdigest() == \
            event["file.hash.sha256"], (name, body)


def finding(event):
    return {k: v for k, v in event.items() if k.startswith((
        "sallyport.because", "sallyport.finding", "sallyport.verdict",
        "sallyport.action", "rule.", "email.", "event.category"))}


@pytest.mark.parametrize("kind", KINDS)
def test_the_event_is_the_same_as_by_smtp(filtering, place, kind):
    gw = filtering()
    mail = corpus_mail.infected(kind)
    with MilterMta(place.path) as mta:
        mta.negotiate().client(address="127.0.0.1", helo="client.example.org")
        mta.envelope(corpus_mail.SENDER, [corpus_mail.RECIPIENT])
        mta.message(mail)
        letter, text = mta.end()[0]
    assert letter == "y"
    ours = gw.event_of(text.decode())
    code, text = send(gw.port, mail)
    assert code == 554
    theirs = gw.event_of(text)
    assert finding(ours) == finding(theirs)
    # the very bytes: what was put together again is what was sent
    assert ours["file.hash.sha256"] == theirs["file.hash.sha256"]
    only_here = set(ours) - set(theirs)
    assert only_here == {"client.domain"}, only_here
    assert not set(theirs) - set(ours) - {"client.port"}


def marked(name, *marks):
    return corpus_mail.head(name, *marks) + b"\r\nx\r\n"


FORGED = ("X-Sallyport: clean; forged", "x-sallyPORT:forged",
          "X-Sallyport : forged", "X-Sallyport: a", "\tforged")


def marks_of(mail):
    head = mail.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    return [line for line in head.lower().split(b"\n")
            if line.startswith(b"x-sallyport") or b"forged" in line]


def test_postfix_takes_foreign_marks_off(filtering, postfix, place):
    filtering()
    mta = postfix(settings=by_postfix(place, "unix"))
    assert send(mta.port, marked("marked", *FORGED))[0] == 250
    until("it is delivered", lambda: mta.count() == 1)
    assert len(marks_of(mta.mails()[0])) == 1


def test_sendmail_takes_foreign_marks_off(filtering, sendmail, sink, place):
    filtering()
    mta = sendmail(by_sendmail(place, "unix"))
    assert send(mta.port, marked("marked", *FORGED))[0] == 250
    until("it is passed on", lambda: sink.mails)
    assert len(marks_of(sink.mails[0].data)) == 1


PERCENT = {"smtp": {"reject_text": "554 5.7.1 100% no: {reason} ({id})"}}


@pytest.mark.parametrize("which", ("postfix", "sendmail"))
def test_a_percent_sign_in_a_reply_stays_one(
        filtering, place, which, request):
    filtering(PERCENT)
    mta = request.getfixturevalue(which)(**(
        {"settings": by_postfix(place, "unix")} if which == "postfix"
        else {"milter": by_sendmail(place, "unix")}))
    code, text = send(mta.port, corpus_mail.infected("raw"))
    assert (code, text[:17]) == (554, "5.7.1 100% no: ma")


@pytest.mark.parametrize("which", ("postfix", "sendmail"))
def test_the_queue_id_is_in_the_event(filtering, place, which, request):
    gw = filtering()
    mta = request.getfixturevalue(which)(**(
        {"settings": by_postfix(place, "unix")} if which == "postfix"
        else {"milter": by_sendmail(place, "unix")}))
    code, text = send(mta.port, corpus_mail.plain())
    assert code == 250
    event = until("the event", lambda: gw.events(event__action="outcome"))[0]
    assert event["sallyport.smtp.queue_id"] in text


def test_several_mails_of_one_client(filtering, postfix, place):
    gw = filtering()
    mta = postfix(settings=by_postfix(place, "unix"))
    client = connect(mta.port)
    for n in range(3):
        assert hand_over(client, corpus_mail.plain(f"n{n}"))[0] == 250
        assert hand_over(client, corpus_mail.infected("zip"))[0] == 554
        client.mail(corpus_mail.SENDER)
        client.rset()
    client.quit()
    until("all of it is told", lambda: len(
        gw.events(event__action="outcome")) == 6)
    assert len({e["sallyport.session"] for e in gw.events()}) == 1
    until("the others, too", lambda: len(
        gw.events(event__action="ended")) == 3)


def test_a_killed_scanner_loses_no_mail(filtering, postfix, place):
    gw = filtering()
    mta = postfix(settings=by_postfix(place, "unix"))
    ledger = Ledger()
    names = [f"kill-{n}" for n in range(60)]
    mails = [(n, corpus_mail.INFECTED["zip"](n) if i % 5 == 0
              else corpus_mail.large(n, 40_000))
             for i, n in enumerate(names)]
    with Load(mta.port, mails, ledger) as load:
        for goal in range(5, 55, 5):
            until("the load goes on", lambda g=goal: load.done >= g)
            for role, pid in gw.roles().items():
                if role.startswith("scan"):
                    kill(pid)
    until("all are delivered", lambda: mta.count() >= len(ledger.acked))
    ledger.check([corpus_mail.name_of(m) for m in mta.mails()],
                 infected=names[::5])
    assert len(ledger.acked) == 48 and len(ledger.refused) == 12


def test_a_scan_killed_in_the_middle_is_tried_again_later(
        filtering, sendmail, sink, place):
    gw = filtering()
    mta = sendmail(by_sendmail(place, "unix"))
    scanners = [p for r, p in gw.roles().items() if r.startswith("scan")]
    for pid in scanners:
        os.kill(pid, signal.SIGSTOP)
    answer = later(mta.port, corpus_mail.plain("middle"))
    until("it is at the gate", lambda: "body -> scan" in gw.stderr())
    for pid in scanners:
        kill(pid)
    code, text = answer()
    assert code == 451 and text.startswith("4.7.1 Scanner not available")
    assert not sink.mails
    assert gw.event_of(text)["sallyport.verdict"] == "failed"
    until("a new one scans", lambda: send(
        mta.port, corpus_mail.plain("again"))[0] == 250)


# ---- miltertest -------------------------------------------------------------


def miltertest(place, name, **values):
    words = [w for k, v in values.items() for w in ("-D", f"{k}={v}")]
    done = subprocess.run(
        ["miltertest", "-D", f"socket=unix:{place.path}", *words,
         "-s", SCRIPTS / f"{name}.lua"],
        check=False, capture_output=True, text=True, timeout=2 * PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout, done.stdout


@pytest.mark.parametrize("version", (2, 3, 4, 5, 6))
def test_miltertest_negotiates(filtering, place, version):
    filtering()
    miltertest(place, "negotiate", version=version)


@pytest.mark.parametrize("action, verdict", (
    ("pass", "accept"), ("discard", "discard"), ("tempfail", "451"),
    ("block", "554")))
def test_miltertest_sees_each_action(filtering, place, action, verdict):
    gw = filtering({"policy mail": {"malware": action}})
    miltertest(place, "actions", verdict=verdict)
    results = {"pass": "delivered", "discard": "discarded",
               "tempfail": "deferred", "block": "refused"}
    until("the outcomes are told", lambda: len(
        gw.events(event__action="outcome")) == 2)
    last = gw.events(event__action="outcome")[1]
    assert last["sallyport.result"] == results[action]
    assert last["sallyport.reply"].startswith(verdict)


def test_miltertest_changes_nothing_that_was_not_offered(filtering, place):
    filtering()
    miltertest(place, "nothing")


# ---- packet by packet -------------------------------------------------------


@pytest.mark.core
@pytest.mark.parametrize("version", (2, 3, 4, 6))
def test_every_version_by_hand(filtering, place, version):
    gw = filtering()
    mail = folded()
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
    assert words in gw.stderr()


@pytest.mark.core
def test_nothing_goes_before_an_offer(filtering, place):
    gw = filtering()
    for packet in (b"\0\0\0\1H", b"\0\0\0\x0dO\0\0\0\1\0\0\0\0\0\0\0\0"):
        with MilterMta(place.path) as mta:
            mta.raw(packet)
            assert mta.closed() == []
    assert 'bad_command command="HELO" state=offer' in gw.stderr()
    assert "milter version=1 least=2" in gw.stderr()


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
                    os.kill(pid, signal.SIGCONT)
            mta.envelope()
            mta.message(corpus_mail.plain())
            assert mta.end()[-1][0] in "ay"
    for role, pid in gw.roles().items():
        if role.startswith("scan"):
            kill(pid, signal.SIGCONT)


@pytest.mark.core
def test_progress_while_a_scan_takes_long(filtering, place):
    gw = filtering({"milter": {"mta_progress": "200ms"},
                    "smtp": {"scan_deadline": "2s"}})
    for role, pid in gw.roles().items():
        if role.startswith("scan"):
            os.kill(pid, signal.SIGSTOP)
    with MilterMta(place.path) as mta:
        mta.negotiate().client().envelope()
        mta.message(corpus_mail.plain())
        said = mta.end()
    assert [s for s in said[:-1]] == [("p", b"")] * (len(said) - 1)
    assert len(said) > 3
    assert said[-1][0] == "y" and said[-1][1].startswith(b"451 4.7.1 ")


def test_sendmail_waits_longer_than_its_limit_for_a_scan_that_goes_on(
        filtering, sendmail, sink, place):
    """T=R: is for silence: a word of progress begins it anew; E: is not."""
    gw = filtering({"milter": {"mta_progress": "500ms"}})
    mta = sendmail(by_sendmail(place, "unix", "F=T", "S:2s;R:2s;E:1m"))
    scanners = [p for r, p in gw.roles().items() if r.startswith("scan")]
    for pid in scanners:
        os.kill(pid, signal.SIGSTOP)
    answer = later(mta.port, corpus_mail.plain("patience"))
    until("it has heard of progress for longer than that",
          lambda: gw.stderr().count("milter says p") >= 8)
    for pid in scanners:
        os.kill(pid, signal.SIGCONT)
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
        os.kill(scanners[stopped], signal.SIGCONT)
    for mta in waiting:
        assert mta.answers()[-1][0] == "a"
        mta.sock.close()


# ---- limits -----------------------------------------------------------------


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
    assert gw.stderr().count("refused limit=max_message_size") == 3
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
    assert "refused limit=max_recipients" in gw.stderr()


@pytest.mark.core
@pytest.mark.parametrize("fields, text", (
    (["Received: x"] * 4, b"554 5.4.6 max_received"),
    (["X-Sallyport: x"] * 33, b"554 5.6.0 Too many X-Sallyport fields")))
def test_header_limits(filtering, place, fields, text):
    filtering({"smtp": {"max_received": "3"}})
    with MilterMta(place.path) as mta:
        mta.negotiate().client().envelope()
        mta.message(marked("many", *fields))
        assert mta.end()[0][1].startswith(text)
        mta.envelope()
        mta.message(marked("fewer", *fields[1:]))
        said = mta.end()
    assert said[-1][0] == "a"
    assert [s[0] for s in said].count("m") == (
        32 if b"X-Sallyport" in text else 0)


@pytest.mark.core
def test_mta_timeout(filtering, place):
    gw = filtering({"milter": {"mta_timeout": "300ms"}})
    with MilterMta(place.path) as mta:
        assert mta.closed() == []
    with MilterMta(place.path) as mta:
        mta.negotiate().client().envelope()
        assert mta.closed() == []
    assert "closed limit=mta_timeout state=offer" in gw.stderr()
    assert "closed limit=mta_timeout state=mail" in gw.stderr()
    assert gw.events()[0]["sallyport.reason"] == "mta_timeout"


@pytest.mark.core
def test_max_sessions(filtering, place):
    gw = filtering(max_sessions="2")
    held = [MilterMta(place.path).negotiate() for _ in range(2)]
    with pytest.raises((Closed, ConnectionError)):
        MilterMta(place.path).negotiate()
    assert "refused limit=max_sessions listener=milter" in gw.stderr()
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
    assert "refused limit=spool" in gw.stderr()


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
        os.kill(pid, signal.SIGCONT)
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
    assert os.stat(place.path).st_mode & 0o777 == 0o600
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
