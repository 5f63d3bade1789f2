"""The next hop that needs no mail server: a maildir."""

import os
import stat

import corpus_mail
import pytest
from peers.client import connect, send

pytestmark = pytest.mark.core


def test_a_mail_lies_in_new_with_every_byte(gateway):
    gw = gateway()
    mails = dict(corpus_mail.mixed(50, seed=4))
    for mail in mails.values():
        code, text = send(gw.port, mail)
        assert code == 250, text

    kept = {corpus_mail.name_of(m): m for m in gw.maildir()}
    assert set(kept) == set(mails)
    for name, mail in kept.items():
        assert corpus_mail.body_of(mail) == mails[name], name
        assert mail.startswith((b"Return-Path: ", b"Received: ")), mail[:50]
    assert os.listdir(f"{gw.dir}/mail/tmp") == []


def test_it_is_nobodys_business_but_the_owners(gateway):
    gw = gateway()
    assert send(gw.port, corpus_mail.plain("private"))[0] == 250
    folder = f"{gw.dir}/mail/new"
    for name in os.listdir(folder):
        mode = os.stat(f"{folder}/{name}").st_mode
        assert stat.S_IMODE(mode) & 0o077 == 0


def test_an_infected_mail_leaves_nothing_behind(gateway):
    gw = gateway()
    assert send(gw.port, corpus_mail.infected("zip"))[0] == 554
    assert gw.maildir() == []
    left = [f for _, _, files in os.walk(f"{gw.dir}/mail") for f in files]
    assert left == []


def test_several_recipients_are_one_mail(gateway):
    gw = gateway()
    c = connect(gw.port)
    c.mail(corpus_mail.SENDER)
    assert c.rcpt("a@example.net")[0] == 250
    code, text = c.rcpt("b@example.net")
    assert code == 250, text
    assert c.data(corpus_mail.plain("both"))[0] == 250
    assert len(gw.maildir()) == 1


def test_a_maildir_that_cannot_be_written_is_a_tempfail(gateway):
    gw = gateway(start=False)
    os.rmdir(f"{gw.dir}/mail")
    with open(f"{gw.dir}/mail", "w", encoding="ascii") as f:
        f.write("a file, not a folder\n")
    gw.start()
    code, text = send(gw.port, corpus_mail.plain("nowhere"))
    assert 400 <= code < 500, (code, text)
