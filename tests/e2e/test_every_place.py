"""One table: at every place where mail can be looked at, the clean one arrives
with every byte, the infected one does not, and the event is the same event."""

import pathlib
import signal
import threading
import time

import corpus_mail
import pytest
from peers.client import send
from peers.common import kill, until
from peers.exim import Exim
from peers.places import LINES, PLACES
from peers.postfix import Postfix
from peers.sallyport import Sallyport

VARIANTS = sorted(corpus_mail.INFECTED)


@pytest.fixture(params=sorted(PLACES))
def place(request, build, cleanly):
    def make(kind, *args, start=True, **kwargs):
        peer = (Sallyport(build, *args) if kind == "gateway"
                else {"postfix": Postfix, "exim": Exim}[kind](**kwargs))
        cleanly(peer)
        return peer.start() if start else peer

    p = PLACES[request.param](make)
    yield p
    if getattr(request.node, "failed", False):
        print(p.gateway.stderr()[-6000:])


def decisions(p, name):
    """About the mail of that name."""
    return [e for e in p.gateway.events(event__action="decision")
            if e.get("email.message_id") == f"<{name}@example.org>"]


def test_the_clean_one_arrives_with_every_byte(place):
    mail = corpus_mail.large("clean", 300_000)
    code, text = place.take(mail)
    assert code == 250, text
    until("it has arrived", lambda: len(place.arrived()) == 1)
    assert corpus_mail.body_of(place.arrived()[0]) == \
        mail.replace(b"\r\n", b"\n")
    until("nothing is left", place.settled)
    assert len(decisions(place, "clean")) == 1


def test_no_infected_one_does_and_the_event_is_the_same(place):
    heard = {kind: place.take(corpus_mail.infected(kind))
             for kind in VARIANTS}
    assert {code for code, _ in heard.values()} == \
        ({554} if place.heard else {250}), heard
    assert place.take(corpus_mail.plain("last"))[0] == 250

    until("the clean one has arrived", lambda: len(place.arrived()) == 1)
    until("nothing is left", place.settled)
    assert corpus_mail.name_of(place.arrived()[0]) == "last"
    for kind in VARIANTS:
        name = "eicar-" + kind.replace(".", "-")
        (event,) = decisions(place, name)
        assert event["sallyport.verdict"] == "malware", kind
        assert "Eicar" in event["sallyport.because.what"], kind
        assert event["email.from.address"] == [corpus_mail.SENDER]
        assert event["email.to.address"] == [corpus_mail.RECIPIENT]


def test_a_scanner_killed_in_mid_mail_loses_nothing(place):
    pids = [p for role, p in place.gateway.roles().items()
            if role.startswith("scan ")]
    for p in pids:
        kill(p, signal.SIGSTOP)
    heard = []
    client = threading.Thread(
        target=insist, args=(place, corpus_mail.plain("held"), heard))
    client.start()
    until("the scan has it", lambda: " -> scan" in place.gateway.stderr())
    for p in pids:
        kill(p)
    client.join()

    until("it has arrived", lambda: len(place.arrived()) >= 1, 60)
    until("nothing is left", place.settled, 60)
    assert [corpus_mail.name_of(m) for m in place.arrived()] == ["held"]
    assert "failed" in [e["sallyport.verdict"] for e in decisions(
        place, "held")]


@pytest.mark.parametrize("place", ["address_tag"], indirect=True)
def test_a_tag_from_outside_does_not_skip_the_scan(place):
    tagged = [corpus_mail.RECIPIENT + ".scan-me"]
    assert send(place.port, corpus_mail.infected("raw"),
                recipients=tagged)[0] == 250
    assert send(place.port, corpus_mail.plain("tagged"),
                recipients=tagged)[0] == 250
    until("the clean one has arrived", lambda: len(place.arrived()) == 1)
    until("nothing is left", place.settled)
    assert corpus_mail.name_of(place.arrived()[0]) == "tagged"
    assert b"\nDelivered-To: bob@example.net\n" in place.arrived()[0]
    (event,) = decisions(place, "eicar-raw")
    assert event["email.to.address"] == [corpus_mail.RECIPIENT]


@pytest.mark.parametrize("place", ["address_tag", "content_filter"],
                         indirect=True)
def test_kill_9_at_any_step_loses_no_mail(place):
    """The weakness of the keepers of old: here the MTA keeps the mail."""
    names = [f"kept-{n}" for n in range(60)]
    for n, name in enumerate(names):
        assert place.take(corpus_mail.plain(name, 20_000))[0] == 250
        if n % 10 == 0:
            assert place.take(corpus_mail.infected("zip"))[0] == 250
        if n % 4 == 0:
            pids = [p for _, p in sorted(place.gateway.roles().items())
                    if p != place.gateway.child.pid]
            kill(pids[n // 4 % len(pids)])
    until("all have arrived", lambda: set(names) <= set(
        map(corpus_mail.name_of, place.arrived())), 120)
    until("nothing is left", place.settled, 120)
    assert set(map(corpus_mail.name_of, place.arrived())) == set(names)


def insist(p, mail, heard):
    """As a client with a queue does."""
    while len(heard) < 50:
        heard.append(p.take(mail))
        if heard[-1][0] == 250:
            return
        time.sleep(0.1)


def test_the_docs_say_what_is_run_here():
    docs = pathlib.Path(__file__).resolve().parents[2] / "docs/mail.md"
    text = docs.read_text(encoding="utf-8")
    for lines in LINES:
        assert f"```\n{lines}```" in text, lines
