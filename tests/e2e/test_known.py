"""Members that were found clean before are not looked at again, and nothing
else changes by that."""

import random

import corpus_mail
import pytest
from peers.client import send
from peers.common import until
from peers.sallyport import Sallyport
from peers.smtp_sink import SmtpSink

PICTURE = random.Random("picture").randbytes(20000)
KNOWN = "clamav known where="


@pytest.fixture(name="gateway")
def a_gateway(build, cleanly):
    """With one scan worker: what one knows another need not."""
    sink = SmtpSink().start()
    made = []

    def make(**scan):
        gw = Sallyport(build, {
            "smtp": {"next_hop": f"smtp:127.0.0.1:{sink.port}"},
            "scan": {"workers": 1, **scan}})
        cleanly(gw)
        made.append(gw)
        return gw.start()

    yield make
    sink.stop()


def with_picture(name, picture=PICTURE):
    return corpus_mail.attached(name, picture, "picture.bin")


def known(gw):
    return gw.stderr().count(KNOWN)


def test_the_second_time_it_is_known(gateway):
    gw = gateway()
    assert send(gw.port, with_picture("one"))[0] == 250
    assert known(gw) == 0

    assert send(gw.port, with_picture("two"))[0] == 250

    until("it is told", lambda: known(gw) == 1)
    assert KNOWN + "mail.eml/picture.bin" in gw.stderr()
    told = [e["sallyport.members"] for e in gw.events()
            if e["event.action"] == "decision"]
    assert len(told) == 2 and told[0] == told[1] > 2, told


def test_the_virus_beside_it_is_found(gateway):
    gw = gateway()
    assert send(gw.port, with_picture("one"))[0] == 250
    edge = b"=_both_"
    both = b"\r\n".join((
        b"Subject: both", b"MIME-Version: 1.0",
        b'Content-Type: multipart/mixed; boundary="' + edge + b'"', b"",
        b"--" + edge, with_picture("two").split(b"\r\n", 1)[1],
        b"--" + edge, b"Content-Type: application/octet-stream",
        b"", corpus_mail.eicar(), b"--" + edge + b"--", b""))

    for _ in range(2):
        code, text = send(gw.port, both)
        assert code == 554 and text.startswith("5.7.1 "), text


def test_a_virus_is_never_known(gateway):
    gw = gateway()
    mail = corpus_mail.attached("virus", corpus_mail.eicar() + b"\n" * 600,
                                "eicar.com")

    for n in range(3):
        assert send(gw.port, b"X-No: %d\r\n" % n + mail)[0] == 554
    assert known(gw) == 0


def test_what_nobody_can_read_is_not_taken_for_clean(gateway):
    gw = gateway()
    squashed = b"hsqs" + PICTURE

    for n in range(3):
        code, text = send(gw.port, with_picture(f"bad {n}", squashed))
        assert code == 554 and "limit" in text, text
    assert known(gw) == 0


def test_new_signatures_know_nothing_yet(gateway):
    gw = gateway()
    for n in range(2):
        assert send(gw.port, with_picture(f"old {n}"))[0] == 250
    until("it is told", lambda: known(gw) == 1)
    with open(f"{gw.dir}/db/test.ndb", "w", encoding="ascii") as f:
        f.write(f"Test.Picture:0:*:{PICTURE[5000:5040].hex()}\n")

    def refused():
        return send(gw.port, b"X-Now: yes\r\n" + with_picture("now"))[0] == 554

    until("the new signature is used", refused)


def test_without_a_cache_nothing_is_known(gateway):
    gw = gateway(cache_size="0")
    for n in range(3):
        assert send(gw.port, with_picture(f"mail {n}"))[0] == 250

    assert known(gw) == 0
