"""Clients: what the other side of a gateway does, and what it remembers."""

import collections
import smtplib
import threading
import time

import corpus_mail

from .common import PATIENCE


class Cut(Exception):
    """The connection ended without a reply."""


def connect(port, host="127.0.0.1", helo="client.example.org"):
    client = smtplib.SMTP(host, port, local_hostname=helo, timeout=PATIENCE)
    client.ehlo()
    return client


def send(port, mail, sender=corpus_mail.SENDER,
         recipients=(corpus_mail.RECIPIENT,), host="127.0.0.1"):
    """One mail in one session; (code, text) of the reply that decided."""
    client = connect(port, host)
    try:
        return hand_over(client, mail, sender, recipients)
    finally:
        client.close()


def hand_over(client, mail, sender=corpus_mail.SENDER,
              recipients=(corpus_mail.RECIPIENT,)):
    """The same in a session that is there."""
    code, text = client.mail(sender)
    for r in recipients:
        if code == 250:
            code, text = client.rcpt(r)
    if code in (250, 251):
        try:
            code, text = client.data(mail)
        except smtplib.SMTPDataError as e:
            code, text = e.smtp_code, e.smtp_error
    return code, text.decode(errors="replace")


class Ledger:
    """What became of every mail that clients tried to send.

    acked      mails that got a 250: they must have arrived
    doubtful   how often a mail's end was sent and no 250 was seen: each may
               have arrived all the same (RFC 1047)
    refused    mails that got a 5xx
    """

    def __init__(self):
        self.acked = set()
        self.refused = set()
        self.doubtful = collections.Counter()
        self.replies = collections.Counter()
        self._lock = threading.Lock()

    def note(self, name, code, at_dot):
        with self._lock:
            self.replies[code] += 1
            if code == 250:
                self.acked.add(name)
            elif 500 <= code < 600:
                self.refused.add(name)
            elif at_dot:
                self.doubtful[name] += 1

    def check(self, arrived, infected=()):
        """arrived: names of all mails the next hop has, as often as it has."""
        have = collections.Counter(arrived)
        lost = self.acked - set(have)
        assert not lost, f"lost after a 250: {sorted(lost)}"
        twice = {n: c for n, c in have.items()
                 if c > (n in self.acked) + self.doubtful[n]}
        assert not twice, f"arrived more often than sent: {twice}"
        bad = set(infected) & (set(have) | self.acked)
        assert not bad, f"infected and let through: {bad}"


def attempt(port, name, mail, ledger, host="127.0.0.1"):
    """Tries once, and writes down how it went; the code, 0 for a cut."""
    at_dot = False
    code = 0
    client = None
    try:
        client = connect(port, host)
        code, _ = client.mail(corpus_mail.SENDER)
        if code == 250:
            code, _ = client.rcpt(corpus_mail.RECIPIENT)
        if code in (250, 251):
            code, _ = client.docmd("DATA")
        if code == 354:
            code = 0
            at_dot = True
            client.send(dotted(mail))
            code, _ = client.getreply()
    except (OSError, smtplib.SMTPException):
        code = 0
    finally:
        if client is not None:
            client.close()
    ledger.note(name, code, at_dot)
    return code


def dotted(mail):
    """As it goes over the wire after DATA, the final dot included."""
    lines = mail.replace(b"\r\n.", b"\r\n..")
    return (b"." if mail.startswith(b".") else b"") + lines + b".\r\n"


class Load:
    """Threads that send mails, again and again until each is through.

    with Load(port, mails, ledger) as load:
        ... break things ...
    Leaving it waits until every mail was accepted or refused for good.
    """

    def __init__(self, port, mails, ledger, threads=4):
        self.port, self.ledger = port, ledger
        self.mails = iter(mails)
        self.stopped = threading.Event()
        self.stuck = []
        self.done = 0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work)
                         for _ in range(threads)]

    def _next(self):
        with self._lock:
            return next(self.mails, None)

    def _work(self):
        while not self.stopped.is_set():
            pair = self._next()
            if pair is None:
                return
            name, mail = pair
            end = time.monotonic() + 3 * PATIENCE
            while not self.stopped.is_set():
                code = attempt(self.port, name, mail, self.ledger)
                if code == 250 or code >= 500:
                    break
                if time.monotonic() > end:
                    self.stuck.append(name)
                    break
                self.stopped.wait(0.1)
            self.done += 1

    def __enter__(self):
        for t in self._threads:
            t.start()
        return self

    def stop(self):
        """No more new mails; those under way are finished."""
        self.mails = iter(())

    def __exit__(self, *wrong):
        if wrong[0] is not None:
            self.stop()
            self.stopped.set()
        for t in self._threads:
            t.join()
        assert not self.stuck, f"never got through: {self.stuck}"
