"""Policy `quarantine` within the MTA: it puts the mail aside itself where it
offers to, else the mail is refused; and the copy is kept either way."""

import glob
import os
import pathlib
import re
import subprocess

import corpus_mail
import pytest
from peers.client import send
from peers.common import PATIENCE, until
from peers.milter_place import by_postfix, by_sendmail

SCRIPTS = pathlib.Path(__file__).parent / "milter"
REASON = re.compile(r"malware Eicar-Test-Signature\S* \((\w{26})\)")
KEPT = {"policy mail": {"malware": "quarantine"}}


def told(gw):
    """Its decision and outcome, once both are there."""
    (outcome,) = until("the outcome", lambda: gw.events(
        event__action="outcome", sallyport__verdict="malware"))
    (decision,) = gw.events(event__id=outcome["event.id"],
                            event__action="decision")
    return decision, outcome


def is_kept(gw, decision, data=None):
    """Our own copy, byte for byte what was judged."""
    assert decision["sallyport.action"] == "quarantine"
    assert decision["sallyport.quarantine"] == "kept"
    copy = pathlib.Path(gw.dir, "state/quarantine", decision["event.id"])
    assert data is None or copy.read_bytes() == data
    return copy.with_suffix(".json").exists()


def held(postfix):
    return [f for f in glob.glob(f"{postfix.dir}/queue/hold/**",
                                 recursive=True) if os.path.isfile(f)]


def test_postfix_holds_it(filtering, postfix, place):
    gw = filtering(KEPT)
    mta = postfix(settings=by_postfix(place, "unix"))
    mail = corpus_mail.infected("zip")
    code, _ = send(mta.port, mail)
    assert code == 250
    assert send(mta.port, corpus_mail.plain("clean"))[0] == 250

    until("the clean one is delivered", lambda: mta.count() == 1)
    until("the other one is put aside", lambda: len(held(mta)) == 1)
    decision, outcome = told(gw)
    assert outcome["sallyport.result"] == "quarantined"
    assert REASON.search(outcome["sallyport.reply"])[1] == decision["event.id"]
    assert is_kept(gw, decision, mail)
    # its operator, and nobody else, can let it go
    subprocess.run(["postsuper", "-c", mta.conf, "-H", "ALL"], check=True,
                   capture_output=True, timeout=PATIENCE)
    subprocess.run(["postqueue", "-c", mta.conf, "-f"], check=False,
                   capture_output=True, timeout=PATIENCE)
    until("it is delivered", lambda: mta.count() == 2)
    (got,) = (m for m in mta.mails() if corpus_mail.name_of(m) == "eicar-zip")
    assert b"X-Sallyport: malware; " in got
    assert corpus_mail.body_of(got) == mail.replace(b"\r\n", b"\n")


def test_sendmail_holds_it(filtering, sendmail, sink, place):
    gw = filtering(KEPT)
    mta = sendmail(by_sendmail(place, "unix"))
    mail = corpus_mail.infected("zip")
    assert send(mta.port, mail)[0] == 250
    assert send(mta.port, corpus_mail.plain("clean"))[0] == 250

    until("the clean one is passed on", lambda: sink.mails)
    until("the other one is put aside", lambda: mta.held() == 1)
    decision, outcome = told(gw)
    assert outcome["sallyport.result"] == "quarantined"
    assert is_kept(gw, decision, mail)
    (path,) = glob.glob(f"{mta.dir}/queue/hf*")
    with open(path, encoding="latin-1") as f:
        (why,) = (n for n in f.read().split("\n") if n.startswith("q"))
    assert REASON.search(why)[1] == decision["event.id"]
    assert len(sink.mails) == 1
    # its operator, and nobody else, can let it go
    mta.command("-qQ", "-Q", f"-qI{pathlib.Path(path).name[2:]}")
    until("it is passed on", lambda: len(sink.mails) == 2)
    assert corpus_mail.body_of(sink.mails[1].data) == mail


@pytest.mark.parametrize("offered, result", (
    ("yes", "quarantined"), ("no", "refused")))
def test_miltertest_sees_it_only_when_agreed_upon(
        filtering, place, offered, result):
    gw = filtering(KEPT)
    done = subprocess.run(
        ["miltertest", "-D", f"socket=unix:{place.path}", "-D",
         f"offered={offered}", "-s", SCRIPTS / "quarantine.lua"],
        check=False, capture_output=True, text=True, timeout=2 * PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout, done.stdout
    decision, outcome = told(gw)
    assert outcome["sallyport.result"] == result
    assert is_kept(gw, decision)


@pytest.mark.parametrize("which", ("postfix", "sendmail"))
def test_it_is_put_aside_where_no_copy_can_be_kept(
        filtering, place, which, request, sink):
    gw = filtering({**KEPT, "quarantine": {"max_size": "1k"}})
    mta = request.getfixturevalue(which)(**(
        {"settings": by_postfix(place, "unix")} if which == "postfix"
        else {"milter": by_sendmail(place, "unix")}))
    assert send(mta.port, corpus_mail.infected("zip"))[0] == 250
    decision, outcome = told(gw)
    assert decision["sallyport.quarantine"] == "max_size"
    assert outcome["sallyport.result"] == "quarantined"
    until("it is put aside", lambda: mta.held() == 1
          if which == "sendmail" else len(held(mta)) == 1)
    assert not sink.mails
