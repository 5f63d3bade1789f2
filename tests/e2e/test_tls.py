"""TLS on both sides, spoken with what others have written."""

import os
import re
import smtplib
import socket
import subprocess
import threading

import corpus_mail
import pytest
from peers import smtp_sink
from peers.certificate import Certificate, anybody
from peers.client import connect, hand_over, send
from peers.common import PATIENCE, free_port, sanitized, until

HELLO = "client.example.org"


@pytest.fixture(name="cert")
def certificate(cleanly):
    c = Certificate()
    cleanly(c)
    return c


@pytest.fixture(name="other")
def other_certificate(cleanly):
    c = Certificate("other.example.org")
    cleanly(c)
    return c


@pytest.fixture(name="hop")
def tls_hop(cert):
    """A next hop that has TLS."""
    s = smtp_sink.SmtpSink(tls=cert.serves()).start()
    yield s
    s.stop()


def to(sink, **more):
    return {"next_hop": f"smtp:127.0.0.1:{sink.port}", **more}


def starttls(port, context=None):
    client = connect(port)
    code, text = client.starttls(context=context or anybody())
    assert code == 220, text
    client.ehlo()
    return client


def probed(sink):
    """The gateway has asked the next hop what it can do."""
    until("the next hop was asked", lambda: any(
        c.helo for c in sink.connections))


# ---- towards clients ---------------------------------------------------------


@pytest.mark.core
def test_a_client_that_verifies_us(gateway, cert, sink):
    gw = gateway({"tls": cert.options(), "smtp": to(sink)})
    context = cert.trusts()
    client = smtplib.SMTP("127.0.0.1", gw.port, local_hostname=HELLO,
                          timeout=PATIENCE)
    client.ehlo()
    assert client.has_extn("starttls")
    client.starttls(context=context)
    client.ehlo()
    assert not client.has_extn("starttls")

    code, text = hand_over(client, corpus_mail.plain("clean"))
    assert code == 250, text
    decision = gw.events(event__action="decision")[-1]
    assert decision["tls.version"] == "1.3"
    assert decision["tls.cipher"] == client.sock.cipher()[0]

    code, text = hand_over(client, corpus_mail.infected("zip"))
    assert code == 554, text
    client.quit()
    assert sink.names() == ["clean"]


@pytest.mark.core
def test_tls_from_the_first_byte(gateway, cert, sink):
    gw = gateway({"tls": cert.options(), "smtp": to(sink),
                  "listener mail-in": {"tls": "implicit"}})
    with smtplib.SMTP_SSL("127.0.0.1", gw.port, local_hostname=HELLO,
                          context=cert.trusts(), timeout=PATIENCE) as client:
        client.ehlo()
        assert not client.has_extn("starttls")
        code, text = hand_over(client, corpus_mail.plain("clean"))
        assert code == 250, text
    assert b"with ESMTPS id" in sink.mails[0].data

    with socket.create_connection(("127.0.0.1", gw.port)) as s:
        s.settimeout(PATIENCE)
        s.sendall(b"EHLO client.example.org\r\n")
        said = b""
        try:
            while piece := s.recv(4096):
                said += piece
        except ConnectionResetError:
            pass
    assert b"220" not in said
    until("it is logged", lambda: "reason=\"TLS handshake: " in gw.stderr()
          or "reason=TLS handshake: " in gw.stderr())


def test_behind_a_proxy_that_names_the_client(gateway, cert):
    """The PROXY line, and TLS right behind it."""
    gw = gateway({"tls": cert.options(), "listener mail-in": {
        "tls": "implicit", "proxy_protocol_from": "127.0.0.1"}})
    s = socket.create_connection(("127.0.0.1", gw.port), timeout=PATIENCE)
    s.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.1 1111 465\r\n")
    with anybody().wrap_socket(s) as t, t.makefile("rwb") as file:
        assert file.readline().startswith(b"220 ")
        for line in (b"EHLO x", b"MAIL FROM:<a@example.org>", b"QUIT"):
            file.write(line + b"\r\n")
        file.flush()
        file.read()
    e = until("an event", lambda: gw.events(event__action="ended"))[-1]
    assert (e["client.address"], e["tls.version"]) == ("192.0.2.7", "1.3")


