"""Who runs, as whom, who takes the place of whom, and how it all ends."""

import json
import os
import shutil
import signal
import time

import corpus_mail
import pytest
from peers.client import connect, hand_over, send
from peers.common import PATIENCE, answers, kill, processes, until
from peers.sallyport import USER

pytestmark = pytest.mark.core

FAMILY = {"net 1", "net 2", "armoury", "scan 1", "scan 2"}


def relay_to(sink, **more):
    return {"smtp": {"next_hop": f"smtp:127.0.0.1:{sink.port}"}, **more}


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f
                    if ":\t" in line)


def test_ps_shows_who_is_who(gateway):
    gw = gateway()
    until("all are there", lambda: FAMILY <= set(gw.roles()))
    parents = {p: parent for p, (parent, _, _) in processes().items()}
    roles = gw.roles()
    assert parents[roles["net 1"]] == gw.child.pid
    assert parents[roles["armoury"]] == gw.child.pid
    assert parents[roles["scan 1"]] == roles["armoury"]
    until("and nobody else", lambda: len(gw.family()) == len(FAMILY) + 1)


@pytest.mark.skipif(os.getuid() != 0, reason="is about root's children")
def test_no_child_runs_as_root(gateway):
    gw = gateway()
    for role, pid in gw.roles().items():
        if pid == gw.child.pid:
            continue
        status = status_of(pid)
        for ids in ("Uid", "Gid"):
            assert "0" not in status[ids].split(), (role, status[ids])
        assert set(status["Groups"].split()) <= {status["Gid"].split()[0]}
        assert int(status["CapEff"], 16) == 0, role
        assert int(status["CapPrm"], 16) == 0, role


def test_scan_workers_are_jailed(gateway):
    gw = gateway()
    for role, pid in gw.roles().items():
        if role.startswith("scan "):
            status = status_of(pid)
            assert status["NoNewPrivs"] == "1", role
            assert status["Seccomp"] == "2", role  # a filter


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to be another user")
def test_the_whole_runs_without_root(gateway, sink):
    """As under systemd with User= and a port that needs no privilege."""
    gw = gateway(relay_to(sink), start=False)
    shutil.chown(gw.dir, USER, USER)
    gw.start(user=USER, group=USER, extra_groups=())
    for pid in gw.family():
        assert status_of(pid)["Uid"].split()[0] != "0"
    assert send(gw.port, corpus_mail.plain("rootless"))[0] == 250
    assert send(gw.port, corpus_mail.infected("zip"))[0] == 554
    assert gw.stop() == 0


def test_ready_is_said_when_it_serves(gateway):
    gw = gateway()
    assert "READY=1" in gw.notes()
    assert connect(gw.port).noop()[0] == 250


@pytest.mark.parametrize("role", sorted(FAMILY))
def test_a_dead_child_is_replaced(gateway, sink, role):
    gw = gateway(relay_to(sink))
    old = gw.role(role)
    kill(old)
    until(f"another {role}", lambda: gw.roles().get(role, old) != old)
    until("mail flows again", lambda: flows(gw))
    assert send(gw.port, corpus_mail.infected("raw"))[0] == 554
    if "scan" not in role:
        gw.says("child died")


def flows(gw):
    try:
        return send(gw.port, corpus_mail.plain("flows"))[0] == 250
    except OSError:
        return False


def test_while_there_is_no_armoury_mail_still_flows(gateway, sink):
    """Its scan workers go on until the next one is ready."""
    gw = gateway(relay_to(sink))
    old = gw.role("armoury")
    kill(old, signal.SIGKILL)
    assert send(gw.port, corpus_mail.plain("orphan"))[0] == 250
    until("another armoury", lambda: gw.roles().get("armoury", old) != old)
    assert send(gw.port, corpus_mail.plain("adopted"))[0] == 250


def test_a_crash_loop_backs_off_and_says_so(gateway):
    gw = gateway()

    def killed_too_often():
        pid = gw.role("net 1")
        kill(pid)
        until("it is dead", lambda: gw.roles().get("net 1") != pid)
        return 'crash loop name="net 1"' in gw.stderr()
    until("it says so", killed_too_often)
    until("it comes back", lambda: "net 1" in gw.roles())


def test_term_ends_it_with_0_and_nothing_is_left(gateway):
    gw = gateway()
    family = gw.family()
    assert gw.stop() == 0
    until("nobody is left", lambda: not set(processes()) & set(family))
    assert not answers(gw.port)
    assert os.listdir(f"{gw.dir}/state/spool") == []


