"""Scenes: conversations written down as they are spoken; pytest plays them.

A file has a gateway of its own and, behind it, a next hop that does as it is
told (peers/smtp_sink.py).  Before the first scene:

    conf [smtp] max_recipients = 2      over what peers/sallyport.py has
    extensions SIZE 1000, PIPELINING    what the next hop offers
    certificate                         in [tls], and the next hop has it, too
    web                                 it is about the web: scene_http.py
    next_hop {down} {hop}               {hop} is the default; {down}: nobody
                                        listens there; or maildir
    extensions2 SIZE 1000               there is a second one: {hop2}, which
                                        H2: hop2 and relayed2 are about

    milter                              ... a filter of MTAs: scene_milter.py
    ftp                                 ... files: scene_ftp.py

    scene the name of a test

Then one of these on a line; C2: and S2: are a second client and so on:

    C: text             the client sends text and CRLF; lines that follow each
                        other go out in one piece
    C= text             the same without CRLF, with \\r \\n \\0 \\xff in it
    C: @clean           a mail and its dot; see MAILS
    C: BDAT @clean LAST the same as one chunk, its size in place of its name
    C: tls              the client shakes hands
    C: shut             the client sends no more and still listens
    C: reset            the client is gone
    S: glob             the whole next reply, its lines joined by " | "
    S: closed           the gateway has closed the connection
    S: silence          nothing comes for a moment
    hello               the greeting and EHLO, all well
    mail a@b c@d        MAIL and RCPTs, all well; without names one RCPT
    H: STEP reply       what the next hop says at one of STEPS; or close, or
                        silent, or slow; given again: what it says the next
                        time; then as usual
    hop down            from here on nobody listens there (in this scene)
    hop closes          it closes every connection it has
    hop heard glob      a command it has heard in this scene; or: not glob
    hop pipelined       it was sent more while a reply of it was slow
    hop not pipelined
    relayed nothing     and none of these means that nothing is checked
    relayed N           mails in this scene
    relayed as sent     the last one is, below our fields, the C: @ it was
    relayed text "..."  ... or this text, with escapes as in C=
    relayed to a@b c@d  its recipients
    relayed field glob  one of our fields on top of it, unfolded
    event KIND k=glob   an event of this scene: ended, decision or outcome
    gateway drains      it gets TERM; for the last scene of a file
    wait N              seconds

In a glob only * is special.
"""

import importlib
import re
import shlex
import signal
import socket
import time

import pytest

import corpus_mail
from peers import common, smtp_sink
from peers.certificate import Certificate, anybody
from peers.client import dotted
from peers.sallyport import Sallyport

QUIET = 0.15  # seconds without a byte are silence
SLOW = 1.0    # seconds of a slow next hop

HEAD = b"X-Corpus: scene\r\nSubject: A scene\r\nFrom: alice@example.org\r\n"

MAILS = {
    "clean": lambda: corpus_mail.plain("clean", 500),
    "dots": lambda: HEAD + b"\r\n.\r\n..\r\n.a\r\na.\r\n...b\r\n",
    "long-line": lambda: HEAD + b"\r\n" + b"x" * 100000 + b"\r\n",
    # around what RFC 5321 4.5.3.1.6 allows, with and without a dot in front
    "long-lines": lambda: HEAD + b"X-Long: " + b"h" * 1200 + b"\r\n\r\n"
    + b"".join(first + b"x" * (n - 1) + b"\r\n" for n in
               (76, 996, 997, 998, 999, 1000, 1001, 2047, 2048, 2049, 70000)
               for first in (b"x", b".")),
    "nul": lambda: HEAD + b"\r\na\0b\r\n\0\r\n",
    "8bit": lambda: HEAD + b"\r\ncaf\xc3\xa9 \xff\x80\r\n",
    "1k": lambda: corpus_mail.plain("1k", 1000),
    "300k": lambda: corpus_mail.large("300k", 300_000),
    "empty": lambda: b"",
    "dots-300k": lambda: HEAD + b"\r\n" + b".dot\r\n..\r\nx.\r\n" * 25000,
    "hops-3": lambda: b"Received: a\r\n b\r\n" * 3 + HEAD + b"\r\nx\r\n",
    "hops-4": lambda: b"received: a\r\n" * 4 + HEAD + b"\r\nx\r\n",
    "fields-40": lambda: b"X-Sallyport: a\r\n" * 40 + HEAD + b"\r\nx\r\n",
    "binary": lambda: HEAD + b"\r\na\nb\rc\0\r\n.\r\n.\n\xff",
    "open-end": lambda: HEAD + b"\r\nthe last line",
    "eicar": lambda: corpus_mail.infected("attached"),
    "eicar-in-zip": lambda: corpus_mail.infected("zip"),
}

