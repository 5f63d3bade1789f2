"""make bench, mail: what is run, in which order, and what comes of it.

All ways from the clients to the sink are up at the same time and take turns,
round after round, so that what else the machine does meets all of them.
"""

import json
import os
import statistics
import subprocess

import bench_corpus
from bench_peers import (Clamsmtp, Haproxy, MailGateway, Sink,
                         TlsMailGateway, memory_kb, pss_mb)
from bench_run import Run, Wrong, middle, program, spread

IDLE_SESSIONS = 5000
HUGE_MAILS = 20

# What the run may take: seconds of one cell and of a row of the scan alone,
# rounds, connections, signatures of "big" (0: leave it out), and when no
# further round begins: a busy machine gets fewer of them, not more time.
FULL = {"cell": 1.5, "scan": 2.0, "rounds": 3, "connections": (1, 10, 50),
        "big": 465_000, "last_round": 240}
QUICK = {"cell": 1.0, "scan": 1.5, "rounds": 1, "connections": (1, 50),
         "big": 0, "last_round": 60}

# The aims: words, unit, the most or the least, value.
AIMS = (
    ("times clamsmtp + clamd, small, tiny, 50 connections", "x", ">=", 4.0,
     "ratio_small"),
    ("the same, all 50 opened at once", "x", ">=", 4.0, "ratio_burst"),
    ("of the scan alone, mix, tiny, 50 connections", "%", ">=", 85.0,
     "part_mix"),
    ("p50 beside the scan itself, small, 1 connection", "ms", "<=", 1.0,
     "added_ms"),
    ("gateway CPU, seconds per 1,000 small mails", "s", "<=", 0.20,
     "gateway_cpu"),
    (f"most resident of one net worker, {HUGE_MAILS} mails of 20 MB at once",
     "MB", "<", 64.0, "huge_mb"),
    (f"memory of {IDLE_SESSIONS} idle sessions", "MB", "<", 100.0,
     "idle_mb"),
)


NOTE_ALL = ("clients and sink on the same CPUs; every mail is another one, so "
            "that no cache of whole mails helps")
NOTE = (f"{NOTE_ALL}; anew: a connection, and where there "
        "is TLS a whole handshake, for each mail, else for 100")
ROWS = ("sallyport", "clamsmtp")
PROGRAMS = {"": ("haproxy",), "clamsmtp": ("clamd", "clamsmtpd")}
TOOLS = ("b_smtp", "b_sink", "b_scan")
VERSIONS = (("clamd", "--version"), ("clamsmtpd", "-v"), ("haproxy", "-v"))


