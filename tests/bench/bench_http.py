"""make bench, the web: from clients to one origin, directly, through Sallyport
and through its rivals, which are all up at the same time and take turns.

Objects are "seen" (one and the same again and again, so that a verdict may be
remembered) or "distinct" (each is another one).  Nobody keeps objects.
Sallyport cannot be told not to scan; nearest to it is an object that was seen,
whose digest is still made, whose policy is still asked, and whose events are
still written.
"""

import os
import shutil
import subprocess
import urllib.error
import urllib.request

import bench_corpus
import corpus_mail
from bench_peers import memory_kb, pss_mb
from bench_run import Run, Wrong, middle, spread
from bench_web_peers import (GUARD, ICAP, SQUID, Guardian, Origin, Squid,
                             SquidIcap, WebGateway)

ROWS = ("sallyport", "squid", "c-icap", "e2guardian")
TOOLS = ("b_http", "b_origin", "b_scan")
PROGRAMS = {"squid": (f"{SQUID}/sbin/squid",),
            "c-icap": (f"{SQUID}/sbin/squid", f"{ICAP}/usr/bin/c-icap"),
            "e2guardian": ("clamd", f"{GUARD}/usr/sbin/e2guardian")}
VERSIONS = ((f"{SQUID}/sbin/squid", "-v"), (f"{ICAP}/usr/bin/c-icap", "-V"),
            (f"{GUARD}/usr/sbin/e2guardian", "-v"), ("clamd", "--version"))
NOTE = ("clients and origin on the same CPUs; every byte of every body is "
        "compared; nobody keeps objects; Sallyport and c-icap have a cache of "
        "verdicts or of clean files, and clamd too")

# Sizes, and with how many connections whom is asked for it.  Squid 5.7 stalls
# on bodies over 64 KB with a scan of answers (Squid bug 5352).
SIZES = {"1 KB": "1k.html", "30 KB": "30k.html", "1 MB": "1m.bin"}
MOST = {"direct": {}, "Sallyport": {"1 MB": 100}, "Squid": {"1 MB": 100},
        "Squid + c-icap": {"1 MB": 0},
        "e2guardian + clamd": {"1 KB": 100, "30 KB": 100, "1 MB": 10}}
LOOKS = ("Sallyport", "Squid + c-icap", "e2guardian + clamd")
IDLE = 5000

FULL = {"cell": 1.0, "scan": 1.5, "rounds": 2, "last_round": 150,
        "connections": (1, 10, 100, 1000), "large": 1 << 30}
QUICK = {"cell": 0.6, "scan": 1.0, "rounds": 1, "last_round": 40,
         "connections": (10, 100), "large": 128 << 20}

AIMS = (
    ("times Squid's, 1 KB, 10 connections, seen objects (which are still "
     "digested and logged)", "x", ">=", 1.5, "bare_1k"),
    ("the same, 30 KB", "x", ">=", 1.5, "bare_30k"),
    ("rate with 1,000 connections of that with 10, 1 KB, seen (Traffic "
     "Server: 62 %)", "%", ">=", 62.0, "flat_1k"),
    ("the same, 30 KB (Traffic Server: 69 %)", "%", ">=", 69.0, "flat_30k"),
    ("times Squid + c-icap, seen, 1 KB, 10 connections", "x", ">=", 5.0,
     "seen_1k"),
    ("the same, 30 KB", "x", ">=", 5.0, "seen_30k"),
    ("of the scan alone, distinct, 1 KB, 10 connections", "%", ">=", 50.0,
     "part_1k"),
    ("the same, 30 KB", "%", ">=", 85.0, "part_30k"),
    ("the same, 1 MB", "%", ">=", 85.0, "part_1m"),
    ("times Squid + c-icap, distinct, 1 KB, 10 connections", "x", ">=", 2.0,
     "distinct_1k"),
    ("the same, 30 KB", "x", ">=", 2.0, "distinct_30k"),
    ("large file: first byte", "ms", "<", 100.0, "large_first_ms"),
    ("large file: total, of direct transfer and scan alone together", "%",
     "<=", 100.0, "large_part"),
    ("large file: most resident of one net worker", "MB", "<", 64.0,
     "large_mb"),
    (f"memory of an idle connection, of {IDLE}", "KB", "<=", 8.0, "idle_kb"),
)


