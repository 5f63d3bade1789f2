"""TLS sessions with next hops that go on in the next connection."""

import pytest
from peers.certificate import Certificate
from peers.client import connect
from peers.common import until

RESUMED = "sallyport.next_hop_tls.resumed"
MAIL = b"Subject: one of two\r\n\r\nhello\r\n"


@pytest.fixture(name="cert")
def certificate(cleanly):
    c = Certificate()
    cleanly(c)
    return c


def known(gw):
    """The next hop has told what it can: that connection is in the pool."""
    def offered():
        client = connect(gw.port)
        client.close()
        return "8bitmime" in client.esmtp_features
    until("the next hop has told", offered)


def envelope(gw):
    """A session whose connection to the next hop is its own from now on."""
    client = connect(gw.port)
    assert client.mail("alice@example.org")[0] == 250
    assert client.rcpt("bob@example.net")[0] == 250
    return client


def together(gw, n):
    """n mails, over a connection each."""
    before = len(gw.events(event__action="outcome"))
    clients = [envelope(gw) for _ in range(n)]
    for client in clients:
        assert client.data(MAIL)[0] == 250
        client.quit()
    return until("their events", lambda: [
        e for e in gw.events(event__action="outcome")][before:][n - 1:]
        and gw.events(event__action="outcome")[before:])


def resumed(events):
    return sorted(e[RESUMED] for e in events)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_postfix_sees_sessions_again(gateway, postfix, cert, version):
    hop = postfix(
        "next.example.net",
        settings=f"smtpd_tls_cert_file = {cert.pem}\n"
                 f"smtpd_tls_key_file = {cert.key}\n"
                 "smtpd_tls_loglevel = 2\n"
                 "smtpd_tls_security_level = encrypt\n"
                 f"smtpd_tls_mandatory_protocols = TLSv{version}\n")
    gw = gateway({"gateway": {"workers": "1"},
                  "tls": {"ca_bundle": cert.pem},
                  "smtp": {"next_hop": f"smtp:127.0.0.1:{hop.port}",
                           "next_hop_tls": "verify"}})
    known(gw)
    events = together(gw, 3)
    assert {e["sallyport.next_hop_tls.version"] for e in events} == {version}
    assert resumed(events) == [False, True, True]
    assert gw.stderr().count(" hop_resumed=yes\n") == 2
    until("Postfix says so, too", lambda: hop.log().count(
        "Reusing old session") >= 2)
    until("they have arrived", lambda: hop.count() == 3)

    # another configuration, another place: nothing of the old one is left
    gw.reload()
    known(gw)
    assert resumed(together(gw, 2)) == [False, True]


def test_another_demand_is_another_session(gateway, postfix, cert):
    """One next hop behind two listeners: who verifies never goes on with what
    was given to one who did not."""
    hop = postfix(
        "next.example.net",
        settings=f"smtpd_tls_cert_file = {cert.pem}\n"
                 f"smtpd_tls_key_file = {cert.key}\n"
                 "smtpd_tls_security_level = may\n")
    gw = gateway({"gateway": {"workers": "1"},
                  "tls": {"ca_bundle": cert.pem},
                  "smtp": {"next_hop": f"smtp:127.0.0.1:{hop.port}"},
                  "route verified.example.net": {
                      "next_hop": f"smtp:127.0.0.1:{hop.port}",
                      "next_hop_tls": "verify"}})
    known(gw)
    assert True in resumed(together(gw, 3))

    client = connect(gw.port)
    assert client.mail("alice@example.org")[0] == 250
    assert client.rcpt("bob@verified.example.net")[0] == 250
    others = [envelope(gw) for _ in range(2)]
    second = connect(gw.port)
    assert second.mail("alice@example.org")[0] == 250
    assert second.rcpt("bob@verified.example.net")[0] == 250
    for c in (client, second, *others):
        assert c.data(MAIL)[0] == 250
        c.quit()
    events = until("their events", lambda: [
        e for e in gw.events(event__action="outcome")
        if "verified" in e["email.to.address"][0]][1:]
        and gw.events(event__action="outcome"))
    mine = [e for e in events if "verified" in e["email.to.address"][0]]
    assert resumed(mine) == [False, True]
