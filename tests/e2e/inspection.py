"""What the tests of TLS inspection have in common: origins under TLS, a CA, and
a gateway that has both."""

import contextlib
import ssl

from peers.common import until
from peers.hosts import start_with_hosts
from peers.https import HttpsOrigin
from peers.pki import Pki
from peers.sallyport import Sallyport
from peers.web import Raw, curl, web_listener, web_port

NAMES = ("www.example.test", "bank.example.test", "pinned.example.test",
         "cdn.example.test")


class House:
    """pki, root (of good origins), ca (the gateway's), good: an origin for
    every name of NAMES and 127.0.0.1."""

    def __init__(self, cleanly):
        self.pki = Pki()
        self.cleanly = cleanly
        cleanly(self.pki)
        self.root = self.pki.authority("Test Root")
        self.mid = self.pki.authority("Test Intermediate", self.root)
        self.ca = self.pki.authority("Gateway CA")
        self.trusted = self.pki.bundle(self.root)
        self.good = self.origin(self.mid.leaf(*NAMES, "127.0.0.1").serves())
        self.ports = [self.good.port, 443]

    def origin(self, context, answers=None):
        o = HttpsOrigin(context, answers)
        self.cleanly(o)
        return o.start()

    def listener(self, **keys):
        return web_listener(
            connect_ports=" ".join(map(str, self.ports)),
            ca_bundle=self.trusted, **keys)

    def changes(self, inspection=None, **keys):
        return {**self.listener(**keys),
                "tls-inspection": {"enabled": "yes",
                                   "ca_cert_file": self.ca.pem,
                                   "ca_key_file": self.ca.key,
                                   **(inspection or {})}}

    def gateway(self, build, inspection=None, more=None, **keys):
        gw = Sallyport(build, {**self.changes(inspection, **keys),
                               **(more or {})})
        self.cleanly(gw)
        return start_with_hosts(gw, *NAMES)

    # -- clients

    def fetch(self, gw, url, *words, stdin=None, trusts=None):
        return curl(web_port(gw), url, "--cacert", (trusts or self.ca).pem,
                    *words, stdin=stdin)

    def connect(self, gw, name="www.example.test", port=None, sni=None,
                context=None):
        """CONNECT, then TLS: a Raw that goes on inside."""
        c = Tunnel(gw, f"{name}:{port or self.good.port}")
        context = context or ssl.create_default_context(cafile=self.ca.pem)
        c.secure(context, sni or name)
        return c


class Tunnel:
    """A CONNECT by hand; what is said behind it is up to its owner."""

    def __init__(self, gw, target, fields=""):
        self.raw = Raw(web_port(gw))
        self.raw.send(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
                      f"{fields}\r\n".encode())
        self.status = int(self.raw.head().split(b" ")[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.raw.close()

    def secure(self, context, sni):
        sock = self.raw.sock
        self.raw.file.close()
        self.raw.sock = context.wrap_socket(sock, server_hostname=sni)
        self.raw.file = self.raw.sock.makefile("rb")

    def ask(self, method, target, host, fields=(), body=b""):
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *fields]
        self.raw.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return self.raw.answer(bare=method == "HEAD")

    def issuer(self):
        got = dict(pair[0] for pair in self.raw.sock.getpeercert()["issuer"])
        return got["commonName"]


def client_hello(name):
    """What a client says first, without one."""
    there, said = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    tls = context.wrap_bio(there, said, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return said.read()


def last(gw, url, kinds=("outcome", "ended")):
    """The last line about a URL, or of a CONNECT's host:port."""
    return until(f"the end of {url}", lambda: next(
        (e for e in reversed(gw.events())
         if e.get("url.original") == url and e["event.action"] in kinds),
        None))


def notes(event):
    return event.get("sallyport.tls_note", "").split()


def read(path):
    with open(path, "rb") as f:
        return f.read()
