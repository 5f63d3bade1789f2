"""Every limit has a name, and who runs into it hears a clear answer."""

import signal
import socket
import time

import corpus_mail
import pytest
from peers.client import connect, dotted, hand_over, send
from peers.common import PATIENCE, kill, until
from peers.sallyport import Sallyport
from peers.smtp_sink import SILENT

pytestmark = pytest.mark.core


def relay_to(sink, **more):
    more.setdefault("smtp", {})["next_hop"] = f"smtp:127.0.0.1:{sink.port}"
    return more


def greeting(port, host="127.0.0.1"):
    """What a new client hears first, and its socket."""
    s = socket.create_connection((host, port), timeout=PATIENCE)
    return s.recv(1000).decode(), s


def scans(gw):
    return [p for r, p in gw.roles().items() if r.startswith("scan ")]


class frozen:  # pylint: disable=invalid-name
    """Scan workers that stand still for the time of a with."""

    def __init__(self, gw):
        self.pids = scans(gw)

    def __enter__(self):
        for p in self.pids:
            kill(p, signal.SIGSTOP)

    def __exit__(self, *_):
        for p in self.pids:
            kill(p, signal.SIGCONT)


def start_data(port, mail, host="127.0.0.1"):
    """A client that has sent all and waits for the reply."""
    c = connect(port, host)
    assert c.mail(corpus_mail.SENDER)[0] == 250
    assert c.rcpt(corpus_mail.RECIPIENT)[0] == 250
    assert c.docmd("DATA")[0] == 354
    c.send(dotted(mail))
    return c


def test_max_sessions_per_client(gateway, sink):
    gw = gateway(relay_to(sink, **{
        "listener mail-in": {"max_sessions_per_client": "3"}}))
    held = [greeting(gw.port) for _ in range(3)]
    assert all(text.startswith("220 ") for text, _ in held)

    text, extra = greeting(gw.port)
    assert text.startswith("421 ") and "max_sessions_per_client" in text
    assert extra.recv(10) == b""
    # another client is another count
    assert greeting(gw.port, "::1")[0].startswith("220 ")

    held.pop()[1].close()
    until("there is room again", lambda: greeting(gw.port)[0][:4] == "220 ")


def test_max_sessions_of_a_listener(gateway, sink):
    gw = gateway(relay_to(sink, gateway={"workers": "1"}, **{
        "listener mail-in": {"max_sessions": "4"}}))
    held = [greeting(gw.port) for _ in range(4)]
    text, _ = greeting(gw.port)
    assert text.startswith("421 ") and "max_sessions" in text
    del held


def test_max_sessions_of_the_gateway(gateway, sink):
    gw = gateway(relay_to(sink, gateway={"max_sessions": "6"}))
    held = [greeting(gw.port)[1] for _ in range(6)]
    text, _ = greeting(gw.port)
    assert text.startswith("421 ") and "max_sessions" in text
    for s in held:
        s.close()
    until("there is room again", lambda: greeting(gw.port)[0][:4] == "220 ")


def test_allow_from(gateway, sink):
    gw = gateway(relay_to(sink, **{"listener mail-in": {
        "allow_from": "127.0.0.0/8"}}))
    assert greeting(gw.port)[0].startswith("220 ")
    assert greeting(gw.port, "::1")[0].startswith("554 5.7.1 ")


def test_max_queue_is_a_tempfail_at_once(gateway, sink):
    gw = gateway(relay_to(sink, scan={"max_queue": "2", "cache_size": "0"}))
    with frozen(gw):
        # two are with the workers, two in the queue
        waiting = [start_data(gw.port, corpus_mail.plain(f"q-{n}"))
                   for n in range(4)]
        until("all of them are there", lambda: gw.stderr().count(
            "-> scan") == 4)
        codes = [send(gw.port, corpus_mail.plain(f"over-{n}"))
                 for n in range(2)]
    assert [c for c, _ in codes] == [451, 451], codes
    assert gw.event_of(codes[0][1])["sallyport.verdict"] == "failed"
    gw.counts(2, "limits_total", "max_queue", "smtp")
    assert [c.getreply()[0] for c in waiting] == [250] * 4
    assert sorted(sink.names()) == [f"q-{n}" for n in range(4)]


def test_scan_deadline_ends_the_wait(gateway, sink):
    gw = gateway(relay_to(sink, smtp={"scan_deadline": "1s"}))
    with frozen(gw):
        code, text = send(gw.port, corpus_mail.plain("too-late"))
    assert code == 451
    event = gw.event_of(text)
    assert event["sallyport.verdict"] == "failed"
    gw.counts(1, "limits_total", "timeout", "smtp")
    until("mail flows again", lambda: send(
        gw.port, corpus_mail.plain("in-time"))[0] == 250)
    assert "too-late" not in sink.names()


