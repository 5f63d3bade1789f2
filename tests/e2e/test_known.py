"""Members that were found clean before are not looked at again, and nothing
else changes by that."""

import io
import json
import os
import random
import subprocess
import zipfile

import corpus
import corpus_mail
import pytest
from peers.client import send
from peers.common import PATIENCE, until
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
    gw.says(KNOWN + "mail.eml/picture.bin")
    told = [e["sallyport.members"] for e in gw.events()
            if e["event.action"] == "decision"]
    assert len(told) == 2 and told[0] == told[1] > 2, told


def boxed(depth):
    """A zip in a zip ... with three pictures, one of them twice."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("a/one.bin", PICTURE)
        z.writestr("b/one.bin", PICTURE)
        z.writestr("two.bin", PICTURE[::-1])
        if depth > 1:
            z.writestr("more.zip", boxed(depth - 1))
    return out.getvalue()


def test_what_lies_in_it_is_told_all_the_same(build, folder):
    with open(f"{folder}/sallyport.ini", "w", encoding="ascii") as f:
        f.write(f"[engine clamav]\ndatabase = {folder}/db\n")
    names = []
    made = {"box.eml": corpus_mail.attached("box", boxed(3), "box.zip"),
            "box.zip": boxed(3),
            "box.tar": corpus_mail.tar(boxed(2), "w"),
            "text.eml": corpus_mail.plain("text")}
    for name, data in made.items():
        with open(f"{folder}/{name}", "wb") as f:
            f.write(data)
        names += [name] * 3

    done = subprocess.run(
        [f"{os.path.abspath(build)}/sallyport", "scan", "--json", "--config",
         "sallyport.ini", *names], capture_output=True, check=False,
        timeout=2 * PATIENCE, cwd=folder)

    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(said) == len(names), done.stderr
    for at in range(0, len(said), 3):
        first = said[at]["members"]
        assert said[at + 1]["members"] == first
        assert said[at + 2]["members"] == first
    where = [m["where"] for m in said[0]["members"]]
    assert "box.eml/box.zip/more.zip/more.zip/two.bin" in where
    assert len(where) > 12


def test_a_box_that_is_known_is_not_opened(gateway):
    gw = gateway()
    mail = corpus_mail.attached("box", boxed(3), "box.zip")
    assert send(gw.port, mail)[0] == 250
    before = known(gw)  # what is in there twice

    assert send(gw.port, b"X-Again: yes\r\n" + mail)[0] == 250

    until("it is told", lambda: known(gw) == before + 1)
    gw.says("where=mail.eml/box.zip members=")


def test_what_libclamav_cannot_open_is_opened_each_time(gateway):
    """An engine that knows the outside does not know the inside."""
    gw = gateway()
    text = corpus_mail.prose(random.Random("text"), 30000)
    clean = corpus.by_filter(text, "zstd", "-c")
    virus = corpus.by_filter(text + corpus_mail.eicar(), "zstd", "-c")
    assert corpus_mail.eicar()[:40] not in virus
    for n, (data, code) in enumerate(
            ((clean, 250), (virus, 554), (clean, 250), (virus, 554))):
        mail = corpus_mail.attached(f"packed {n}", data, "x.zst")
        assert send(gw.port, mail)[0] == code
        # nor does what is around it
        inside = corpus_mail.attached(f"boxed {n}", corpus_mail.zipped(
            data, name="x.zst"), "x.zip")
        assert send(gw.port, inside)[0] == code


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
