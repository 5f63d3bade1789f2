"""What the gateway counts, as `sallyport status` shows it to whoever may see
it, and what that says when there is nobody to count."""

import json
import os
import pathlib
import re
import signal
import socket

import corpus_mail
import pytest
from peers.certificate import Certificate, anybody
from peers.client import connect, hand_over, send
from peers.common import kill, until
from peers.origin import Origin, answer
from peers.web import Raw, curl, web_listener, web_port
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.core

TOP = pathlib.Path(__file__).resolve().parents[2]
BAD = corpus_mail.attached("bad", corpus_mail.eicar(), "eicar.com")
TEXT = b"All quiet at the gate.\n" * 200

EX_UNAVAILABLE, EX_NOPERM, EX_USAGE = 69, 77, 64


@pytest.fixture(name="origin")
def an_origin(cleanly):
    o = Origin({"/a": answer(TEXT), "/b": answer(TEXT)})
    cleanly(o)
    return o.start()


def relay_to(sink, **more):
    return {"smtp": {"next_hop": f"smtp:127.0.0.1:{sink.port}"}, **more}


def counters(gw):
    done = gw.status("--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["counters"]


def ended(gw, protocol, n):
    """All n exchanges have ended: nothing is counted any more."""
    until(f"{n} of {protocol} have ended", lambda: sum(
        by.get(protocol, 0)
        for by in counters(gw)["exchanges_total"].values()) == n)


def test_mail_that_is_delivered_and_refused(gateway, sink):
    gw = gateway(relay_to(sink))
    with connect(gw.port) as client:
        assert hand_over(client, corpus_mail.plain("one"))[0] == 250
        assert hand_over(client, BAD)[0] == 554
        until("it is in", lambda: gw.count("open_sessions", "smtp") == 1)
    until("it has gone", lambda: gw.count("open_sessions", "smtp") == 0)
    ended(gw, "smtp", 2)
    seen = counters(gw)
    assert seen["sessions_total"] == {"smtp": 1}
    assert seen["exchanges_total"] == {
        "delivered": {"smtp": 1}, "refused": {"smtp": 1}}
    assert seen["decisions_total"] == {
        "clean": {"smtp": 1}, "malware": {"smtp": 1}}
    assert seen["actions_total"] == {
        "pass": {"smtp": 1}, "block": {"smtp": 1}}
    assert seen["findings_total"]["malware"] >= 1
    assert seen["limits_total"] == {}
    assert seen["cache_misses_total"] == 2
    assert seen["cache_stores_total"] == 2
    assert seen["scan_jobs_total"] == 2
    assert seen["event_lines_total"] == {"decision": 2, "outcome": 2}
    assert seen["event_lines_lost_total"] == {}
    assert seen["server_connections_total"]["new"] >= 1
    sizes = len(corpus_mail.plain("one")) + len(BAD)
    assert seen["content_bytes_total"]["smtp"] >= sizes - 20
    assert seen["client_received_bytes_total"]["smtp"] > sizes
    assert seen["client_sent_bytes_total"]["smtp"] > 100
    assert seen["server_sent_bytes_total"] > len(corpus_mail.plain("one"))
    assert seen["server_received_bytes_total"] > 100


def test_what_was_seen_before_is_a_hit(gateway, origin):
    """In the counters, and in the event of each."""
    gw = gateway(web_listener())
    for path in ("/a", "/b", "/a"):
        got = curl(web_port(gw), f"http://127.0.0.1:{origin.port}{path}")
        assert got.status == 200 and got.body == TEXT
    ended(gw, "http", 3)
    seen = counters(gw)
    assert seen["cache_misses_total"] == 1
    assert seen["cache_hits_total"] == 2
    assert seen["cache_stores_total"] == 1
    assert seen["decisions_total"] == {"clean": {"http": 3}}
    assert seen["content_bytes_total"] == {"http": 3 * len(TEXT)}
    assert seen["client_sent_bytes_total"]["http"] > 3 * len(TEXT)
    assert seen["server_received_bytes_total"] > 3 * len(TEXT)
    said = [e["sallyport.cached"]
            for e in gw.events(event__action="decision")]
    assert said == [False, True, True]


def test_limits_of_the_web_have_their_counters(gateway, origin):
    gw = gateway(web_listener(
        max_header="4k", max_request_body="1k", max_response_body="1k"))
    where = f"http://127.0.0.1:{origin.port}/a"
    with Raw(web_port(gw)) as c:
        c.send(b"GET http://a.example.org/ HTTP/1.1\r\n"
               b"Host: a.example.org\r\n"
               + b"".join(b"X-%d: " % n + b"x" * 500 + b"\r\n"
                          for n in range(20)) + b"\r\n")
        assert c.answer().status == 431
    assert curl(web_port(gw), where, "-d", "x" * 2000).status == 413
    assert curl(web_port(gw), where).status == 403
    ended(gw, "http", 3)
    assert counters(gw)["limits_total"] == {
        "long_head": {"http": 1}, "max_request_body": {"http": 1},
        "max_response_body": {"http": 1}}


def test_handshakes_of_both_sides(gateway, sink, cleanly):
    cert = Certificate()
    cleanly(cert)
    gw = gateway(relay_to(sink, tls=cert.options()))
    with connect(gw.port) as client:
        assert client.starttls(context=anybody())[0] == 220
        client.ehlo()
        assert hand_over(client, corpus_mail.plain("one"))[0] == 250
    with connect(gw.port) as client:
        assert client.docmd("STARTTLS")[0] == 220
        client.sock.sendall(b"this is no TLS\r\n")
        while client.sock.recv(1000):
            pass
    until("both are counted", lambda: gw.count(
        "client_tls_handshakes_total") == {"full": 1, "failed": 1})
    assert gw.count("server_tls_handshakes_total") == 0


def test_a_net_worker_is_killed_and_the_counts_go_on(gateway, sink):
    gw = gateway(relay_to(sink, gateway={"workers": "1"}))
    assert send(gw.port, corpus_mail.plain("before"))[0] == 250
    ended(gw, "smtp", 1)
    held = connect(gw.port)
    until("it is in", lambda: gw.count("open_sessions", "smtp") == 1)
    old = gw.role("net 1")
    kill(old, signal.SIGKILL)
    until("another one serves", lambda: gw.roles().get("net 1", old) != old
          and gw.count("net_workers") == 1)
    held.close()
    gw.counts(1, "net_workers_lost_total")
    assert gw.count("open_sessions", "smtp") == 0
    gw.counts(2, "sessions_total", "smtp")
    gw.counts(1, "exchanges_total", "delivered", "smtp")
    assert send(gw.port, corpus_mail.plain("after"))[0] == 250
    ended(gw, "smtp", 2)
    gw.counts(3, "sessions_total", "smtp")


def test_reloads_and_signatures(gateway):
    gw = gateway()
    gw.reload()
    until("it was applied",
          lambda: gw.count("reloads_total", "applied") == 1)
    gw.configure({"smtp": {"no_such_key": "1"}})
    gw.reload()
    gw.configure({"smtp": {"no_such_key": None}})
    gw.counts({"applied": 1, "refused": 1}, "reloads_total")
    gw.counts(1, "signature_loads_total")
    gw.counts(2, "scan_worker_starts_total")
    old = gw.role("scan 1")
    kill(old, signal.SIGKILL)
    until("another scan worker",
          lambda: gw.count("scan_worker_starts_total") == 3)


def test_lines_that_people_and_awk_read(gateway):
    gw = gateway()
    assert send(gw.port, corpus_mail.plain("one"))[0] == 250
    text = gw.status().stdout
    head, *groups = text.split("\n\n# ")
    said = dict(line.split(" ", 1) for line in head.splitlines())
    assert list(said) == ["version", "state", "pid", "started",
                          "uptime_seconds", "workers", "signatures"]
    assert said["state"] == "serving" and said["workers"] == "2"
    assert said["pid"] == str(gw.child.pid)
    assert said["signatures"].startswith("clamav/")
    assert [g.split("\n")[0] for g in groups][:2] == [
        "sessions", "exchanges"]
    lines = [line for g in groups for line in g.split("\n")[1:] if line]
    assert all(re.fullmatch(r"sallyport_[a-z_]+(\{\S+\})? \d+", line)
               for line in lines), lines
    assert 'sallyport_sessions_total{protocol="smtp"} 1' in lines
    assert not [line for line in lines if line.endswith(" 0")]
    every = gw.status("--all").stdout
    assert 'sallyport_limits_total{limit="max_errors",protocol="ftp"} 0' \
        in every


def test_prometheus_reads_it(gateway):
    gw = gateway()
    assert send(gw.port, corpus_mail.plain("one"))[0] == 250
    ended(gw, "smtp", 1)
    for words in (), ("--all",):
        done = gw.status("--prometheus", *words)
        found = {f.name: f for f in
                 text_string_to_metric_families(done.stdout)}
        assert found["sallyport_open_sessions"].type == "gauge"
        total = found["sallyport_exchanges"]
        assert total.type == "counter" and total.documentation
        assert [(s.labels, s.value) for s in total.samples if s.value] == [
            ({"result": "delivered", "protocol": "smtp"}, 1.0)]
        info = found["sallyport_info"].samples[0].labels
        assert info["signatures"].startswith("clamav/")


def test_nobody_runs(gateway):
    gw = gateway(start=False)
    done = gw.status()
    assert done.returncode == EX_UNAVAILABLE and done.stdout == ""
    assert "no sallyportd runs" in done.stderr
    gw.start()
    assert gw.status().returncode == 0
    assert gw.stop() == 0
    assert gw.status("--json").returncode == EX_UNAVAILABLE
    assert not os.path.exists(f"{gw.dir}/run/counters")


def test_what_a_dead_gateway_has_left(gateway):
    gw = gateway()
    pid = gw.child.pid
    kill(pid, signal.SIGKILL)
    gw.child.wait()
    assert os.path.exists(f"{gw.dir}/run/counters")
    done = gw.status()
    assert done.returncode == EX_UNAVAILABLE and done.stdout == ""
    assert f"pid {pid}" in done.stderr
    until("its processes are gone", lambda: not gw.family())
    gw.notified = []
    gw.start()
    assert gw.count("sessions_total") == 0
    assert gw.status().returncode == 0


@pytest.mark.skipif(os.getuid() != 0, reason="becomes somebody else")
def test_not_everybody_may_see_it(gateway):
    gw = gateway()
    os.chmod(gw.path, 0o644)
    os.chmod(f"{gw.dir}/run", 0o755)
    done = gw.status(user="nobody", group="nogroup", extra_groups=[])
    assert done.returncode == EX_NOPERM, done.stderr
    assert "Permission denied" in done.stderr
    # a group that the administrator has put somebody into
    group = os.stat(f"{gw.dir}/run/counters").st_gid
    assert group == os.stat(f"{gw.dir}/run").st_gid
    done = gw.status(user="nobody", group=group, extra_groups=[])
    assert done.returncode == 0, done.stderr


def test_wrong_words(gateway):
    gw = gateway(start=False)
    assert gw.status("--no-such").returncode == EX_USAGE
    assert gw.status("word").returncode == EX_USAGE


def test_whoever_comes_while_it_drains(gateway):
    gw = gateway()
    held = connect(gw.port)
    held.mail(corpus_mail.SENDER)
    gw.signal(signal.SIGTERM)
    until("it drains", lambda: "state draining" in gw.status().stdout)
    held.close()
    gw.child.wait()
    assert gw.status().returncode == EX_UNAVAILABLE


def test_a_log_that_is_full_is_counted(gateway):
    """/dev/full takes nothing: so nothing is delivered."""
    gw = gateway({"log full": {
        "format": "json", "output": "file:/dev/full", "events": "all",
        "level": "none"}})
    assert send(gw.port, corpus_mail.plain("one"))[0] == 451
    ended(gw, "smtp", 1)
    assert gw.count("event_lines_lost_total") == {
        "decision": 1, "outcome": 1}
    gw.counts({"tempfail": {"smtp": 1}}, "actions_total")


def limits():
    text = (TOP / "proxy/stats_table.h").read_text()
    table = text.partition("#define STATS_LIMITS(X)")[2]
    return re.findall(r'X\("(\w+)",\s+LIMIT_', table)


def test_nothing_is_in_the_table_that_nobody_counts():
    files = [p for top in ("proxy", "scan", "protocols")
             for p in (TOP / top).rglob("*.[ch]")
             if not p.name.startswith("stats")]
    code = "\n".join(p.read_text() for p in files)
    assert len(limits()) > 40
    assert [n for n in limits()
            if not re.search(rf'"(limit )?{n}["\\ ]', code)] == []
    table = (TOP / "proxy/stats_table.h").read_text()
    rows = re.findall(r"X\((\w+), (?:COUNTER|GAUGE),", table)
    assert len(rows) > 20
    code += (TOP / "proxy/stats.c").read_text().partition("adding")[2]
    assert [r for r in rows if not re.search(rf"\bSTAT_{r}\b", code)] == []


def test_every_limit_that_the_log_names_is_in_the_table():
    """But for those of the processes that count nothing: the signer's."""
    named = {(p.name, *m.groups(""))
             for top in ("proxy", "protocols") for p in (TOP / top).rglob("*.c")
             if "base" not in p.parts and not p.name.startswith("ca_")
             for m in re.finditer(
                 r'limit=(\w{3,})|"limit (\w+)|passed_limit\(\w+, "(\w+)"',
                 p.read_text())}
    assert len(named) > 15
    assert [n for n in named if "".join(n[1:]) not in limits()] == []


def test_the_page_names_every_counter_and_every_limit(gateway):
    gw = gateway()
    page = (TOP / "docs/counters.md").read_text()
    named = set(re.findall(r"^\| `(\w+)`", page, re.M))
    seen = {re.split(r"[{ ]", line)[0].removeprefix("sallyport_")
            for line in gw.status("--all").stdout.splitlines()
            if line.startswith("sallyport_")}
    assert named == seen | set(limits())


def test_the_words_of_a_protocol_that_is_not_used(gateway):
    """A unix socket has no address, and its sessions are counted all the
    same."""
    gw = gateway(start=False)
    gw.configure({"listener local": {
        "protocol": "local", "address": f"unix:{gw.dir}/run/local.sock",
        "policy": "mail"}})
    gw.start()
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(f"{gw.dir}/run/local.sock")
        until("it is in", lambda: gw.count("open_sessions", "local") == 1)
    until("it has gone", lambda: gw.count("open_sessions", "local") == 0)
    gw.counts({"local": 1}, "sessions_total")
