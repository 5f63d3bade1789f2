"""`--local`, qmail-queue(8), the command line, and what the documents say."""

import os
import subprocess

import corpus_mail
import pytest
from peers import agents
from peers.common import PATIENCE
from peers.local_mail import (BIG, LF, SMALL, must_be_delivered, outcome,
                              run_path)


# ---- --local --------------------------------------------------------------------


@pytest.mark.core
def test_local_needs_no_gateway(gateway, run):
    gw = gateway(start=False)

    done = run("deliver", "--local", "--config", gw.path, "--", "cat",
               stdin=LF)
    assert done.returncode == 0, done
    assert done.stdout.startswith(b"X-Sallyport: clean; ")
    assert done.stdout.endswith(LF)
    assert done.stderr == b""
    for name in corpus_mail.INFECTED:
        done = run("filter", "--local", "--config", gw.path,
                   stdin=corpus_mail.infected(name).replace(b"\r\n", b"\n"))
        assert done.returncode == 77, (name, done)
        assert done.stdout == b""
        assert done.stderr.startswith(b"5.7.1 Refused: malware Eicar")


@pytest.mark.core
def test_local_asks_the_policy_of_the_configuration(gateway, run):
    gw = gateway(start=False)
    gw.configure({
        "policy mine": {"malware": "discard"},
        "listener local": {"protocol": "local", "policy": "mine",
                           "address": f"unix:{gw.dir}/local.sock",
                           "add_headers": "no"}})
    mail = corpus_mail.infected("zip")

    def give(*words, stdin=mail):
        return run("deliver", "--local", "--config", gw.path, *words, "--",
                   "cat", stdin=stdin)

    assert (give().returncode, give().stdout) == (0, b"")
    assert give("--policy", "mail").returncode == 77
    assert give(stdin=SMALL).stdout == SMALL
    wrong = give("--policy", "nobody")
    assert wrong.returncode == 75
    assert wrong.stderr == b"4.3.0 there is no [policy nobody]\n"
    gw.write("[nonsense]\n")
    assert give().returncode == 75


@pytest.mark.core
def test_local_with_a_scan_that_cannot_be_is_later(gateway, run):
    gw = gateway(start=False)
    gw.configure({"scan": {"timeout": "100ms", "timeout_rate": "1G"}})

    done = run("deliver", "--local", "--config", gw.path, "--timeout",
               "100ms", "--", "cat", stdin=corpus_mail.large("large", BIG))

    assert done.returncode == 75, done
    assert done.stdout == b""


@pytest.mark.core
def test_local_without_a_report_is_later(gateway, run):
    """The armoury has nowhere to work: it says so and gives no report."""
    gw = gateway(start=False)

    done = run("filter", "--local", "--config", gw.path, stdin=SMALL,
               env={"TMPDIR": "/nonexistent/folder"})

    assert done.returncode == 75, done
    assert done.stdout == b""
    assert b"the scan gave no report" in done.stderr


# ---- qmail-queue(8) ---------------------------------------------------------------


@pytest.mark.core
def test_the_real_qmail_queue_gets_the_same_message_and_envelope(
        house, way_of):
    way = way_of(agents.QmailQueue, house())
    way.envelope = b"F\0Ta@example.org\0Tb@example.org\0\0"

    assert way.give(SMALL) == 0, way.err

    (mail,) = way.kept()
    must_be_delivered(mail, SMALL)
    assert way.envelopes() == [way.envelope]


@pytest.mark.core
@pytest.mark.parametrize("status", [0, 31, 51, 53, 54, 81, 91])
def test_its_status_is_ours(house, way_of, status):
    way = way_of(agents.QmailQueue, house(), status=status)

    assert way.give(SMALL) == status


@pytest.mark.core
@pytest.mark.parametrize("envelope, status", [
    (b"", 54), (b"Fa@b", 54), (b"Fa@b\0", 54), (b"Fa@b\0Tc@d\0", 54),
    (b"Ta@b\0\0", 91), (b"Fa@b\0Xc@d\0\0", 91), (b"nonsense\0\0", 91),
    (b"Fa@b\0T" + b"c" * 1003 + b"\0\0", 11),
    (b"Fa@b\0T" + b"c" * 1002 + b"\0\0", 0)],
    ids=["nothing", "no end", "no recipient", "no last byte", "no sender",
         "a letter", "nonsense", "too long", "the longest"])
def test_an_envelope_is_read_as_qmail_queue_reads_it(
        house, way_of, envelope, status):
    way = way_of(agents.QmailQueue, house())
    way.envelope = envelope

    assert way.give(SMALL) == status, way.err
    assert len(way.kept()) == (status == 0)


