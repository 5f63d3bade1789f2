"""One table: at every place where mail can be looked at, the clean one arrives
with every byte, the infected one does not, the event is the same event, and a
scanner that is killed over a mail loses nothing."""

import pathlib
import re
import signal
import threading
import time

import corpus_mail
import pytest
from peers.agents import EXIM_ACL, EXIM_SCANNER
from peers.client import send
from peers.common import kill, until
from peers.exim import Exim
from peers.milter_place import Place as MilterPlace
from peers.milter_place import by_postfix, by_sendmail
from peers.places import LINES, PLACES
from peers.places_within import WITHIN
from peers.postfix import Postfix
from peers.sallyport import Sallyport
from peers.sendmail import Sendmail
from peers.smtp_sink import SmtpSink

EVERY = {**PLACES, **WITHIN}
VARIANTS = sorted(corpus_mail.INFECTED)
MARK = re.compile(rb"^X-Sallyport: clean; clamav/\S+; \w{26}; inbound$", re.M)


class Sink(SmtpSink):
    remove = SmtpSink.stop


def maker(build, cleanly):
    """What makes the peers of a place."""
    kinds = {"postfix": Postfix, "exim": Exim, "sendmail": Sendmail,
             "sink": Sink, "milter_place": MilterPlace,
             "gateway": lambda *args: Sallyport(build, *args),
             "agent": lambda kind, socket: kind(build, socket)}

    def make(kind, *args, start=True, **kwargs):
        peer = kinds[kind](*args, **kwargs)
        cleanly(peer)
        runs = start and kind not in ("agent", "milter_place")
        return peer.start() if runs else peer
    return make


@pytest.fixture(params=EVERY, scope="module", name="place")
def one_place(request, build, module_cleanly):
    return EVERY[request.param](maker(build, module_cleanly))


@pytest.fixture(autouse=True)
def words(request):
    """What the gateway said, where a test fails; it must be no panic."""
    yield
    if "place" not in request.fixturenames:
        return
    gw = request.getfixturevalue("place").gateway
    if getattr(request.node, "failed", False):
        print(gw.stderr()[-6000:])
    assert not gw.errors(), gw.errors()


def decisions(p, name):
    """About the mail of that name."""
    return [e for e in p.gateway.events(event__action="decision")
            if e.get("email.message_id") == f"<{name}@example.org>"]


def arrived(p, begin):
    """Those whose name begins so."""
    return [m for m in p.mails()
            if corpus_mail.name_of(m).startswith(begin)]


def names(mails):
    return sorted(map(corpus_mail.name_of, mails))


def test_the_clean_one_arrives_with_every_byte(place):
    mail = corpus_mail.large("clean", 300_000)
    code, text = place.take(mail)
    assert code == 250, text
    until("it has arrived", lambda: arrived(place, "clean"))
    until("nothing is left", place.settled)
    (got,) = arrived(place, "clean")
    assert corpus_mail.body_of(got) == mail.replace(b"\r\n", b"\n")
    assert bool(MARK.search(got)) == place.marked, got[:1000]
    assert len(decisions(place, "clean")) == 1


def test_no_infected_one_does(place):
    heard = {kind: place.take(corpus_mail.infected(kind))
             for kind in VARIANTS}
    assert {code for code, _ in heard.values()} == \
        ({554} if place.heard else {250}), heard
    assert place.take(corpus_mail.plain("last"))[0] == 250

    until("the clean one has arrived", lambda: arrived(place, "last"))
    until("nothing is left", place.settled)
    assert not arrived(place, "eicar")
    for kind in VARIANTS:
        name = "eicar-" + kind.replace(".", "-")
        (event,) = decisions(place, name)
        assert event["sallyport.verdict"] == "malware", kind
        assert "Eicar" in event["sallyport.because.what"], kind


# ---- the same event ------------------------------------------------------------

# what differs from mail to mail or from time to time
OWN = {"@timestamp", "event.id", "sallyport.session", "client.port",
       "client.address", "sallyport.ms.queued", "sallyport.ms.scanned",
       # local mail has LF, and what passed a queue has a field more
       "file.size", "file.hash.sha256",
       "observer.ingress.interface.name", "network.protocol",
       "sallyport.cached", "sallyport.smtp.helo", "email.to.address",
       "client.domain", "sallyport.smtp.queue_id", "user.name"}
# an address is told where there is one
NETWORK = {"client.ip", "client.port"}


@pytest.fixture(scope="module", name="as_relayed")
def relayed_events(build, module_cleanly):
    """as_relayed(action, name): the decision of a relay whose policy for
    malware that is."""
    relays = {}

    def get(action, name):
        if action not in relays:
            relays[action] = gw = Sallyport(build, {
                "policy mail": {"malware": action}})
            module_cleanly(gw)
            gw.start()
            for mail in the_same():
                send(gw.port, mail)
        return decisions(Holder(relays[action]), name)[0]
    return get


class Holder:
    def __init__(self, gateway):
        self.gateway = gateway


def the_same():
    return [corpus_mail.plain("same-clean"),
            corpus_mail.INFECTED["zip-in-zip"]("same-infected")]


