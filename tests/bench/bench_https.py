"""make bench, inside TLS: as bench_http.py has it, but each way is a CONNECT,
a handshake with a certificate of the proxy's CA, and TLS to the origin.

"anew": a connection, with a whole handshake, for each request.
"""

import ssl
import urllib.error
import urllib.request

import bench_http
import corpus_mail
from bench_run import Wrong, program
from bench_web_peers import Origin, SquidBump, SquidBumpIcap, WebGateway
from peers.pki import Pki

ROWS = ("sallyport", "squid", "c-icap")
TOOLS, PROGRAMS = bench_http.TOOLS, bench_http.PROGRAMS
VERSIONS = bench_http.VERSIONS
NOTE = (bench_http.NOTE + "; anew: a connection with a whole handshake for "
        "each request")

SIZES = ("1 KB", "30 KB")
LOOKS = ("Sallyport", "Squid bump + c-icap")
HOSTS = 100  # new ones, for what a leaf costs

FULL = {**bench_http.FULL, "connections": (10, 100)}
QUICK = {**bench_http.QUICK, "connections": (10,)}

AIMS = (
    ("times Squid's bump without scanning, 1 KB, 10 connections, seen "
     "objects", "x", ">=", 1.0, "bump_1k"),
    ("the same, 30 KB", "x", ">=", 1.0, "bump_30k"),
    ("times Squid's bump, new inspected connections, 10 at once", "x", ">=",
     2.0, "anew"),
    ("the signer's CPU for a leaf of a new host", "ms", "<", 2.0, "leaf_ms"),
)


def run_seconds(pids):
    """What they ran, to the nanosecond."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e9


class Bench(bench_http.Bench):
    """One run; row: connections, or "10 anew"."""

    AIMS = AIMS
    looks = LOOKS

    def __init__(self, *args):
        super().__init__(*args)
        self.pki = None
        self.root = self.ca = None

    def port(self):
        return self.origin.address.rpartition(":")[2]

    def target(self):
        return f"localhost:{self.port()}"

    def ask(self, peer, file, connections, distinct, *more):
        return super().ask(peer, file, connections, distinct, "--tls", 1,
                           *more)

    def anew(self, peer):
        got = self.ask(peer, "1k.html", 10, False, "--per-connection", 1,
                       "--warm-ms", 200, "--ms",
                       int(self.plan["cell"] * 1000))
        self.check(f"{peer.name}, anew", got)
        self.cells.setdefault(("1 KB", "seen", peer.name, "10 anew"),
                              []).append(got)
        self.say(f"  anew           {peer.name:24}: {got['rate']:9.1f}/s "
                 f"p50 {got['p50_ms']:8.2f} ms")

    def probe(self, peer):
        context = ssl.create_default_context(cafile=self.ca.pem)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({"https": f"http://{peer.address}"}),
            urllib.request.HTTPSHandler(context=context))
        url = f"https://{self.target()}/infected.bin/0/0"
        try:
            with opener.open(url, timeout=20) as answer:
                body = answer.read()
        except urllib.error.HTTPError as e:
            body = e.read()
        if corpus_mail.eicar() not in body:
            return
        if peer.name == "Sallyport":
            raise Wrong("a virus was delivered")
        self.notes.append(f"{peer.name}: a virus was delivered")

    # -- new hosts

    def visit(self, gw, hosts):
        """CPU ms of one connection to each: of all, and of the signer."""
        signer, everybody = gw.pids("signer"), gw.roles()["gateway"]
        before = run_seconds(everybody), run_seconds(signer)
        for host in hosts:
            got = program(
                self.build, "b_http", "--address", gw.address, "--origin",
                f"{host}:{self.port()}", "--corpus", f"{self.folder}/web",
                "--file", "1k.html", "--requests", 1, "--ms", 10000,
                "--tls", 1)
            self.check("Sallyport, new hosts", got)
        after = run_seconds(everybody), run_seconds(signer)
        return [1000 * (b - a) / len(hosts) for a, b in zip(before, after)]

    def leaf(self, gw):
        hosts = [f"127.0.1.{n + 1}" for n in range(HOSTS)]
        first, self.figures["leaf_ms"] = self.visit(gw, hosts)
        second, _ = self.visit(gw, hosts)
        self.figures["visit_ms"] = first - second

    # -- the whole

    def gateway(self):
        return WebGateway(self.folder, self.build, f"{self.folder}/db-tiny", {
            "listener web": {"connect_ports": self.port(),
                             "ca_bundle": self.pki.bundle(self.root)},
            "tls-inspection": {"enabled": "yes",
                               "ca_cert_file": self.ca.pem,
                               "ca_key_file": self.ca.key}})

    def peers(self, rivals):
        trusted = self.pki.bundle(self.root)
        makers = {
            "squid": lambda: SquidBump(self.folder, self.ca, trusted),
            "c-icap": lambda: SquidBumpIcap(
                self.folder, f"{self.folder}/db-tiny", self.ca, trusted),
            "sallyport": self.gateway}
        return [make() for name, make in makers.items() if name in rivals]

    def one_round(self, peers):
        for size in SIZES:
            for n in self.plan["connections"]:
                for peer in [self.origin, *peers]:
                    self.cell(peer, size, n, False)
                    if peer.name in LOOKS:
                        self.cell(peer, size, n, True)
            self.scan_alone(size, "tiny", 2, "scan alone", "body")
        for peer in [self.origin, *peers]:
            self.anew(peer)

    def turns(self, rivals):
        peers = self.peers(rivals)
        try:
            for peer in peers:
                peer.start()
                if peer.name in LOOKS:
                    self.probe(peer)
            self.rounds(lambda: self.one_round(peers))
            for peer in [self.origin, *peers]:
                if "c-icap" not in peer.name:  # Squid bug 5352
                    self.ask_large(peer)
                if peer.name == "Sallyport":
                    self.leaf(peer)
            self.keep_peaks("tiny", peers)
        finally:
            for peer in peers:
                peer.stop()

    def run(self, rivals):
        self.say("corpora, signatures, certificates")
        self.corpora()
        self.pki = Pki()
        try:
            self.root = self.pki.authority("Bench Root")
            self.ca = self.pki.authority("Bench Gateway CA")
            cert = self.root.leaf("localhost", "127.0.0.1", *(
                f"127.0.1.{n + 1}" for n in range(HOSTS)))
            self.origin = Origin(self.folder, self.build, cert)
            self.origin.start()
            self.origin.address = f"127.0.0.1:{self.port()}"
            self.turns(rivals)
        finally:
            if self.origin is not None:
                self.origin.stop()
            self.pki.remove()
        self.aims()

    def aims(self):
        for size in SIZES:
            key = size.replace(" ", "").lower()[:-1]
            self.ratio(f"bump_{key}", self.rate(size, "seen", "Sallyport"),
                       self.rate(size, "seen", "Squid bump"))
        self.ratio("anew", self.rate("1 KB", "seen", "Sallyport", "10 anew"),
                   self.rate("1 KB", "seen", "Squid bump", "10 anew"))


def markdown(bench):
    text = bench_http.markdown(bench)
    if "visit_ms" in bench.figures:
        text += (f"\n\nA host's first visit costs "
                 f"{bench.figures['visit_ms']:.2f} ms of CPU more than its "
                 "second, the handshake with the origin among it.")
    return text
