"""Places where no dialogue of ours is to be seen: the MTA's filter interface
and the local delivery agent.  The same face as peers/places.py has.
"""

import corpus_mail

from . import agents, milter_place
from .client import send
from .places import Place

# deliver ends with 77 for what was refused, 75 for later; qmail-queue(8) has
# numbers of its own
HEARD = {0: 250, 77: 554, 31: 554, 75: 451, 71: 451}


class Milter(Place):
    """B: the MTA asks us, and its client hears the answer."""

    only_here = {"client.domain", "sallyport.smtp.queue_id"}
    scanning = "body -> scan"

    def __init__(self, make):
        self.where = make("milter_place")
        self.gateway = make("gateway", {"listener milter": {
            "protocol": "milter", "address": self.where.addresses(),
            "policy": "mail", "max_sessions_per_client": "1000"}})
        self.mta = self.ask(make)
        self.port = self.mta.port

    def ask(self, make):
        raise NotImplementedError


class MilterPostfix(Milter):
    def ask(self, make):
        return make("postfix", settings=milter_place.by_postfix(
            self.where, "unix"))


class MilterSendmail(Milter):
    def ask(self, make):
        self.sink = make("sink")
        return make("sendmail", ("127.0.0.1", self.sink.port),
                    milter_place.by_sendmail(self.where, "unix"))

    def mails(self):
        return [m.data.replace(b"\r\n", b"\n") for m in self.sink.mails]


class Agent(Place):
    """C: a program that is run for each mail.  make("agent", class, socket)
    is one of peers/agents.py."""

    kind = None
    changes = {}
    scanning = "local content -> scan"
    only_here = {"user.name"}
    # nobody tells a delivery agent what the client called itself; Postfix does
    not_here = {"client.ip", "client.port", "sallyport.smtp.helo"}

    def __init__(self, make):
        self.gateway = make("gateway", self.changes, start=False)
        socket = f"{self.gateway.dir}/local.sock"
        self.gateway.configure({"listener local": {
            "protocol": "local", "address": f"unix:{socket}",
            "policy": "mail"}})
        self.gateway.start()
        self.way = make("agent", self.kind, socket)

    def take(self, mail):
        child = self.way.launch(mail)
        _, err = child_end(self.way, child)
        return HEARD[child.returncode], err.decode(errors="replace")

    def mails(self):
        return self.way.kept()

    def settled(self):
        return True


def child_end(way, child):
    """Two may be under way at once: nothing of them is kept in the way."""
    out, err = child.communicate(timeout=60)
    way.take_out(child, out)
    return out, err


class EximAcl(Agent):
    """B: Exim asks in its ACL, and its client hears the answer."""

    kind = agents.EximScanner
    marked = False  # the program only looks
    # nor is it told of an envelope
    not_here = Agent.not_here | {
        "email.from.address", "email.to.address", "sallyport.recipients"}

    def take(self, mail):
        return send(self.way.mta.port, mail)

    def mails(self):
        return self.way.mta.mails()

    def settled(self):
        return self.way.mta.queued() == 0


class Server(Agent):
    """C: as a mail server runs it.  It has answered for the mail: a refusal
    would be a bounce."""

    heard = False
    changes = {"policy mail": {"malware": "discard"}}

    def take(self, mail):
        return send(self.way.mta.port, mail, recipients=(self.addressed(),))

    @property
    def recipient(self):
        return getattr(self.way, "told", self.addressed())

    def addressed(self):
        return getattr(self.way, "recipient", corpus_mail.RECIPIENT)

    def settled(self):
        return self.way.mta.queued() == 0


def agent(base, way):
    """The class of that place."""
    return type(way.__name__, (base,), {"kind": way, "__doc__": way.__doc__})


WITHIN = {
    "milter_postfix": MilterPostfix,
    "milter_sendmail": MilterSendmail,
    "exim_acl": EximAcl,
    "deliver": agent(Agent, agents.Deliver),
    "filter": agent(Agent, agents.Filter),
    "procmail": agent(Agent, agents.Procmail),
    "maildrop": agent(Agent, agents.Maildrop),
    "qmail_queue": agent(Agent, agents.QmailQueue),
    "deliver_postfix": agent(Server, agents.PostfixBox),
    "deliver_sendmail": agent(Server, agents.SendmailBox),
    "deliver_exim": agent(Server, agents.EximPipe),
    "procmail_postfix": agent(Server, agents.PostfixProcmail),
    "maildrop_exim": agent(Server, agents.EximMaildrop),
}
