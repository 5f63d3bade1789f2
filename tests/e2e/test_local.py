"""Mail at the local delivery agent: `sallyport deliver`, `filter` and
`qmail-queue`, by hand and as real mail servers and agents run them."""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import threading

import corpus_mail
import pytest
from peers import agents
from peers.client import send
from peers.common import PATIENCE, until

SMALL = corpus_mail.plain()
LF = SMALL.replace(b"\r\n", b"\n")
BIG = 20_000_000
# what the first process of a group that is killed looks at meanwhile
SCANNING = "local content -> scan"


@pytest.fixture(name="house")
def a_gateway_for_agents(gateway):
    """house(changes): a gateway that listens at a socket of ours."""
    def make(changes=None, **words):
        gw = gateway(start=False)
        gw.configure({"listener local": {
            "protocol": "local", "address": f"unix:{gw.dir}/local.sock",
            "policy": "mail"}})
        gw.configure(changes or {})
        gw.socket = f"{gw.dir}/local.sock"
        return gw.start(**words)
    return make


@pytest.fixture(name="way_of")
def ways(build, cleanly):
    """way_of(class, gateway or socket): one of peers/agents."""
    def make(kind, gw, **words):
        way = kind(build, getattr(gw, "socket", gw), **words)
        cleanly(way)
        return way
    return make


@pytest.fixture(name="run")
def runner(build):
    """run(words, stdin): the tool, to its end."""
    def make(*words, stdin=b"", env=None, **more):
        return subprocess.run(
            [f"{build}/sallyport", *words], input=stdin, check=False,
            capture_output=True, timeout=PATIENCE,
            env={"PATH": os.environ["PATH"], **(env or {})}, **more)
    return make


def judged(gw, count=1):
    """The decisions, once there are so many."""
    return until(f"{count} decisions", lambda: (
        lambda d: d if len(d) >= count else None)(
            gw.events(event__action="decision")))


def outcome(gw):
    """The one outcome there is."""
    (said,) = until("an outcome", lambda: gw.events(event__action="outcome"))
    return said


def must_be_delivered(mail, original):
    """All of it, below our field and whatever the agent has added."""
    assert corpus_mail.body_of(mail) == original.replace(b"\r\n", b"\n")
    lines = mail.split(b"\n")
    if lines[0].startswith(b"From "):
        lines = lines[1:]
    assert any(line.startswith(b"X-Sallyport: clean; ") for line in lines)


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


def test_the_event_is_the_one_that_smtp_writes(house, way_of, sink):
    """Same fields, same finding; but a socket of this machine has no
    address, and SMTP does not know the user."""
    gw = house({"smtp": {"next_hop": f"smtp:127.0.0.1:{sink.port}"}})
    way = way_of(agents.Deliver, gw)
    way.crlf = True

    for mail in (SMALL, corpus_mail.infected("zip-in-zip")):
        send(gw.port, mail)
        way.give(mail)

    events = judged(gw, 4)
    for verdict in ("clean", "malware"):
        smtp, local = sorted(
            (e for e in events if e["sallyport.verdict"] == verdict),
            key=lambda e: e["network.protocol"], reverse=True)
        assert set(smtp) - set(local) <= {"client.ip", "client.port"}
        assert set(local) - set(smtp) == {"user.name"}
        for field in ("email.from.address", "email.to.address",
                      "email.subject", "email.message_id", "rule.name",
                      "sallyport.smtp.helo", "sallyport.action",
                      "sallyport.verdict", "file.hash.sha256",
                      "sallyport.finding", "event.category", "event.type",
                      "event.kind", "event.outcome"):
            assert smtp.get(field) == local.get(field), field


# ---- nothing is lost -----------------------------------------------------------


@pytest.mark.parametrize("kind", agents.DIRECT)
def test_without_a_gateway_nothing_is_delivered(way_of, folder, kind):
    way = way_of(agents.DIRECT[kind], f"{folder}/nothing")

    assert way.give(SMALL) == (73 if kind == "qmail-queue" else 75)

    assert b"sallyportd at " in way.err
    assert way.kept() == []


@pytest.mark.core
@pytest.mark.parametrize("kind", agents.DIRECT)
def test_a_gateway_that_dies_over_a_mail_loses_nothing(house, way_of, kind):
    gw = house()
    way = way_of(agents.DIRECT[kind], gw)

    child = way.launch(corpus_mail.large("large", BIG))
    until("it is being scanned", lambda: SCANNING in gw.stderr())
    for n in (1, 2):
        os.kill(gw.role(f"net {n}"), signal.SIGKILL)

    assert way.end(child) == (74 if kind == "qmail-queue" else 75), way.err
    assert way.kept() == []
    until("it is back", lambda: way.give(SMALL) == 0)


