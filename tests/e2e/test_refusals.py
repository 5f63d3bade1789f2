"""Each limit of clients has its words, and a counter that says how often."""

import re
import socket

import pytest
from peers.common import PATIENCE, free_port, until

# limit: what its listener has, how to pass it, what is heard then
SMTP = {"protocol": "smtp", "policy": "mail"}
ENVELOPE = [b"EHLO client.example.org", b"MAIL FROM:<a@example.org>"]
LIMITS = {
    "max_sessions": (
        {"max_sessions": "1", "max_sessions_per_client": "9"}, 3, [],
        rb"421 4\.3\.2 \S+ max_sessions reached"),
    "max_sessions_per_client": (
        {"max_sessions_per_client": "1"}, 3, [],
        rb"421 4\.7\.0 \S+ max_sessions_per_client reached"),
    "max_sessions_per_minute": (
        {"max_sessions_per_minute": "1"}, 3, [],
        rb"421 4\.7\.0 \S+ max_sessions_per_minute reached"),
    "allow_from": (
        {"allow_from": "192.0.2.1"}, 2, [],
        rb"554 5\.7\.1 \S+ allow_from does not name you"),
    "max_messages_per_minute": (
        {"max_messages_per_minute": "1"}, 1,
        [*ENVELOPE, b"RSET", ENVELOPE[1], ENVELOPE[1]],
        rb"450 4\.7\.1 max_messages_per_minute: too many mails"),
    "max_recipients": (
        {"max_recipients": "1"}, 1,
        [*ENVELOPE, *[b"RCPT TO:<b@example.net>"] * 3],
        rb"452 4\.5\.3 max_recipients: too many recipients"),
    "max_errors": (
        {"max_errors": "1"}, 2, [b"WHAT"],
        rb"421 4\.7\.0 \S+ max_errors: too many errors"),
}
# the first of those sessions is none too many
TIMES = {"max_sessions": 2, "max_sessions_per_client": 2,
         "max_sessions_per_minute": 2, "allow_from": 2,
         "max_messages_per_minute": 2, "max_recipients": 2, "max_errors": 2}


def talk(port, lines):
    """A session that says this and waits; its socket and what it heard."""
    s = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    with s.makefile("rb") as file:
        heard = reply(file)
        for line in lines if heard.startswith(b"220") else ():
            s.sendall(line + b"\r\n")
            heard += reply(file)
        if b"500" in heard:  # and what follows it
            heard += reply(file)
    return s, heard


def reply(file):
    lines = [file.readline()]
    while lines[-1][3:4] == b"-":
        lines.append(file.readline())
    return b"".join(lines)


@pytest.mark.core
def test_each_limit_has_its_words_and_its_counter(gateway):
    ports = {limit: free_port() for limit in LIMITS}
    gw = gateway({"gateway": {"workers": "2"}, **{
        f"listener {limit.replace('_', '-')}": {
            **SMTP, "address": f"127.0.0.1:{ports[limit]}", **keys}
        for limit, (keys, *_) in LIMITS.items()}})
    for limit, (_, sessions, lines, words) in LIMITS.items():
        held = [talk(ports[limit], lines) for _ in range(sessions)]
        heard = b"".join(text for _, text in held)
        assert len(re.findall(words, heard)) == TIMES[limit], (limit, heard)
        for s, _ in held:
            s.close()
        # the line of a listener may stand for those of a second
        until(f"{limit} is told", lambda n=limit: re.search(
            rf"refused limit={n} listener=\S+ .*total=\d", gw.stderr()))
    gw.counts({limit: {"smtp": n} for limit, n in TIMES.items()},
              "limits_total")
    assert gw.stop() == 0
    said = dict(re.findall(r"info parent refused limit=(\w+) total=(\d+)",
                           gw.stderr()))
    assert said == {limit: str(n) for limit, n in TIMES.items()}
