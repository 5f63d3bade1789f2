"""make bench, filters within an MTA: Postfix bare, with Sallyport as its
filter, and with clamav-milter, all three passing on to the sink.

They are up at the same time and take turns; a cell ends when the queue behind
it is empty, so that no delivery is paid for by the next one.
"""

import os
import statistics
import time

import bench_smtp
from bench_peers import Clamsmtp, Gateway, Peer, Sink, peak_mb
from peers.common import free_port, offspring, until
from peers.postfix import Postfix

Wrong = bench_smtp.Wrong
BARE, OURS, THEIRS = ("Postfix", "Postfix + Sallyport",
                      "Postfix + clamav-milter")

AIMS = (
    ("times Postfix + clamav-milter, mix, 50 connections", "x", ">=", 1.4,
     "ratio_mix"),
    ("of what Postfix and the scan allow together, small, 50 connections",
     "%", ">=", 95.0, "part_small"),
    ("filter CPU of clamav-milter's, without the scan, small", "x", "<=",
     0.5, "cpu_small"),
    ("the same, mix", "x", "<=", 0.5, "cpu_mix"),
)

SETTINGS = """\
smtpd_milters = {milter}
milter_default_action = tempfail
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
"""


class Mta(Peer):
    """Postfix between the clients and the sink; its own processes are the
    role "mta", the filter's are "gateway"."""

    name = BARE

    def __init__(self, folder, next_hop):
        super().__init__(folder)
        host, _, port = next_hop.rpartition(":")
        self.relay = (host, int(port))
        self.mta = None

    def start_mta(self, milter=""):
        self.mta = Postfix("mx.example.net", self.relay,
                           SETTINGS.format(milter=milter))
        self.mta.start()
        self.address = f"127.0.0.1:{self.mta.port}"

    def start(self):
        self.start_mta()

    def filter_roles(self):
        return {"gateway": [], "scan": []}

    def roles(self):
        master = self.mta.master()
        return {**self.filter_roles(), "mta": [master, *offspring(master)]}

    def settle(self):
        until(f"the queue of {self.name} is empty",
              lambda: self.mta.queued() == 0, 120)

    def stop(self):
        if self.mta is not None:
            self.mta.remove()
        super().stop()


class Ours(Mta):
    """With Sallyport on a unix socket."""

    name = OURS

    def __init__(self, folder, build, next_hop, database):
        super().__init__(folder, next_hop)
        path = f"{self.folder}/milter.sock"
        self.path = path
        self.gateway = Gateway(folder, build, next_hop, database, {
            "listener milter": {
                "protocol": "milter", "address": f"unix:{path}",
                "policy": "mail", "max_sessions": "5000"}})

    def start(self):
        self.gateway.start()
        self.start_mta(f"unix:{self.path}")

    def filter_roles(self):
        return self.gateway.roles()

    def stop(self):
        super().stop()
        self.gateway.stop()


class Theirs(Mta):
    """With clamav-milter on a unix socket, clamd behind it."""

    name = THEIRS

    def __init__(self, folder, next_hop, database):
        super().__init__(folder, next_hop)
        self.clamd = Clamsmtp(folder, next_hop, database)
        self.child = None

    def start(self):
        clamd = self.clamd.start_clamd()
        path = f"{self.folder}/milter.sock"
        with open(f"{self.folder}/milter.conf", "w", encoding="ascii") as f:
            f.write(f"Foreground yes\nMilterSocket {path}\n"
                    "MilterSocketMode 666\n"
                    f"ClamdSocket tcp:127.0.0.1:{clamd}\n"
                    f"TemporaryDirectory {self.clamd.folder}/tmp\n"
                    "OnInfected Reject\nOnFail Defer\nAddHeader Replace\n"
                    "MaxFileSize 100M\n")
        self.child = self.programs.run("clamav-milter", "-c",
                                       f"{self.folder}/milter.conf")
        until("clamav-milter listens", lambda: os.path.exists(path))
        self.start_mta(f"unix:{path}")

    def filter_roles(self):
        return {"gateway": [self.child.pid],
                "scan": [self.clamd.clamd.pid]}

    def stop(self):
        super().stop()
        self.clamd.stop()