@pytest.mark.core
@pytest.mark.parametrize("kind", agents.DIRECT)
def test_a_scan_worker_that_dies_over_a_mail_loses_nothing(
        house, way_of, kind):
    gw = house()
    way = way_of(agents.DIRECT[kind], gw)

    child = way.launch(corpus_mail.large("large", BIG))
    until("it is being scanned", lambda: SCANNING in gw.stderr())
    for n in (1, 2):
        os.kill(gw.role(f"scan {n}"), signal.SIGKILL)

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
        os.kill(gw.role(f"net {n}"), signal.SIGKILL)
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


def frame(letter, text=b""):
    return letter.encode() + struct.pack(">H", len(text)) + text


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


def run_path(run):
    """The program that run() runs."""
    return run("version").args[0]


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


# ---- limits ------------------------------------------------------------------


LIMITS = {
    "max_message_size": (
        {"max_message_size": "10k"}, (), corpus_mail.plain(size=20000), 77,
        b"5.3.4 Message size exceeds max_message_size\n"),
    "max_message_size, and on and on": (
        {"max_message_size": "10k"}, (), corpus_mail.large("a", 900_000), 77,
        b"5.3.4 Message size exceeds max_message_size\n"),
    "max_recipients": (
        {"max_recipients": "2"}, ("-d", "a", "-d", "b", "-d", "c"), LF, 75,
        b"4.5.3 Too many recipients: max_recipients\n"),
    "max_received": (
        {"max_received": "3"}, (), b"Received: x\n" * 4 + LF, 77,
        b"5.4.6 max_received: too many hops, a mail loop\n"),
    "allow_from": (
        {"allow_from": "127.0.0.1"}, (), LF, 75,
        b"4.7.1 allow_from does not name you\n"),
    "reject_text": (
        {"reject_text": "550 no {reason}"}, (), corpus_mail.infected("raw"),
        77, b"no malware Eicar-Test-Signature.UNOFFICIAL\n"),
}


@pytest.mark.core
@pytest.mark.parametrize("limit", LIMITS)
def test_each_limit_has_its_name(house, run, limit):
    changes, words, mail, status, text = LIMITS[limit]
    gw = house({"listener local": changes})

    done = run("deliver", "--socket", gw.socket, *words, "--", "cat",
               stdin=mail)

    assert (done.returncode, done.stderr, done.stdout) == (status, text, b"")