def test_the_event_is_the_same_event(place, as_relayed):
    """Field by field; and no field is there or missing but where it has to
    be."""
    action = place.gateway.sections["policy mail"]["malware"]
    for mail in the_same():
        place.take(mail)
    for name in ("same-clean", "same-infected"):
        ours = until("it is told", lambda n=name: decisions(place, n))[0]
        theirs = as_relayed(action, name)
        missing = set(theirs) - set(ours) - place.not_here
        assert not missing - NETWORK, missing
        more = set(ours) - set(theirs) - place.only_here
        assert not more - NETWORK, more
        for field in set(theirs) & set(ours) - OWN:
            assert ours[field] == theirs[field], field
        if "email.to.address" not in place.not_here:
            assert ours["email.to.address"] == [place.recipient]
        for field in place.only_here:
            assert ours[field]


# ---- a scanner that is killed ----------------------------------------------------


def insist(p, mail, heard):
    """As a client with a queue does."""
    while len(heard) < 50:
        heard.append(p.take(mail))
        if heard[-1][0] in (250, 554):
            return
        time.sleep(0.1)


def test_a_scanner_killed_in_mid_mail_loses_nothing(place):
    """Both scan workers have one, a clean and an infected mail."""
    scans = [p for role, p in place.gateway.roles().items()
             if role.startswith("scan ")]
    assert len(scans) == 2
    before = place.gateway.stderr().count(place.scanning)
    for p in scans:
        kill(p, signal.SIGSTOP)
    heard = {"held": [], "killed": []}
    mails = {"held": corpus_mail.plain("held"),
             "killed": corpus_mail.INFECTED["zip"]("killed")}
    clients = [threading.Thread(target=insist, args=(place, mails[n], h))
               for n, h in heard.items()]
    for c in clients:
        c.start()
    until("the scan has both", lambda: place.gateway.stderr().count(
        place.scanning) >= before + 2)
    for p in scans:
        kill(p)
    for c in clients:
        c.join()

    until("it has arrived", lambda: arrived(place, "held"), 60)
    until("the other one was judged", lambda: "malware" in verdicts(
        place, "killed"), 60)
    until("nothing is left", place.settled, 60)
    assert len(arrived(place, "held")) == 1
    assert not arrived(place, "killed")
    for name in heard:
        assert "failed" in verdicts(place, name)
    assert heard["held"][-1][0] == 250
    if place.heard:  # the client heard it, or the MTA kept it
        assert [code for code, _ in heard["held"][:-1]] == \
            [451] * (len(heard["held"]) - 1) != []
        assert heard["killed"][-1][0] == 554


def verdicts(p, name):
    return [e["sallyport.verdict"] for e in decisions(p, name)]


# ---- what only some of them have -------------------------------------------------


@pytest.mark.parametrize("place", ["address_tag"], indirect=True)
def test_a_tag_from_outside_does_not_skip_the_scan(place):
    tagged = [corpus_mail.RECIPIENT + ".scan-me"]
    mail = corpus_mail.INFECTED["raw"]("from-outside")
    assert send(place.port, mail, recipients=tagged)[0] == 250
    assert send(place.port, corpus_mail.plain("tagged"),
                recipients=tagged)[0] == 250
    until("the clean one has arrived", lambda: arrived(place, "tagged"))
    until("nothing is left", place.settled)
    assert not arrived(place, "from-outside")
    assert b"\nDelivered-To: bob@example.net\n" in arrived(place, "tagged")[0]
    (event,) = decisions(place, "from-outside")
    assert event["email.to.address"] == [corpus_mail.RECIPIENT]


@pytest.mark.parametrize("place", ["address_tag", "content_filter"],
                         indirect=True)
def test_kill_9_at_any_step_loses_no_mail(place):
    """The weakness of the keepers of old: here the MTA keeps the mail."""
    kept = sorted(f"kept-{n}" for n in range(60))
    for n, name in enumerate(kept):
        assert place.take(corpus_mail.plain(name, 20_000))[0] == 250
        if n % 10 == 0:
            assert place.take(corpus_mail.infected("zip"))[0] == 250
        if n % 4 == 0:
            pids = [p for _, p in sorted(place.gateway.roles().items())
                    if p != place.gateway.child.pid]
            kill(pids[n // 4 % len(pids)])
    until("all have arrived", lambda: set(kept) <= set(
        names(arrived(place, "kept"))), 120)
    until("nothing is left", place.settled, 120)
    assert set(names(arrived(place, "kept"))) == set(kept)
    assert not arrived(place, "eicar")


class Documented:
    """Where the documents have the socket for MTAs."""

    path, port = "/run/sallyport/milter.sock", 10024


def test_the_docs_say_what_is_run_here():
    docs = pathlib.Path(__file__).resolve().parents[2] / "docs"
    mail, milter, local = ((docs / f"{name}.md").read_text(encoding="utf-8")
                           for name in ("mail", "milter", "local"))
    for lines in (*LINES, EXIM_SCANNER, EXIM_ACL):
        assert f"```\n{lines}```" in mail, lines
    # what milters and agents are set up with in peers/, and mail.md repeats
    for line in by_postfix(Documented, "unix").splitlines():
        name, _, _ = line.partition(" = ")
        assert line in milter or name == "milter_protocol", line
    assert by_postfix(Documented, "inet").splitlines()[0] in milter
    line = f"INPUT_MAIL_FILTER(`sallyport', " \
        f"`{by_sendmail(Documented, 'unix')}')dnl\n"
    assert line in milter and line in mail
    for begin in ("define(`LOCAL_MAILER_PATH'", "cd /var/qmail/bin"):
        block = next(b for b in local.split("```\n") if b.startswith(begin))
        assert f"```\n{block}```" in mail
