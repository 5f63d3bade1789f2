"""Where mail goes: programs, LMTP servers, several next hops; and a proxy in
front that says for whom it speaks."""

import os
import pwd
import smtplib
import socket
import ssl

import corpus_mail
import pytest
from peers.certificate import Certificate
from peers.client import connect, hand_over, send
from peers.common import PATIENCE, alive, free_port, kill, until
from peers.dovecot import Dovecot
from peers.exim import PROGRAM as EXIM
from peers.exim import Exim
from peers.haproxy import Haproxy
from peers.smtp_program import SmtpProgram
from peers.smtp_sink import SILENT, SmtpSink

MAILS = 30


def all_of(n=MAILS, seed=5):
    return dict(corpus_mail.mixed(n, seed=seed))


def same_bodies(mails, arrived):
    """Each arrived once, with LF for CR LF."""
    found = {corpus_mail.name_of(m): corpus_mail.body_of(m) for m in arrived}
    assert len(arrived) == len(found) == len(mails)
    for name, mail in mails.items():
        assert found[name] == mail.replace(b"\r\n", b"\n"), name


# ---- the PROXY protocol ------------------------------------------------------


@pytest.mark.parametrize("words", ["send-proxy", "send-proxy-v2",
                                   "send-proxy-v2 check inter 300ms"])
def test_haproxy_says_who_the_client_is(gateway, sink, cleanly, words):
    """Its own checks (v2: LOCAL) are no client's sessions."""
    gw = gateway({
        "listener mail-in": {"proxy_protocol_from": "127.0.0.1",
                             "allow_from": "127.0.0.1, ::1"},
        "smtp": {"next_hop": f"smtp:127.0.0.1:{sink.port}"}})
    proxy = Haproxy(gw.port, words)
    cleanly(proxy)
    proxy.start()

    for host, field in (("127.0.0.1", b"([127.0.0.1])"),
                        ("::1", b"([IPv6:::1])")):
        code, text = send(proxy.port, corpus_mail.plain("p"), host=host)
        assert code == 250, text
        until("its outcome", lambda h=host: gw.events(
            event__action="outcome", client__address=h))
        assert field in sink.mails[-1].data.partition(b"\n")[0]


@pytest.mark.core
def test_what_follows_may_be_tls_from_the_first_byte(gateway, cleanly):
    """The header, and a ClientHello behind it in the same packet."""
    cert = Certificate()
    cleanly(cert)
    gw = gateway({"tls": cert.options(), "listener mail-in": {
        "tls": "implicit", "proxy_protocol_from": "127.0.0.1"}})
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = cert.trusts().wrap_bio(back, there,
                                 server_hostname="gw.example.org")
    with socket.create_connection(("127.0.0.1", gw.port), timeout=PATIENCE) as s:
        out = b"PROXY TCP4 192.0.2.7 192.0.2.1 41000 465\r\n"
        said = None
        while said is None:
            try:
                tls.do_handshake()
                said = tls.read(1000)
            except ssl.SSLWantReadError:
                s.sendall(out + there.read())
                out = b""
                back.write(s.recv(65536))
    assert said.startswith(b"220 ")


@pytest.mark.core
def test_a_proxy_that_says_nothing_is_named_in_the_log(gateway):
    gw = gateway({"listener mail-in": {"proxy_protocol_from": "127.0.0.1",
                                       "proxy_protocol_timeout": "300ms"}})
    with socket.create_connection(("127.0.0.1", gw.port)) as s:
        s.settimeout(PATIENCE)
        assert s.recv(100) == b""
    until("it is logged", lambda: "limit=proxy_protocol_from "
          "listener=mail-in proxy=127.0.0.1 reason=proxy_protocol_timeout "
          "exceeded" in gw.stderr())
    # nobody on ::1 has to
    with socket.create_connection(("::1", gw.port)) as s:
        assert s.recv(100).startswith(b"220 ")


