"""Scenes of the web: what scene.py has, with a browser in front and an origin
behind.  A file is one when `web` stands before its first scene; `conf` is as
there, its listener is [listener web].  {origin} is the origin's host and port;
in a `conf` {origin port} is its port.  With `inspection` before its first scene there
is a CA, and the origin speaks TLS: behind a CONNECT `C: tls` leads inside.

    C: text             a line of a request, or @eicar and the like: a body
    C= text             bytes with escapes, as there
    get /path           a whole GET of the origin's /path
    S: glob             the next answer: "200 OK | field: value || body"; fields
                        as they came, names in small letters
    S: closed           and silence, as there
    O: /path text       what the origin says to that from here on, with escapes,
                        and closes; or @eicar and the like
    O+ /path text       the same, and keeps its connection
    origin heard glob   in this scene: "GET /path HTTP/1.1 | field: v || body"
    origin heard not glob
    origin heard nothing
    event, wait         as there
"""

import re

import corpus
import corpus_mail
from peers import common
from peers.https import HttpsOrigin
from peers.origin import Answer, Origin, answer
from peers.pki import Pki
from peers.sallyport import Sallyport
from peers.web import web_listener, web_port
from scene import EVENT_KEYS, Client, Differs, Play, glob, unescape

EVENT_KEYS.update({"url": "url.original", "method": "http.request.method",
                   "flow": "sallyport.flow", "host": "url.domain",
                   "note": "sallyport.tls_note"})

BODIES = {
    "eicar": corpus_mail.eicar,
    "eicar-in-zip": lambda: corpus.zipped(corpus_mail.eicar()),
    "clean": lambda: b"All quiet at the gate.\n",
}


def as_bytes(text):
    return BODIES[text[1:]]() if text.startswith("@") else unescape(text)


class WebStage:
    """One gateway and the origin behind it, for all scenes of a file."""

    second = None

    def __init__(self, build, head):
        changes = {"gateway": {"workers": "1"}, "scan": {"workers": "1"},
                   **web_listener()}
        self.pki = Pki() if "inspection" in head else None
        self.origin = Origin()
        if self.pki is not None:
            self.look_inside(changes)
        self.origin.start()
        for line in head:
            m = re.fullmatch(r"conf \[(.+?)\] (\w+) = (.*)", line)
            if m is None and line not in ("web", "inspection"):
                raise Differs(f"before the first scene: {line}")
            if m is not None:
                changes.setdefault(m[1], {})[m[2]] = m[3].replace(
                    "{origin port}", str(self.origin.port))
        self.gateway = Sallyport(build, changes)
        try:
            self.gateway.start()
        except BaseException:
            self.remove()
            raise

    def look_inside(self, changes):
        root, ca = (self.pki.authority(n) for n in ("Root", "Gateway CA"))
        self.origin = HttpsOrigin(root.leaf("127.0.0.1").serves())
        changes["listener web"]["ca_bundle"] = self.pki.bundle(root)
        changes["tls-inspection"] = {
            "enabled": "yes", "ca_cert_file": ca.pem, "ca_key_file": ca.key}

    def remove(self):
        self.gateway.remove()
        self.origin.remove()
        if self.pki is not None:
            self.pki.remove()

    def raise_hop(self):
        """Nothing was taken down."""


class Browser(Client):
    def __init__(self, port):
        super().__init__(port)
        self.asked = []     # methods without their answer

    def line(self):
        try:
            text = self.file.readline()
        except ConnectionResetError:
            text = b""
        except TimeoutError:
            raise Differs("the gateway says nothing") from None
        if text and not text.endswith(b"\r\n"):
            raise Differs(f"a line without CRLF: {text!r}")
        return text[:-2].decode("latin-1") if text else None

    def reply(self):
        line = self.line()
        if line is None:
            return "closed"
        if not line.startswith("HTTP/1.1 "):
            raise Differs(f"no status line: {line}")
        fields = []
        while (field := self.line()) != "":
            if field is None:
                raise Differs("it ends in a head")
            name, _, value = field.partition(": ")
            fields.append((name.lower(), value))
        status = line[len("HTTP/1.1 "):]
        said = " | ".join([status, *(f"{n}: {v}" for n, v in fields)])
        return f"{said} || {self.body(status, dict(fields))}"

    def body(self, status, fields):
        if status[0] == "1":
            return ""
        method = self.asked.pop(0) if self.asked else "GET"
        if method == "HEAD" or status[:3] in ("204", "304"):
            return ""
        if status == "200 Connection established":
            return ""
        if "transfer-encoding" in fields:
            return self.chunks().decode("latin-1")
        size = int(fields.get("content-length", -1))
        return self.file.read(size).decode("latin-1")

    def chunks(self):
        data = b""
        while True:
            size = int(self.line(), 16)
            data += self.file.read(size)
            self.line()
            if size == 0:
                return data


class WebPlay(Play):
    """One scene on it."""

    def __init__(self, stage, lines):
        # pylint: disable=super-init-not-called
        self.stage, self.lines = stage, lines
        self.clients, self.second = {}, None
        self.events_before = len(stage.gateway.events())
        self.asked_before = len(stage.origin.asked)
        stage.origin.answers = {}

    def named(self, text):
        return text.replace("{origin}", f"127.0.0.1:{self.stage.origin.port}")

    def client(self, number):
        if number not in self.clients:
            self.clients[number] = Browser(web_port(self.stage.gateway))
        return self.clients[number]

    def say(self, number, text):
        if text.startswith("@"):
            self.client(number).to_send += as_bytes(text)
            return
        m = re.match(r"([A-Z]+) \S+ HTTP/1", text)
        if m is not None:
            self.client(number).asked.append(m[1])
        super().say(number, text)

    def do_get(self, path):
        for line in (f"GET http://{{origin}}{path} HTTP/1.1", "Host: {origin}",
                     ""):
            self.say("1", self.named(line))

    def script_origin(self, text, keeps):
        path, _, what = text.partition(" ")
        data = answer(as_bytes(what)).data if what.startswith("@") else \
            unescape(what)
        self.stage.origin.answers[path] = Answer(data, keeps)

    def heard(self):
        return [" | ".join([f"{r.method} {r.target} {r.version}",
                            *(f"{n}: {v}" for n, v in r.fields)])
                + " || " + r.body.decode("latin-1")
                for r in self.stage.origin.asked[self.asked_before:]]

    def do_origin(self, rest):
        self.flush()
        word, _, pattern = rest.partition(" ")
        if word != "heard":
            raise Differs(f"origin what? {rest}")
        if pattern == "nothing":
            wrong = self.heard() != []
        elif pattern.startswith("not "):
            wrong = any(glob(pattern[4:], h) for h in self.heard())
        else:
            try:
                common.until(pattern, lambda: any(
                    glob(pattern, h) for h in self.heard()))
                wrong = False
            except AssertionError:
                wrong = True
        if wrong:
            raise Differs(f"it heard {self.heard()}")

    def one(self, line):
        line = self.named(line)
        if line.startswith(("O: ", "O+ ")):
            self.script_origin(line[3:], line[1] == "+")
        else:
            super().one(line)
