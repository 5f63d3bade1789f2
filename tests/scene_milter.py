"""Scenes about the filter interface of MTAs: what scene.py has, and

    M: R <a@b>\\0        an MTA sends its filter a packet: letter, data
    M: O 6 0x3f 0x7f    ... the offer: version, actions, steps
    M= \\0\\0\\0\\1Z        ... or bytes that are none; M2: is a second MTA
    A: c                the filter's next packet: letter, data; or closed, or
                        silence.  Of an offer version, actions and steps, and
                        behind a | each the macros that it asks for

Escapes are those of C=.
"""

import re
import socket
import struct

from peers import common
from peers.milter_mta import Closed, MilterMta
from scene import QUIET, Differs, Play, Stage, glob, unescape


def escaped(data):
    return "".join(chr(b) if 32 <= b < 127 and b != 92 else f"\\x{b:02x}"
                   for b in data).replace("\\x00", "\\0")


def offer(data):
    version, actions, steps = struct.unpack(">III", data[:12])
    words, data = [f"{version} {actions:#x} {steps:#x}"], data[12:]
    while data:
        at = struct.unpack(">I", data[:4])[0]
        names, _, data = data[4:].partition(b"\0")
        words.append(f"{at} {names.decode()}")
    return " | ".join(words)


class Mta(MilterMta):
    """One connection of an MTA."""

    def say(self, text):
        letter, _, data = text.partition(" ")
        if letter == "O":
            numbers = [int(n, 0) for n in data.split()]
            self.put("O", struct.pack(f">{len(numbers)}I", *numbers))
        else:
            self.put(letter, unescape(data))

    def answer(self):
        """The next packet as text; or "closed"."""
        try:
            letter, data = self.get()
        except Closed:
            return "closed"
        text = offer(data) if letter == "O" else escaped(data)
        return f"{letter} {text}".strip()

    def is_silent(self):
        self.sock.settimeout(QUIET)
        try:
            return self.sock.recv(1, socket.MSG_PEEK) is None
        except TimeoutError:
            return True
        finally:
            self.sock.settimeout(common.PATIENCE)


class MilterStage(Stage):
    """A gateway that is a filter, too."""

    def __init__(self, build, head):
        self.filter = ("127.0.0.1", common.free_port())
        head = [line for line in head if line != "milter"]
        super().__init__(build, head + [
            f"conf [listener milter] {key} = {value}" for key, value in (
                ("protocol", "milter"), ("policy", "mail"),
                ("address", "%s:%d" % self.filter))])


class MilterPlay(Play):
    """One scene with MTAs in it."""

    def __init__(self, stage, lines):
        super().__init__(stage, lines)
        self.mtas = {}

    def one(self, line):
        m = re.fullmatch(r"([MA])(\d?)([:=]) ?(.*)", line)
        if m is None:
            super().one(line)
            return
        if m[2] not in self.mtas:
            self.mtas[m[2]] = Mta(self.stage.filter)
        mta, text = self.mtas[m[2]], m[4]
        if m[1] == "A":
            self.answers(mta, text)
        elif m[3] == "=":
            mta.raw(unescape(text))
        else:
            mta.say(text)

    def answers(self, mta, pattern):
        if pattern == "silence":
            if not mta.is_silent():
                raise Differs(f"no silence, but: {mta.answer()}")
            return
        said = mta.answer()
        if not glob(pattern, said):
            raise Differs(f"it answers {said}")

    def run(self):
        try:
            super().run()
        finally:
            for mta in self.mtas.values():
                mta.sock.close()