# ---- lmtp: -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["host and port", "unix"])
def test_dovecot_keeps_what_lmtp_brings(gateway, cleanly, kind):
    d = Dovecot()
    cleanly(d)
    d.start()
    hop = f"lmtp:unix:{d.socket}" if kind == "unix" else \
        f"lmtp:127.0.0.1:{d.port}"
    gw = gateway({"smtp": {"next_hop": hop}})
    mails = all_of()

    session = connect(gw.port)
    for mail in mails.values():
        code, text = hand_over(session, mail)
        assert code == 250, text
    session.quit()

    until("they are there", lambda: len(d.mails()) >= len(mails))
    same_bodies(mails, d.mails())
    code, text = send(gw.port, corpus_mail.infected("zip"))
    assert code == 554
    assert len(d.mails()) == len(mails)


def test_postfix_comes_back_with_the_other_recipients(gateway, cleanly,
                                                      postfix):
    """One recipient a mail by LMTP: 452 for the rest, and a real MTA sends
    them one after the other."""
    d = Dovecot()
    cleanly(d)
    d.start()
    gw = gateway({"smtp": {"next_hop": f"lmtp:127.0.0.1:{d.port}"}})
    client = postfix("client.example.org", relay=("127.0.0.1", gw.port))

    users = [f"user{n}" for n in range(3)]
    client.submit(corpus_mail.SENDER, [f"{u}@example.net" for u in users],
                  corpus_mail.plain("many"))

    for u in users:
        until(f"{u} has it", lambda u=u: d.mails(f"{u}@example.net"))
    until("the queue is empty", lambda: client.queued() == 0)
    for u in users:
        assert len(d.mails(f"{u}@example.net")) == 1


# ---- pipe: -------------------------------------------------------------------


def as_nobody(gateway, next_hop):
    """Started as the user of the peer, which must be able to keep mails."""
    gw = gateway({"gateway": {"user": "nobody", "group": "nogroup"},
                  "smtp": {"next_hop": next_hop}}, start=False)
    nobody = pwd.getpwnam("nobody")
    for path, folders, _ in os.walk(gw.dir):
        for name in folders:
            os.chown(f"{path}/{name}", nobody.pw_uid, nobody.pw_gid)
    return gw.start()


def in_place_of(postfix, gateway, next_hop):
    """Started where /etc/postfix is that Postfix's: who is not root can choose
    no other, and postdrop(1) is set-gid as ever."""
    gw = gateway({"smtp": {"next_hop": next_hop}}, start=False)
    gw.launch(["unshare", "--mount", "sh", "-c",
               f"mount --bind {postfix.conf} /etc/postfix && "
               f"exec {gw.build}/sallyportd --config {gw.path}"])
    gw.wait_ready()
    return gw


def test_postfix_sendmail_bs(gateway, postfix):
    """A pool of sendmail -bs: one process carries many mails."""
    following = postfix("next.example.net")
    gw = in_place_of(following, gateway, "pipe:/usr/sbin/sendmail -bs")
    mails = all_of()

    session = connect(gw.port)
    for mail in mails.values():
        code, text = hand_over(session, mail)
        assert code == 250, text
    session.quit()

    until("they are there", lambda: following.count() >= len(mails))
    # Its pickup(8) takes them for a local user's: a line may get LF only.
    same_bodies(mails, following.mails())
    assert gw.stderr().count("program begins") <= 4
    gw.stop()
    until("nobody is left", lambda: not gw.family())


def test_exim_bs(gateway, cleanly):
    e = Exim()
    cleanly(e)
    e.start()
    gw = as_nobody(gateway, f"\"pipe:{EXIM} -C {e.dir}/conf -bs\"")
    mails = all_of()

    for mail in mails.values():
        code, text = send(gw.port, mail)
        assert code == 250, text

    until("Exim has them all", lambda: len(e.mails()) >= len(mails))
    same_bodies(mails, e.mails())


def piped(gateway, cleanly, program, **smtp):
    cleanly(program)
    return gateway({"gateway": {"workers": "1"}, "smtp": {
        "next_hop": f"pipe:{program.path} -bs -v",
        "next_hop_connect_timeout": "60s", **smtp}})


