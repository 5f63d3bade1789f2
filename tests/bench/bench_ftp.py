"""make bench, files: from clients to one FTP server, directly, through
Sallyport and through proxies that do not look, which are all up at the same
time and take turns.

Small files are 1 KB of HTML, each another one, over one passive data
connection each; what was stored is compared on the server when the cell is
over.
"""

import ftplib
import os
import pathlib
import shutil

import bench_corpus
import corpus_mail
from bench_ftp_peers import (PROFTPD, SUSE, FtpGateway, ModProxy, Server,
                             Suse)
from bench_peers import memory_kb
from bench_run import Run, Wrong, middle, spread
from peers import ftp_client

ROWS = ("sallyport", "mod_proxy", "ftp-proxy")
TOOLS = ("b_ftp", "b_scan")
VSFTPD = PROFTPD.parents[3] / "vsftpd/usr/sbin/vsftpd"
PROGRAMS = {"": (str(VSFTPD),), "mod_proxy": (str(PROFTPD),),
            "ftp-proxy": (str(SUSE),)}
VERSIONS = ((str(PROFTPD), "-v"), (str(SUSE), "-V"),
            ("clamd", "--version"))
NOTE = ("clients and server on the same CPUs; every byte of every file is "
        "compared, and every file is another one; one session alone moves a "
        "fifth of them; only Sallyport scans")

PROXIES = ("ProFTPD mod_proxy", "SUSE ftp-proxy")
FILE, BLOCK = "1k.html", "1m.bin"
SERIAL_AT = 21  # as bench_web.h has it

FULL = {"cell": 0, "scan": 1.5, "rounds": 2, "last_round": 120,
        "sessions": (1, 10, 50), "files": 1000, "large": 1 << 30}
QUICK = {"cell": 0, "scan": 1.0, "rounds": 1, "last_round": 30,
         "sessions": (10,), "files": 300, "large": 128 << 20}

AIMS = (
    ("times the best proxy that does not scan, small files down, both at "
     "their best", "x", ">=", 1.5, "ratio_get"),
    ("the same, up", "x", ">=", 1.5, "ratio_put"),
    ("large file down, of the scan alone", "%", "<=", 125.0, "large_get"),
    ("the same, up", "%", "<=", 125.0, "large_put"),
    ("most resident of one net worker", "MB", "<", 64.0, "net_mb"),
)


