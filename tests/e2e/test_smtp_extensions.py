"""SMTP extensions, spoken with what others have written: CHUNKING, SMTPUTF8,
DSN, AUTH, XFORWARD, XCLIENT; and that no line ending smuggles a mail."""

import base64
import re
import smtplib
import socket

import corpus_mail
import pytest
from peers import smtp_sink
from peers.certificate import Certificate, anybody
from peers.client import connect, hand_over
from peers.common import PATIENCE, answers, free_port, until
from peers.exim import Exim

CHUNKING = ("PIPELINING", "SIZE 100000000", "8BITMIME", "CHUNKING",
            "BINARYMIME")


def to(port, **more):
    return {"next_hop": f"smtp:127.0.0.1:{port}", **more}


def learned(gw, word):
    """Waits until the gateway offers what its next hop has told: each of its
    net workers learns that for itself, so it is a row of offers that counts."""
    row = []

    def offered():
        client = connect(gw.port)
        client.close()
        row.append(word in client.esmtp_features)
        return len(row) >= 16 and all(row[-16:])

    until(f"{word} is offered", offered)
    return gw


def lf(mail):
    """As it lies in a maildir."""
    return mail.replace(b"\r\n", b"\n")


# ---- CHUNKING -----------------------------------------------------------------


def by_chunks(client, mail, size):
    """The reply to the last chunk; all of it at once on the wire."""
    code, _ = client.mail(corpus_mail.SENDER)
    assert code == 250
    code, _ = client.rcpt(corpus_mail.RECIPIENT)
    assert code == 250
    pieces = [mail[i:i + size] for i in range(0, len(mail), size)]
    wire = b"".join(b"BDAT %d\r\n%s" % (len(p), p) for p in pieces)
    client.send(wire + b"BDAT 0 LAST\r\n")
    code = 250
    for _ in range(len(pieces) + 1):
        if code == 250:
            code, text = client.getreply()
    return code, text


@pytest.fixture(name="chunked")
def chunking_hop():
    s = smtp_sink.SmtpSink(extensions=CHUNKING).start()
    yield s
    s.stop()


@pytest.mark.parametrize("hop", ["sink", "chunked"])
@pytest.mark.parametrize("size", [1, 7, 65536, 10_000_000])
def test_a_mail_in_chunks_of_any_size(gateway, request, hop, size):
    hop = request.getfixturevalue(hop)
    gw = gateway({"smtp": to(hop.port)})
    mail = corpus_mail.large("chunks", 20_000_000) if size > 1000 \
        else corpus_mail.plain("chunks", 3000)
    client = connect(gw.port)
    code, text = by_chunks(client, mail, size)
    assert code == 250, text
    client.close()
    assert len(hop.mails) == 1
    assert corpus_mail.body_of(hop.mails[0].data) == mail
    assert (hop.mails[0].chunks > 0) == (hop.extensions == CHUNKING)


@pytest.mark.parametrize("kind", ["attached", "zip"])
@pytest.mark.parametrize("size", [1, 100])
def test_malware_that_is_cut_into_chunks(gateway, chunked, kind, size):
    gw = gateway({"smtp": to(chunked.port)})
    client = connect(gw.port)
    code, text = by_chunks(client, corpus_mail.infected(kind), size)
    assert code == 554 and b"malware" in text
    client.close()
    assert not chunked.mails


EXIM_ROUTER = """\
gateway:
  driver = manualroute
  condition = ${{if eq{{$received_port}}{{{port}}}}}
  transport = gateway
  route_list = * 127.0.0.1::{gateway} byname
  self = send
"""

EXIM_TRANSPORT = """\
gateway:
  driver = smtp
  hosts_try_chunking = *
"""