def test_scan_timeout_kills_the_worker(gateway, sink):
    gw = gateway(relay_to(sink, scan={"timeout": "500ms", "workers": "1"}))
    old = gw.role("scan 1")
    kill(old, signal.SIGSTOP)
    code, text = send(gw.port, corpus_mail.plain("stuck"))
    assert code == 451
    assert gw.event_of(text)["sallyport.because.what"] == "timeout"
    gw.counts(1, "limits_total", "timeout", "smtp")
    gw.counts({"timeout": 1}, "scan_workers_lost_total")
    until("another scan worker", lambda: gw.roles().get("scan 1", old) != old)
    until("mail flows again", lambda: send(
        gw.port, corpus_mail.plain("next"))[0] == 250)


@pytest.mark.parametrize("word, until_step", [
    ("command_timeout", "greeting"), ("command_timeout", "MAIL"),
    ("data_timeout", "DATA")])
def test_a_silent_client_hears_421_with_the_name(gateway, sink, word,
                                                 until_step):
    gw = gateway(relay_to(sink, smtp={word: "1500ms"}))
    text, s = greeting(gw.port)
    assert text.startswith("220 ")
    if until_step != "greeting":  # in one piece: it is not slow before that
        s.sendall(b"EHLO client.example.org\r\nMAIL FROM:<a@example.org>\r\n"
                  + (b"RCPT TO:<b@example.net>\r\nDATA\r\nSubject: half\r\n"
                     if until_step == "DATA" else b""))
    with s.makefile("rb") as file:
        said = file.read().decode().splitlines()
    assert said[-1].startswith("421 ") and word in said[-1], said
    if until_step == "DATA":
        assert said[-2].startswith("354 "), said
    elif until_step == "MAIL":
        assert said[-2].startswith("250 2.1.0"), said
    s.close()
    gw.counts({word: {"smtp": 1}}, "limits_total")


def test_max_message_size(gateway, sink):
    gw = gateway(relay_to(sink, smtp={"max_message_size": "100k"}))
    c = connect(gw.port)
    assert int(c.esmtp_features["size"]) == 100 * 1024
    # by what it says ...
    code, text = c.mail(corpus_mail.SENDER, ["SIZE=200000"])
    assert code == 552, text
    # ... and by what it sends
    code, text = hand_over(c, corpus_mail.plain("fat", 200_000))
    assert code == 552 and "max_message_size" in text
    until("it is counted", lambda: gw.count(
        "limits_total", "max_message_size", "smtp") == 1)
    assert sink.mails == []


def test_a_mail_far_too_large_is_not_read_on_forever(gateway, sink):
    gw = gateway(relay_to(sink, smtp={"max_message_size": "64k"}))
    c = connect(gw.port)
    c.mail(corpus_mail.SENDER)
    c.rcpt(corpus_mail.RECIPIENT)
    assert c.docmd("DATA")[0] == 354
    with pytest.raises(OSError):
        for _ in range(3000):  # it may be read and forgotten for a while
            c.sock.sendall(b"x" * 70 + b"\r\n")
            c.sock.sendall((b"x" * 70 + b"\r\n") * 1000)
            time.sleep(0.01)
    assert sink.mails == []


def test_who_sends_too_much_still_hears_why(gateway, sink):
    gw = gateway(relay_to(sink, smtp={"max_message_size": "64k"}))
    c = connect(gw.port)
    c.mail(corpus_mail.SENDER)
    c.rcpt(corpus_mail.RECIPIENT)
    assert c.docmd("DATA")[0] == 354
    c.send((b"x" * 70 + b"\r\n") * 3000)  # three times as much, and no end
    code, text = c.getreply()
    assert code == 552 and b"max_message_size" in text
    assert sink.mails == []


def test_max_recipients(gateway, sink):
    gw = gateway(relay_to(sink, smtp={"max_recipients": "3"}))
    c = connect(gw.port)
    c.mail(corpus_mail.SENDER)
    codes = [c.rcpt(f"r{n}@example.net")[0] for n in range(5)]
    assert codes == [250, 250, 250, 452, 452]
    code, text = c.data(corpus_mail.plain("three"))
    assert code == 250, text
    assert len(sink.mails[0].recipients) == 3


