"""MilterMta: the MTA's side of the filter interface, packet by packet, for
what no real MTA would do.

    mta = MilterMta(address).negotiate(6)
    mta.envelope(); mta.message(mail); mta.end()  ->  [("i", ...), ("a", b"")]
"""

import socket
import struct

from .common import PATIENCE

ACTIONS = {2: 0x3f, 3: 0x3f, 4: 0x3f, 6: 0x1ff}
STEPS = {2: 0x7f, 3: 0x1ff, 4: 0x3ff, 6: 0x1fffff}
NO_DATA, SKIP, LEADING_SPACE = 0x200, 0x400, 0x100000
# the step that need not be answered, by command
NO_REPLY = {"C": 0x1000, "H": 0x2000, "M": 0x4000, "R": 0x8000, "T": 0x10000,
            "U": 0x20000, "L": 0x80, "N": 0x40000, "B": 0x80000}
CHANGES = "hibmqp"  # what may come before the answer to an end


class Closed(Exception):
    """The filter has closed the connection."""


class MilterMta:
    """address: a path, or (host, port)."""

    def __init__(self, address):
        family = socket.AF_UNIX if isinstance(address, str) \
            else socket.AF_INET
        self.sock = socket.socket(family)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(address)
        self.version = self.actions = self.steps = 0
        self.wanted = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    # -- packets

    def raw(self, data):
        self.sock.sendall(data)

    def put(self, command, data=b""):
        self.raw(struct.pack(">I", len(data) + 1) + command.encode() + data)

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            try:
                more = self.sock.recv(size - len(data))
            except ConnectionError as e:
                raise Closed from e
            if not more:
                raise Closed
            data += more
        return data

    def get(self):
        """(letter, data) of the next packet."""
        size = struct.unpack(">I", self._exactly(4))[0]
        packet = self._exactly(size)
        return packet[:1].decode(), packet[1:]

    def step(self, command, data=b""):
        """Sends it; its answer, or None where none was to be waited for."""
        self.put(command, data)
        if self.steps & NO_REPLY.get(command, 0):
            return None
        return self.get()

    # -- the dialogue

    def negotiate(self, version=6, actions=None, steps=None):
        actions = ACTIONS[version] if actions is None else actions
        steps = STEPS[version] if steps is None else steps
        self.put("O", struct.pack(">III", version, actions, steps))
        letter, data = self.get()
        assert letter == "O"
        self.version, self.actions, self.steps = struct.unpack(
            ">III", data[:12])
        data = data[12:]
        while data:
            at, data = struct.unpack(">I", data[:4])[0], data[4:]
            names, _, data = data.partition(b"\0")
            self.wanted[at] = names.decode()
        return self

    def client(self, name="mx.example.org", address="192.0.2.7",
               helo="mx.example.org"):
        self.step("C", name.encode() + b"\0" + b"4" + struct.pack(">H", 2525)
                  + address.encode() + b"\0")
        self.step("H", helo.encode() + b"\0")
        return self

    def macros(self, step, **values):
        data = b"".join(f"{k}\0{v}\0".encode() for k, v in values.items())
        self.put("D", step.encode() + data)

    def envelope(self, sender="alice@example.org",
                 recipients=("bob@example.net",)):
        """The answers to the recipients."""
        self.step("M", f"<{sender}>".encode() + b"\0SIZE=1\0")
        return [self.step("R", f"<{r}>".encode() + b"\0") for r in recipients]

    def message(self, mail, chunk=65535):
        """Header and body, but not its end; the answers to the pieces."""
        answers = []
        head, _, body = mail.partition(b"\r\n\r\n")
        if not self.steps & NO_DATA and self.version >= 4:
            self.step("T")
        for name, value in fields(head):
            if not self.steps & LEADING_SPACE:
                value = value.lstrip(b" ")
            self.step("L", name + b"\0" + value + b"\0")
        self.step("N")
        for at in range(0, len(body), chunk):
            answers.append(self.step("B", body[at:at + chunk]))
            if answers[-1] and answers[-1][0] == "s":
                break
        return answers

    def end(self):
        """All that the filter says to the end of the body."""
        self.put("E")
        return self.answers()

    def answers(self):
        said = [self.get()]
        while said[-1][0] in CHANGES:
            said.append(self.get())
        return said

    def closed(self):
        """Waits for the end of the connection; what came before it."""
        said = []
        try:
            while True:
                said.append(self.get())
        except Closed:
            return said


def fields(head):
    """(name, value) as an MTA gives them: a fold is LF alone."""
    found = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t"):
            found[-1][1] += b"\n" + line
        else:
            name, _, value = line.partition(b":")
            found.append([name, value])
    return found