def test_exim_sends_chunks_and_postfix_takes_them(gateway, postfix, cleanly):
    following = postfix()
    gw = gateway({"smtp": to(following.port)})
    mta, port = Exim(), free_port()
    cleanly(mta)
    mta.add(port, EXIM_ROUTER.format(port=port, gateway=gw.port),
            EXIM_TRANSPORT)
    mta.start()
    until("Exim listens there", lambda: answers(port))
    mail = corpus_mail.large("exim", 300_000)
    client = connect(port)
    assert hand_over(client, mail)[0] == 250
    client.close()
    until("it has arrived", lambda: following.count() == 1)
    assert corpus_mail.body_of(following.mails()[0]).endswith(
        lf(corpus_mail.body_of(mail))[-200_000:])
    # it came in chunks
    assert re.search(r"smtp rcpt -> chunk\b", gw.stderr())


# ---- smuggling ----------------------------------------------------------------

ENDS = [b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r", b"\0\n", b"\r\0\n",
        b"\r\n\0", b"\r\n ", b"\x0b", b"\x0c", b"\xc2\x85"]
SECOND = (b"MAIL FROM:<evil@example.com>\r\nRCPT TO:<bob@example.net>\r\n"
          b"DATA\r\nX-Corpus: smuggled\r\n\r\nsmuggled\r\n.\r\n")


def variants():
    """A mail in which a second one is hidden behind what some server may
    take for the end of the first; all of it is one mail."""
    for first in ENDS:
        for second in ENDS:
            end = first + b"." + second
            if b"\r\n.\r\n" not in end + b"M":
                yield (b"X-Corpus: outer\r\n\r\nouter" + end + SECOND,
                       len(b"X-Corpus: outer\r\n\r\nouter") + len(first))


class Lenient(smtp_sink.Connection):
    """Ends a mail at a dot between any two line endings."""

    END = re.compile(rb"(\A|\r\n|\n|\r|\0\n)\.(\r\n|\n|\r|\0\n)\Z")

    def _take_data(self, line):
        if not self.recipients:
            self._send("554 5.5.1 No valid recipients")
            return
        self._send("354 Go on")
        data = b""
        while not self.END.search(data[-8:] if len(data) > 8 else data):
            byte = self.file.read(1)
            if not byte:
                raise smtp_sink.Gone
            data += byte
            if data.endswith(b"\r") and self.file.peek(1)[:1] == b"\n":
                data += self.file.read(1)
        self.data = data
        self._reply("dot", b".", "250 2.0.0 Ok: kept")
        self.sender, self.recipients = None, []


@pytest.fixture(name="lenient")
def lenient_hop(monkeypatch):
    monkeypatch.setattr(smtp_sink, "Connection", Lenient)
    s = smtp_sink.SmtpSink().start()
    yield s
    s.stop()


def raw(port):
    sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    file = sock.makefile("rb")

    def hear():
        while True:
            line = file.readline()
            if line[3:4] != b"-":
                return line
    return sock, hear


def attack(port, mail, cut, chunk):
    """Sends it, cut in two around the dot; True if it was taken."""
    sock, hear = raw(port)
    try:
        hear()
        for command in (b"EHLO evil.example", b"MAIL FROM:<alice@example.org>",
                        b"RCPT TO:<bob@example.net>"):
            sock.sendall(command + b"\r\n")
            assert hear()[:1] == b"2"
        head = b"BDAT %d LAST\r\n" % len(mail) if chunk else b"DATA\r\n"
        sock.sendall(head)
        if not chunk:
            assert hear()[:3] == b"354"
        sock.sendall(mail[:cut])
        sock.sendall(mail[cut:cut + 1])
        sock.sendall(mail[cut + 1:])
        reply = hear()
        try:
            sock.sendall(b"QUIT\r\n")
            # nothing but that mail was ever answered
            assert hear()[:3] in (b"221", b"")
        except ConnectionError:
            assert reply[:3] == b"554"  # and it was sent away
        assert reply[:3] in (b"250", b"554"), reply
        return reply[:3] == b"250"
    finally:
        sock.close()


def hop_of(kind, request):
    """(its port, how many mails it has)"""
    if kind == "lenient":
        s = request.getfixturevalue("lenient")
        return s.port, lambda: len(s.mails)
    if kind == "postfix":
        # as lenient as it can be made
        p = request.getfixturevalue("postfix")(
            settings="smtpd_forbid_bare_newline = no\n")
        return p.port, p.count
    e = request.getfixturevalue("exim")
    return e.port, lambda: len(e.mails())