class Bench(bench_smtp.Bench):
    """One run; what a cell is and how it is checked is bench_smtp's."""

    def check(self, peer, corpus, connections, got):
        if peer.name == BARE:  # it lets them all through
            got = {**got, "wrong_infected": 0, "sunk_infected": 0}
        if got["wrong_clean"] + got["wrong_infected"] + got["tempfail"] \
                + got["broken"] + got["sunk_infected"] == 0:
            return
        words = f"{peer.name}, {corpus}, {connections} connections: {got}"
        if peer.name == OURS:
            raise Wrong(words)
        self.notes.append(words)

    def peers(self, signatures, rivals):
        database = f"{self.folder}/db-{signatures}"
        return [Mta(self.folder, self.sink.address),
                Ours(self.folder, self.build, self.sink.address, database),
                Theirs(self.folder, self.sink.address, database)]

    def round(self, peers):
        for corpus in ("small", "mix"):
            for n in self.plan["connections"]:
                for peer in peers:
                    self.cell(peer, corpus, "tiny", n)
                    peer.settle()
            self.scan_alone(corpus, "tiny", os.cpu_count(), "scan alone")

    def run(self, rivals):
        self.say("corpora and signatures")
        self.corpora()
        self.sink = Sink(self.folder, self.build)
        peers = []
        try:
            self.sink.start()
            peers = self.peers("tiny", rivals)
            for peer in peers:
                peer.start()
            for number in range(self.plan["rounds"]):
                if number > 0 and time.monotonic() - self.began > \
                        self.plan["last_round"]:
                    self.notes.append(f"only {number} rounds")
                    break
                self.say(f"round {number + 1}")
                self.round(peers)
            for peer in peers:
                self.peaks[("tiny", peer.name)] = {
                    role: peak_mb(pids)
                    for role, pids in peer.roles().items()}
        finally:
            for peer in peers:
                peer.stop()
            self.sink.stop()
        self.aims()

    # -- what comes of it

    def at_50(self, corpus, name, what):
        return self.median((corpus, "tiny", name, "50"), what)

    def aims(self):
        f = self.figures
        ours = self.at_50("mix", OURS, "rate")
        theirs = self.at_50("mix", THEIRS, "rate")
        if ours and theirs:
            f["ratio_mix"] = ours / theirs
        bare = self.at_50("small", BARE, "rate")
        scan = self.alone_median(("small", "tiny", "scan alone"), "rate")
        small = self.at_50("small", OURS, "rate")
        if bare and scan and small:
            f["part_small"] = 100 * small * (1 / bare + 1 / scan)
        for corpus in ("small", "mix"):
            ours = self.at_50(corpus, OURS, "gateway_cpu")
            theirs = self.at_50(corpus, THEIRS, "gateway_cpu")
            if ours is not None and theirs:
                f[f"cpu_{corpus}"] = ours / theirs

    def results(self):
        rows = []
        for words, unit, sign, wanted, key in AIMS:
            got = self.figures.get(key)
            met = None if got is None else (
                got >= wanted if sign == ">=" else got <= wanted)
            rows.append((words, unit, sign, wanted, got, met))
        return rows


def _median(rows, what, digits=2):
    return f"{statistics.median(r.get(what, 0) for r in rows):.{digits}f}"


def markdown(bench):
    lines = ["| corpus | | connections | messages/s | p50 ms | p99 ms "
             "| CPU s per 1,000: filter | scan | Postfix |",
             "|---|---|--:|--:|--:|--:|--:|--:|--:|"]
    for (corpus, _, name, n), rows in bench.cells.items():
        lines.append(
            f"| {corpus} | {name} | {n} | {_median(rows, 'rate', 0)} "
            f"| {_median(rows, 'p50_ms')} | {_median(rows, 'p99_ms')} "
            f"| {_median(rows, 'gateway_cpu')} | {_median(rows, 'scan_cpu')} "
            f"| {_median(rows, 'mta_cpu')} |")
    for (corpus, _, name), rows in bench.alone.items():
        lines.append(f"| {corpus} | {name} | | {_median(rows, 'rate', 0)} "
                     f"| {_median(rows, 'p50_ms')} | | | | |")
    lines += ["", "| peak memory, MB (VmHWM, summed) | filter | scan |",
              "|---|--:|--:|"]
    for (_, name), peak in bench.peaks.items():
        lines.append(f"| {name} | {peak['gateway']:.0f} "
                     f"| {peak['scan']:.0f} |")
    lines += ["", "| aim | wanted | measured | |", "|---|--:|--:|---|"]
    for words, unit, sign, wanted, got, met in bench.results():
        measured = "-" if got is None else f"{got:.2f} {unit}"
        verdict = {None: "not measured", True: "met", False: "MISSED"}[met]
        lines.append(f"| {words} | {sign} {wanted:g} {unit} | {measured} "
                     f"| {verdict} |")
    if bench.notes:
        lines += ["", "What was not as it should be:", ""]
        lines += [f"- {n}" for n in bench.notes]
    return "\n".join(lines)
