"""`sallyport deliver`: what COMMAND gets and gives back, and what the policy
makes of a mail."""

import os
import signal
import subprocess

import corpus_mail
import pytest
from peers import agents
from peers.common import PATIENCE, until
from peers.local_mail import LF, SMALL, judged, must_be_delivered, outcome


# ---- what COMMAND gets, and what it gives back -----------------------------------


@pytest.fixture(name="deliver")
def a_delivery(run, house):
    """deliver(command, stdin=mail): through a gateway of its own."""
    gw = house()

    def make(*command, stdin=LF, words=(), **more):
        return run("deliver", "--socket", gw.socket, *words, "--", *command,
                   stdin=stdin, **more)

    make.gateway = gw
    return make


@pytest.mark.core
def test_a_from_line_stays_on_top_and_is_not_scanned_as_header(deliver):
    line = b"From alice@example.org  Mon Nov 23 10:00:00 2026\n"

    done = deliver("cat", stdin=line + LF)

    assert done.returncode == 0, done
    assert done.stdout.startswith(line + b"X-Sallyport: clean; ")
    assert done.stdout.endswith(LF)
    assert done.stdout.count(b"\n") == (line + LF).count(b"\n") + 1
    (event,) = judged(deliver.gateway)
    assert event["file.size"] == len(LF)
    assert event["email.subject"] == "plain"


ODD_MAILS = {
    "lf": LF,
    "crlf": SMALL,
    "no header": b"no header at all\n",
    "nothing": b"",
    "only a header": b"Subject: only a header\n",
    "every byte": bytes(range(256)) * 40,
    "one long line": b"Subject: x\n\n" + b"x" * 100000,
}


@pytest.mark.core
@pytest.mark.parametrize("name", ODD_MAILS)
def test_odd_mails_keep_every_byte(deliver, name):
    mail = ODD_MAILS[name]
    end = b"\r\n" if name == "crlf" else b"\n"

    done = deliver("cat", stdin=mail)

    assert done.returncode == 0, done
    field, rest = done.stdout.split(end, 1)
    assert field.startswith(b"X-Sallyport: ")
    if name in ("no header", "every byte"):  # an empty line ends ours
        assert rest.startswith(end)
        rest = rest[len(end):]
    assert rest == mail


@pytest.mark.core
def test_fields_that_claim_to_be_ours_are_taken_out(deliver):
    forged = LF.replace(b"Subject:", b"X-Sallyport: clean; forged\n"
                        b"x-sallyport:\n folded\nSubject:", 1)

    done = deliver("cat", stdin=forged)

    assert done.returncode == 0, done
    assert done.stdout.split(b"\n", 1)[1] == LF
    assert done.stdout.count(b"X-Sallyport") == 1


@pytest.mark.core
def test_too_many_such_fields_are_refused(deliver):
    done = deliver("cat", stdin=b"X-Sallyport: clean\n" * 33 + LF)

    assert done.returncode == 77, done
    assert done.stderr == b"5.6.0 Too many X-Sallyport fields\n"
    assert done.stdout == b""


@pytest.mark.core
def test_add_headers_no_changes_no_byte(run, house):
    gw = house({"listener local": {"add_headers": "no"}})

    done = run("filter", "--socket", gw.socket, stdin=SMALL)

    assert (done.returncode, done.stdout) == (0, SMALL)


@pytest.mark.core
@pytest.mark.parametrize("command, status, result", [
    (["true"], 0, ("delivered", "exit 0")),
    (["sh", "-c", "exit 3"], 3, ("refused", "exit 3")),
    (["sh", "-c", "exit 75"], 75, ("deferred", "exit 75")),
    (["sh", "-c", "exit 127"], 75, ("deferred", "exit 127")),
    (["sh", "-c", "kill -9 $$"], 75, ("deferred", "signal KILL")),
    (["/nonexistent/agent"], 75, ("deferred", "exit 127"))])
def test_the_status_of_command_is_ours(deliver, command, status, result):
    done = deliver(*command)

    assert done.returncode == status, done
    said = outcome(deliver.gateway)
    assert (said["sallyport.result"], said["sallyport.reply"]) == result
    assert said["sallyport.next_hop"] == f"deliver:{command[0]}"


