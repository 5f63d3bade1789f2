"""Scenes about files: what scene.py has of clients and events, and

    ftp                 before the first scene: it is about files; {server} is
                        host:port of the server there, {port} its port

    login               the greeting, USER u@{server} and PASS, all well
    V: VERB reply       what the server says to VERB (| is a new line)
    file NAME text      the server has it: @eicar, @eicar-first (20 bytes of
                        it), @eicar-last, @eicar-in-zip, @clean or text with
                        escapes; behind a STOR: it has; nothing: it has not
    server heard glob   a command it has heard in this scene
    server heard not glob
    data EPSV           the client says that, and connects: EPSV, PASV
    data PORT           ... and listens: PORT, EPRT
    data tls            it shakes hands on its data connection
    data sends text     as of file; and its end
    data cuts text      the same, and a reset instead
    data gets text      all that comes there, to its end
"""

import re
import socket
import struct

import corpus_mail
import scene
from peers import common
from peers.certificate import Certificate, anybody
from peers.ftp_gateway import files, zipped
from peers.ftp_script import Script
from peers.sallyport import Sallyport
from scene import Client, Differs, Play, Stage, glob, unescape

MADE = {
    "@eicar": corpus_mail.eicar,
    "@eicar-first": lambda: corpus_mail.eicar()[:20],
    "@eicar-last": lambda: corpus_mail.eicar()[20:],
    "@eicar-in-zip": lambda: zipped("x.com", corpus_mail.eicar()),
    "@clean": lambda: bytes(range(256)) * 40,
}

scene.EVENT_KEYS.update({
    "flow": "sallyport.flow", "url": "url.original", "user": "user.name",
    "name": "file.name"})


def as_bytes(text):
    return MADE[text]() if text in MADE else unescape(text)


class FileStage(Stage):
    """A gateway for files and the server behind it."""

    # pylint: disable=super-init-not-called
    def __init__(self, build, head):
        changes = files(0)
        changes.update({"gateway": {"workers": "1"},
                        "scan": {"workers": "1"}})
        self.second = self.certificate = None
        if "certificate" in head:
            self.certificate = Certificate()
            changes["tls"] = self.certificate.options()
        self.server = Script(self.certificate and self.certificate.serves())
        for line in head:
            m = re.fullmatch(r"conf \[(.+?)\] (\w+) = (.*)", line)
            if m is not None:
                changes.setdefault(m[1], {})[m[2]] = self.named(m[3])
            elif line not in ("ftp", "certificate"):
                raise Differs(f"before the first scene: {line}")
        port = common.free_port()
        changes["listener files"]["address"] = f"127.0.0.1:{port}"
        self.gateway = Sallyport(build, changes)
        self.gateway.port = port
        try:
            self.gateway.start()
        except BaseException:
            self.remove()
            raise

    def named(self, text):
        return (text.replace("{server}", f"127.0.0.1:{self.server.port}")
                .replace("{port}", str(self.server.port)))

    def remove(self):
        self.gateway.remove()
        self.server.remove()
        if self.certificate is not None:
            self.certificate.remove()

    def raise_hop(self):
        """Nothing was taken down."""


class FileClient(Client):
    """Whose replies end as RFC 959 4.2 has it."""

    def reply(self):
        lines = [super().reply()]
        code = lines[0][:3]
        if lines[0][3:4] != "-":
            return lines[0]
        while not lines[-1].rpartition(" | ")[2].startswith(f"{code} "):
            lines.append(super().reply())
            if lines[-1] == "closed":
                break
        return " | ".join(lines)


