"""What becomes of a mail when the filter is not there, hangs, or dies in the
middle of it: the table in docs/milter.md, cell by cell."""

import os
import signal

import corpus_mail
import pytest
from peers.client import send
from peers.common import kill, until
from peers.milter_place import by_sendmail, later

POSTFIX = """\
smtpd_milters = unix:{path}
milter_default_action = {action}
milter_connect_timeout = 4s
milter_command_timeout = 4s
milter_content_timeout = 4s
"""
QUICK = "C:4s;S:4s;R:4s;E:4s"

TEMPFAIL = (451, "4.7.1 Service unavailable - try again later")
REJECT = (550, "5.5.0 Service unavailable")
LATER = (451, "4.3.2 Please try again later")
CLOSED = (421, "4.7.0 sendmail.example.net closing connection")
REFUSED = (554, "5.7.1 Command rejected")
# instead of the greeting
NO_POSTFIX = (554, "next.example.net ESMTP not accepting connections")
NO_SENDMAIL = (554, "sendmail.example.net ESMTP not accepting messages")
ACCEPTED = (250, "2.0.0")

# setting: what the client hears when the filter is absent, hangs, dies; and
# where a mail that was accepted is then
POSTFIX_TABLE = {
    "accept": (ACCEPTED, ACCEPTED, ACCEPTED, "delivered"),
    "reject": (NO_POSTFIX, NO_POSTFIX, REJECT, None),
    "tempfail": (TEMPFAIL, TEMPFAIL, TEMPFAIL, None),
    "quarantine": (ACCEPTED, ACCEPTED, ACCEPTED, "held"),
}
SENDMAIL_TABLE = {
    "": (ACCEPTED, ACCEPTED, ACCEPTED, "delivered"),
    "F=R": (NO_SENDMAIL, NO_SENDMAIL, REFUSED, None),
    "F=T": (LATER, LATER, LATER, None),
    "F=4": (CLOSED, CLOSED, CLOSED, None),
}


def stop(gw, word=""):
    for role, pid in gw.roles().items():
        if role.startswith(word):
            os.kill(pid, signal.SIGSTOP)


def absent(_, port, mail):
    return send(port, mail)


def hangs(filtering, port, mail):
    gw = filtering()
    stop(gw)
    try:
        return send(port, mail)
    finally:
        for pid in gw.family():
            kill(pid)


def dies(filtering, port, mail):
    """It has all of the mail and none of its verdict."""
    gw = filtering()
    stop(gw, "scan")
    answer = later(port, mail)
    until("it is scanned", lambda: "body -> scan" in gw.stderr())
    for pid in gw.family():
        kill(pid)
    return answer()


def outcomes(filtering, port):
    """What the client hears, and the names of the mails it was 250 for."""
    heard, taken = [], []
    for how in (absent, hangs, dies):
        name = how.__name__
        heard.append(attempt(how, filtering, port, corpus_mail.plain(name)))
        if heard[-1][0] == 250:
            taken.append(name)
    return heard, taken


def attempt(how, filtering, port, mail):
    try:
        return how(filtering, port, mail)
    except OSError as e:  # smtplib's, where the greeting is a refusal
        return (getattr(e, "smtp_code", 0),
                getattr(e, "smtp_error", str(e).encode()).decode())


def fit(heard, wanted):
    for (code, text), (its_code, its_text) in zip(heard, wanted):
        assert (code, text[:len(its_text)]) == (its_code, its_text), heard


def again(filtering, port):
    """With the filter back, all is as it was."""
    filtering()
    assert send(port, corpus_mail.plain("back"))[0] == 250
    assert send(port, corpus_mail.infected("zip"))[0] == 554


def names(mails):
    return sorted(corpus_mail.name_of(m) for m in mails)


@pytest.mark.parametrize("action", POSTFIX_TABLE)
def test_postfix(filtering, postfix, place, action):
    *wanted, where = POSTFIX_TABLE[action]
    mta = postfix(settings=POSTFIX.format(path=place.path, action=action))
    heard, taken = outcomes(filtering, mta.port)
    fit(heard, wanted)
    again(filtering, mta.port)
    arrive = sorted(["back"] + (taken if where == "delivered" else []))
    until("what was accepted is delivered", lambda: mta.count() >= len(arrive))
    assert names(mta.mails()) == arrive
    held = len(os.listdir(f"{mta.dir}/queue/hold")) \
        if os.path.isdir(f"{mta.dir}/queue/hold") else 0
    assert held == (len(taken) if where == "held" else 0)
    until("nothing is left", lambda: mta.queued() == 0)


@pytest.mark.parametrize("flag", SENDMAIL_TABLE)
def test_sendmail(filtering, sendmail, sink, place, flag):
    *wanted, where = SENDMAIL_TABLE[flag]
    mta = sendmail(by_sendmail(place, "unix", flag, QUICK))
    heard, taken = outcomes(filtering, mta.port)
    fit(heard, wanted)
    again(filtering, mta.port)
    arrive = sorted(["back"] + (taken if where == "delivered" else []))
    until("what was accepted is passed on",
          lambda: len(sink.mails) >= len(arrive))
    assert names(m.data for m in sink.mails) == arrive
