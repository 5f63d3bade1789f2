"""What the tests of local delivery ask of a gateway and of a box."""

import struct

import corpus_mail
from peers.common import until


SMALL = corpus_mail.plain()
LF = SMALL.replace(b"\r\n", b"\n")
BIG = 20_000_000
# what the first process of a group that is killed looks at meanwhile
SCANNING = "local content -> scan"


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


def frame(letter, text=b""):
    """A packet of the gateway or of the tool."""
    return letter.encode() + struct.pack(">H", len(text)) + text


def run_path(run):
    """The program that run() runs."""
    return run("version").args[0]