class Bench(Run):
    """One run, row: connections."""

    AIMS = AIMS

    def __init__(self, *args):
        super().__init__(*args)
        self.sizes = {}
        self.sink = None

    # -- one cell

    def cell(self, peer, corpus, signatures, connections, how=""):
        """how: "at once": all connections are opened at once, and time
        counts from then, else some at a time, and time counts when all are
        greeted; "anew": a connection for each mail, else for 100."""
        row = f"{connections} {how}".strip()
        opening = ("--pace", connections, "--ready-ms", 0) if (
            how == "at once") else ("--warm-ms", 200)
        if how == "anew":
            opening += ("--per-connection", 1)
        if peer.sink is not None:
            opening += ("--tls", 1)
        sink = peer.sink or self.sink
        sink_before = sink.counts()
        got = self.measure(peer, "b_smtp", "--address", peer.address,
                           "--corpus", f"{self.folder}/{corpus}",
                           "--connections", connections,
                           "--ms", int(self.plan["cell"] * 1000), *opening)
        sunk = sink.counts()
        got["sunk_infected"] = sunk["infected"] - sink_before["infected"]
        self.check(peer, corpus, connections, got)
        self.cells.setdefault(
            (corpus, signatures, peer.name, row), []).append(got)
        self.say(f"  {corpus:5} {signatures:4} {peer.name:16} "
                 f"{row:10}: {got['rate']:9.1f}/s "
                 f"p50 {got['p50_ms']:8.2f} p99 {got['p99_ms']:8.2f} ms")

    def check(self, peer, corpus, connections, got):
        looks = peer.name not in ("direct", "haproxy")
        bad = got["wrong_clean"] + got["tempfail"] + got["broken"]
        if looks:
            bad += got["wrong_infected"] + got.get("sunk_infected", 0)
        if not bad:
            return
        words = (f"{peer.name}, {corpus}, {connections} connections: "
                 + ", ".join(f"{k} {got.get(k)}" for k in (
                     "wrong_clean", "wrong_infected", "sunk_infected",
                     "tempfail", "broken") if got.get(k)))
        if peer.name.startswith("Sallyport"):
            raise Wrong(words)
        self.notes.append(words)

    # -- the whole

    def corpora(self):
        for name, mails in (("small", bench_corpus.small()),
                            ("mix", bench_corpus.mix()),
                            ("huge", bench_corpus.huge())):
            self.sizes[name] = bench_corpus.write(
                f"{self.folder}/{name}", mails)
        bench_corpus.signatures(f"{self.folder}/db-tiny", 3)
        if self.plan["big"]:
            bench_corpus.signatures(f"{self.folder}/db-big",
                                    self.plan["big"])

    def peers(self, signatures, rivals):
        """The ways to go with these signatures; none is started yet."""
        database = f"{self.folder}/db-{signatures}"
        peers = []
        if signatures == "tiny":
            peers.append(Haproxy(self.folder, self.sink.address))
        if "clamsmtp" in rivals:
            peers.append(Clamsmtp(self.folder, self.sink.address, database))
        if "sallyport" in rivals:
            peers.append(MailGateway(self.folder, self.build,
                                     self.sink.address, database))
        if "sallyport" in rivals and signatures == "tiny":
            peers.append(TlsMailGateway(self.folder, self.build, database))
        return peers

    def one_round(self, peers, signatures, corpora, connections):
        ours = any(p.name == "Sallyport" for p in peers)
        for corpus in corpora:
            for n in connections:
                if signatures == "tiny":
                    self.cell(self.sink, corpus, signatures, n)
                for peer in peers:
                    if peer.sink is None or n > 10:
                        self.cell(peer, corpus, signatures, n)
            if signatures == "tiny" and corpus == "small":
                for peer in peers:
                    if peer.sink is None:
                        self.cell(peer, corpus, signatures, 50, "at once")
                    if peer.name.startswith("Sallyport"):
                        self.cell(peer, corpus, signatures, 50, "anew")
            if not ours:
                continue
            self.scan_alone(corpus, signatures, os.cpu_count(), "scan alone")
            if corpus == "small":
                self.scan_alone(corpus, signatures, 1, "scan, 1")

    def turns(self, signatures, corpora, rivals, connections):
        peers = self.peers(signatures, rivals)
        try:
            for peer in peers:
                peer.start()
            self.rounds(lambda: self.one_round(peers, signatures, corpora,
                                               connections),
                        f"signatures {signatures}: ")
            self.keep_peaks(signatures, peers)
        finally:
            for peer in peers:
                peer.stop()

    def huge(self):
        """20 mails of 20 MB at once: what a net worker has resident."""
        gw = MailGateway(self.folder, self.build, self.sink.address,
                         f"{self.folder}/db-tiny")
        try:
            gw.start()
            before = max(memory_kb(p, "status", "VmHWM")
                         for p in gw.pids("net"))
            got = program(self.build, "b_smtp", "--address", gw.address,
                          "--corpus", f"{self.folder}/huge", "--connections",
                          HUGE_MAILS, "--pace", HUGE_MAILS, "--mails",
                          HUGE_MAILS, "--ms", 60000)
            self.check(gw, "huge", HUGE_MAILS, got)
            if got["mails"] != HUGE_MAILS:
                raise Wrong(f"huge: {got['mails']} of {HUGE_MAILS} mails")
            pids = gw.pids("net")
            self.figures["huge_mb"] = max(
                memory_kb(p, "status", "VmHWM") for p in pids) / 1024
            self.figures["huge_before_mb"] = before / 1024
            # files that it mapped are page cache, not its own memory
            self.figures["huge_anonymous_mb"] = max(
                memory_kb(p, "status", "RssAnon") for p in pids) / 1024
        finally:
            gw.stop()

    def idle(self):
        """What 5,000 greeted sessions cost over none."""
        gw = MailGateway(self.folder, self.build, self.sink.address,
                         f"{self.folder}/db-tiny")
        try:
            gw.start()
            before = pss_mb(gw.roles()["gateway"])
            with subprocess.Popen(
                    [f"{self.build}/tests/bench/b_smtp", "--address",
                     gw.address, "--idle", "1", "--pace", "100",
                     "--connections", str(IDLE_SESSIONS), "--ms", "30000"],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE) as held:
                got = json.loads(held.stdout.readline())
                after = pss_mb(gw.roles()["gateway"])
                held.stdin.close()
            if got["ready"] != IDLE_SESSIONS:
                raise Wrong(f"idle: {got['ready']} of {IDLE_SESSIONS}")
            self.figures["idle_mb"] = after - before
            self.figures["idle_all_mb"] = after
        finally:
            gw.stop()

    def run(self, rivals):
        self.say("corpora and signatures")
        self.corpora()
        self.sink = Sink(self.folder, self.build)
        try:
            self.sink.start()
            self.turns("tiny", ("small", "mix"), rivals,
                       self.plan["connections"])
            if self.plan["big"]:
                self.turns("big", ("small",), rivals, (1, 50))
            if "sallyport" in rivals:
                self.say("20 mails of 20 MB at once, 5,000 idle sessions")
                self.huge()
                self.idle()
        finally:
            self.sink.stop()
        self.aims()

    # -- what comes of it

    def aims(self):
        f = self.figures
        for key, row in (("ratio_small", "50"),
                         ("ratio_burst", "50 at once")):
            ours = self.median(("small", "tiny", "Sallyport", row), "rate")
            theirs = self.median(
                ("small", "tiny", "clamsmtp + clamd", row), "rate")
            if ours and theirs:
                f[key] = ours / theirs
        mix = self.median(("mix", "tiny", "Sallyport", "50"), "rate")
        limit = self.alone_median(("mix", "tiny", "scan alone"), "rate")
        if mix and limit:
            f["part_mix"] = 100 * mix / limit
        p50 = self.median(("small", "tiny", "Sallyport", "1"), "p50_ms")
        scan = self.alone_median(("small", "tiny", "scan, 1"), "p50_ms")
        if p50 is not None and scan is not None:
            f["added_ms"] = p50 - scan
        cpu = self.median(("small", "tiny", "Sallyport", "50"), "gateway_cpu")
        if cpu is not None:
            f["gateway_cpu"] = cpu