@pytest.mark.core
def test_a_program_has_nothing_of_ours_but_the_dialogue(gateway, cleanly):
    p = SmtpProgram(stderr=["first words", "odd \x1b\"words\""])
    gw = piped(gateway, cleanly, p)

    code, text = send(gw.port, corpus_mail.plain("one"))

    assert code == 250, text
    assert [m.recipients for m in p.mails()] == [[corpus_mail.RECIPIENT]]
    found = next(iter(p.started().values()))
    assert found["words"] == [p.path, "-bs", "-v"]
    assert set(found["environment"]) - {"LC_CTYPE"} == {"PATH", "LC_ALL"}
    assert found["directory"] == "/"
    # 0, 1, 2, and what listdir() has open
    assert found["files"] == ["0", "1", "2", "3"]
    if os.getuid() == 0:
        assert found["uid"] != 0
    until("it is logged", lambda: 'text="first words"' in gw.stderr())
    until("escaped", lambda: 'text="odd \\x1b\\"words\\""' in gw.stderr())
    event = until("its outcome", lambda: gw.events(event__action="outcome"))[0]
    assert event["sallyport.next_hop"] == f"pipe:{p.path} -bs -v"


@pytest.mark.core
def test_one_that_writes_without_end_is_cut_short(gateway, cleanly):
    p = SmtpProgram(stderr=["x" * 3000] + ["line"] * 500)
    gw = piped(gateway, cleanly, p)

    code, text = send(gw.port, corpus_mail.plain("one"))

    assert code == 250, text
    until("it is cut short",
          lambda: "limit=PROGRAM_LINES_MAX" in gw.stderr())
    said = gw.stderr()
    assert said.count('text="line"') < 100 * len(p.started())
    assert "x" * 512 not in said


@pytest.mark.core
def test_one_that_ends_by_itself_is_buried_and_named(gateway, cleanly):
    p = SmtpProgram({"dot": "421 4.3.0 Bye"}, status=75)
    gw = piped(gateway, cleanly, p)
    code, text = send(gw.port, corpus_mail.plain("one"))
    assert code == 451, text
    until("it is named", lambda: "status=75" in gw.stderr())
    for pid in p.started():
        until("it is buried", lambda pid=pid: not os.path.exists(
            f"/proc/{pid}"))


@pytest.mark.core
def test_one_that_does_not_end_is_killed(gateway, cleanly):
    """It is late with a reply, and takes neither the end of its input nor
    SIGTERM for an end."""
    p = SmtpProgram({"MAIL": {"delay": 600}}, ends=False)
    gw = piped(gateway, cleanly, p, next_hop_timeout="400ms")
    code, text = send(gw.port, corpus_mail.plain("one"))
    assert code == 451, text
    for pid in p.started():
        until("it is killed", lambda pid=pid: not alive(pid))
    gw.says("limit=PROGRAM_KILL_MS")


@pytest.mark.core
def test_idle_ones_end(gateway, cleanly):
    p = SmtpProgram()
    gw = piped(gateway, cleanly, p)
    assert send(gw.port, corpus_mail.plain("one"))[0] == 250
    assert p.started()
    until("it has ended", lambda: not any(map(alive, p.started())))
    assert send(gw.port, corpus_mail.plain("two"))[0] == 250
    gw.stop()
    until("the other one, too", lambda: not any(map(alive, p.started())))


@pytest.mark.core
def test_killed_under_way_it_costs_a_451(gateway, cleanly):
    p = SmtpProgram({"DATA": {"delay": 60}})
    gw = piped(gateway, cleanly, p)
    session = connect(gw.port)
    session.mail(corpus_mail.SENDER)
    assert session.rcpt(corpus_mail.RECIPIENT)[0] == 250
    for pid in p.started():
        kill(pid)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        # the answer to DATA, or the one behind the dot
        raise smtplib.SMTPDataError(*session.data(corpus_mail.plain("one")))
    assert refused.value.smtp_code == 451
    session.close()
    until("it is named", lambda: "signal=9" in gw.stderr())


