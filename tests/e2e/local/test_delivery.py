"""Mail at the local delivery agent: it arrives or it does not, and nothing is
lost, as real agents and mail servers run it."""

import contextlib
import os
import signal
import socket
import subprocess
import threading

import corpus_mail
import pytest
from peers import agents
from peers.common import PATIENCE, kill, until
from peers.local_mail import (BIG, SCANNING, SMALL, frame, judged,
                              must_be_delivered, run_path)


# ---- the table: every way, clean and infected --------------------------------


@pytest.mark.core
@pytest.mark.parametrize("kind", agents.DIRECT)
def test_clean_mail_arrives_and_infected_mail_does_not(house, way_of, kind):
    gw = house()
    way = way_of(agents.DIRECT[kind], gw)

    assert way.give(SMALL) == 0, way.err
    (mail,) = way.kept()
    must_be_delivered(mail, SMALL)
    for name in corpus_mail.INFECTED:
        status = way.give(corpus_mail.infected(name))
        assert status == (31 if kind == "qmail-queue" else 77), way.err
        assert b"5.7.1 Refused: malware Eicar" in way.err
    assert len(way.kept()) == 1

    found = judged(gw, 1 + len(corpus_mail.INFECTED))
    assert [e["sallyport.verdict"] for e in found] == ["clean"] + [
        "malware"] * len(corpus_mail.INFECTED)
    assert {e["network.protocol"] for e in found} == {"local"}


@pytest.mark.parametrize("kind", agents.SERVERS)
def test_the_same_as_mail_servers_run_it(house, way_of, kind):
    gw = house()
    way = way_of(agents.SERVERS[kind], gw)
    mails = dict(corpus_mail.mixed(20, seed=4))

    for name in corpus_mail.INFECTED:
        way.give(corpus_mail.infected(name))
    for mail in mails.values():
        way.give(mail)
    way.settled(len(mails) + len(corpus_mail.INFECTED))

    arrived = {corpus_mail.name_of(m): m for m in way.kept()}
    assert len(way.kept()) == len(mails)
    assert set(arrived) == set(mails)
    for name, mail in arrived.items():
        must_be_delivered(mail, mails[name])
    assert len(way.reasons()) == len(corpus_mail.INFECTED)
    for reason in way.reasons():
        assert "Refused: malware Eicar" in reason


def test_exim_filters_on_its_way_into_a_maildir(house, way_of):
    """A filter can only fail: what it refuses Exim keeps."""
    gw = house()
    way = way_of(agents.EximFilter, gw)

    way.give(corpus_mail.infected("zip"))
    way.give(SMALL)
    until("the clean one is there", way.kept)
    until("the other one is not", way.deferred)

    (mail,) = way.kept()
    must_be_delivered(mail, SMALL)
    assert way.mta.queued() == 1


# ---- nothing is lost -----------------------------------------------------------


@pytest.mark.parametrize("kind", agents.DIRECT)
def test_without_a_gateway_nothing_is_delivered(way_of, folder, kind):
    way = way_of(agents.DIRECT[kind], f"{folder}/nothing")

    assert way.give(SMALL) == (73 if kind == "qmail-queue" else 75)

    assert b"sallyportd at " in way.err
    assert way.kept() == []


def stop_scanners(gw):
    """From now on every mail waits at the gate."""
    pids = [p for r, p in gw.roles().items() if r.startswith("scan ")]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    return pids


@pytest.mark.core
@pytest.mark.parametrize("kind", agents.DIRECT)
def test_a_gateway_that_dies_over_a_mail_loses_nothing(house, way_of, kind):
    gw = house()
    way = way_of(agents.DIRECT[kind], gw)

    stopped = stop_scanners(gw)
    child = way.launch(corpus_mail.large("large", 300_000))
    until("it is being scanned", lambda: SCANNING in gw.stderr())
    for n in (1, 2):
        kill(gw.role(f"net {n}"))
    for pid in stopped:
        kill(pid, signal.SIGCONT)

    assert way.end(child) == (74 if kind == "qmail-queue" else 75), way.err
    assert way.kept() == []
    until("it is back", lambda: way.give(SMALL) == 0)