def markdown(bench):
    lines = ["| corpus | signatures | | connections | messages/s | p50 ms "
             "| p99 ms | CPU s per 1,000: gateway | scan | of the scan alone "
             "|", "|---|---|---|--:|--:|--:|--:|--:|--:|--:|"]
    for (corpus, sigs, name, n), rows in bench.cells.items():
        limit = bench.alone_median((corpus, sigs, "scan alone"), "rate")
        rate = statistics.median(r["rate"] for r in rows)
        looks = name not in ("direct", "haproxy")
        lines.append(
            f"| {corpus} | {sigs} | {name} | {n} "
            f"| {spread(rows, 'rate', 0)} | {spread(rows, 'p50_ms', 2)} "
            f"| {middle(rows, 'p99_ms')} "
            f"| {middle(rows, 'gateway_cpu') if name != 'direct' else ''} "
            f"| {middle(rows, 'scan_cpu') if looks else ''} "
            f"| {f'{100 * rate / limit:.0f} %' if limit and looks else ''} |")
    for (corpus, sigs, name), rows in bench.alone.items():
        lines.append(
            f"| {corpus} | {sigs} | {name} | | {spread(rows, 'rate', 0)} "
            f"| {spread(rows, 'p50_ms', 2)} | {middle(rows, 'p99_ms')} | "
            f"| {middle(rows, 'cpu_s_per_1000')} | |")
    lines += ["", "| peak memory, MB (VmHWM, summed) | gateway | scan |",
              "|---|--:|--:|"]
    for (sigs, name), peak in bench.peaks.items():
        lines.append(f"| {name}, {sigs} | {peak['gateway']:.0f} "
                     f"| {peak['scan']:.0f} |")
    return "\n".join(lines + bench.aims_lines() + bench.notes_lines())