class Bench(Run):
    """One run; row: sessions; corpus: get or put."""

    AIMS = AIMS

    def __init__(self, *args):
        super().__init__(*args)
        self.server = None
        self.block = b""
        self.stored = 0  # numbers of files that were used up
        self.large = []  # [(name, way, what b_ftp says)]

    # -- files

    def body(self, name, number):
        """As bench_web.h makes it."""
        data = bytearray(self.files[name])
        data[SERIAL_AT:SERIAL_AT + 16] = b"%016x" % (number + 1)
        return bytes(data)

    def corpora(self):
        bench_corpus.write(f"{self.folder}/web", bench_corpus.web(), "")
        self.files = {name: pathlib.Path(
            f"{self.folder}/web/{name}").read_bytes()
            for name in (FILE, BLOCK)}
        bench_corpus.signatures(f"{self.folder}/db-tiny", 3)

    def put_on_server(self, prefix, first, count):
        for n in range(first, first + count):
            self.server.ftp.put(f"{prefix}{n:05}", self.body(FILE, n))

    def compare_stored(self, prefix, first, count):
        """How many are not there as they were sent; all are taken away."""
        wrong = 0
        for n in range(first, first + count):
            path = self.server.ftp.root / f"{prefix}{n:05}"
            wrong += (not path.exists()
                      or path.read_bytes() != self.body(FILE, n))
            path.unlink(missing_ok=True)
        return wrong

    # -- one cell

    def move(self, peer, way, sessions, prefix, *more):
        return self.measure(
            peer, "b_ftp", "--address", peer.address, "--user",
            self.server.user, "--password", self.server.password, "--corpus",
            f"{self.folder}/web", "--sessions", sessions, "--way", way,
            "--name", f"pub/{prefix}", *more)

    def cell(self, peer, way, sessions):
        """Each cell has files of its own: no verdict can be remembered."""
        count, first = self.plan["files"], self.stored
        if sessions == 1:  # SUSE's takes 44 ms for each: two writes, Nagle
            count //= 5
        self.stored += count
        prefix = "up/" if way == "put" else "down/"
        if way == "get":
            self.put_on_server(prefix, first, count)
        got = self.move(peer, way, sessions, prefix, "--file", FILE,
                        "--count", count, "--first", first)
        wrong = self.compare_stored(prefix, first, count)
        got["wrong_stored"] = wrong if way == "put" else 0
        self.check(f"{peer.name}, {way}, {sessions} sessions", got)
        self.cells.setdefault((way, "tiny", peer.name, str(sessions)),
                              []).append(got)
        self.say(f"  {way} {peer.name:18} {sessions:3}: {got['rate']:8.1f}/s "
                 f"p50 {got['p50_ms']:8.2f} p99 {got['p99_ms']:8.2f} ms")

    def check(self, words, got):
        bad = ", ".join(f"{k} {got[k]}" for k in (
            "wrong_body", "wrong_stored", "refused", "refusal", "broken")
            if got.get(k))
        if not bad:
            return
        if words.startswith("Sallyport"):
            raise Wrong(f"{words}: {bad}")
        self.notes.append(f"{words}: {bad}")

    def probe(self, peer):
        """Does it look at all?"""
        self.server.ftp.put("down/infected", corpus_mail.eicar())
        port = int(peer.address.rpartition(":")[2])
        with ftp_client.Client(port) as c:
            c.login(self.server.user, self.server.password)
            try:
                c.fetch("pub/down/infected")
            except ftplib.error_perm:
                return
        raise Wrong("a virus was delivered")

    # -- a large file each way

    def write_large(self):
        path = self.server.ftp.root / "down/large00000"
        with open(path, "wb") as f:
            f.write(self.body(BLOCK, 0))
            for _ in range(1, self.plan["large"] >> 20):
                f.write(self.files[BLOCK])
        os.chown(path, self.server.ftp.owner.pw_uid,
                 self.server.ftp.owner.pw_gid)
        return path

    def scan_large(self, path):
        os.makedirs(f"{self.folder}/large")
        os.link(path, f"{self.folder}/large/large.bin")
        self.scan_alone("large", "tiny", 1, "scan, 1", "file", 0.001)
        shutil.rmtree(f"{self.folder}/large")

    def move_large(self, peer, way, number):
        """number: another one for the second way, or the verdict is known."""
        name = "down/large" if way == "get" else "up/large"
        got = self.move(peer, way, 1, name, "--file", BLOCK, "--length",
                        self.plan["large"], "--first", number)
        stored = self.server.ftp.root / f"{name}{number:05}"
        if way == "put":
            got["wrong_stored"] = int(
                not stored.exists()
                or stored.stat().st_size != self.plan["large"])
            stored.unlink(missing_ok=True)
        self.check(f"{peer.name}, large {way}", got)
        self.large.append((peer.name, way, got))
        self.say(f"  large {way} {peer.name:18} first "
                 f"{got['first_ms']:8.1f} total {got['p50_ms']:9.1f} ms")
        return got

    def large_files(self, peers):
        path = self.write_large()
        ours = [p for p in peers if p.name == "Sallyport"]
        if ours:
            self.scan_large(path)
        for peer in [self.server, *peers]:
            self.move_large(peer, "get", 0)
            self.move_large(peer, "put", 1)
        for peer in ours:
            self.figures["net_mb"] = max(
                memory_kb(p, "status", "VmHWM")
                for p in peer.pids("net")) / 1024
        path.unlink()

    # -- the whole

    def peers(self, rivals):
        address = self.server.address
        makers = {
            "mod_proxy": lambda: ModProxy(self.folder, address),
            "ftp-proxy": lambda: Suse(self.folder, address),
            "sallyport": lambda: FtpGateway(
                self.folder, self.build, f"{self.folder}/db-tiny", address)}
        return [make() for name, make in makers.items() if name in rivals]

    def one_round(self, peers):
        for way in ("get", "put"):
            for sessions in self.plan["sessions"]:
                for peer in [self.server, *peers]:
                    self.cell(peer, way, sessions)

    def run(self, rivals):
        self.say("corpora and signatures")
        self.corpora()
        self.server = Server(self.folder)
        peers = []
        try:
            self.server.start()
            peers = self.peers(rivals)
            for peer in peers:
                peer.start()
                if peer.name == "Sallyport":
                    self.probe(peer)
            self.rounds(lambda: self.one_round(peers))
            self.say("a large file each way")
            self.large_files(peers)
            self.keep_peaks("tiny", peers)
        finally:
            for peer in peers:
                peer.stop()
            self.server.stop()
        self.aims()

    # -- what comes of it

    def best(self, way, name):
        rates = [self.median((way, "tiny", name, str(n)), "rate")
                 for n in self.plan["sessions"]]
        return max((r for r in rates if r is not None), default=None)

    def aims(self):
        alone = self.alone_median(("large", "tiny", "scan, 1"), "p50_ms")
        for way in ("get", "put"):
            others = [r for r in (self.best(way, p) for p in PROXIES) if r]
            self.ratio(f"ratio_{way}", self.best(way, "Sallyport"),
                       max(others, default=None))
            for name, its, got in self.large:
                if name == "Sallyport" and its == way:
                    self.ratio(f"large_{way}", got["p50_ms"], alone, 100)


def _large_lines(bench):
    lines = ["", f"| one file of {bench.plan['large'] >> 20} MB | | "
             "first byte ms | total ms | MB/s |", "|---|---|--:|--:|--:|"]
    for name, way, got in bench.large:
        first = f"{got['first_ms']:.1f}" if way == "get" else ""
        lines.append(f"| {name} | {way} | {first} | {got['p50_ms']:.0f} "
                     f"| {got['mb_per_s']:.0f} |")
    for (_, _, name), rows in bench.alone.items():
        lines.append(f"| {name} | | | {spread(rows, 'p50_ms', 0)} "
                     f"| {middle(rows, 'mb_per_s', 0)} |")
    return lines


def markdown(bench):
    lines = ["| files of 1 KB | | sessions | files/s | p50 ms | p99 ms "
             "| CPU s per 1,000: gateway | scan |",
             "|---|---|--:|--:|--:|--:|--:|--:|"]
    for (way, _, name, n), rows in bench.cells.items():
        lines.append(
            f"| {way} | {name} | {n} | {spread(rows, 'rate', 0)} "
            f"| {spread(rows, 'p50_ms', 2)} | {middle(rows, 'p99_ms')} "
            f"| {middle(rows, 'gateway_cpu') if name != 'direct' else ''} "
            f"| {middle(rows, 'scan_cpu') if name == 'Sallyport' else ''} |")
    lines += _large_lines(bench)
    lines += ["", "| peak memory, MB (VmHWM, summed) | gateway | scan |",
              "|---|--:|--:|"]
    for (_, name), peak in bench.peaks.items():
        lines.append(f"| {name} | {peak['gateway']:.0f} "
                     f"| {peak['scan']:.0f} |")
    return "\n".join(lines + bench.aims_lines() + bench.notes_lines())