@pytest.mark.core
def test_a_program_that_is_not_there(gateway, sink):
    """It is passed over like any next hop."""
    gw = gateway({"smtp": {"next_hop":
                  "pipe:/nonexistent/sendmail -bs, "
                  f"smtp:127.0.0.1:{sink.port}"}})
    code, text = send(gw.port, corpus_mail.plain("one"))
    assert code == 250, text
    gw.says("/nonexistent/sendmail: No such file")


# ---- who is down -------------------------------------------------------------


def hops(*ports):
    return ", ".join(f"smtp:127.0.0.1:{p}" for p in ports)


@pytest.mark.core
def test_who_is_down_is_not_asked_each_time(gateway):
    """A next hop that accepts and says nothing costs the first mail its
    connect timeout, and the others nothing."""
    silent, good = SmtpSink(script={"connect": SILENT}), SmtpSink()
    for s in (silent, good):
        s.start()
    try:
        gw = gateway({"gateway": {"workers": "1"}, "smtp": {
            "next_hop": hops(silent.port, good.port),
            "next_hop_connect_timeout": "1500ms", "next_hop_retry": "1h"}})
        for n in range(5):
            assert send(gw.port, corpus_mail.plain(f"m{n}"))[0] == 250
        assert len(good.mails) == 5
        # what it can do was asked at the start, and the first mail asked
        assert silent.connected() <= 2
        gw.says("not reached")
    finally:
        silent.stop()
        good.stop()


@pytest.mark.core
def test_and_is_asked_again_when_its_time_is_over(gateway):
    first, second = SmtpSink().start(), SmtpSink().start()
    try:
        gw = gateway({"gateway": {"workers": "1"}, "smtp": {
            "next_hop": hops(first.port, second.port),
            "next_hop_retry": "500ms"}})
        assert send(gw.port, corpus_mail.plain("one"))[0] == 250
        assert len(first.mails) == 1
        first.stop_listening()
        for c in first.connections:
            c.close()
        assert send(gw.port, corpus_mail.plain("two"))[0] == 250
        assert len(second.mails) == 1
        first.listen()

        def back():
            assert send(gw.port, corpus_mail.plain("again"))[0] == 250
            return len(first.mails) > 1
        until("the first one is used again", back)
        gw.says("smtp next hop is back")
    finally:
        first.stop()
        second.stop()


@pytest.mark.core
def test_when_all_are_down_each_is_tried(gateway):
    """One that is known to be down is better than none."""
    first, second = SmtpSink(port=free_port()), SmtpSink(port=free_port())
    try:
        gw = gateway({"gateway": {"workers": "1"}, "smtp": {
            "next_hop": hops(first.port, second.port),
            "next_hop_retry": "1h"}})
        assert send(gw.port, corpus_mail.plain("one"))[0] == 451
        second.listen()
        assert send(gw.port, corpus_mail.plain("two"))[0] == 250
        assert len(second.mails) == 1
    finally:
        first.stop()
        second.stop()


# ---- [route], pipes and LMTP in one ------------------------------------------


@pytest.mark.core
def test_a_real_sender_comes_back_for_each_route(gateway, sink, postfix):
    """Recipients of three routes in one mail of a real Postfix."""
    program = SmtpProgram()
    other = SmtpSink().start()
    try:
        gw = gateway({
            "smtp": {"next_hop": f"smtp:127.0.0.1:{sink.port}"},
            "route one.example": {
                "next_hop": f"smtp:127.0.0.1:{other.port}"},
            "route *.one.example": {"next_hop": f"pipe:{program.path} -bs"}})
        client = postfix("client.example.org", relay=("127.0.0.1", gw.port))
        client.submit(corpus_mail.SENDER, [
            "a@zero.example", "b@zero.example", "c@one.example",
            "d@x.one.example"], corpus_mail.plain("many"))
        until("all have it", lambda: sink.mails and other.mails and
              program.mails())
        until("the queue is empty", lambda: client.queued() == 0)
        got = sorted(r for m in [*sink.mails, *other.mails, *program.mails()]
                     for r in m.recipients)
        assert got == ["a@zero.example", "b@zero.example", "c@one.example",
                       "d@x.one.example"]
        assert [m.recipients for m in other.mails] == [["c@one.example"]]
    finally:
        other.stop()
        program.remove()
