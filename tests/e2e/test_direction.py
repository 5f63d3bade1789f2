"""What leaves can have another policy than what comes: `direction`."""

import corpus_mail
from peers.client import connect, send
from peers.common import free_port, until


def locked(name):
    return corpus_mail.attached(name, corpus_mail.encrypted_zip(), "a.zip")


def mark_of(mail):
    (line,) = [text for text in mail.splitlines()
               if text.startswith(b"X-Sallyport: ")]
    return line


def test_all_outgoing_mail_of_a_postfix_goes_through_and_out(gateway, postfix):
    """Postfix's relayhost is our outbound listener, behind it is the world."""
    world = postfix("world.example.net")
    out = free_port()
    gw = gateway({
        "smtp": {"next_hop": f"smtp:127.0.0.1:{world.port}"},
        "listener mail-out": {
            "protocol": "smtp", "address": f"127.0.0.1:{out}",
            "policy": "mail", "direction": "outbound"},
        "policy mail": {"encrypted": "pass"},
        "rule nothing-locked-leaves": {
            "policy": "mail", "direction": "outbound",
            "finding": "encrypted", "action": "block"}})
    ours = postfix("ours.example.org", relay=("127.0.0.1", out))

    assert send(gw.port, locked("comes"))[0] == 250
    assert send(ours.port, locked("leaves"))[0] == 250  # into its queue
    assert send(ours.port, corpus_mail.plain("open"))[0] == 250

    until("two have arrived", lambda: world.count() >= 2)
    until("the third came back", lambda: "status=bounced" in ours.log())
    marks = {corpus_mail.name_of(m): mark_of(m) for m in world.mails()}
    assert "leaves" not in marks
    assert marks["comes"].endswith(b"; inbound")
    assert marks["open"].endswith(b"; outbound")
    (event,) = [e for e in gw.events(event__action="decision")
                if e.get("email.message_id") == "<leaves@example.org>"]
    assert event["network.direction"] == "outbound"
    assert event["rule.name"] == "rule/nothing-locked-leaves"
    (event,) = [e for e in gw.events(event__action="decision")
                if e.get("email.message_id") == "<comes@example.org>"]
    assert event["network.direction"] == "inbound"


def test_a_client_of_the_wrong_door_gets_the_policy_of_that_door(gateway,
                                                                 sink):
    """It is the listener that counts, not the addresses in the mail."""
    out = free_port()
    gw = gateway({
        "smtp": {"next_hop": f"smtp:127.0.0.1:{sink.port}"},
        "listener mail-out": {
            "protocol": "smtp", "address": f"127.0.0.1:{out}",
            "policy": "strict", "direction": "outbound"},
        "policy strict": {"encrypted": "block"},
        "policy mail": {"encrypted": "pass"}})
    assert connect(out).noop()[0] == 250
    assert send(out, locked("a"))[0] == 554
    assert send(gw.port, locked("a"))[0] == 250
    assert sink.names() == ["a"]
