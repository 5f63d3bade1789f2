"""HUP while sessions are there: what they began with stays until they end."""

import corpus_mail
import pytest
from peers.client import connect, hand_over
from peers.common import PATIENCE, free_port, until


def listeners(sink, ports):
    """Two more doors to the same next hop."""
    return {"gateway": {"workers": "1"},
            "smtp": {"next_hop": f"smtp:127.0.0.1:{sink.port}"},
            **{f"listener door-{n}": {
                "protocol": "smtp", "address": f"127.0.0.1:{port}",
                "policy": "mail"} for n, port in enumerate(ports)}}


@pytest.mark.core
def test_a_door_that_is_gone_and_one_that_is_not(gateway, sink):
    """Of three doors two have no session: after the HUP only the third is left
    of the old house, and the drain finds it alone."""
    ports = [free_port(), free_port()]
    gw = gateway(listeners(sink, ports))
    session = connect(ports[0])
    for port in (gw.port, ports[1]):
        client = connect(port)
        assert hand_over(client, corpus_mail.plain("before"))[0] == 250
        client.quit()

    gw.configure({"smtp": {"reject_text": "554 5.7.1 New words ({id})"}})
    gw.reload()

    def new_words():
        client = connect(gw.port)
        code, text = hand_over(client, corpus_mail.infected("raw"))
        client.quit()
        assert code == 554
        return "New words" in text
    until("the new configuration is in force", new_words)

    code, text = hand_over(session, corpus_mail.infected("base64"))
    assert code == 554 and "New words" not in text
    assert hand_over(session, corpus_mail.plain("old"))[0] == 250
    assert gw.stop() == 0
    assert session.getreply()[0] == 421
    session.close()
    assert sink.names() == ["before", "before", "old"]


def test_a_mail_that_is_half_there(gateway, sink):
    """HUP, another HUP and TERM between the halves of a mail."""
    gw = gateway(listeners(sink, []))
    session = connect(gw.port)
    session.mail(corpus_mail.SENDER)
    session.rcpt(corpus_mail.RECIPIENT)
    assert session.docmd("DATA")[0] == 354
    session.sock.sendall(b"X-Corpus: halves\r\n\r\none half\r\n")
    for words in ("554 5.7.1 Second", "554 5.7.1 Third"):
        gw.configure({"smtp": {"reject_text": words}})
        gw.reload()
    gw.signal(15)
    until("it drains", lambda: "drain" in gw.stderr())
    session.sock.sendall(b"the other\r\n.\r\n")
    code, text = session.getreply()
    assert code == 250, text
    assert session.getreply()[0] == 421
    session.close()
    assert gw.child.wait(PATIENCE) == 0
    assert corpus_mail.body_of(sink.mails[0].data) == \
        b"X-Corpus: halves\r\n\r\none half\r\nthe other\r\n"
