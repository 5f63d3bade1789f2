"""SmtpSink: a mail server that keeps what it gets and does as it is told.

    sink = SmtpSink(script={"RCPT": "450 4.2.1 Later"}).start()
    sink.mails[0].data, .sender, .recipients

Steps of a script: connect EHLO HELO MAIL RCPT DATA dot RSET NOOP VRFY QUIT,
BDAT (a chunk that is not the last one), XFORWARD, XCLIENT (a greeting follows),
AUTH (at its end), STARTTLS
(offered where the sink has a context of ssl; what a script gives is said as it
stands, and only a "220" is followed by TLS).
What a step may have:
    "450 4.2.1 Later"   this reply instead of the usual one
    HANG_UP             closes the connection instead of a reply
    SILENT              never replies
    delay(2)            the usual reply, 2 seconds later; delay(2, "450 ...")
    call(f)             f(connection, line) gives any of these, or None
    [a, b, None]        a the first time, b the second, then None: as usual
A mail is in .mails (and on disk, if there is a directory) before its 250.

As a program it runs in a process of its own, which can be killed:
    python3 smtp_sink.py PORT DIRECTORY
"""

import base64
import json
import os
import socket
import subprocess
import sys
import threading
import time

if __package__:
    from . import common

HANG_UP = ("hang_up",)
SILENT = ("silent",)

USUAL = {
    "connect": "220 sink.example.net ESMTP",
    "HELO": "250 sink.example.net",
    "MAIL": "250 2.1.0 Ok",
    "RCPT": "250 2.1.5 Ok",
    "DATA": "354 Go on",
    "RSET": "250 2.0.0 Ok",
    "NOOP": "250 2.0.0 Ok",
    "VRFY": "252 2.0.0 Perhaps",
    "QUIT": "221 2.0.0 Bye",
    "BDAT": "250 2.0.0 Ok",
    "XFOR": "250 2.0.0 Ok",
    "AUTH": "235 2.7.0 Welcome",
}
EXTENSIONS = ("PIPELINING", "SIZE 100000000", "8BITMIME",
              "ENHANCEDSTATUSCODES")


def delay(seconds, then=None):
    return ("delay", seconds, then)


def call(function):
    return ("call", function)


class Mail:
    """One mail as it came: envelope, bytes (dots unstuffed), circumstances."""

    chunks = 0  # 0: it came by DATA

    def __init__(self, sender, recipients, data, parameters, connection, nth):
        self.sender = sender
        self.recipients = recipients
        self.data = data
        self.parameters = parameters  # what followed MAIL FROM:<...>
        self.connection = connection  # number of the connection, from 1
        self.nth = nth                # which mail in that connection, from 1


class Gone(Exception):
    """The connection is over."""