@pytest.mark.core
def test_what_cannot_be_read_is_54_and_a_missing_one_120(house, run, way_of):
    gw = house()
    way = way_of(agents.QmailQueue, gw)

    with open(os.devnull, "wb") as null:
        done = subprocess.run(
            [run_path(run), "qmail-queue", "--socket", gw.socket],
            stdin=null, stdout=null, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 54, done
    way.next = "/nonexistent/qmail-queue"
    assert way.give(SMALL) == 120
    assert outcome(gw)["sallyport.result"] == "deferred"


@pytest.mark.core
def test_it_stands_in_for_qmail_queue_by_its_name(house, way_of, folder):
    gw = house()
    way = way_of(agents.QmailQueue, gw)
    link = f"{folder}/qmail-queue"
    os.symlink(way.tool, link)
    read, write = os.pipe()
    os.write(write, way.envelope)
    os.close(write)

    done = subprocess.run(
        [link], input=LF, stdout=read, stderr=subprocess.PIPE, check=False,
        env={"SALLYPORT_SOCKET": gw.socket,
             "SALLYPORT_QMAIL_QUEUE": way.next, "PATH": os.environ["PATH"]})
    os.close(read)

    assert done.returncode == 0, done
    assert len(way.kept()) == 1


def test_the_lines_for_qmail_in_the_documents(house, way_of, folder):
    """As root would say them, but for the folder and where we are."""
    gw = house()
    way = way_of(agents.QmailQueue, gw)
    os.rename(way.next, f"{folder}/qmail-queue")
    with open(f"{os.path.dirname(__file__)}/../../../docs/local.md",
              encoding="utf-8") as f:
        block = next(b for b in f.read().split("```\n")
                     if b.startswith("cd /var/qmail/bin\n"))
    subprocess.run(["sh", "-e"], check=True, text=True, input=block.replace(
        "/var/qmail/bin", folder).replace("/usr/bin/sallyport", way.tool))
    read, write = os.pipe()
    os.write(write, way.envelope)
    os.close(write)
    done = subprocess.run(
        [f"{folder}/qmail-queue"], input=LF, stdout=read,
        stderr=subprocess.PIPE, check=False,
        env={"SALLYPORT_SOCKET": gw.socket, "PATH": os.environ["PATH"],
             "SALLYPORT_QMAIL_QUEUE": f"{folder}/qmail-queue.orig"})
    os.close(read)
    assert done.returncode == 0, done
    assert len(way.kept()) == 1


@pytest.mark.core
def test_no_room_for_it_is_53(house, way_of, run):
    """TMPDIR is where a large mail lies."""
    gw = house()
    way = way_of(agents.QmailQueue, gw)
    large = corpus_mail.large("large", 3_000_000)
    read, write = os.pipe()
    os.write(write, way.envelope)
    os.close(write)

    done = subprocess.run(
        way.command(), input=large, stdout=read, stderr=subprocess.PIPE,
        check=False, env={"TMPDIR": "/nonexistent/folder"})
    os.close(read)

    assert done.returncode == 53, done
    assert run("deliver", "--socket", gw.socket, "--", "true", stdin=large,
               env={"TMPDIR": "/nonexistent/folder"}).returncode == 75
    assert way.kept() == []


# ---- the command line ----------------------------------------------------------


@pytest.mark.core
@pytest.mark.parametrize("words, status", [
    (["deliver"], 64), (["deliver", "--"], 64),
    (["deliver", "--nonsense", "--", "true"], 64),
    (["deliver", "--timeout", "soon", "--", "true"], 64),
    (["deliver", "--timeout", "0", "--", "true"], 64),
    (["deliver", "--next", "x", "--", "true"], 64),
    (["filter", "true"], 64), (["qmail-queue", "-f", "x"], 81),
    (["qmail-queue", "x"], 81)])
def test_a_wrong_command_line(run, words, status):
    done = run(*words)

    assert done.returncode == status, done
    assert b"usage: sallyport " in done.stderr


def test_it_does_not_run_set_uid(build, folder):
    path = f"{folder}/sallyport"
    with open(f"{build}/sallyport", "rb") as f, open(path, "wb") as to:
        to.write(f.read())
    os.chown(path, 65534, 65534)
    os.chmod(path, 0o4755)

    done = subprocess.run([path, "version"], check=False,
                          capture_output=True, timeout=PATIENCE)

    assert done.returncode == 75, done
    assert b"must not be set-uid" in done.stderr


# ---- the documents --------------------------------------------------------------


@pytest.mark.parametrize("recipe", [
    "mailbox_command = " + agents.POSTFIX_COMMAND, agents.SENDMAIL,
    agents.EXIM_PIPE, agents.EXIM_FILTER, agents.PROCMAILRC,
    agents.MAILDROPRC],
    ids=["postfix", "sendmail", "exim", "exim filter", "procmail",
         "maildrop"])
def test_the_documented_lines_are_those_that_are_run(recipe):
    """But for the socket, which is where it belongs, and the test's own."""
    with open(f"{os.path.dirname(__file__)}/../../../docs/local.md",
              encoding="utf-8") as f:
        documented = {line.strip() for line in f}
    text = recipe.replace(" --socket {socket}", "").format(
        tool="/usr/bin/sallyport", keep="/usr/bin/procmail", socket="",
        sender="$SENDER" if "HOST" in recipe else "$FROM", rcpt="$LOGNAME",
        dir="")
    ours = ("judged", "agent:", "user =", "group =", "SHELL", "VERBOSE",
            "driver = appendfile", "maildir_format", "directory =",
            "create_directory", "LOCAL_DOMAIN", "define(`confDEF", ":0r",
            "/", 'to "|')
    lines = [line.strip() for line in text.splitlines()]
    kept = [x for x in lines if x and not x.startswith(ours)]

    assert kept
    assert [x for x in kept if x not in documented] == []