def test_the_lenient_next_hop_alone_is_fooled(lenient):
    """Or the next test would show nothing."""
    sock, hear = raw(lenient.port)
    hear()
    for command in (b"EHLO a", b"MAIL FROM:<alice@example.org>",
                    b"RCPT TO:<bob@example.net>", b"DATA"):
        sock.sendall(command + b"\r\n")
        hear()
    sock.sendall(b"A: 1\r\n\r\nouter\n.\n" + SECOND + b"QUIT\r\n")
    until("both have arrived", lambda: len(lenient.mails) == 2)
    sock.close()


@pytest.mark.parametrize("how", ["reject", "normalize"])
@pytest.mark.parametrize("kind", ["lenient", "postfix", "exim"])
def test_one_mail_is_never_two(gateway, request, kind, how):
    port, count = hop_of(kind, request)
    gw = gateway({"smtp": to(port, bare_newline=how)})
    taken = {True: 0, False: 0}
    for mail, cut in variants():
        for chunk in (False, True):
            taken[attack(gw.port, mail, cut, chunk)] += 1
    assert taken[True] > 0
    assert taken[False] > 0 or how == "normalize"
    until("all that was taken has arrived", lambda: count() >= taken[True])
    # another mail behind them all: nothing is on its way any more
    client = connect(gw.port)
    assert hand_over(client, corpus_mail.plain("last", 100))[0] == 250
    client.close()
    until("and one more", lambda: count() >= taken[True] + 1)
    assert count() == taken[True] + 1
    senders = {s for e in gw.events(**{"event.action": "decision"})
               for s in e["email.from.address"]}
    assert senders == {corpus_mail.SENDER}


# ---- AUTH ---------------------------------------------------------------------

PASSWORD = "c0rrect-h0rse"

EXIM_AUTH = """
begin authenticators
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${{if eq{{$auth1}}{{bob}}{{{password}}}fail}}
  server_set_id = $auth1
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \\
    ${{if and{{{{eq{{$auth2}}{{bob}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = \\
    ${{if and{{{{eq{{$auth1}}{{bob}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
  server_set_id = $auth1
"""


@pytest.fixture(name="guarded")
def exim_with_auth(cleanly):
    """An Exim that takes mail from whom it knows alone."""
    e = Exim()
    cleanly(e)
    path = f"{e.dir}/conf"
    with open(path, encoding="ascii") as f:
        text = f.read()
    text = text.replace(
        "acl_smtp_rcpt = accept",
        "acl_smtp_rcpt = ${if eq{$sender_host_authenticated}{}{deny}{accept}}")
    with open(path, "w", encoding="ascii") as f:
        f.write(text + EXIM_AUTH.format(password=PASSWORD))
    return e.start()


def log_in(client, mechanism, password=PASSWORD):
    client.user, client.password = "bob", password
    method = getattr(client, "auth_" + mechanism.lower().replace("-", "_"))
    return client.auth(mechanism, method,
                       initial_response_ok=mechanism == "PLAIN")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_exim_knows_who_it_is_through_us(gateway, guarded, mechanism):
    gw = learned(gateway({"smtp": to(guarded.port, auth_without_tls="yes")}),
                 "auth")
    client = connect(gw.port)
    assert mechanism in client.esmtp_features["auth"]
    code, _ = client.mail(corpus_mail.SENDER)
    assert code == 250
    code, _ = client.rcpt(corpus_mail.RECIPIENT)
    assert code == 550
    client.rset()
    with pytest.raises(smtplib.SMTPAuthenticationError) as wrong:
        log_in(client, mechanism, "wr0ng-" + PASSWORD)
    assert wrong.value.smtp_code == 535
    assert log_in(client, mechanism)[0] == 235
    for n in range(3):
        code, text = hand_over(client, corpus_mail.plain(f"mail-{n}", 2000))
        assert code == 250, text
    client.quit()
    until("they have arrived", lambda: len(guarded.mails()) == 3)
    # another session is nobody again
    client = connect(gw.port)
    client.mail(corpus_mail.SENDER)
    assert client.rcpt(corpus_mail.RECIPIENT)[0] == 550
    client.close()


