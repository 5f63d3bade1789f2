"""Real Postfix on both sides, and a client that compares every byte."""

import collections
import threading

import corpus_mail
import pytest
from peers.client import connect, hand_over, send
from peers.common import until

MAILS = 1000
CLIENTS = 8


def test_a_thousand_mails_arrive_once_each_with_every_byte(gateway, postfix):
    """Postfix hands them in, Sallyport relays, another Postfix keeps them."""
    following = postfix("next.example.net")
    gw = gateway({"smtp": {"next_hop": f"smtp:127.0.0.1:{following.port}"},
                  "log console": {"level": "info", "events": "none"}})
    client = postfix("client.example.org", relay=("127.0.0.1", gw.port))
    mails = dict(corpus_mail.mixed(MAILS))
    assert len(mails) == MAILS

    hand_in(client.port, mails)
    until("all of them have arrived", lambda: following.count() >= MAILS, 240)
    until("the client's queue is empty", lambda: client.queued() == 0)

    arrived = collections.Counter()
    for mail in following.mails():
        name = corpus_mail.name_of(mail)
        arrived[name] += 1
        # a maildir has LF where the wire has CR LF
        assert corpus_mail.body_of(mail) == \
            mails[name].replace(b"\r\n", b"\n"), name
    assert set(arrived) == set(mails)
    assert set(arrived.values()) == {1}


def hand_in(port, mails):
    """By SMTP over some connections at once."""
    todo = iter(mails.items())
    lock = threading.Lock()
    wrong = []

    def work():
        session = connect(port)
        while True:
            with lock:
                name, mail = next(todo, (None, None))
            if name is None:
                break
            code, text = hand_over(session, mail)
            if code != 250:
                wrong.append((name, code, text))
        session.quit()

    threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_postfix_keeps_an_infected_mail_from_its_next_hop(gateway, postfix):
    """Postfix is told 554 by us and sends the bounce to the sender."""
    following = postfix("next.example.net")
    gw = gateway({"smtp": {"next_hop": f"smtp:127.0.0.1:{following.port}"}})
    client = postfix("client.example.org", relay=("127.0.0.1", gw.port))

    client.submit(corpus_mail.SENDER, [corpus_mail.RECIPIENT],
                  corpus_mail.infected("zip"))
    client.submit(corpus_mail.SENDER, [corpus_mail.RECIPIENT],
                  corpus_mail.plain("clean"))

    until("the clean one has arrived", lambda: any(
        b"X-Corpus: clean" in m for m in following.mails()))
    until("the infected one has bounced", lambda: "status=bounced" in
          client.log() and "554 5.7.1 Refused" in client.log())
    # The bounce comes through us as well; it must not carry the virus along.
    assert not any(m.startswith(b"eicar") for m in map(top, following.mails()))


def top(mail):
    """The name of the mail itself, not of one inside it."""
    head = mail.partition(b"\n\n")[0]
    at = head.find(corpus_mail.MARK)
    return head[at + len(corpus_mail.MARK):] if at >= 0 else b""


@pytest.mark.core
def test_nothing_but_our_fields_is_added_on_top(gateway, sink):
    gw = gateway({"smtp": {"next_hop": f"smtp:127.0.0.1:{sink.port}"}})
    mails = dict(corpus_mail.mixed(100, seed=2))
    mails["huge"] = corpus_mail.large("huge", 20_000_000)

    for mail in mails.values():
        code, text = send(gw.port, mail)
        assert code == 250, text

    assert len(sink.mails) == len(mails)
    for got in sink.mails:
        name = corpus_mail.name_of(got.data)
        body = corpus_mail.body_of(got.data)
        assert body == mails[name], name
        added = got.data[:-len(body)].decode()
        fields = [line.partition(":")[0] for line in added.split("\r\n")
                  if line and line[0] not in " \t"]
        assert fields[0] == "Received"
        assert set(fields[1:]) == {"X-Sallyport"}
        assert got.sender == corpus_mail.SENDER
        assert got.recipients == [corpus_mail.RECIPIENT]


@pytest.mark.core
def test_odd_bytes_of_a_mail_stay_as_they_are(gateway, sink):
    gw = gateway({"smtp": {"next_hop": f"smtp:127.0.0.1:{sink.port}"}})
    head = corpus_mail.head
    mails = {
        "high": head("high") + b"\r\n" + bytes(range(128, 256)) + b"\r\n",
        "control": head("control") + b"\r\n" + bytes(
            b for b in range(1, 32) if b not in (10, 13)) + b"\r\n",
        "blanks": head("blanks") + b"\r\n  \t \r\n\r\n\r\nx \t\r\n",
        "dots": head("dots") + b"\r\n.\r\n..\r\n...\r\n. .\r\n",
        "long": head("long") + b"\r\n" + b"x" * 990 + b"\r\n",
        "empty": head("empty") + b"\r\n",
        "no-body": head("no-body"),
        "folded": head("folded", "X-Long: a\r\n\tb\r\n  c") + b"\r\nx\r\n",
        "from-line": head("from-line") + b"\r\nFrom x\r\n",
    }
    for mail in mails.values():
        code, text = send(gw.port, mail)
        assert code == 250, text
    for got in sink.mails:
        name = corpus_mail.name_of(got.data)
        assert corpus_mail.body_of(got.data) == mails[name], name
    assert len(sink.mails) == len(mails)


def test_exim_is_a_next_hop_as_well(gateway, exim):
    gw = gateway({"smtp": {"next_hop": f"smtp:127.0.0.1:{exim.port}"}})
    mails = dict(corpus_mail.mixed(40, seed=3))

    for mail in mails.values():
        code, text = send(gw.port, mail)
        assert code == 250, text

    until("Exim has them all", lambda: len(exim.mails()) >= len(mails))
    arrived = collections.Counter()
    for mail in exim.mails():
        name = corpus_mail.name_of(mail)
        arrived[name] += 1
        assert corpus_mail.body_of(mail) == \
            mails[name].replace(b"\r\n", b"\n"), name
    assert set(arrived) == set(mails) and set(arrived.values()) == {1}
