"""Whatever is killed, full or replaced while mail flows: no mail is lost, none
arrives more often than was sent, nothing infected is delivered.

Behind a 250 there is a mail at the next hop.  A client that saw no reply to
its final dot tries again, and may then have sent the mail twice (RFC 1047).
"""

import os
import re
import signal
import smtplib
import time

import corpus_mail
import pytest
from peers.client import Ledger, Load, attempt, connect, dotted, send
from peers.common import PATIENCE, kill, until
from peers.smtp_sink import delay

pytestmark = pytest.mark.core

# Where a client stands still while something dies.
REPLY_TAKES = 0.2  # seconds, at the next hop
STEPS = ("connected", "ehlo", "mail", "rcpt", "data", "half", "dot", "reply")


def traffic(prefix):
    """Small mails without end, every fifth of them infected."""
    kinds = [k for k in corpus_mail.INFECTED if k not in ("zst", "lz4", "7z",
                                                          "arj")]
    n = 0
    while True:
        n += 1
        name = f"{prefix}-{n}"
        if n % 5 == 0:
            yield name, corpus_mail.INFECTED[kinds[n % len(kinds)]](name)
        else:
            yield name, corpus_mail.plain(name, 2000)


def infected(names):
    """Those of traffic() that must never arrive."""
    return [n for n in names
            if n.startswith("load-") and int(n[len("load-"):]) % 5 == 0]


class Halted:
    """A client that goes as far as a step, stands still, and goes on."""

    def __init__(self, port, name, step):
        self.name, self.step = name, step
        self.mail = corpus_mail.plain(name, 20_000)
        self.wire = dotted(self.mail)
        self.at_dot = False
        self.code = 0
        self.client = smtplib.SMTP(timeout=60)
        self.todo = self._steps(port)
        for reached in self.todo:
            if reached == step:
                break

    def _steps(self, port):
        c = self.client
        c.connect("127.0.0.1", port)
        yield "connected"
        c.ehlo("client.example.org")
        yield "ehlo"
        self.code, _ = c.mail(corpus_mail.SENDER)
        if self.code != 250:
            return
        yield "mail"
        self.code, _ = c.rcpt(corpus_mail.RECIPIENT)
        if self.code != 250:
            return
        yield "rcpt"
        self.code, _ = c.docmd("DATA")
        if self.code != 354:
            return
        yield "data"
        self.code = 0
        half = len(self.wire) // 2
        c.send(self.wire[:half])
        yield "half"
        self.at_dot = True
        c.send(self.wire[half:])
        # "dot": the scan has the mail, or will; "reply": the next hop has it
        yield "dot"
        yield "reply"
        self.code, _ = c.getreply()

    def go_on(self, ledger):
        try:
            for _ in self.todo:
                pass
        except (OSError, smtplib.SMTPException):
            self.code = 0
        self.client.close()
        ledger.note(self.name, self.code, self.at_dot)
        return self.code


def at_each_step(gw, ledger, strike, before_dot=None, after=None):
    """Brings a client to each step, strikes, lets it go on and try again."""
    for step in STEPS:
        undo = before_dot() if step == "dot" and before_dot else None
        halted = Halted(gw.port, f"halted-{step}", step)
        if step == "reply":
            time.sleep(REPLY_TAKES / 2)  # through the scan, to the next hop
        strike()
        if undo:
            undo()
        code = halted.go_on(ledger)
        if after:
            after()
        assert code < 500, (step, code)

        def again(mail=halted):
            code = attempt(gw.port, mail.name, mail.mail, ledger)
            assert code < 500, (mail.step, code)
            return code == 250
        if code != 250:
            until(f"it gets through again after {step}", again, 2 * PATIENCE)


def freeze_scan(gw):
    """Scan workers stand still; returns what lets them go on."""
    pids = [p for r, p in gw.roles().items() if r.startswith("scan ")]
    for p in pids:
        kill(p, signal.SIGSTOP)

    def thaw():
        for p in pids:
            kill(p, signal.SIGCONT)
    return thaw


