"""What came by BDAT and goes on by DATA, to mail servers that others wrote."""

import corpus_mail
import pytest
import scene
from peers.client import connect
from peers.common import until

# with the fields that a Postfix would add
HEAD = scene.HEAD + (
    b"To: bob@example.net\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n"
    b"Message-Id: <1@example.org>\r\n")


def of_scene(name):
    mail = scene.MAILS[name]()
    assert mail.startswith(scene.HEAD)
    return HEAD + mail[len(scene.HEAD):]


CONTENTS = {name: of_scene(name)
            for name in ("long-lines", "long-line", "dots", "8bit")}


def by_chunks(client, mail, size):
    assert client.mail(corpus_mail.SENDER)[0] == 250
    assert client.rcpt(corpus_mail.RECIPIENT)[0] == 250
    pieces = [mail[i:i + size] for i in range(0, len(mail), size)]
    for n, piece in enumerate(pieces, 1):
        last = b" LAST" if n == len(pieces) else b""
        client.send(b"BDAT %d%s\r\n%s" % (len(piece), last, piece))
        code, text = client.getreply()
        assert code == 250, text


@pytest.mark.parametrize("discard", ["chunking", ""])
def test_postfix_keeps_it_as_it_was_sent(gateway, postfix, discard):
    hop = postfix(settings="smtpd_discard_ehlo_keywords = silent-discard, "
                           f"{discard}\n")
    gw = gateway({"smtp": {"next_hop": f"smtp:127.0.0.1:{hop.port}"}})
    client = connect(gw.port)
    for mail in CONTENTS.values():
        by_chunks(client, mail, 999)
    client.quit()
    until("all have arrived", lambda: hop.count() == len(CONTENTS))
    assert sorted(corpus_mail.body_of(m) for m in hop.mails()) == sorted(
        m.replace(b"\r\n", b"\n") for m in CONTENTS.values())


def test_exim_keeps_it_as_it_was_sent(gateway, exim):
    gw = gateway({"smtp": {"next_hop": f"smtp:127.0.0.1:{exim.port}"}})
    client = connect(gw.port)
    for mail in CONTENTS.values():
        by_chunks(client, mail, 70_001)
    client.quit()
    until("all have arrived", lambda: len(exim.mails()) == len(CONTENTS))
    assert sorted(corpus_mail.body_of(m) for m in exim.mails()) == sorted(
        m.replace(b"\r\n", b"\n") for m in CONTENTS.values())