def test_max_received_ends_a_loop(gateway, sink):
    gw = gateway(relay_to(sink, smtp={"max_received": "5"}))
    line = b"Received: from a by b; Mon, 02 Nov 2026 10:00:00 +0000\r\n"
    mail = corpus_mail.plain("loop")
    assert send(gw.port, line * 5 + mail)[0] == 250
    code, text = send(gw.port, line * 6 + mail)
    assert code == 554 and text.startswith("5.4.6 ")


def test_two_that_relay_to_each_other_end_it(gateway, build, cleanly):
    """A real loop: each RCPT opens the next connection, up to the limit."""
    limits = {"next_hop_max_connections": "5",
              "next_hop_connect_timeout": "2s"}
    first = gateway({"smtp": limits}, start=False)
    second = Sallyport(build, {"smtp": limits})
    cleanly(second)
    first.configure({"smtp": {"next_hop": f"smtp:127.0.0.1:{second.port}"}})
    second.configure({"smtp": {"next_hop": f"smtp:127.0.0.1:{first.port}"}})
    first.start()
    second.start()
    code, text = send(first.port, corpus_mail.plain("round"))
    assert code == 451, text
    assert "next_hop_max_connections" in text


def test_max_scan_size(gateway, sink):
    gw = gateway(relay_to(sink, scan={"max_scan_size": "50k"}))
    code, text = send(gw.port, corpus_mail.large("over", 100_000))
    assert code == 554
    assert gw.event_of(text)["sallyport.verdict"] == "limit"
    gw.counts(1, "limits_total", "max_scan_size", "smtp")
    assert sink.mails == []


def test_next_hop_max_connections(gateway, sink):
    gw = gateway(relay_to(sink, gateway={"workers": "1"}, smtp={
        "next_hop_max_connections": "2",
        "next_hop_connect_timeout": "2s"}))
    clients = [connect(gw.port) for _ in range(3)]
    for c in clients:
        c.mail(corpus_mail.SENDER)
    codes = [c.rcpt(corpus_mail.RECIPIENT) for c in clients]
    assert [c for c, _ in codes[:2]] == [250, 250]
    assert codes[2][0] == 451
    assert b"next_hop_max_connections" in codes[2][1]
    gw.counts(1, "limits_total", "next_hop_max_connections", "smtp")


def test_next_hop_timeout(gateway, sink):
    sink.script["RCPT"] = SILENT
    gw = gateway(relay_to(sink, smtp={"next_hop_timeout": "500ms"}))
    code, text = send(gw.port, corpus_mail.plain("nobody-answers"))
    assert code == 451, text
    until("it is counted", lambda: gw.count(
        "limits_total", "next_hop_timeout", "smtp") >= 1)


def test_next_hop_data_timeout(gateway, sink):
    sink.script["dot"] = SILENT
    gw = gateway(relay_to(sink, smtp={"next_hop_data_timeout": "500ms"}))
    code, text = send(gw.port, corpus_mail.plain("no-last-word"))
    assert code == 451, text
    gw.counts(1, "limits_total", "next_hop_data_timeout", "smtp")


def test_a_client_that_goes_away_cancels_its_job(gateway, sink):
    """Nobody waits behind a job whose client is gone, nothing is sent on."""
    gw = gateway(relay_to(sink, scan={"workers": "1", "cache_size": "0"},
                          gateway={"workers": "1"}))
    with frozen(gw):
        held = start_data(gw.port, corpus_mail.plain("held"))
        gone = [start_data(gw.port, corpus_mail.plain(f"gone-{n}"))
                for n in range(20)]
        for c in gone:
            # RST, as from a client that was killed
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              b"\1\0\0\0\0\0\0\0")
            c.close()
        until("their end is written", lambda: len(
            gw.events(sallyport__reason="client_gone")) >= 20)
    assert held.getreply()[0] == 250
    assert send(gw.port, corpus_mail.plain("after"))[0] == 250
    assert sorted(sink.names()) == ["after", "held"]


def test_many_slow_clients_do_not_stop_a_quick_one(gateway, sink):
    gw = gateway(relay_to(sink))
    slow = []
    for n in range(200):
        c = connect(gw.port)
        c.mail(corpus_mail.SENDER)
        slow.append(c)
        if n < 20:  # these hold connections to the next hop
            c.rcpt(corpus_mail.RECIPIENT)
    codes = [send(gw.port, corpus_mail.plain(f"quick-{n}"))[0]
             for n in range(10)]
    assert codes == [250] * 10
    assert all(c.noop()[0] == 250 for c in slow)