class Bench(Run):
    """One run; row: connections; signatures: seen or distinct."""

    AIMS = AIMS
    looks = LOOKS

    def __init__(self, *args):
        super().__init__(*args)
        self.origin = None
        self.large = []  # [(name, what b_http says, MB of a net worker)]

    # -- one cell

    def target(self):
        return self.origin.address

    def ask(self, peer, file, connections, distinct, *more):
        return self.measure(
            peer, "b_http", "--address", peer.address, "--origin",
            self.target(), "--direct", int(peer is self.origin),
            "--corpus", f"{self.folder}/web", "--file", file,
            "--connections", connections, "--distinct", int(distinct), *more)

    def cell(self, peer, size, connections, distinct):
        got = self.ask(peer, SIZES[size], connections, distinct,
                       "--warm-ms", 200, "--ms",
                       int(self.plan["cell"] * 1000))
        which = "distinct" if distinct else "seen"
        self.check(f"{peer.name}, {size}, {which}, {connections} connections",
                   got)
        self.cells.setdefault((size, which, peer.name, str(connections)),
                              []).append(got)
        self.say(f"  {size:5} {which:8} {peer.name:18} {connections:5}: "
                 f"{got['rate']:9.1f}/s p50 {got['p50_ms']:8.2f} "
                 f"p99 {got['p99_ms']:8.2f} ms")

    def check(self, words, got):
        bad = ", ".join(f"{k} {got[k]}" for k in (
            "wrong_status", "last_status", "wrong_body", "broken",
            "unfinished") if got.get(k))
        if not bad:
            return
        wrong = got["wrong_status"] + got["wrong_body"] + got["broken"]
        if wrong and words.startswith("Sallyport"):
            raise Wrong(f"{words}: {bad}")
        self.notes.append(f"{words}: {bad}")

    def probe(self, peer):
        """Does it look at all?"""
        url = f"http://{self.origin.address}/infected.bin/0/0"
        handler = urllib.request.ProxyHandler(
            {"http": f"http://{peer.address}"})
        try:
            with urllib.request.build_opener(handler).open(
                    url, timeout=20) as answer:
                body = answer.read()
        except urllib.error.HTTPError as e:
            body = e.read()
        if corpus_mail.eicar() not in body:
            return
        if peer.name == "Sallyport":
            raise Wrong("a virus was delivered")
        self.notes.append(f"{peer.name}: a virus was delivered")

    # -- a large file, idle connections

    def ask_large(self, peer):
        got = self.ask(peer, "1m.bin", 1, True, "--length",
                       self.plan["large"], "--requests", 1, "--ms", 120000)
        self.check(f"{peer.name}, large file", got)
        mb = 0.0
        if peer.name == "Sallyport":
            mb = max(memory_kb(p, "status", "VmHWM")
                     for p in peer.pids("net")) / 1024
        self.large.append((peer.name, got, mb))
        self.say(f"  large {peer.name:18} first {got['first_ms']:8.2f} "
                 f"total {got['p50_ms']:9.1f} ms")
        return got, mb

    def write_large(self):
        """One scan of it, from memory, by one process."""
        os.makedirs(f"{self.folder}/large")
        with open(f"{self.folder}/web/1m.bin", "rb") as f:
            block = f.read()
        with open(f"{self.folder}/large/large.bin", "wb") as f:
            for _ in range(self.plan["large"] // len(block)):
                f.write(block)

    def scan_large(self):
        self.write_large()
        self.scan_alone("large", "tiny", 1, "scan, 1", "body", 0.001)
        shutil.rmtree(f"{self.folder}/large")
        return self.alone[("large", "tiny", "scan, 1")][0]["p50_ms"]

    def large_gateway(self):
        """With delivery = hold-tail where it is known."""
        gw = WebGateway(self.folder, self.build, f"{self.folder}/db-tiny")
        gw.gw.configure({"http": {"delivery": "hold-tail"}})
        if gw.gw.run("--check").returncode != 0:
            self.notes.append("delivery = hold-tail is not there: the large "
                              "file was measured with trickle")
            gw.gw.configure({"http": {"delivery": None}})
        return gw

    def large_file(self, rivals):
        direct, _ = self.ask_large(self.origin)
        if "squid" in rivals:
            squid = Squid(self.folder)
            try:
                squid.start()
                self.ask_large(squid)
            finally:
                squid.stop()
        if "sallyport" not in rivals:
            return
        scan = self.scan_large()
        gw = self.large_gateway()
        try:
            gw.start()
            got, self.figures["large_mb"] = self.ask_large(gw)
        finally:
            gw.stop()
        self.figures["large_first_ms"] = got["first_ms"]
        self.ratio("large_part", got["p50_ms"], direct["p50_ms"] + scan, 100)

    def idle(self):
        """What connections that had an answer cost over none."""
        gw = WebGateway(self.folder, self.build, f"{self.folder}/db-tiny")
        try:
            gw.start()
            before = pss_mb(gw.roles()["gateway"])
            with subprocess.Popen(
                    [f"{self.build}/tests/bench/b_http", "--address",
                     gw.address, "--origin", self.origin.address, "--corpus",
                     f"{self.folder}/web", "--file", "1k.html", "--idle", "1",
                     "--connections", str(IDLE), "--ms", "30000"],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE) as held:
                line = held.stdout.readline().decode()
                after = pss_mb(gw.roles()["gateway"])
                held.stdin.close()
            if f'"ready": {IDLE},' not in line:
                raise Wrong(f"idle: {line}")
            self.figures["idle_kb"] = 1024 * (after - before) / IDLE
        finally:
            gw.stop()

    # -- the whole

    def corpora(self):
        bench_corpus.write(f"{self.folder}/web", bench_corpus.web(), "")
        for size, file in SIZES.items():
            os.makedirs(f"{self.folder}/{size}")
            shutil.copy(f"{self.folder}/web/{file}", f"{self.folder}/{size}")
        bench_corpus.signatures(f"{self.folder}/db-tiny", 3)

    def peers(self, rivals):
        database = f"{self.folder}/db-tiny"
        makers = {
            "squid": lambda: Squid(self.folder),
            "c-icap": lambda: SquidIcap(self.folder, database),
            "e2guardian": lambda: Guardian(self.folder, database),
            "sallyport": lambda: WebGateway(self.folder, self.build,
                                            database)}
        return [make() for name, make in makers.items() if name in rivals]

    def one_round(self, peers):
        for size in SIZES:
            for n in self.plan["connections"]:
                for peer in [self.origin, *peers]:
                    if n > MOST[peer.name].get(size, 1000):
                        continue
                    self.cell(peer, size, n, False)
                    if peer.name in LOOKS:
                        self.cell(peer, size, n, True)
            self.scan_alone(size, "tiny", os.cpu_count(), "scan alone",
                            "body")

    def turns(self, rivals):
        peers = self.peers(rivals)
        try:
            for peer in peers:
                peer.start()
                if peer.name in LOOKS:
                    self.probe(peer)
            self.rounds(lambda: self.one_round(peers))
            self.keep_peaks("tiny", peers)
        finally:
            for peer in peers:
                peer.stop()

    def run(self, rivals):
        self.say("corpora and signatures")
        self.corpora()
        self.origin = Origin(self.folder, self.build)
        try:
            self.origin.start()
            self.turns(rivals)
            self.say("a large file")
            self.large_file(rivals)
            if "sallyport" in rivals:
                self.say(f"{IDLE} idle connections")
                self.idle()
        finally:
            self.origin.stop()
        self.aims()

    # -- what comes of it

    def rate(self, size, which, name, connections=10):
        return self.median((size, which, name, str(connections)), "rate")

    def aims(self):
        for size in SIZES:
            key = size.replace(" ", "").lower()[:-1]
            seen = self.rate(size, "seen", "Sallyport")
            new = self.rate(size, "distinct", "Sallyport")
            many = self.rate(size, "seen", "Sallyport", 1000)
            alone = self.alone_median((size, "tiny", "scan alone"), "rate")
            self.ratio(f"bare_{key}", seen, self.rate(size, "seen", "Squid"))
            self.ratio(f"flat_{key}", many, seen, 100)
            self.ratio(f"seen_{key}", seen,
                       self.rate(size, "seen", "Squid + c-icap"))
            self.ratio(f"part_{key}", new, alone, 100)
            self.ratio(f"distinct_{key}", new,
                       self.rate(size, "distinct", "Squid + c-icap"))


def _cell_lines(bench):
    lines = ["| body | objects | | connections | requests/s | p50 ms | p99 ms "
             "| CPU s per 1,000: gateway | scan | of the scan alone |",
             "|---|---|---|--:|--:|--:|--:|--:|--:|--:|"]
    for (size, which, name, n), rows in bench.cells.items():
        limit = bench.alone_median((size, "tiny", "scan alone"), "rate")
        rate = bench.median((size, which, name, n), "rate")
        scans = which == "distinct" and limit
        lines.append(
            f"| {size} | {which if name in bench.looks else ''} | {name} "
            f"| {n} "
            f"| {spread(rows, 'rate', 0)} | {spread(rows, 'p50_ms', 2)} "
            f"| {middle(rows, 'p99_ms')} "
            f"| {middle(rows, 'gateway_cpu') if name != 'direct' else ''} "
            f"| {middle(rows, 'scan_cpu') if name in bench.looks else ''} "
            f"| {f'{100 * rate / limit:.0f} %' if scans else ''} |")
    for (size, _, name), rows in bench.alone.items():
        lines.append(
            f"| {size} | distinct | {name} | | {spread(rows, 'rate', 1)} "
            f"| {spread(rows, 'p50_ms', 2)} | {middle(rows, 'p99_ms')} | "
            f"| {middle(rows, 'cpu_s_per_1000')} | |")
    return lines


def _large_lines(bench):
    size = bench.plan["large"] >> 20
    lines = ["", f"| one file of {size} MB | first byte ms | total ms "
             "| most resident of one net worker, MB |", "|---|--:|--:|--:|"]
    for name, got, mb in bench.large:
        lines.append(f"| {name} | {got['first_ms']:.2f} "
                     f"| {got['p50_ms']:.0f} | {f'{mb:.0f}' if mb else ''} |")
    return lines


def markdown(bench):
    lines = _cell_lines(bench) + _large_lines(bench)
    lines += ["", "| peak memory, MB (VmHWM, summed) | gateway | scan |",
              "|---|--:|--:|"]
    for (_, name), peak in bench.peaks.items():
        lines.append(f"| {name} | {peak['gateway']:.0f} "
                     f"| {peak['scan']:.0f} |")
    return "\n".join(lines + bench.aims_lines() + bench.notes_lines())