def test_no_password_is_ever_written(gateway, sink):
    """Not with everything logged, and in no coding."""
    sink.extensions = ("PIPELINING", "AUTH PLAIN LOGIN")
    gw = learned(gateway({"smtp": to(sink.port, auth_without_tls="yes")}),
                 "auth")
    for mechanism in ("PLAIN", "LOGIN"):
        client = connect(gw.port)
        assert log_in(client, mechanism)[0] == 235
        assert hand_over(client, corpus_mail.plain("mail", 500))[0] == 250
        client.quit()
    heard = b" ".join(line for c in sink.connections for line in c.auth)
    plain = base64.b64encode(f"\0bob\0{PASSWORD}".encode())
    login = base64.b64encode(PASSWORD.encode())
    assert plain in heard and login in heard
    with open(f"{gw.dir}/events", encoding="utf-8") as f:
        written = gw.stderr() + f.read()
    assert "smtp auth mech=PLAIN result=235" in written
    for secret in (plain.decode(), login.decode(), PASSWORD):
        assert secret not in written


def test_long_lines_of_an_exchange(gateway, sink):
    sink.extensions = ("AUTH LONG PLAIN",)
    gw = learned(gateway({"smtp": to(sink.port, auth_without_tls="yes")}),
                 "auth")
    sock, hear = raw(gw.port)
    hear()
    sock.sendall(b"EHLO a\r\n")
    hear()
    sock.sendall(b"AUTH LONG\r\n")
    assert hear() == b"334 " + b"x" * 12000 + b"\r\n"
    sock.sendall(b"y" * 12284 + b"\r\n")
    assert hear()[:3] == b"235"
    sock.close()
    assert sink.connections[-1].auth[-1] == b"y" * 12284
    sock, hear = raw(gw.port)
    hear()
    sock.sendall(b"EHLO a\r\n")
    hear()
    sock.sendall(b"AUTH PLAIN\r\n")
    assert hear() == b"334 \r\n"
    sock.sendall(b"y" * 12288 + b"\r\nNOOP\r\n")
    assert hear().startswith(b"500 5.5.6 ")
    assert hear().startswith(b"250 ")
    sock.sendall(b"AUTH PLAIN " + b"z" * 12272 + b"\r\n")
    assert hear()[:3] == b"235"
    sock.close()


def test_auth_is_offered_under_tls_alone(gateway, sink, cleanly):
    cert = Certificate()
    cleanly(cert)
    sink.extensions = ("AUTH PLAIN",)
    gw = gateway({"smtp": to(sink.port),
                  "tls": {"cert_file": cert.pem, "key_file": cert.key}})
    until("the next hop was asked", lambda: any(
        c.helo for c in sink.connections))
    client = connect(gw.port)
    assert "auth" not in client.esmtp_features
    assert client.docmd("AUTH", "PLAIN AAA=")[0] == 538
    client.starttls(context=anybody())
    client.ehlo()
    assert client.esmtp_features["auth"].split() == ["PLAIN"]
    assert log_in(client, "PLAIN")[0] == 235
    assert hand_over(client, corpus_mail.plain("mail", 500))[0] == 250
    client.quit()
    assert len(sink.mails) == 1
    assert b"with ESMTPSA id" in sink.mails[0].data


# ---- XFORWARD, XCLIENT --------------------------------------------------------