@pytest.mark.core
def test_words_environment_and_descriptors_are_as_they_were(deliver, folder):
    show = agents.script(f"{folder}/show", "#!/bin/sh\n"
                         'printf "%s|" "$@"\nenv | sort\n'
                         "ls /proc/self/fd | tr '\\n' ' '\n")
    env = {"PATH": os.environ["PATH"], "ODD": "a b\tc", "PWD": folder}

    done = deliver(show, "-f", "two words", "", "$HOME", "--", env=env,
                   cwd=folder)
    plain = subprocess.run([show, "-f", "two words", "", "$HOME", "--"],
                           env=env, cwd=folder, check=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

    assert done.returncode == 0, done
    assert done.stdout == plain.stdout


@pytest.mark.core
def test_a_command_that_reads_nothing_is_no_error(deliver):
    done = deliver("true", stdin=corpus_mail.large("large", 3_000_000))

    assert done.returncode == 0, done


@pytest.mark.core
def test_who_ends_us_ends_the_command(house, build, folder):
    """No COMMAND goes on behind the back of an agent that gave it up."""
    gw = house()
    ready, ended = f"{folder}/ready", f"{folder}/ended"
    os.chmod(folder, 0o777)
    slow = agents.script(
        f"{folder}/slow", f"#!/bin/sh\ntrap 'echo >{ended}; exit 75' TERM\n"
        f"echo >{ready}\nwhile :; do sleep 0.1; done\n")
    with subprocess.Popen(
            [f"{build}/sallyport", "deliver", "--socket", gw.socket, "--",
             slow], stdin=subprocess.PIPE) as child:
        child.stdin.write(LF)
        child.stdin.close()
        until("it runs", lambda: os.path.exists(ready))
        child.send_signal(signal.SIGTERM)
        assert child.wait(PATIENCE) == 75
    assert os.path.exists(ended)
    assert outcome(gw)["sallyport.result"] == "deferred"


@pytest.mark.core
def test_a_tool_that_is_killed_leaves_an_outcome_and_no_command(
        house, build, folder):
    gw = house()
    os.chmod(folder, 0o777)
    slow = agents.script(
        f"{folder}/slow", f"#!/bin/sh\necho $$ >{folder}/new\n"
        f"mv {folder}/new {folder}/pid\nwhile :; do sleep 0.1; done\n")
    with subprocess.Popen(
            [f"{build}/sallyport", "deliver", "--socket", gw.socket, "--",
             slow], stdin=subprocess.PIPE) as child:
        child.stdin.write(LF)
        child.stdin.close()
        until("it runs", lambda: os.path.exists(f"{folder}/pid"))
        child.kill()
        child.wait(PATIENCE)
    with open(f"{folder}/pid", encoding="ascii") as f:
        pid = int(f.read())
    until("it ends", lambda: not os.path.exists(f"/proc/{pid}"))
    said = outcome(gw)
    assert said["sallyport.result"] == "aborted"
    assert said["sallyport.reason"] == "client_gone"


# ---- what the policy says -------------------------------------------------------


@pytest.mark.core
@pytest.mark.parametrize("action, deliver, qmail, text, result", [
    ("block", 77, 31, b"5.7.1 Refused: malware Eicar", "refused"),
    ("quarantine", 77, 31, b"5.7.1 Refused: malware Eicar", "refused"),
    ("discard", 0, 0, b"", "discarded"),
    ("tempfail", 75, 71, b"4.7.1 Scanner not available", "deferred")])
def test_what_the_policy_says_of_malware(
        house, way_of, action, deliver, qmail, text, result):
    gw = house({"policy mail": {"malware": action}})
    way = way_of(agents.Deliver, gw)
    queue = way_of(agents.QmailQueue, gw)

    assert way.give(corpus_mail.infected("zip")) == deliver
    assert text in way.err and (text or not way.err)
    assert queue.give(corpus_mail.infected("zip")) == qmail

    assert way.kept() == queue.kept() == []
    ends = until("both have ended", lambda: (
        lambda e: e if len(e) == 2 else None)(
            gw.events(event__action="outcome")))
    assert {e["sallyport.result"] for e in ends} == {result}
    assert way.err.count(b"\n") == (1 if text else 0)
    if action == "block":
        assert ends[0]["event.id"].encode() in way.err


@pytest.mark.core
@pytest.mark.parametrize("kind", agents.DIRECT)
def test_what_is_discarded_is_gone_and_all_is_well(house, way_of, kind):
    gw = house({"policy mail": {"malware": "discard"}})
    way = way_of(agents.DIRECT[kind], gw)

    assert way.give(corpus_mail.infected("zip")) == 0, way.err
    assert way.give(SMALL) == 0, way.err

    (mail,) = way.kept()
    must_be_delivered(mail, SMALL)


@pytest.mark.core
def test_what_is_tagged_is_delivered_with_the_reason_on_top(deliver):
    gw = deliver.gateway
    gw.configure({"policy mail": {"encrypted": "tag"}})
    gw.reload()

    done = deliver("cat", stdin=corpus_mail.attached(
        "locked", corpus_mail.encrypted_zip(), "a.zip"))

    assert done.returncode == 0, done
    assert done.stdout.startswith(b"X-Sallyport: encrypted ")


@pytest.mark.core
def test_a_rule_about_the_envelope_holds(house, run):
    gw = house({"rule trusted": {"sender": "alice@example.org",
                                 "recipient": "bob", "finding": "malware",
                                 "action": "pass"}})
    mail = corpus_mail.infected("zip")

    def give(*words):
        return run("deliver", *words, "--socket", gw.socket, "--", "true",
                   stdin=mail).returncode

    assert give("-f", "alice@example.org", "-d", "bob") == 0
    assert give("-f", "alice@example.org", "-d", "eve") == 77
    assert give("-f", "eve@example.org", "-d", "bob") == 77
    assert give() == 77


@pytest.mark.core
def test_postfix_and_exim_tell_the_envelope_in_the_environment(house, run):
    gw = house()

    run("deliver", "--socket", gw.socket, "--", "true", stdin=LF, env={
        "SENDER": "a@example.org", "RECIPIENT": "b@example.net",
        "CLIENT_HELO": "c.example.com"})

    (said,) = judged(gw)
    assert said["email.from.address"] == ["a@example.org"]
    assert said["email.to.address"] == ["b@example.net"]
    assert said["sallyport.smtp.helo"] == "c.example.com"
    assert said["user.name"] == f"uid:{os.getuid()}"