EVENT_KEYS = {
    "result": "sallyport.result", "reason": "sallyport.reason",
    "reply": "sallyport.reply", "verdict": "sallyport.verdict",
    "action": "sallyport.action", "next_hop": "sallyport.next_hop",
    "quarantine": "sallyport.quarantine",
    "helo": "sallyport.smtp.helo", "subject": "email.subject",
    "from": "email.from.address", "to": "email.to.address",
    "client": "client.address",
    "tls": "tls.version", "tls_cipher": "tls.cipher",
    "hop_tls": "sallyport.next_hop_tls.version",
}

KINDS = {"web": ("scene_http", "Web"), "ftp": ("scene_ftp", "File"),
         "milter": ("scene_milter", "Milter")}

STEPS = ("connect", "EHLO", "HELO", "MAIL", "RCPT", "DATA", "dot", "RSET",
         "BDAT", "XFORWARD", "XCLIENT", "AUTH", "STARTTLS")


class Differs(Exception):
    """The play did not go as it is written."""


def glob(pattern, text):
    parts = (re.escape(p) for p in pattern.split("*"))
    return re.fullmatch(".*".join(parts), text, re.DOTALL) is not None


def unescape(text):
    return text.encode().decode("unicode_escape").encode("latin-1")


def split_top(data):
    """(our fields unfolded, what lies below them)"""
    fields = []
    while True:
        m = re.match(rb"(Return-Path|Delivered-To|Received|X-Sallyport):"
                     rb"[^\n]*\n([ \t][^\n]*\n)*", data)
        ours = m and (m[1] != b"Received" or b"(Sallyport)" in m[0])
        if not ours or m[1] == b"X-Sallyport" and not fields:
            return fields, data
        fields.append(re.sub(rb"\r\n[ \t]+", b" ", m[0]).decode().strip())
        data = data[m.end():]
        if m[1] == b"X-Sallyport":
            return fields, data


# ---- the stage ---------------------------------------------------------------


class Stage:
    """One gateway and its next hop, for all scenes of a file."""

    def __init__(self, build, head):
        self.sink = smtp_sink.SmtpSink().start()
        self.second = None
        self.certificate = None
        self.hop_is_down = False
        self.down = common.free_port()
        changes = {"gateway": {"workers": "1"}, "scan": {"workers": "1"}}
        hops = "{hop}"
        for line in head:
            word, _, rest = line.partition(" ")
            if word == "conf":
                m = re.fullmatch(r"\[(.+?)\] (\w+) = (.*)", rest)
                if m is None:
                    raise Differs(f"not conf: {line}")
                changes.setdefault(m[1], {})[m[2]] = self.named(m[3])
            elif word == "extensions2":
                self.second = Second(self, tuple(rest.split(", ")))
            elif word == "certificate":
                self.certificate = Certificate()
                self.sink.tls = self.certificate.serves()
                changes["tls"] = self.certificate.options()
            elif word == "extensions":
                self.sink.extensions = tuple(rest.split(", "))
            elif word == "next_hop":
                hops = rest
            else:
                raise Differs(f"before the first scene: {line}")
        if hops != "maildir":
            changes.setdefault("smtp", {})["next_hop"] = self.named(hops)
        self.maildir = hops == "maildir"
        self.gateway = Sallyport(build, changes)
        try:
            self.gateway.start()
            # not in mid-handshake, or TLS is given up for that connection
            if "{hop}" in hops:
                common.until("the next hop was asked", lambda: re.search(
                    "smtp next_hop=|not reached", self.gateway.stderr()))
        except BaseException:
            self.remove()
            raise

    def named(self, text):
        """With the next hops' addresses in it."""
        ports = {"hop": self.sink.port, "down": self.down}
        if self.second is not None:
            ports["hop2"] = self.second.sink.port
        for name, port in ports.items():
            text = re.sub(r"(\w+:)?\{%s\}" % name, lambda m, p=port:
                          f"{m[1] or 'smtp:'}127.0.0.1:{p}", text)
        return text

    def remove(self):
        self.gateway.remove()
        self.sink.stop()
        if self.certificate is not None:
            self.certificate.remove()
        if self.second is not None:
            self.second.sink.stop()

    def clear(self):
        """For the next scene: no connection is left from the last one."""
        self.sink.script = {}
        self.sink.hang_up()

    def hop_down(self):
        self.hop_is_down = True
        self.sink.stop_listening()
        self.sink.hang_up()

    def raise_hop(self):
        if self.hop_is_down:
            self.sink.listen()
        self.hop_is_down = False

    def mails(self):
        if not self.maildir:
            return [(m.data, m.recipients) for m in self.sink.mails]
        return [(data, None) for data in self.gateway.maildir()]