def under_load(gw, ledger, next_hop_names, **how):
    """at_each_step() while others send; then nothing may be missing."""
    with Load(gw.port, traffic("load"), ledger, threads=2) as load:
        at_each_step(gw, ledger, **how)
        until("the load flows again", lambda: load.done > 10)
        load.stop()
    arrived = next_hop_names()
    every = set(arrived) | ledger.acked | ledger.refused
    ledger.check(arrived, infected(every))
    # and it still works, for clean and infected
    assert attempt(gw.port, "after-1", corpus_mail.plain("after-1"),
                   ledger) == 250
    assert send(gw.port, corpus_mail.infected("zip"))[0] == 554


def slow_sink(sink):
    """Between the final dot and its reply there is time to die."""
    sink.script["dot"] = delay(REPLY_TAKES)
    return sink


def killing(gw, *words):
    """Kills every process of these roles and sees others take their place."""
    def strike():
        old = {r: p for r, p in gw.roles().items()
               if r.startswith(words)}
        assert old, words
        for p in old.values():
            kill(p)
        until(f"others in place of {words}", lambda: all(
            gw.roles().get(r, p) != p for r, p in old.items()))
    return strike


def relay_to(port, **more):
    return {"smtp": {"next_hop": f"smtp:127.0.0.1:{port}"}, **more}


def test_scan_workers_are_killed(gateway, sink):
    gw = gateway(relay_to(slow_sink(sink).port))
    under_load(gw, Ledger(), sink.names, strike=killing(gw, "scan "),
               before_dot=lambda: freeze_scan(gw))


def test_the_armoury_is_killed(gateway, sink):
    gw = gateway(relay_to(slow_sink(sink).port))
    under_load(gw, Ledger(), sink.names, strike=killing(gw, "armoury"),
               before_dot=lambda: freeze_scan(gw))


def test_net_workers_are_killed(gateway, sink):
    gw = gateway(relay_to(slow_sink(sink).port))
    under_load(gw, Ledger(), sink.names, strike=killing(gw, "net "),
               before_dot=lambda: freeze_scan(gw))


def test_the_next_hop_is_killed(gateway, sink_process):
    gw = gateway(relay_to(sink_process.port))

    def names():
        return [corpus_mail.name_of(m.data) for m in sink_process.mails()]

    under_load(gw, Ledger(), names, strike=sink_process.die,
               after=sink_process.start)


def queue_id(mail):
    """What Postfix called it when it took it."""
    return re.search(rb" with E?SMTPS? id (\w+)", mail)[1]


def test_postfix_as_next_hop_is_killed(gateway, postfix):
    """What Postfix said 250 to is in its queue, whatever happens to it."""
    following = postfix()
    gw = gateway(relay_to(following.port))
    ledger = Ledger()

    with Load(gw.port, traffic("load"), ledger, threads=3) as load:
        for _ in range(3):
            time.sleep(1)
            following.die()
            following.start()
        until("the load flows again", lambda: load.done > 20)
        load.stop()

    until("Postfix has delivered its queue", lambda: following.queued() == 0)
    # Killed behind its own delivery it delivers the same queue file again.
    arrived = [name for name, _ in {
        (corpus_mail.name_of(m), queue_id(m)) for m in following.mails()}]
    assert len(arrived) > 10
    ledger.check(arrived, infected(set(arrived) | ledger.acked))


def test_everything_is_killed_at_random(gateway, sink):
    gw = gateway(relay_to(slow_sink(sink).port))
    ledger = Ledger()

    with Load(gw.port, traffic("load"), ledger, threads=4) as load:
        for n in range(12):
            time.sleep(0.25)
            roles = gw.roles()
            word = sorted(roles)[n * 7 % len(roles)]
            if word != "parent" and roles[word] != gw.child.pid:
                kill(roles[word])
        until("the load flows again", lambda: load.done > 20)
        load.stop()

    arrived = sink.names()
    assert len(arrived) > 10
    ledger.check(arrived, infected(set(arrived) | ledger.acked))
    assert gw.child.poll() is None


