"""Every way we know to put the test virus in a mail is refused at the dot."""

import corpus_mail
import pytest
from peers.client import send
from peers.sallyport import Sallyport
from peers.smtp_sink import SmtpSink

pytestmark = pytest.mark.core


@pytest.fixture(scope="module", name="relay")
def one_for_all(build, module_cleanly):
    """A gateway and its next hop for all tests of this file."""
    sink = SmtpSink().start()
    gw = Sallyport(build, {"smtp": {
        "next_hop": f"smtp:127.0.0.1:{sink.port}"}})
    module_cleanly(gw)
    yield gw.start(), sink
    sink.stop()
    assert not gw.errors(), gw.errors()


@pytest.mark.parametrize("kind", corpus_mail.INFECTED)
def test_it_is_refused_and_never_reaches_the_next_hop(relay, kind):
    gw, sink = relay
    before = len(sink.mails)
    mail = corpus_mail.infected(kind)

    code, text = send(gw.port, mail)

    assert code == 554 and text.startswith("5.7.1 "), (code, text)
    event = gw.event_of(text)
    assert event["sallyport.verdict"] == "malware"
    assert event["sallyport.action"] == "block"
    assert event["event.kind"] == "alert"
    assert len(sink.mails) == before


def test_a_clean_mail_between_them_is_delivered(relay):
    gw, sink = relay
    mail = corpus_mail.plain("clean-between")

    code, text = send(gw.port, mail)

    assert code == 250, text
    assert corpus_mail.body_of(sink.mails[-1].data) == mail


def test_the_reply_names_the_event_and_what_was_found(relay):
    gw, _ = relay
    mail = corpus_mail.infected("zip-in-zip")

    _, text = send(gw.port, mail)

    event = gw.event_of(text)
    found = event["sallyport.because.where"]
    assert "eicar" in event["sallyport.because.what"].lower()
    assert "b.zip/a.zip/eicar.com" in found


def test_the_same_bytes_again_are_refused_again(relay):
    gw, sink = relay
    mail = corpus_mail.infected("zip")

    codes = [send(gw.port, mail)[0] for _ in range(3)]

    assert codes == [554] * 3
    assert b"eicar-zip\r\n" not in b"".join(m.data for m in sink.mails)
