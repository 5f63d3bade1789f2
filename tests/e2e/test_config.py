"""What an operator does with a configuration, and what comes of mistakes."""

import re

import corpus_mail
import pytest
from peers.client import connect, hand_over, send
from peers.common import PATIENCE, answers, free_port, until
from peers.sallyport import ini

pytestmark = pytest.mark.core


@pytest.fixture(name="gw")
def not_started(gateway):
    return gateway(start=False)


def test_a_good_file_is_good(gw):
    done = gw.run("--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_shipped_file_is_good(gw, build):
    gw.path = f"{build}/sallyport.ini"
    done = gw.run("--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_every_error_in_one_run_with_its_line(gw):
    gw.write("\n".join((
        "[gateway]",                              # 1
        "max_sesions = 10",                       # 2
        "spool_memory = 5",                       # 3
        "drain_timeout = 5x",                     # 4
        "[lisener other]",                        # 5
        "protocol = smtp",                        # 6
        "[listener mail-in]",                     # 7
        "protocol = smpt",                        # 8
        "address = 127.0.0.1:99999",              # 9
        "policy = mail",                          # 10
        "[smtp]",                                 # 11
        "max_recipients = 10",                    # 12
        "max_recipients = 20",                    # 13
        "next_hop = carrier-pigeon:home",         # 14
        "[policy mail]",                          # 15
        "malware = destroy",                      # 16
        "[engine clamav]", "")))
    done = gw.run("--check")

    assert done.returncode == 78
    lines = done.stderr.splitlines()
    assert all(re.match(re.escape(gw.path) + r":\d+: \S", line)
               for line in lines), done.stderr
    at = {int(line[len(gw.path) + 1:].split(":")[0]) for line in lines}
    assert {2, 3, 4, 5, 8, 9, 13, 16} <= at, done.stderr
    assert 'did you mean "max_sessions"' in done.stderr
    assert 'did you mean "listener"' in done.stderr
    assert f"{gw.path}:12" in done.stderr  # where it was given before


def test_a_bad_next_hop_is_an_error_of_the_configuration(gw):
    gw.configure({"smtp": {"next_hop": "carrier-pigeon:home"}})
    done = gw.run("--check")
    assert done.returncode == 78
    assert "carrier-pigeon" in done.stderr


def test_a_file_that_is_not_there(gw):
    gw.path += ".missing"
    done = gw.run("--check")
    assert done.returncode == 78
    assert gw.path in done.stderr


def test_with_an_error_nothing_is_bound(gw):
    gw.configure({"scan": {"max_qeue": "10"}})
    gw.launch()
    assert gw.child.wait(PATIENCE) == 78
    gw.says('did you mean "max_queue"')
    assert not gw.notes()


def test_an_unknown_argument(gw):
    done = gw.run("--chekc")
    assert done.returncode == 64
    assert "--chekc" in done.stderr


def test_a_dump_fed_back_gives_the_same_dump(gw):
    first = gw.run("--dump-config")
    assert first.returncode == 0
    assert f"max_sessions = 2000  ; {gw.path}:" in first.stdout
    assert "max_depth = 16  ; default" in first.stdout
    gw.write(first.stdout)
    second = gw.run("--dump-config")
    assert second.returncode == 0, second.stderr

    def values(text):  # without where they came from
        return re.sub(r"  ; .*", "", text)
    assert values(second.stdout) == values(first.stdout)


def test_a_dump_of_what_was_changed_says_only_that(gw):
    done = gw.run("--dump-config", "--changed")
    assert done.returncode == 0
    assert "max_sessions = 2000" in done.stdout
    assert "; default" not in done.stdout


def test_the_environment_wins_over_the_file(gw):
    done = gw.run("--dump-config", env={
        "SALLYPORT_GATEWAY__MAX_SESSIONS": "1234",
        "SALLYPORT_LISTENER_MAIL_IN__MAX_SESSIONS": "77"})
    assert "max_sessions = 1234  ; environment" in done.stdout
    assert "max_sessions = 77  ; environment" in done.stdout
    done = gw.run("--check", env={"SALLYPORT_GATEWAY__MAX_SESIONS": "1"})
    assert done.returncode == 78
    assert "SALLYPORT_GATEWAY__MAX_SESSIONS" in done.stderr


def test_long_values_and_comments_are_read_as_they_stand(gw):
    """What the reader of FACTS would cut: over 200 bytes, "a ; b"."""
    hops = ", ".join(f"smtp:127.0.0.1:{n}" for n in range(2000, 2100))
    gw.configure({"smtp": {
        "next_hop": hops,
        "reject_text": '"554 5.7.1 No; not this # one ({id})"'}})
    done = gw.run("--dump-config")
    assert done.returncode == 0, done.stderr
    assert "smtp:127.0.0.1:2099" in done.stdout
    assert "No; not this # one ({id})" in done.stdout


def test_hup_with_a_wrong_file_keeps_the_old_one(gateway, sink):
    gw = gateway({"smtp": {"next_hop": f"smtp:127.0.0.1:{sink.port}"}})
    gw.write(ini({**gw.sections, "smtp": {"next_hopp": "nowhere"}}))
    gw.reload()

    gw.says('did you mean "next_hop"')
    gw.says("the old configuration stays")
    assert send(gw.port, corpus_mail.plain("after"))[0] == 250
    assert sink.names() == ["after"]


def test_hup_takes_effect_for_new_sessions(gateway, sink):
    gw = gateway({"smtp": {"next_hop": f"smtp:127.0.0.1:{sink.port}"}})
    session = connect(gw.port)
    roles = gw.roles()

    gw.configure({"smtp": {"reject_text": "554 5.7.1 New words ({id})",
                           "max_recipients": "1"}})
    gw.reload()
    until("new sessions see it", lambda: "New words" in send(
        gw.port, corpus_mail.infected("raw"))[1])

    # the session that was there keeps what it began with
    code, text = hand_over(session, corpus_mail.infected("base64"))
    assert code == 554 and "New words" not in text
    code, _ = hand_over(session, corpus_mail.plain("two"), recipients=(
        "a@example.net", "b@example.net"))
    assert code == 250
    # nobody was started anew for it
    assert {r: p for r, p in gw.roles().items() if r.startswith("net")} == \
        {r: p for r, p in roles.items() if r.startswith("net")}


def test_hup_moves_a_listener(gateway, sink):
    gw = gateway({"smtp": {"next_hop": f"smtp:127.0.0.1:{sink.port}"}})
    old, new = gw.port, free_port()
    gw.configure({"listener mail-in": {"address": f"127.0.0.1:{new}"}})
    gw.reload()
    until("the new port answers", lambda: answers(new))
    until("the old port is closed", lambda: not answers(old))
    assert send(new, corpus_mail.plain("moved"))[0] == 250


def test_hup_changes_the_scan_without_a_pause(gateway, sink):
    gw = gateway({"smtp": {"next_hop": f"smtp:127.0.0.1:{sink.port}"}})
    old = gw.role("armoury")
    gw.configure({"scan": {"max_scan_size": "100k", "workers": "1"}})
    gw.reload()
    until("another armoury serves", lambda: gw.roles().get("armoury")
          not in (None, old))
    until("the limit is in force", lambda: send(
        gw.port, corpus_mail.large("over", 300_000))[0] == 554)
    assert send(gw.port, corpus_mail.plain("under"))[0] == 250