class Connection:
    """One client of the sink."""

    def __init__(self, sink, sock, number):
        self.sink, self.sock, self.number = sink, sock, number
        self.file = sock.makefile("rb", buffering=65536)
        self.said = []  # every line the client sent, of data the dot alone
        self.helo = None
        self.lmtp = False  # LHLO was said: a reply for each recipient
        self.sender = None
        self.parameters = ""
        self.recipients = []
        self.data = b""
        self.chunks = 0   # of the mail under way
        self.secured = None  # the version of TLS
        self.auth = []    # every line of AUTH exchanges, the client's
        self.mails = 0
        self.over = threading.Event()   # no more waiting
        self.ended = threading.Event()

    def serve(self):
        try:
            self._reply("connect", b"")
            while True:
                line = self.file.readline(65536)
                if not line:
                    return
                self._command(line.rstrip(b"\r\n"))
        except (OSError, Gone, ValueError):
            pass
        finally:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self.file.close()
            self.sock.close()
            self.ended.set()

    def close(self):
        """From outside; serve() sees it."""
        self.over.set()
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _more_is_there(self):
        """Has the client sent more without waiting for the reply?"""
        self.sock.setblocking(False)
        try:
            return bool(self.file.peek(1))
        finally:
            self.sock.setblocking(True)

    def _send(self, text):
        self.sock.sendall(text.encode() + b"\r\n")

    def _reply(self, step, line, usual=None):
        """Answers as the script says; returns the reply's first digit."""
        what = self.sink.next_step(step)
        while True:
            if isinstance(what, tuple) and what[0] == "call":
                what = what[1](self, line)
            elif isinstance(what, tuple) and what[0] == "delay":
                if self.over.wait(what[1]):
                    raise Gone
                self.sink.early += self._more_is_there()
                what = what[2]
            else:
                break
        if what == HANG_UP:
            raise Gone
        if what == SILENT:
            self.over.wait()
            raise Gone
        text = what or usual or USUAL[step]
        if step == "dot" and text[0] == "2":
            self.sink.keep(self)
        again = len(self.recipients) if step == "dot" and self.lmtp else 1
        for _ in range(again):
            self._send(text)
        if text.startswith("421"):
            raise Gone
        return text[0]

    def _command(self, line):
        self.said.append(line)
        verb = line[:4].upper().decode("latin-1")
        self.sink.count(verb)
        self.lmtp = self.lmtp or verb == "LHLO"
        if verb in ("EHLO", "LHLO"):
            self.helo = line[5:].decode("latin-1")
            names = ("sink.example.net", *self.sink.extensions)
            if self.sink.tls is not None and not self.secured:
                names += ("STARTTLS",)
            lines = [f"250-{n}" for n in names]
            lines[-1] = "250 " + names[-1]
            self._reply("EHLO", line, "\r\n".join(lines))
        elif verb == "HELO":
            self.helo = line[5:].decode("latin-1")
            self._reply("HELO", line)
        elif verb == "MAIL":
            address, _, self.parameters = \
                line[10:].decode("latin-1").partition(" ")
            if self._reply("MAIL", line) == "2":
                self.sender = address.strip("<>")
                self.recipients = []
        elif verb == "RCPT":
            address = line[8:].decode("latin-1").partition(" ")[0].strip("<>")
            if self.sender is None:
                self._send("503 5.5.1 MAIL first")
            elif self._reply("RCPT", line) == "2":
                self.recipients.append(address)
        elif verb == "DATA":
            self._take_data(line)
        elif verb == "BDAT":
            self._take_chunk(line)
        elif verb == "AUTH":
            self._take_auth(line)
        elif verb == "XFOR":
            self._reply("XFORWARD", line, USUAL["XFOR"])
        elif verb == "XCLI":
            self.helo = None
            self._reply("XCLIENT", line, USUAL["connect"])
        elif verb == "STAR" and self.sink.tls is not None:
            if self._reply("STARTTLS", line, "220 2.0.0 Go on") == "2":
                self._start_tls()
        elif verb == "RSET":
            self.sender, self.recipients = None, []
            self.data, self.chunks = b"", 0
            self._reply("RSET", line)
        elif verb == "QUIT":
            self._reply("QUIT", line)
            raise Gone
        elif verb in USUAL:
            self._reply(verb, line)
        else:
            self._send("500 5.5.2 What?")

    def _start_tls(self):
        self.file.close()
        self.sock = self.sink.tls.wrap_socket(self.sock, server_side=True)
        self.file = self.sock.makefile("rb", buffering=65536)
        self.secured = self.sock.version()
        self.helo = None

    def _take_chunk(self, line):
        words = line.split()
        piece = self.file.read(int(words[1]))
        if len(piece) < int(words[1]):
            raise Gone
        if not self.recipients:
            self._send("503 5.5.1 No valid recipients")
            return
        self.data = piece if self.chunks == 0 else self.data + piece
        self.chunks += 1
        self.sink.began_data.set()
        if words[2:] != [b"LAST"]:
            self._reply("BDAT", line)
            return
        self._reply("dot", line, "250 2.0.0 Ok: kept")
        self.sender, self.recipients, self.chunks = None, [], 0

    def _take_auth(self, line):
        """PLAIN, LOGIN, and LONG, which asks once for much."""
        words = line.split()
        asks = {b"PLAIN": [""], b"LOGIN": ["VXNlcm5hbWU6", "UGFzc3dvcmQ6"],
                b"LONG": ["x" * 12000]}[words[1].upper()]
        self.auth.append(line)
        if len(words) > 2:
            asks = asks[1:]
        for ask in asks:
            self._send("334 " + ask)
            self.auth.append(self.file.readline(65536).rstrip(b"\r\n"))
            if self.auth[-1] == b"*":
                self._send("501 5.7.0 Cancelled")
                return
        self._reply("AUTH", line)

    def _take_data(self, line):
        if not self.recipients:
            self._send("554 5.5.1 No valid recipients")
            return
        if self._reply("DATA", line) != "3":
            return
        lines = []
        while True:
            piece = self.file.readline()
            if not piece.endswith(b"\n"):
                raise Gone
            if piece == b".\r\n":
                break
            self.sink.began_data.set()
            lines.append(piece[1:] if piece.startswith(b".") else piece)
        self.data = b"".join(lines)
        self.chunks = 0
        self.said.append(b".")
        self._reply("dot", b".", "250 2.0.0 Ok: kept")
        self.sender, self.recipients = None, []


