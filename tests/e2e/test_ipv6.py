"""Both families, on both sides."""

import socket

import corpus_mail
import pytest
from peers.client import send
from peers.common import free_port

pytestmark = pytest.mark.core


@pytest.mark.parametrize("near", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("far", ["127.0.0.1", "[::1]", "localhost"])
def test_mail_goes_from_either_to_either(gateway, sink, near, far):
    gw = gateway({"smtp": {"next_hop": f"smtp:{far}:{sink.port}"}})
    mail = corpus_mail.plain("across")
    code, text = send(gw.port, mail, host=near)
    assert code == 250, text
    assert corpus_mail.body_of(sink.mails[0].data) == mail
    event = gw.event_of(gw.events()[0]["event.id"])
    assert event["client.ip"] == near
    # RFC 5321 4.1.3: how an address is written in Received:
    wanted = f"[IPv6:{near}]" if ":" in near else f"[{near}]"
    assert wanted in sink.mails[0].data.decode().partition("X-Corpus")[0]


def test_v6_only_is_v6_only(gateway, sink):
    """[::]:port does not take the port from 0.0.0.0."""
    port = free_port()
    gw = gateway({"smtp": {"next_hop": f"smtp:127.0.0.1:{sink.port}"},
                  "listener mail-in": {"address": f"[::]:{port}"},
                  "listener other": {
                      "protocol": "smtp", "policy": "mail",
                      "address": f"0.0.0.0:{port}"}})
    assert send(port, corpus_mail.plain("six"), host="::1")[0] == 250
    assert send(port, corpus_mail.plain("four"))[0] == 250
    listeners = {e["email.subject"]: e["observer.ingress.interface.name"]
                 for e in gw.events(event__action="decision")}
    assert listeners == {"six": "mail-in", "four": "other"}


def test_an_address_of_one_family_that_does_not_answer_is_passed_over(
        gateway, sink):
    """localhost has two; a server on one of them is enough."""
    sink.stop_listening()
    sink.listen_on(socket.create_server(("127.0.0.1", sink.port)))
    gw = gateway({"smtp": {"next_hop": f"smtp:localhost:{sink.port}"}})
    assert send(gw.port, corpus_mail.plain("found"))[0] == 250