def test_postfix_forwards_its_client_and_hears_of_it(gateway, postfix):
    """Postfix - Sallyport - Postfix: the last one logs the first one's."""
    following = postfix(settings=(
        "smtpd_authorized_xforward_hosts = 127.0.0.0/8\n"))
    gw = gateway({"smtp": to(following.port),
                  "listener mail-in": {"xforward_from": "127.0.0.1"}})
    first = postfix("first.example.org", relay=("127.0.0.1", gw.port),
                    settings="smtpd_authorized_xclient_hosts = 127.0.0.0/8\n"
                    "smtp_send_xforward_command = yes\n")
    client = smtplib.SMTP("127.0.0.1", first.port, timeout=PATIENCE)
    client.ehlo("client.example.org")
    code, _ = client.docmd(
        "XCLIENT", "NAME=near.example ADDR=127.7.7.7 PORT=4711")
    assert code == 220
    client.ehlo("near.example")
    code, text = hand_over(client, corpus_mail.plain("forwarded", 500))
    assert code == 250, text
    client.quit()
    until("it has arrived", lambda: following.count() == 1)
    decision, = gw.events(**{"event.action": "decision"})
    assert decision["client.address"] == "127.7.7.7"
    assert decision["sallyport.smtp.helo"] == "near.example"
    until("it is in its log", lambda: re.search(
        r"orig_client=near\.example\[127\.7\.7\.7\]", following.log()))
    received = following.mails()[0].split(b"(Sallyport)")[0]
    assert b"from near.example ([127.7.7.7])" in received


def test_postfix_takes_our_word_for_who_its_client_is(gateway, postfix):
    """XCLIENT: its restrictions see the client, not us; two clients never
    share a connection."""
    following = postfix(start=False)
    following.add(
        "smtpd_authorized_xclient_hosts = 127.0.0.0/8\n"
        "smtpd_client_restrictions = check_client_access "
        f"cidr:{following.conf}/access, permit\n", "",
        {"access": "192.0.2.9 REJECT you in person\n"})
    following.start()
    gw = gateway({"gateway": {"workers": "1"}, "smtp": to(following.port),
                  "listener mail-in": {"xforward_from": "127.0.0.1"}})
    for name, address, code in (("good", "192.0.2.8", 250),
                                ("bad", "192.0.2.9", 554),
                                ("again", "192.0.2.8", 250)):
        client = connect(gw.port)
        assert client.docmd("XFORWARD", f"NAME={name}.example "
                            f"ADDR={address} HELO={name}.example")[0] == 250
        assert hand_over(client, corpus_mail.plain(name))[0] == code
        client.quit()
    until("both have arrived", lambda: following.count() == 2)
    until("both are in its log", lambda: re.search(
        r"client=good\.example\[192\.0\.2\.8\]", following.log())
        and "you in person" in following.log())
    until("both are told", lambda: [
        e["sallyport.result"] for e in gw.events() if e.get(
            "sallyport.result") in ("delivered", "refused")]
        == ["delivered"] * 2)


# ---- SMTPUTF8, DSN ------------------------------------------------------------


def test_postfix_takes_utf8_and_dsn_through_us(gateway, postfix):
    following = postfix(settings="smtputf8_enable = yes\n")
    gw = learned(gateway({"gateway": {"workers": "1"},
                          "smtp": to(following.port)}), "dsn")
    client = connect(gw.port)
    for word in ("smtputf8", "dsn", "8bitmime", "chunking"):
        assert word in client.esmtp_features
    client.command_encoding = "utf-8"
    code, text = client.docmd(
        "MAIL", "FROM:<josé@españa.example> SMTPUTF8 BODY=8BITMIME "
        "RET=HDRS ENVID=id+2B1")
    assert code == 250, text
    code, text = client.docmd(
        "RCPT", "TO:<δοκιμή@παράδειγμα.example> NOTIFY=NEVER "
        "ORCPT=utf-8;δοκιμή@παράδειγμα.example")
    assert code == 250, text
    code, text = client.data("Subject: Grüße\r\n\r\nüber\r\n".encode())
    assert code == 250, text
    client.quit()
    until("it has arrived", lambda: following.count() == 1)
    mail = following.mails()[0]
    assert "Subject: Grüße\n".encode() in mail
    assert mail.endswith("\n\nüber\n".encode())
    assert b"with UTF8SMTP id" in mail
    decision, = gw.events(**{"event.action": "decision"})
    assert decision["email.to.address"] == ["δοκιμή@παράδειγμα.example"]