class SmtpSink:
    """The server: a thread for each connection."""

    def __init__(self, port=None, script=None, extensions=EXTENSIONS,
                 folder=None, tls=None):
        self.tls = tls
        self.port = port or common.free_port()
        self.script = dict(script or {})
        self.extensions = extensions
        self.folder = folder
        self.mails = []
        self.connections = []
        self.counts = {}
        self.early = 0  # commands that came before a delayed reply
        self.stopping = threading.Event()
        self.began_data = threading.Event()
        self._lock = threading.Lock()
        self._listeners = []

    # -- what tests ask

    def connected(self):
        """How many connections there have been."""
        return len(self.connections)

    def names(self):
        """Of all mails: what their X-Corpus says."""
        from corpus_mail import name_of  # pylint: disable=C0415
        with self._lock:
            return [name_of(m.data) for m in self.mails]

    # -- what connections ask

    def next_step(self, step):
        with self._lock:
            what = self.script.get(step)
            if isinstance(what, list):
                what = what.pop(0) if what else None
            if isinstance(what, dict):  # a delay that came as JSON
                what = delay(what["delay"])
            return what

    def count(self, verb):
        with self._lock:
            self.counts[verb] = self.counts.get(verb, 0) + 1

    def keep(self, c):
        c.mails += 1
        mail = Mail(c.sender, list(c.recipients), c.data, c.parameters,
                    c.number, c.mails)
        mail.chunks = c.chunks
        with self._lock:
            self.mails.append(mail)
            number = len(self.mails)
        if self.folder is not None:
            self._write(mail, number)

    def _write(self, mail, number):
        envelope = {"sender": mail.sender, "recipients": mail.recipients,
                    "parameters": mail.parameters,
                    "connection": mail.connection, "nth": mail.nth,
                    "data": base64.b64encode(mail.data).decode()}
        name = f"{self.folder}/{os.getpid()}-{number}"
        with open(name + ".new", "w", encoding="ascii") as f:
            json.dump(envelope, f)
        os.rename(name + ".new", name + ".mail")

    # -- life

    def start(self):
        return self.listen()

    def listen(self):
        """Again after stop_listening(), on the same port."""
        for family, host in ((socket.AF_INET, "127.0.0.1"),
                             (socket.AF_INET6, "::1")):
            s = socket.socket(family)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((host, self.port))
            s.listen(256)
            self.listen_on(s)
        return self

    def listen_on(self, listener):
        """Also takes who comes to this listening socket."""
        self._listeners.append(listener)
        threading.Thread(target=self._accept, args=(listener,),
                         daemon=True).start()

    def _accept(self, listener):
        while not self.stopping.is_set():
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                c = Connection(self, sock, len(self.connections) + 1)
                self.connections.append(c)
            threading.Thread(target=c.serve, daemon=True).start()

    def stop_listening(self):
        for s in self._listeners:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
        self._listeners = []

    def hang_up(self):
        """Ends every connection, and waits until the clients have seen it."""
        for c in list(self.connections):
            c.close()
        for c in list(self.connections):
            c.ended.wait(common.PATIENCE)
        common.until("the clients have seen it",
                     lambda: not common.connected_to(self.port))

    def stop(self):
        self.stopping.set()
        self.stop_listening()
        for c in list(self.connections):
            c.close()


class SinkProcess:
    """The same in a process that can be killed and started again."""

    def __init__(self, script=None):
        self.dir = common.new_dir("sink")
        self.port = common.free_port()
        self.script = script or {}
        self.child = None

    def start(self):
        # pylint: disable=R1732 # it lives until stop()
        self.child = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), str(self.port),
             self.dir, json.dumps(self.script)], stdin=subprocess.DEVNULL)
        common.until("the sink answers", lambda: common.answers(self.port))
        return self

    def die(self):
        self.child.kill()
        self.child.wait()

    def remove(self):
        if self.child is not None and self.child.poll() is None:
            self.die()
        common.remove_dir(self.dir)

    def mails(self):
        """All that any of its lives has kept."""
        found = []
        for name in sorted(os.listdir(self.dir)):
            if not name.endswith(".mail"):
                continue
            with open(f"{self.dir}/{name}", encoding="ascii") as f:
                m = json.load(f)
            found.append(Mail(m["sender"], m["recipients"],
                              base64.b64decode(m["data"]), m["parameters"],
                              m["connection"], m["nth"]))
        return found


def main():
    sink = SmtpSink(int(sys.argv[1]), folder=sys.argv[2],
                    script=json.loads(sys.argv[3])).start()
    parent = os.getppid()
    while os.getppid() == parent and sink.port:
        time.sleep(0.5)


if __name__ == "__main__":
    main()