class Wire:
    """The protocol by hand."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(path)

    def say(self, *frames):
        self.sock.sendall(b"".join(frames))
        return self

    def hear(self):
        """All frames up to the end of the answer: {letter: text}."""
        have, found = b"", {}
        while True:
            while len(have) < 3 or len(have) < 3 + struct.unpack(
                    ">H", have[1:3])[0]:
                more = self.sock.recv(4096)
                if not more:
                    return found
                have += more
            size = struct.unpack(">H", have[1:3])[0]
            found[have[:1].decode()] = have[3:3 + size].decode()
            have = have[3 + size:]
            if "." in found:
                return found

    def remove(self):
        self.sock.close()


@pytest.fixture(name="wire")
def wires(cleanly):
    def make(gw):
        w = Wire(gw.socket)
        cleanly(w)
        return w
    return make


HELLO = frame("V", b"1")
ODD = {
    "garbage": b"GET / HTTP/1.1\r\n\r\n",
    "a version of tomorrow": frame("V", b"2"),
    "no version": frame("S", b"a@example.org"),
    "a second sender": HELLO + frame("S") + frame("S"),
    "a mail before its version": frame("M", b"x"),
    "an outcome before the mail": HELLO + frame("O", b"delivered"),
    "too long a recipient": HELLO + b"R\xff\xff",
    "too long a piece": HELLO + b"M\x80\x01",
    "an answer": frame("A", b"pass"),
}


@pytest.mark.core
@pytest.mark.parametrize("odd", ODD)
def test_what_is_not_the_protocol_gets_one_answer(house, wire, odd):
    gw = house()
    w = wire(gw)

    said = w.say(ODD[odd]).hear()

    assert said["A"] == "tempfail"
    assert said["T"] == "4.5.0 sallyport and sallyportd do not agree"
    assert w.sock.recv(10) == b""
    assert "local protocol error" in gw.stderr()


@pytest.mark.core
def test_a_byte_at_a_time_is_the_same(house, wire):
    gw = house()
    w = wire(gw)

    for byte in HELLO + frame("R", b"bob") + frame("M", LF) + frame("E"):
        w.say(bytes([byte]))

    said = w.hear()
    assert said["A"] == "pass"
    assert said["K"].endswith(said["I"])
    w.say(frame("O", b"delivered by hand\r\nnext line"))
    assert outcome(gw)["sallyport.reply"] == "by hand\r\nnext line"
    assert len(gw.events()) == 2


@pytest.mark.core
@pytest.mark.parametrize("changes, sent, word", [
    ({"command_timeout": "200ms"}, b"", "command_timeout"),
    ({"command_timeout": "200ms"}, HELLO, "command_timeout"),
    ({"data_timeout": "200ms"}, HELLO + frame("M", b"x"), "data_timeout")],
    ids=["connected", "greeted", "in the mail"])
def test_each_time_limit_has_its_name(house, wire, changes, sent, word):
    gw = house({"listener local": changes})
    w = wire(gw)

    said = w.say(sent).hear()

    assert (said["A"], said["T"]) == ("tempfail", f"4.4.2 {word} exceeded")
    if sent:
        (ended,) = until("its event", gw.events)
        assert ended["sallyport.reason"] == word


@pytest.mark.core
def test_who_never_says_how_it_ended_is_not_waited_for(house, wire):
    gw = house({"listener local": {"next_hop_data_timeout": "200ms"}})
    w = wire(gw)

    assert w.say(HELLO + frame("M", LF) + frame("E")).hear()["A"] == "pass"
    assert w.sock.recv(10) == b""

    assert outcome(gw)["sallyport.reason"] == "next_hop_data_timeout"


@pytest.mark.core
@pytest.mark.parametrize("sent", [
    HELLO, HELLO + frame("M", b"x"),
    HELLO + frame("M", LF) + frame("E")],
    ids=["greeted", "in the mail", "told"])
def test_who_goes_in_the_middle_leaves_one_event(house, wire, sent):
    gw = house()
    w = wire(gw)
    w.say(sent)
    if sent.endswith(frame("E")):
        w.hear()
    else:
        w.say(frame("M", b"more"))

    w.remove()

    (said,) = until("its event", lambda: [
        e for e in gw.events() if e["event.action"] != "decision"])
    assert said["sallyport.result"] == "aborted"
    assert said["sallyport.reason"] == "client_gone"


@pytest.mark.core
def test_sessions_have_a_limit(house, wire):
    gw = house({"gateway": {"workers": "1"},
                "listener local": {"max_sessions": "1"}})
    first = wire(gw).say(HELLO)
    until("it is in", lambda: "session begins listener=local" in gw.stderr())

    said = wire(gw).hear()

    assert said["T"] == "4.3.2 max_sessions reached, try again later"
    first.say(frame("M", LF) + frame("E"))
    assert first.hear()["A"] == "pass"


@pytest.mark.core
def test_a_gateway_that_stops_lets_a_mail_end(house, wire):
    gw = house({"gateway": {"workers": "1"}})
    idle, busy = wire(gw), wire(gw)
    idle.say(HELLO)
    busy.say(HELLO + frame("M", LF))
    until("both are in", lambda: gw.stderr().count(
        "session begins listener=local") == 2)
    until("it comes in", lambda: "local envelope -> content" in gw.stderr())

    gw.signal(signal.SIGTERM)

    assert idle.hear()["T"] == "4.3.2 The gateway is shutting down"
    assert busy.say(frame("E")).hear()["A"] == "pass"
    busy.say(frame("O", b"delivered exit 0"))
    assert gw.child.wait(PATIENCE) == 0
    assert [e["sallyport.result"] for e in gw.events(
        event__action="outcome")] == ["delivered"]


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
    assert b"usage: sallyport scan" in done.stderr


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
    agents.POSTFIX.splitlines()[3], agents.SENDMAIL, agents.EXIM_PIPE,
    agents.EXIM_FILTER, agents.PROCMAILRC, agents.MAILDROPRC],
    ids=["postfix", "sendmail", "exim", "exim filter", "procmail",
         "maildrop"])
def test_the_documented_lines_are_those_that_are_run(recipe):
    """But for the socket, which is where it belongs, and the test's own."""
    with open(f"{os.path.dirname(__file__)}/../../docs/local.md",
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