def test_the_spool_is_full(gateway, sink):
    """452 while there is no room, and nothing is lost; then it goes on."""
    gw = gateway(relay_to(sink.port, gateway={
        "workers": "1", "spool_memory": "4k", "spool_max_size": "2M"}))
    ledger = Ledger()
    big = corpus_mail.large("big", 1_500_000)
    half = big[:len(big) // 2]

    # Two that fill it, and stand still.
    holders = []
    for _ in range(2):
        c = connect(gw.port)
        c.mail(corpus_mail.SENDER)
        c.rcpt(corpus_mail.RECIPIENT)
        assert c.docmd("DATA")[0] == 354
        c.send(half)
        holders.append(c)
    codes = [attempt(gw.port, f"no-room-{n}",
                     corpus_mail.large(f"no-room-{n}", 1_800_000), ledger)
             for n in range(3)]
    for c in holders:
        c.close()

    assert 452 in codes, codes
    until("there is room again", lambda: attempt(
        gw.port, "room", corpus_mail.large("room", 1_500_000),
        ledger) == 250)
    ledger.check(sink.names())


def test_the_disk_is_full(gateway, sink, tiny_disk):
    """The same when the file system itself has no room."""
    gw = gateway(relay_to(sink.port, gateway={
        "spool_memory": "4k", "spool_dir": tiny_disk,
        "spool_min_free": "0%"}))
    ledger = Ledger()

    code = attempt(gw.port, "too-big", corpus_mail.large("too-big", 6_000_000),
                   ledger)
    assert code == 452
    assert attempt(gw.port, "small", corpus_mail.plain("small", 100_000),
                   ledger) == 250
    assert sink.names() == ["small"]
    ledger.check(sink.names())
    assert os.listdir(tiny_disk) == []


@pytest.fixture
def tiny_disk(folder):
    """A file system of 4 MB that the gateway may write to."""
    path = f"{folder}/disk"
    os.mkdir(path)
    assert os.system(f"mount -t tmpfs -o size=4m,mode=1777 none {path}") == 0
    yield path
    os.system(f"umount -l {path}")


def test_signatures_are_replaced_under_load(gateway, sink):
    """20 times: no mail is refused for it, no virus missed."""
    gw = gateway(relay_to(sink.port, **{
        "engine clamav": {"watch": "100ms"}, "scan": {"cache_size": "0"}}),
        start=False)
    write_signatures(gw, 0)
    gw.start()
    ledger = Ledger()

    with Load(gw.port, traffic("load"), ledger, threads=3) as load:
        for n in range(1, 21):
            write_signatures(gw, n)
            until(f"signatures {n} are in force",
                  lambda n=n: carries(gw, n))  # what only they know
        load.stop()

    assert set(ledger.replies) <= {250, 554}, ledger.replies
    arrived = [n for n in sink.names() if not n.startswith("word-")]
    assert len(arrived) > 20
    ledger.check(arrived, infected(set(arrived) | ledger.acked))
    assert not infected(ledger.acked)
    assert {n for n in ledger.refused if n.startswith("load")} == \
        set(infected(ledger.refused))


def word_of(n):
    return f"Brimstone{n:03}Quicksilver".encode()


def write_signatures(gw, n):
    """A database that knows EICAR and one word that changes each time."""
    lines = [f"Test.Eicar:0:*:{corpus_mail.eicar().hex()}",
             f"Test.Word{n}:0:*:{word_of(n).hex()}"]
    path = f"{gw.dir}/db/test.ndb"
    with open(path + ".new", "w", encoding="ascii") as f:
        f.write("\n".join(lines) + "\n")
    os.chmod(path + ".new", 0o644)
    os.rename(path + ".new", path)


def carries(gw, n):
    """Is a mail with the n-th word refused by now?"""
    mail = corpus_mail.head(f"word-{n}") + b"\r\n" + word_of(n) + b"\r\n"
    code, text = send(gw.port, mail)
    assert code in (250, 554), text
    return code == 554