class Second(Stage):
    """The same stage, as its second next hop sees it."""

    # pylint: disable=super-init-not-called
    def __init__(self, stage, extensions):
        self.sink = smtp_sink.SmtpSink(extensions=extensions).start()
        self.hop_is_down = self.maildir = False
        self.stage = stage
        self.second = None

    @property
    def gateway(self):
        return self.stage.gateway


class Client:
    def __init__(self, port):
        self.sock = socket.create_connection(
            ("127.0.0.1", port), timeout=common.PATIENCE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("rb")
        self.to_send = b""

    def flush(self):
        out, self.to_send = self.to_send, b""
        if out:
            self.sock.sendall(out)

    def start_tls(self):
        self.sock = anybody().wrap_socket(self.sock)
        self.file = self.sock.makefile("rb")

    def reply(self):
        lines = []
        while True:
            try:
                line = self.file.readline()
            except ConnectionResetError:
                line = b""
            except TimeoutError:
                raise Differs("the gateway says nothing") from None
            if not line:
                return " | ".join(lines) or "closed"
            if not line.endswith(b"\r\n"):
                raise Differs(f"a line without CRLF: {line!r}")
            lines.append(line[:-2].decode("latin-1"))
            if line[3:4] != b"-":
                return " | ".join(lines)

    def is_silent(self):
        self.sock.settimeout(QUIET)
        try:
            self.file.peek(1)
            return False
        except TimeoutError:
            # a file that has timed out once is not read any more
            self.file = self.sock.makefile("rb")
            return True
        finally:
            self.sock.settimeout(common.PATIENCE)

    def close(self):
        self.file.close()
        self.sock.close()


class Play:
    """One scene on a stage."""

    def __init__(self, stage, lines):
        self.stage, self.lines = stage, lines
        self.clients = {}
        self.sent = None
        self.script = {}
        stage.clear()
        self.mails_before = len(stage.mails())
        self.events_before = len(stage.gateway.events())
        self.second = stage.second and Play(stage.second, [])
        self.early = stage.sink.early
        self.heard_before = [len(c.said) for c in stage.sink.connections]

    # -- the client

    def client(self, number):
        if number not in self.clients:
            self.clients[number] = Client(self.stage.gateway.port)
        return self.clients[number]

    def flush(self):
        for c in self.clients.values():
            c.flush()

    def say(self, number, text):
        c = self.client(number)
        if text.startswith("@"):
            self.sent = MAILS[text[1:]]()
            c.to_send += dotted(self.sent)
        elif text.startswith("BDAT @"):
            name, _, rest = text[6:].partition(" ")
            self.sent = MAILS[name]()
            c.to_send += f"BDAT {len(self.sent)} {rest}\r\n".encode()
            c.to_send += self.sent
        elif text == "tls":
            c.flush()
            c.start_tls()
        elif text == "shut":
            c.flush()
            c.sock.shutdown(socket.SHUT_WR)
        elif text == "reset":
            c.flush()
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              b"\1\0\0\0\0\0\0\0")
            c.close()
            del self.clients[number]
        else:
            c.to_send += text.encode() + b"\r\n"

    def hear(self, number, pattern):
        c = self.client(number)
        self.flush()
        if pattern == "silence":
            if not c.is_silent():
                raise Differs(f"no silence, but: {c.reply()}")
            return
        reply = c.reply()
        if not glob(pattern, reply):
            raise Differs(f"it says {reply}")

    def do_hello(self, number):
        number = number or "1"
        self.hear(number, "220 gw.example.org ESMTP Sallyport")
        self.say(number, "EHLO client.example")
        self.hear(number, "250-gw.example.org*")

    def do_mail(self, rest):
        names = rest.split() or [corpus_mail.RECIPIENT]
        self.say("1", f"MAIL FROM:<{corpus_mail.SENDER}>")
        self.hear("1", "250 2.1.0 *")
        for name in names:
            self.say("1", f"RCPT TO:<{name}>")
            self.hear("1", "250 *")

    # -- the next hop

    def script_hop(self, rest):
        step, _, reply = rest.partition(" ")
        if step not in STEPS:
            raise Differs(f"no such step: {step}")
        what = {"close": smtp_sink.HANG_UP, "silent": smtp_sink.SILENT,
                "slow": smtp_sink.delay(SLOW), "usual": None}.get(
                    reply, unescape(reply).decode("latin-1")
                    .replace(" | ", "\r\n"))
        self.script.setdefault(step, []).append(what)
        self.stage.sink.script = self.script

    def heard(self):
        found = []
        for n, c in enumerate(list(self.stage.sink.connections)):
            before = self.heard_before[n] if n < len(self.heard_before) else 0
            found += [s.decode("latin-1") for s in c.said[before:]]
        return found

    def do_hop(self, rest):
        self.flush()
        word, _, pattern = rest.partition(" ")
        if word == "down":
            self.stage.hop_down()
        elif word == "closes":
            self.stage.sink.hang_up()
        elif rest in ("pipelined", "not pipelined"):
            if (self.stage.sink.early > self.early) != (word == "pipelined"):
                raise Differs("it was otherwise")
        elif word == "heard" and pattern.startswith("not "):
            if any(glob(pattern[4:], h) for h in self.heard()):
                raise Differs(f"it heard {self.heard()}")
        elif word == "heard":
            try:
                common.until(pattern, lambda: any(
                    glob(pattern, h) for h in self.heard()))
            except AssertionError:
                raise Differs(f"it heard {self.heard()}") from None
        else:
            raise Differs(f"hop what? {rest}")

    # -- the gateway

    def do_gateway(self, rest):
        self.flush()
        if rest != "drains":
            raise Differs(f"gateway what? {rest}")
        self.stage.gateway.signal(signal.SIGTERM)

    # -- what came of it

    def relayed(self):
        return self.stage.mails()[self.mails_before:]

    def do_relayed(self, rest):
        self.flush()
        mails = self.relayed()
        if rest == "nothing" or rest.isdigit():
            want = int(rest) if rest.isdigit() else 0
            if len(mails) != want:
                raise Differs(f"relayed: {len(mails)}")
            return
        if not mails:
            raise Differs("nothing was relayed")
        data, recipients = mails[-1]
        fields, below = split_top(data)
        word, _, what = rest.partition(" ")
        if word == "as" and below != self.sent:
            raise Differs(f"not as sent: {below[:2000]!r}")
        if word == "text" and below != unescape(what.strip('"')):
            raise Differs(f"below our fields: {below[:2000]!r}")
        if word == "to" and recipients != what.split():
            raise Differs(f"relayed to {recipients}")
        if word == "field" and not any(glob(what, f) for f in fields):
            raise Differs(f"our fields: {fields}")
        if word not in ("as", "text", "to", "field"):
            raise Differs(f"relayed what? {rest}")

    def do_event(self, rest):
        self.flush()
        kind, *pairs = shlex.split(rest)
        want = [p.partition("=")[::2] for p in pairs]

        def fits(e):
            if e.get("event.action") != kind:
                return False
            for key, pattern in want:
                value = e.get(EVENT_KEYS[key], "")
                if isinstance(value, list):
                    value = " ".join(value)
                if not glob(pattern, str(value)):
                    return False
            return True

        def events():
            return [e for e in self.stage.gateway.events()
                    [self.events_before:] if "event.id" in e]
        try:
            common.until("an event", lambda: any(map(fits, events())))
        except AssertionError:
            seen = [{k: e.get(v) for k, v in EVENT_KEYS.items()}
                    | {"kind": e["event.action"]} for e in events()]
            raise Differs(f"the events are {seen}") from None

    def do_wait(self, rest):
        self.flush()
        time.sleep(float(rest))

    # -- all of it

    def one(self, line):
        m = re.fullmatch(r"([CS])(\d?)([:=]) ?(.*)", line)
        if m is None and line.startswith("H: "):
            self.script_hop(line[3:])
        elif m is None and re.match("(H2:|hop2 |relayed2 )", line):
            self.flush()
            self.second.sent = self.sent
            self.second.one(line.replace("2", "", 1))
        elif m is None:
            word, _, rest = line.partition(" ")
            do = getattr(self, f"do_{word}", None)
            if do is None:
                raise Differs("what is that?")
            do(rest)
        elif m[1] == "S":
            self.hear(m[2] or "1", m[4])
        elif m[3] == "=":
            self.client(m[2] or "1").to_send += unescape(m[4])
        else:
            self.say(m[2] or "1", m[4])

    def run(self):
        number = 0
        try:
            for number, line in self.lines:
                self.one(line)
            self.flush()
        except Differs as e:
            raise Differs(f"line {number}: {line}\n{e}") from None
        finally:
            for c in self.clients.values():
                c.close()
            self.stage.raise_hop()
            if self.second is not None:
                self.second.stage.raise_hop()


