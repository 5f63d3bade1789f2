"""The filter interface with real Postfix and Sendmail, and with miltertest."""

import hashlib
import os
import pathlib
import re
import signal
import subprocess

import corpus_mail
import pytest
from peers.client import Ledger, Load, connect, hand_over, send
from peers.common import PATIENCE, kill, until
from peers.milter_mta import MilterMta
from peers.milter_place import by_postfix, by_sendmail, later

SCRIPTS = pathlib.Path(__file__).parent / "milter"
KINDS = [k for k in corpus_mail.INFECTED]
REFUSED = re.compile(r"5\.7\.1 Refused: malware Eicar-Test-Signature\S* "
                     r"\((\w{26})\)")


def clean_mails():
    mails = dict(corpus_mail.mixed(12, seed=31))
    mails["folded"] = corpus_mail.folded()
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
    gw.says(f"agreed version={version} ")


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
        "folded": corpus_mail.folded(),
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


FORGED = ("X-Sallyport: clean; forged", "x-sallyPORT:forged",
          "X-Sallyport : forged", "X-Sallyport: a", "\tforged")


def marks_of(mail):
    head = mail.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    return [line for line in head.lower().split(b"\n")
            if line.startswith(b"x-sallyport") or b"forged" in line]


def test_postfix_takes_foreign_marks_off(filtering, postfix, place):
    filtering()
    mta = postfix(settings=by_postfix(place, "unix"))
    assert send(mta.port, corpus_mail.marked("marked", *FORGED))[0] == 250
    until("it is delivered", lambda: mta.count() == 1)
    assert len(marks_of(mta.mails()[0])) == 1


def test_sendmail_takes_foreign_marks_off(filtering, sendmail, sink, place):
    filtering()
    mta = sendmail(by_sendmail(place, "unix"))
    assert send(mta.port, corpus_mail.marked("marked", *FORGED))[0] == 250
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