def test_term_lets_a_mail_that_has_begun_come_to_its_end(gateway, sink):
    gw = gateway(relay_to(sink))
    idle = connect(gw.port)
    busy = connect(gw.port)
    busy.mail(corpus_mail.SENDER)
    busy.rcpt(corpus_mail.RECIPIENT)
    assert busy.docmd("DATA")[0] == 354
    mail = corpus_mail.plain("drained")
    busy.send(mail[:300])

    gw.signal(signal.SIGTERM)
    until("it says that it drains", lambda: "STOPPING=1" in gw.notes())
    assert idle.getreply()[0] == 421
    assert gw.child.poll() is None
    busy.send(mail[300:] + b".\r\n")
    assert busy.getreply()[0] == 250

    assert gw.child.wait(PATIENCE) == 0
    assert sink.names() == ["drained"]


def test_a_second_term_ends_it_at_once(gateway, sink):
    gw = gateway(relay_to(sink))
    busy = connect(gw.port)
    busy.mail(corpus_mail.SENDER)
    busy.rcpt(corpus_mail.RECIPIENT)
    assert busy.docmd("DATA")[0] == 354

    gw.signal(signal.SIGTERM)
    until("it says that it drains", lambda: "STOPPING=1" in gw.notes())
    time.sleep(0.2)
    assert gw.child.poll() is None
    gw.signal(signal.SIGTERM)
    gw.child.wait(PATIENCE)
    until("nobody is left", lambda: not gw.family())


def test_drain_timeout_ends_what_does_not_end(gateway, sink):
    gw = gateway(relay_to(sink, gateway={"drain_timeout": "1s"}))
    busy = connect(gw.port)
    busy.mail(corpus_mail.SENDER)
    busy.rcpt(corpus_mail.RECIPIENT)
    assert busy.docmd("DATA")[0] == 354
    gw.signal(signal.SIGTERM)
    gw.child.wait(PATIENCE)
    gw.says("drain_timeout")
    until("nobody is left", lambda: not gw.family())


def test_when_the_parent_is_killed_nobody_stays(gateway):
    gw = gateway()
    family = gw.family()
    kill(gw.child.pid)
    gw.child.wait()
    until("nobody is left", lambda: not set(processes()) & set(family))


def test_sockets_come_by_name_from_systemd(gateway, sink):
    """systemd-socket-activate(1) listens; we are given the descriptor."""
    gw = gateway(relay_to(sink), start=False)
    gw.configure({"listener mail-in": {"address": f"127.0.0.1:{gw.port}"}})
    words = ["systemd-socket-activate", f"--listen=127.0.0.1:{gw.port}",
             "--fdname=mail-in", "--setenv=NOTIFY_SOCKET"]
    words += [f"--setenv={k}" for k in gw.env if k.endswith("SAN_OPTIONS")]
    gw.launch(program=[*words, f"{gw.build}/sallyportd", "--config", gw.path])
    until("something listens", lambda: answers(gw.port))
    gw.wait_ready()
    assert send(gw.port, corpus_mail.plain("activated"))[0] == 250
    assert gw.stop() == 0
    assert sink.names() == ["activated"]


def test_usr1_opens_the_event_log_anew(gateway, sink):
    gw = gateway(relay_to(sink))
    send(gw.port, corpus_mail.plain("before"))
    os.rename(f"{gw.dir}/events", f"{gw.dir}/events.1")
    gw.signal(signal.SIGUSR1)
    until("there is a new one", lambda: os.path.exists(f"{gw.dir}/events"))

    def written():
        send(gw.port, corpus_mail.plain("after"))
        return gw.events(event__action="outcome")
    until("events go there", written)
    with open(f"{gw.dir}/events.1", encoding="utf-8") as f:
        old = [json.loads(line) for line in f]
    assert old[0]["email"]["subject"] == "before"


def test_a_session_survives_the_death_of_the_other_net_worker(gateway, sink):
    gw = gateway(relay_to(sink))
    sessions = []

    def both_have_one():
        sessions.append(connect(gw.port))
        said = gw.stderr()
        return " net 1 session=" in said and " net 2 session=" in said
    until("each net worker has a session", both_have_one)
    kill(gw.role("net 1"))
    codes = []
    for n, c in enumerate(sessions):
        try:
            codes.append(hand_over(c, corpus_mail.plain(f"s-{n}"))[0])
        except OSError:
            codes.append(0)
    assert set(codes) == {0, 250}, codes