class FilePlay(Play):
    """One scene on it."""

    def __init__(self, stage, lines):
        # pylint: disable=super-init-not-called
        self.stage, self.lines = stage, lines
        self.clients, self.second = {}, None
        self.events_before = len(stage.gateway.events())
        self.data = self.listening = None
        stage.server.fresh()

    def client(self, number):
        if number not in self.clients:
            self.clients[number] = FileClient(self.stage.gateway.port)
        return self.clients[number]

    # -- the server

    def script(self, text):
        verb, _, reply = text.partition(" ")
        self.stage.server.replies.setdefault(verb, []).append(reply)

    def do_file(self, rest):
        self.flush()
        name, _, text = rest.partition(" ")
        have = self.stage.server.files
        if not any(h.startswith("STOR ") for h in self.stage.server.said):
            have[name] = as_bytes(text)
        elif text == "nothing" and name in have:
            raise Differs(f"it has {have[name][:100]!r}")
        elif text != "nothing" and have.get(name) != as_bytes(text):
            raise Differs(f"it has {have.get(name)!r}")

    def do_server(self, rest):
        self.flush()
        word, _, pattern = rest.partition(" ")
        if word != "heard":
            raise Differs(f"server what? {rest}")
        said = self.stage.server.said
        if pattern.startswith("not "):
            if any(glob(pattern[4:], h) for h in said):
                raise Differs(f"it heard {said}")
            return
        try:
            common.until(pattern, lambda: any(
                glob(pattern, h) for h in said))
        except AssertionError:
            raise Differs(f"it heard {said}") from None

    # -- the client's data connection

    def do_login(self, _):
        self.hear("1", "220 gw.example.org ready")
        self.say("1", self.stage.named("USER u@{server}"))
        self.hear("1", "331 *")
        self.say("1", "PASS p")
        self.hear("1", "230 *")

    def do_data(self, rest):
        self.flush()
        word, _, text = rest.partition(" ")
        do = getattr(self, f"data_{word.lower()}", None)
        if do is None:
            raise Differs(f"data what? {rest}")
        do(text)

    def data_epsv(self, _):
        self.passive("EPSV", r"\|\|\|()(\d+)\|")

    def data_pasv(self, _):
        self.passive("PASV", r"127,0,0,1,(\d+),(\d+)")

    def passive(self, verb, pattern):
        self.say("1", verb)
        self.flush()
        reply = self.client("1").reply()
        m = re.search(pattern, reply)
        if m is None:
            raise Differs(f"it says {reply}")
        port = int(m[1] or 0) * 256 + int(m[2])
        self.data = socket.create_connection(("127.0.0.1", port),
                                             common.PATIENCE)

    def data_port(self, _):
        port = self.listen()
        self.say("1", f"PORT 127,0,0,1,{port >> 8},{port & 255}")
        self.hear("1", "200 *")

    def data_eprt(self, _):
        self.say("1", f"EPRT |1|127.0.0.1|{self.listen()}|")
        self.hear("1", "200 *")

    def listen(self):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.settimeout(common.PATIENCE)
        return self.listening.getsockname()[1]

    def connected(self):
        if self.data is None:
            self.data = self.listening.accept()[0]
            self.data.settimeout(common.PATIENCE)
        return self.data

    def data_tls(self, _):
        self.data = anybody().wrap_socket(self.connected())
        self.data.suppress_ragged_eofs = False

    def data_sends(self, text):
        self.connected().sendall(as_bytes(text))
        self.end_data()

    def data_cuts(self, text):
        data = self.connected()
        data.sendall(as_bytes(text))
        data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))
        self.end_data(unwrap=False)

    def data_gets(self, text):
        got = b""
        try:
            while piece := self.connected().recv(65536):
                got += piece
        except OSError as e:
            raise Differs(f"it gets {got[:200]!r} and {e}") from None
        self.end_data()
        if got != as_bytes(text):
            raise Differs(f"it gets {got[:200]!r}")

    def end_data(self, unwrap=True):
        data, self.data = self.data, None
        if unwrap and hasattr(data, "unwrap"):
            data = data.unwrap()
        data.close()

    # -- all of it

    def one(self, line):
        line = self.stage.named(line)
        if line.startswith("V: "):
            self.script(line[3:])
        else:
            super().one(line)

    def run(self):
        try:
            super().run()
        finally:
            for each in (self.data, self.listening):
                if each is not None:
                    each.close()