def test_nobody_waits_for_a_handshake_for_ever(gateway, cert):
    gw = gateway({"tls": {**cert.options(), "handshake_timeout": "300ms"},
                  "listener mail-in": {"tls": "implicit"}})
    with socket.create_connection(("127.0.0.1", gw.port)) as s:
        s.settimeout(PATIENCE)
        assert s.recv(100) == b""
    until("it is logged", lambda: "handshake_timeout exceeded" in gw.stderr())


def test_who_is_turned_away_there_hears_nothing(gateway, cert):
    """A reply in the clear would be read as a broken TLS."""
    gw = gateway({"tls": cert.options(), "listener mail-in": {
        "tls": "implicit", "allow_from": "192.0.2.1"}})
    with socket.create_connection(("127.0.0.1", gw.port)) as s:
        s.settimeout(PATIENCE)
        assert s.recv(100) == b""
    gw.says("refused limit=allow_from")


def test_who_drains_ends_a_handshake(gateway, cert):
    gw = gateway({"tls": cert.options(),
                  "listener mail-in": {"tls": "implicit"}})
    with socket.create_connection(("127.0.0.1", gw.port)) as s:
        s.settimeout(PATIENCE)
        until("the session is there", lambda: "session begins" in gw.stderr())
        assert gw.stop() == 0
        assert s.recv(100) == b""


