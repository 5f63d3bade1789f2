"""Where mail can be looked at: one class a place, all with the same face.

    place = Relay(make)     make(kind, ...) starts a peer, see the test
    place.take(mail)        a client hands it in; (code, text) it heard
    place.mails()           what lies in the mailbox, its lines with LF
    place.settled()         nothing is under way any more

MAIN and MASTER are what an operator writes; docs/mail.md shows these lines.
"""

import corpus_mail

from .client import send
from .common import free_port

# after the queue: qmgr hands each mail to the filter, the second smtpd takes
# it back
CONTENT_FILTER_MAIN = """\
content_filter = scan:[127.0.0.1]:10025
"""
CONTENT_FILTER_MASTER = """\
scan unix - - n - 10 smtp
  -o smtp_send_xforward_command=yes
  -o disable_mime_output_conversion=yes
127.0.0.1:10026 inet n - n - - smtpd
  -o content_filter=
  -o receive_override_options=no_unknown_recipient_checks,no_header_body_checks,no_milters
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
  -o mynetworks=127.0.0.0/8
  -o smtpd_authorized_xforward_hosts=127.0.0.0/8
"""

# before the queue: the client hears our reply from Postfix
PROXY_FILTER_MASTER = """\
127.0.0.1:25 inet n - n - - smtpd
  -o smtpd_proxy_filter=127.0.0.1:10025
  -o smtpd_proxy_options=speed_adjust
127.0.0.1:10026 inet n - n - - smtpd
  -o smtpd_proxy_filter=
  -o receive_override_options=no_unknown_recipient_checks,no_header_body_checks,no_milters
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
  -o mynetworks=127.0.0.0/8
  -o smtpd_authorized_xforward_hosts=127.0.0.0/8
"""

# AVPKeeper's way: the address says where the mail has to go, and what comes
# from outside with the tag on it gets it once, not never
TAG_MAIN = """\
transport_maps = regexp:/etc/postfix/tag_transport
"""
TAG_MASTER = """\
127.0.0.1:25 inet n - n - - smtpd
  -o cleanup_service_name=cleanup_tag
cleanup_tag unix n - n - 0 cleanup
  -o recipient_canonical_maps=regexp:/etc/postfix/tag_recipient
  -o recipient_canonical_classes=envelope_recipient
127.0.0.1:10026 inet n - n - - smtpd
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
  -o mynetworks=127.0.0.0/8
"""
TAG_FILES = {
    "tag_recipient": """\
/^(.*)\\.scan-me$/ ${1}.scan-me
/^(.*)$/ ${1}.scan-me
""",
    "tag_transport": """\
/\\.scan-me$/ smtp:[127.0.0.1]:10025
""",
}

EXIM_ROUTERS = """\
scan:
  driver = manualroute
  condition = ${if !={$received_port}{10026}}
  transport = scan
  route_list = * 127.0.0.1
  self = send
"""
EXIM_TRANSPORTS = """\
scan:
  driver = smtp
  port = 10025
  hosts_override
  allow_localhost
"""


class Place:
    """What a test may ask about each of them."""

    heard = True  # the client hears the verdict
    marked = True  # and whoever reads the mail, from a field on top
    recipient = corpus_mail.RECIPIENT
    scanning = " -> scan"  # in the log, when a mail is at the gate
    # fields of events, beside what a relay writes
    only_here = frozenset()
    not_here = frozenset()

    def take(self, mail):
        return send(self.port, mail)

    def mails(self):
        return self.mta.mails()

    def settled(self):
        return self.mta.queued() == 0


class Relay(Place):
    """A: in the data stream, before the MTA."""

    def __init__(self, make):
        self.mta = make("postfix")
        self.gateway = make("gateway", {
            "smtp": {"next_hop": f"smtp:127.0.0.1:{self.mta.port}"}})
        self.port = self.gateway.port


class AroundPostfix(Place):
    """Mail goes into Postfix, to the gateway and back into it."""

    main, master, files, options = "", "", {}, {}

    def __init__(self, make):
        back = free_port()
        self.gateway = make("gateway", {
            "smtp": {"next_hop": f"smtp:127.0.0.1:{back}", **self.options},
            "listener mail-in": {"xforward_from": "127.0.0.0/8"},
            "policy mail": self.policy()})
        self.mta = make("postfix", start=False)
        self.mta.add(self.ports(self.main, back),
                     self.ports(self.master, back),
                     {name: self.ports(text, back)
                      for name, text in self.files.items()})
        self.mta.start()
        self.port = self.mta.port

    def policy(self):
        return {}

    def ports(self, text, back):
        return (text.replace("10025", str(self.gateway.port))
                .replace("10026", str(back))
                .replace("127.0.0.1:25 ", f"127.0.0.1:{self.mta.port} ")
                .replace("/etc/postfix/", f"{self.mta.conf}/"))


class ContentFilter(AroundPostfix):
    """B: behind the queue of Postfix.  A refusal there would be a bounce to
    a sender who never sent it."""

    heard = False
    main, master = CONTENT_FILTER_MAIN, CONTENT_FILTER_MASTER

    def policy(self):
        return {"malware": "discard"}


class ProxyFilter(AroundPostfix):
    """B: before the queue of Postfix, behind its smtpd."""

    master = PROXY_FILTER_MASTER


class AddressTag(AroundPostfix):
    """B: by a tag on the address, as AVPKeeper did."""

    heard = False
    main, master, files = TAG_MAIN, TAG_MASTER, TAG_FILES
    options = {"address_tag": ".scan-me"}

    def policy(self):
        return {"malware": "discard"}


class EximRouter(Place):
    """B: Exim routes what did not come from the gateway to it."""

    heard = False

    def __init__(self, make):
        back = free_port()
        self.gateway = make("gateway", {
            "smtp": {"next_hop": f"smtp:127.0.0.1:{back}"},
            "policy mail": {"malware": "discard"}})

        def ports(text):
            return (text.replace("10025", str(self.gateway.port))
                    .replace("10026", str(back)))
        self.mta = make("exim", start=False)
        self.mta.add(back, ports(EXIM_ROUTERS), ports(EXIM_TRANSPORTS))
        self.mta.start()
        self.port = self.mta.port


PLACES = {
    "smtp": Relay,
    "proxy_filter": ProxyFilter,
    "content_filter": ContentFilter,
    "address_tag": AddressTag,
    "exim": EximRouter,
}

LINES = (CONTENT_FILTER_MAIN, CONTENT_FILTER_MASTER, PROXY_FILTER_MASTER,
         TAG_MAIN, TAG_MASTER, *TAG_FILES.values(), EXIM_ROUTERS,
         EXIM_TRANSPORTS)
