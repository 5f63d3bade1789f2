"""What becomes of a scan worker, and of everybody else's contents, when one
content ends badly: its client goes, or it cannot be handed over."""

import os
import pwd
import signal
import subprocess

import corpus_mail
import pytest
from peers.client import connect, dotted, hand_over, send
from peers.common import PATIENCE, until
from peers.sallyport import USER

pytestmark = pytest.mark.core

CRASHES_MAX = 5     # scan/armoury.h: more in ten seconds are a crash loop


def alone(sink):
    """One worker of each kind, and nothing is known from before."""
    return {"gateway": {"workers": "1"},
            "scan": {"workers": "1", "cache_size": "0"},
            "smtp": {"next_hop": f"smtp:127.0.0.1:{sink.port}"}}


def until_scanned(gw, client, mail):
    """Sends it to its final dot."""
    before = gw.stderr().count("smtp data -> scan")
    client.mail(corpus_mail.SENDER)
    client.rcpt(corpus_mail.RECIPIENT)
    assert client.docmd("DATA")[0] == 354
    client.send(dotted(mail))
    until("it is at the gate",
          lambda: gw.stderr().count("smtp data -> scan") > before)


def descriptors(pid, most):
    """How many the process may have from now on."""
    who = {}
    if os.getuid() == 0:
        user = pwd.getpwnam(USER)
        who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    subprocess.run(["prlimit", f"--pid={pid}", f"--nofile={most}"],
                   check=True, timeout=PATIENCE, **who)


def test_clients_that_go_cost_nobody_else_a_worker(gateway, sink):
    """Whoever hangs up while a scan hangs costs a worker; as often as that
    happens, the next one starts at once: it is no crash loop."""
    gw = gateway(alone(sink))
    for n in range(CRASHES_MAX + 2):
        assert send(gw.port, corpus_mail.plain(f"good-{n}", 2000))[0] == 250
        worker = gw.role("scan 1")
        client = connect(gw.port)
        os.kill(worker, signal.SIGSTOP)
        until_scanned(gw, client, corpus_mail.plain(f"gone-{n}", 2000))
        # SO_LINGER: a reset
        client.sock.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")
        client.close()
        until("it is replaced", lambda w=worker:
              gw.roles().get("scan 1", w) != w)
        assert f"died slot=0 pid={worker} signal=KILL ordered" in gw.stderr()
    assert send(gw.port, corpus_mail.plain("last", 2000))[0] == 250
    assert "crash loop" not in gw.stderr()


def test_no_descriptor_is_no_fault_of_a_worker(gateway, sink):
    """A content of this size goes to a worker as a descriptor.  Where there is
    none left, it alone could not be looked at."""
    gw = gateway(alone(sink))
    worker, net = gw.role("scan 1"), gw.role("net 1")
    large = corpus_mail.plain("large", 100_000)
    with connect(gw.port) as client:
        assert hand_over(client, corpus_mail.plain("first", 2000))[0] == 250
        client.mail(corpus_mail.SENDER)
        client.rcpt(corpus_mail.RECIPIENT)
        assert client.docmd("DATA")[0] == 354
        descriptors(net, "3:")
        client.send(dotted(large))
        code, text = client.getreply()
        descriptors(net, "1000:")
        assert code == 451, text
        event = gw.event_of(text.decode())
        assert event["sallyport.verdict"] == "failed"
        assert "limit descriptor reached" in gw.stderr()
        assert hand_over(client, large)[0] == 250
    assert gw.role("scan 1") == worker