@pytest.mark.core
@pytest.mark.parametrize("kind", agents.DIRECT)
def test_a_scan_worker_that_dies_over_a_mail_loses_nothing(
        house, way_of, kind):
    gw = house()
    way = way_of(agents.DIRECT[kind], gw)

    stopped = stop_scanners(gw)
    child = way.launch(corpus_mail.large("large", 300_000))
    until("it is being scanned", lambda: SCANNING in gw.stderr())
    for pid in stopped:
        kill(pid)

    assert way.end(child) == (71 if kind == "qmail-queue" else 75), way.err
    assert b"4.7.1 Scanner not available" in way.err
    assert way.kept() == []
    (said,) = gw.events(event__action="decision")
    assert said["sallyport.verdict"] == "failed"
    until("another one is there", lambda: way.give(SMALL) == 0)


@pytest.mark.parametrize("kind", agents.SERVERS)
def test_mail_servers_keep_what_could_not_be_judged(house, way_of, kind):
    """First nobody listens, then the gateway dies over the mail; in the end
    it is delivered, once."""
    gw = house()
    way = way_of(agents.SERVERS[kind], gw)
    gw.stop()

    way.give(corpus_mail.large("kept", BIG))
    until("it was tried", way.deferred)
    assert way.kept() == [] and way.mta.queued() == 1

    gw.start()
    until("it is being scanned", lambda: SCANNING in gw.stderr())
    for n in (1, 2):
        kill(gw.role(f"net {n}"))
    way.settled(1)

    (mail,) = way.kept()
    must_be_delivered(mail, corpus_mail.large("kept", BIG))
    until("the queue is empty", lambda: way.mta.queued() == 0)
    assert way.reasons() == []


class Liar:
    """A gateway of another kind: says what it is told to and waits."""

    def __init__(self, folder, says=b"", hangs=True):
        self.path = f"{folder}/liar.sock"
        self.says, self.hangs = says, hangs
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(5)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            client, _ = self.listener.accept()
            with client:
                client.sendall(self.says)
                if self.hangs:
                    self.over.wait(PATIENCE)

    def remove(self):
        self.over.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


LIES = {
    "nonsense": b"HTTP/1.1 200 OK\r\n\r\n",
    "pass without a look": frame("A", b"pass") + frame("."),
    "two fields": frame("A", b"pass") + frame(
        "K", b"X-Sallyport: clean\nX-Other: 1") + frame("."),
    "another field": frame("A", b"pass") + frame("K", b"Subject: clean")
                     + frame("."),
    "no action": frame("W", b"clean") + frame("."),
    "half an answer": frame("A", b"pass"),
}


@pytest.mark.core
@pytest.mark.parametrize("lie", LIES)
def test_what_is_no_answer_delivers_nothing(run, folder, cleanly, lie):
    liar = Liar(folder, LIES[lie], hangs=False)
    cleanly(liar)

    done = run("deliver", "--socket", liar.path, "--", "cat",
               stdin=corpus_mail.large("large", 2_000_000))

    assert done.returncode == 75, done
    assert done.stdout == b""
    assert done.stderr.startswith(b"4.3.0 sallyportd at ")


@pytest.mark.core
@pytest.mark.parametrize("words, status", [
    (["deliver", "--", "cat"], 75), (["filter"], 75),
    (["qmail-queue", "--next", "/bin/true"], 72)])
def test_a_gateway_that_hangs_is_waited_for_so_long(
        run, folder, cleanly, words, status):
    liar = Liar(folder)
    cleanly(liar)
    words = [words[0], "--socket", liar.path, "--timeout", "300ms",
             *words[1:]]
    read, write = os.pipe()
    os.write(write, agents.QmailQueue.envelope)
    os.close(write)

    # pylint: disable=R1732
    child = subprocess.Popen(
        [run_path(run), *words], stdin=subprocess.PIPE,
        stdout=read if words[0] == "qmail-queue" else subprocess.PIPE,
        stderr=subprocess.PIPE)
    os.close(read)
    out, err = child.communicate(SMALL, timeout=PATIENCE)

    assert child.returncode == status, err
    assert not out
    assert b"no answer in time" in err