# ---- pytest ------------------------------------------------------------------


class SceneItem(pytest.Item):
    """One scene with one build."""

    def __init__(self, *, lines, build, **kwargs):
        super().__init__(**kwargs)
        self.lines, self.build = lines, build

    def runtest(self):
        stage = self.parent.stage(self.build)
        self.parent.kind()[1](stage, self.lines).run()
        wrong = stage.gateway.errors()
        if wrong:
            raise Differs(wrong)

    def repr_failure(self, excinfo, style=None):
        if not isinstance(excinfo.value, Differs):
            return super().repr_failure(excinfo, style)
        said = self.parent.stage(self.build).gateway.stderr()[-3000:]
        return f"{self.path}: {excinfo.value}\n---- gateway\n{said}"

    def reportinfo(self):
        return self.path, self.lines[0][0] - 1 if self.lines else 0, self.name


class SceneFile(pytest.File):
    """Its scenes, once for each build; a stage lives as long as they do."""

    builds = None  # conftest.py's

    def collect(self):
        self.stages = {}
        self.head, scenes = parse(self.path.read_text(encoding="utf-8"))
        for name, build in self.builds():
            for title, lines in scenes:
                yield SceneItem.from_parent(
                    self, name=f"{title} [{name}]", lines=lines, build=build)

    def stage(self, build):
        if build not in self.stages:
            self.stages[build] = self.kind()[0](build, self.head)
        return self.stages[build]

    def kind(self):
        for word, (file, name) in KINDS.items():
            if word in self.head:
                more = importlib.import_module(file)
                return getattr(more, f"{name}Stage"), getattr(
                    more, f"{name}Play")
        return Stage, Play

    def teardown(self):
        while self.stages:
            self.stages.popitem()[1].remove()


def parse(text):
    """(lines before the first scene, [(name, [(number, line)])])"""
    head, scenes = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("scene "):
            scenes.append((line[6:], []))
        elif scenes:
            scenes[-1][1].append((number, line))
        else:
            head.append(line)
    return head, scenes