def test_curl_that_insists_on_tls(gateway, cert, sink, folder):
    gw = gateway({"tls": cert.options(), "smtp": to(sink)})
    path = f"{folder}/mail"
    with open(path, "wb") as f:
        f.write(corpus_mail.plain("clean"))
    done = subprocess.run(
        ["curl", "-sS", "--ssl-reqd", "--cacert", cert.pem,
         f"smtp://127.0.0.1:{gw.port}/{HELLO}", "--mail-from",
         corpus_mail.SENDER, "--mail-rcpt", corpus_mail.RECIPIENT, "-T", path],
        check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert corpus_mail.body_of(sink.mails[0].data) == \
        corpus_mail.plain("clean")


def s_client(port, *words):
    """openssl(1): what it says of a connection that ends behind QUIT."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-starttls",
         "smtp", "-crlf", "-ign_eof", *words], input="EHLO x\nQUIT\n", check=False,
        capture_output=True, text=True, timeout=PATIENCE)
    return done.returncode, done.stdout + done.stderr


def test_versions(gateway, cert):
    gw = gateway({"tls": cert.options()})
    weak = ("-cipher", "ALL:@SECLEVEL=0")
    for version in ("-tls1", "-tls1_1"):
        code, text = s_client(gw.port, version, *weak)
        assert code != 0 and "221 2.0.0" not in text, text
    for version in ("-tls1_2", "-tls1_3"):
        code, text = s_client(gw.port, version)
        assert code == 0 and "221 2.0.0" in text, text
    # no cipher without forward secrecy
    code, text = s_client(gw.port, "-tls1_2", "-cipher", "kRSA")
    assert code != 0 and "221 2.0.0" not in text, text


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_session_goes_on_in_any_net_worker(gateway, cert, folder, version):
    gw = gateway({"tls": cert.options(), "gateway": {"workers": "2"}})
    ticket = f"{folder}/ticket"
    _, text = s_client(gw.port, version, "-sess_out", ticket)
    assert "\nNew, TLS" in text
    for _ in range(16):  # each of which either net worker may get
        _, text = s_client(gw.port, version, "-sess_in", ticket,
                           "-sess_out", ticket)
        assert "\nReused, TLS" in text, text
    workers = set(re.findall(r"debug (net \d) \S+ tls client .*resumed=yes",
                             gw.stderr()))
    assert workers == {"net 1", "net 2"}


# ---- towards the next hop ----------------------------------------------------


def outcome(gw):
    return until("an outcome", lambda: gw.events(event__action="outcome"))[-1]


@pytest.mark.core
def test_a_large_mail_under_tls_on_both_sides(gateway, cert, hop):
    """20 MB arrive byte for byte, and no net worker grows with them."""
    gw = gateway({"tls": cert.options(), "smtp": to(hop)})
    probed(hop)
    client = starttls(gw.port)
    assert hand_over(client, corpus_mail.plain("small"))[0] == 250
    before = sum(memory(gw))
    mail = corpus_mail.large("huge", 20_000_000)
    code, text = hand_over(client, mail)
    assert code == 250, text
    after = sum(memory(gw))
    client.quit()

    assert corpus_mail.body_of(hop.mails[-1].data) == mail
    assert hop.connections[-1].secured == "TLSv1.3"
    end = outcome(gw)
    assert end["tls.version"] == "1.3"
    assert end["sallyport.next_hop_tls.version"] == "1.3"
    assert end["sallyport.next_hop_tls.cipher"] == "TLS_AES_256_GCM_SHA384"
    if not sanitized(gw.build):
        assert after - before < 4_000_000


def memory(gw):
    """Bytes that each net worker holds for itself."""
    found = []
    for role, pid in gw.roles().items():
        if role.startswith("net "):
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                text = f.read()
            found.append(sum(1024 * int(n) for n in re.findall(
                r"^Private_\w+:\s+(\d+)", text, re.MULTILINE)))
    assert found
    return found


@pytest.mark.core
def test_a_connection_under_tls_is_used_again(gateway, hop):
    gw = gateway({"gateway": {"workers": "1"}, "smtp": to(hop)})

    def told():
        client = connect(gw.port)
        client.close()
        return "8bitmime" in client.esmtp_features
    # and then that connection is there to be used
    until("the next hop has told what it can", told)
    for name in ("one", "two", "three"):
        assert send(gw.port, corpus_mail.plain(name))[0] == 250
    assert hop.names() == ["one", "two", "three"]
    assert {m.connection for m in hop.mails} == {1}
    assert hop.connections[0].secured


def refused_by(sink, gw):
    """A mail for a next hop that is of no use; the reply."""
    code, text = send(gw.port, corpus_mail.plain("clean"))
    assert code == 451, text
    assert not sink.mails
    return text


def test_off_is_off(gateway, hop):
    gw = gateway({"smtp": to(hop, next_hop_tls="off")})
    assert send(gw.port, corpus_mail.plain("clean"))[0] == 250
    assert not any(c.secured for c in hop.connections)


def test_required_and_not_offered(gateway, sink):
    gw = gateway({"smtp": to(sink, next_hop_tls="require")})
    assert "No next hop" in refused_by(sink, gw)
    gw.says("STARTTLS is not offered")


def test_verified_by_name(gateway, cert, hop):
    gw = gateway({"tls": {"ca_bundle": cert.pem},
                  "smtp": to(hop, next_hop_tls="verify")})
    assert send(gw.port, corpus_mail.plain("clean"))[0] == 250
    assert outcome(gw)["sallyport.next_hop_tls.version"] == "1.3"


def test_signed_by_somebody_else(gateway, hop, other):
    gw = gateway({"tls": {"ca_bundle": other.pem},
                  "smtp": to(hop, next_hop_tls="verify")})
    refused_by(hop, gw)
    gw.says("TLS handshake: self-signed certificate")


def test_another_name(gateway, cleanly):
    named = Certificate("named.example.org", "DNS:named.example.org")
    cleanly(named)
    hop = smtp_sink.SmtpSink(tls=named.serves()).start()
    gw = gateway({"tls": {"ca_bundle": named.pem},
                  "smtp": to(hop, next_hop_tls="verify")})
    refused_by(hop, gw)
    gw.says("TLS handshake: IP address mismatch")
    hop.stop()


class Broken:
    """A next hop that offers STARTTLS and then speaks something else."""

    def __init__(self):
        self.sink = smtp_sink.SmtpSink(
            extensions=("PIPELINING", "8BITMIME", "STARTTLS")).start()
        self.sink.tls = self
        self.tried = 0

    def wrap_socket(self, sock, server_side):
        assert server_side
        self.tried += 1
        sock.sendall(b"this is not TLS\r\n")
        raise OSError("and here it ends")


def test_a_handshake_that_fails_is_followed_by_a_clear_one(gateway):
    broken = Broken()
    gw = gateway({"smtp": to(broken.sink)})
    assert send(gw.port, corpus_mail.plain("clean"))[0] == 250
    assert broken.tried > 0
    assert broken.sink.names() == ["clean"]
    gw.says("tls given up")
    broken.sink.stop()


def test_unless_tls_is_required(gateway):
    broken = Broken()
    gw = gateway({"smtp": to(broken.sink, next_hop_tls="require")})
    refused_by(broken.sink, gw)
    assert broken.tried > 0
    gw.says("TLS handshake: ")
    broken.sink.stop()


# ---- Postfix on both sides ---------------------------------------------------


def test_postfix_to_postfix_and_nothing_in_the_clear(gateway, postfix, cert):
    following = postfix(
        "next.example.net",
        settings=f"smtpd_tls_cert_file = {cert.pem}\n"
                 f"smtpd_tls_key_file = {cert.key}\n"
                 "smtpd_tls_security_level = encrypt\n")
    gw = gateway({"tls": cert.options(),
                  "listener mail-in": {"tls": "require"},
                  "smtp": to(following, next_hop_tls="require")})
    client = postfix("client.example.org", relay=("127.0.0.1", gw.port),
                     settings="smtp_tls_security_level = encrypt\n")
    mails = dict(corpus_mail.mixed(60, seed=7))
    session = connect(client.port)
    for mail in mails.values():
        assert hand_over(session, mail)[0] == 250
    session.quit()
    until("all of them have arrived",
          lambda: following.count() >= len(mails), 120)

    for mail in following.mails():
        name = corpus_mail.name_of(mail)
        assert corpus_mail.body_of(mail) == \
            mails.pop(name).replace(b"\r\n", b"\n"), name
        assert b"(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384)" in mail
    assert not mails
    for e in gw.events(event__action="outcome"):
        assert e["tls.version"] == "1.3"
        assert e["sallyport.next_hop_tls.version"] == "1.3"


# ---- the files ---------------------------------------------------------------


def served(port):
    """The certificate that a new connection is shown."""
    client = starttls(port)
    try:
        return client.sock.getpeercert(binary_form=True)
    finally:
        client.close()


def test_only_the_parent_reads_the_key(gateway, cert):
    gw = gateway({"tls": cert.options()})
    assert os.stat(cert.key).st_mode & 0o777 == 0o600
    if os.getuid() == 0:
        assert os.stat(f"/proc/{gw.role('net 1')}").st_uid != \
            os.stat(cert.key).st_uid
    os.unlink(cert.key)  # a net worker that is started anew needs no file
    first = gw.role("net 1")
    os.kill(first, 9)
    until("another one is there",
          lambda: gw.roles().get("net 1") not in (None, first))
    for _ in range(8):
        assert served(gw.port) == cert.der()


class Talkers:
    """Sessions under TLS that go on and on."""

    def __init__(self, port, n):
        self.over = threading.Event()
        self.sent = [0] * n
        self.wrong = []
        self.threads = [threading.Thread(target=self.talk, args=(port, i))
                        for i in range(n)]
        for t in self.threads:
            t.start()

    def talk(self, port, i):
        try:
            client = starttls(port)
            while not self.over.is_set():
                code, text = hand_over(
                    client, corpus_mail.plain(f"{i}-{self.sent[i]}"))
                assert code == 250, text
                self.sent[i] += 1
            client.quit()
        except (OSError, smtplib.SMTPException, AssertionError) as e:
            self.wrong.append(repr(e))

    def everybody_goes_on(self):
        before = list(self.sent)
        until("each has sent more", lambda: self.wrong or all(
            now >= was + 3 for was, now in zip(before, self.sent)))

    def end(self):
        self.over.set()
        for t in self.threads:
            t.join()
        assert not self.wrong, self.wrong


def test_another_certificate_and_no_session_drops(gateway, cert, sink):
    gw = gateway({"tls": cert.options(), "smtp": to(sink)})
    talkers = Talkers(gw.port, 4)
    try:
        talkers.everybody_goes_on()
        old = cert.der()
        assert served(gw.port) == old
        cert.again()
        assert cert.der() != old
        gw.reload()
        until("the new one is shown", lambda: all(
            served(gw.port) == cert.der() for _ in range(8)))
        talkers.everybody_goes_on()
        for _ in range(8):
            assert served(gw.port) == cert.der()
    finally:
        talkers.end()
    assert sorted(sink.names()) == sorted(
        f"{i}-{n}" for i, all_ in enumerate(talkers.sent)
        for n in range(all_))


def test_a_bad_file_changes_nothing(gateway, cert, other):
    gw = gateway({"tls": cert.options()})
    os.rename(other.key, cert.key)
    gw.reload()
    line = line_of(gw.path, "key_file")
    gw.says(f"{gw.path}:{line}: key_file: {cert.key}: the key does not "
            "belong to the certificate")
    gw.says("the old configuration stays")
    for _ in range(4):
        assert served(gw.port) == cert.der()
    os.unlink(cert.key)
    gw.reload()
    gw.says(f"{gw.path}:{line}: key_file: {cert.key}: No such file")
    for _ in range(4):
        assert served(gw.port) == cert.der()


def line_of(path, key):
    with open(path, encoding="utf-8") as f:
        return 1 + [n.split(" ")[0] for n in f.read().splitlines()].index(key)


@pytest.mark.core
def test_what_check_says(gateway, cert, other):
    gw = gateway({"tls": {**cert.options(), "key_file": other.key}},
                 start=False)
    done = gw.run("--check")
    assert done.returncode == 78
    assert "the key does not belong to the certificate" in done.stderr

    gw.configure({"tls": {"key_file": cert.key}})
    done = gw.run("--check")
    assert (done.returncode, done.stderr) == (0, "")

    gw.configure({"tls": {"cert_file": None, "key_file": None},
                  "listener mail-in": {"tls": "require"}})
    done = gw.run("--check")
    assert done.returncode == 78
    assert "[listener mail-in] has no cert_file" in done.stderr

    gw.configure({"listener mail-in": {"tls": "off"}, "listener filter": {
        "protocol": "milter", "address": f"127.0.0.1:{free_port()}",
        "policy": "mail", "tls": "starttls", **cert.options()}})
    done = gw.run("--check")
    assert done.returncode == 78
    assert "protocol = milter has no STARTTLS: off or implicit" in done.stderr

    gw.configure({"listener filter": None,
                  "smtp": {"next_hop_tls": "verify"},
                  "tls": {"ca_bundle": other.key}})
    done = gw.run("--check")
    assert done.returncode == 78
    assert "ca_bundle" in done.stderr


def test_each_listener_may_have_its_own(gateway, cert, other):
    port = free_port()
    gw = gateway({"tls": cert.options(), "listener second": {
        "protocol": "smtp", "address": f"127.0.0.1:{port}", "policy": "mail",
        **other.options()}})
    assert served(gw.port) == cert.der()
    assert served(port) == other.der()


# ---- commands that somebody put in between -----------------------------------


def test_one_packet_with_starttls_and_more(gateway, cert, hop):
    """CVE-2011-0411 and its kin, with a client that counts the replies."""
    gw = gateway({"tls": cert.options(), "smtp": to(hop)})
    s = socket.create_connection(("127.0.0.1", gw.port), timeout=PATIENCE)
    file = s.makefile("rb")
    assert file.readline().startswith(b"220 ")
    s.sendall(b"EHLO x\r\n")
    while file.readline()[3:4] == b"-":
        pass
    s.sendall(b"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@example.org>\r\n"
              b"RCPT TO:<bob@example.net>\r\nDATA\r\nevil\r\n.\r\n")
    assert file.readline().startswith(b"220 ")
    file.close()
    context = anybody()
    t = context.wrap_socket(s)
    t.sendall(b"NOOP\r\nMAIL FROM:<alice@example.org>\r\n")
    file = t.makefile("rb")
    assert file.readline() == b"250 2.0.0 Ok\r\n"
    assert file.readline().startswith(b"503 5.5.1 Send HELO or EHLO")
    file.close()
    t.close()
    assert not hop.mails
    assert not any(b"evil" in line for c in hop.connections for line in c.said)


def test_an_end_in_the_middle_is_no_mail(gateway, cert, sink):
    """TLS that ends without being said is the end all the same."""
    gw = gateway({"tls": cert.options(), "smtp": to(sink)})
    client = starttls(gw.port)
    client.mail(corpus_mail.SENDER)
    client.rcpt(corpus_mail.RECIPIENT)
    assert client.docmd("DATA")[0] == 354
    client.sock.sendall(b"Subject: half\r\n\r\nhalf of it\r\n")
    client.sock.shutdown(socket.SHUT_RDWR)
    client.close()
    until("it has ended", lambda: gw.events(event__action="ended"))
    assert not sink.mails
