"""make bench, filters within an MTA: Postfix bare, with a filter that does
nothing, with Sallyport and with clamav-milter, all of them passing on to the
sink.

They are up at the same time and take turns; a cell ends when the queue behind
it is empty, so that no delivery is paid for by the next one.
"""

import os

import bench_smtp
from bench_peers import Clamd, MailGateway, Peer, Sink
from bench_run import Wrong, middle
from peers.common import offspring, until
from peers.postfix import Postfix

FULL, QUICK, NOTE = bench_smtp.FULL, bench_smtp.QUICK, bench_smtp.NOTE_ALL
ROWS, TOOLS = bench_smtp.ROWS, bench_smtp.TOOLS
PROGRAMS = {"": ("postfix", "clamd", "clamav-milter")}
VERSIONS = bench_smtp.VERSIONS

BARE, OURS, THEIRS = ("Postfix", "Postfix + Sallyport",
                      "Postfix + clamav-milter")
NOTHING = "Postfix + a filter that does nothing"

AIMS = (
    ("times Postfix + clamav-milter, mix, 50 connections", "x", ">=", 1.4,
     "ratio_mix"),
    ("of what Postfix and the scan allow together, small, 50 connections",
     "%", ">=", 95.0, "part_small"),
    ("the same, of Postfix with a filter that does nothing", "%", ">=", 95.0,
     "part_filter"),
    ("filter CPU of clamav-milter's, without the scan, small", "x", "<=",
     0.5, "cpu_small"),
    ("filter CPU of clamav-milter's, mix", "x", "<=", 0.5, "cpu_mix"),
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
        self.gateway = MailGateway(folder, build, next_hop, database, {
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


class Nothing(Mta):
    """With b_filter: what a filter costs Postfix, whatever it does."""

    name = NOTHING

    def __init__(self, folder, build, next_hop):
        super().__init__(folder, next_hop)
        self.program = f"{build}/tests/bench/b_filter"

    def start(self):
        path = f"{self.folder}/milter.sock"
        self.programs.run(self.program, "--path", path)
        until("b_filter listens", lambda: os.path.exists(path))
        self.start_mta(f"unix:{path}")


class Theirs(Mta):
    """With clamav-milter on a unix socket, clamd behind it."""

    name = THEIRS

    def __init__(self, folder, next_hop, database):
        super().__init__(folder, next_hop)
        self.clamd = Clamd(self.programs, self.folder, database)
        self.child = None

    def start(self):
        self.clamd.start()
        path = f"{self.folder}/milter.sock"
        with open(f"{self.folder}/milter.conf", "w", encoding="ascii") as f:
            f.write(f"Foreground yes\nMilterSocket {path}\n"
                    "MilterSocketMode 666\n"
                    f"ClamdSocket tcp:127.0.0.1:{self.clamd.port}\n"
                    f"TemporaryDirectory {self.folder}/tmp\n"
                    "OnInfected Reject\nOnFail Defer\nAddHeader Replace\n"
                    "MaxFileSize 100M\n")
        self.child = self.programs.run("clamav-milter", "-c",
                                       f"{self.folder}/milter.conf")
        until("clamav-milter listens", lambda: os.path.exists(path))
        self.start_mta(f"unix:{path}")

    def filter_roles(self):
        return {"gateway": [self.child.pid],
                "scan": [self.clamd.child.pid]}


class Bench(bench_smtp.Bench):
    """One run; what a cell is and how it is checked is bench_smtp's."""

    AIMS = AIMS

    def check(self, peer, corpus, connections, got):
        if peer.name in (BARE, NOTHING):  # they let them all through
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
                Nothing(self.folder, self.build, self.sink.address),
                Ours(self.folder, self.build, self.sink.address, database),
                Theirs(self.folder, self.sink.address, database)]

    def one_round(self, peers, *_):
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
            self.rounds(lambda: self.one_round(peers))
            self.keep_peaks("tiny", peers)
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
        self.ratio("ratio_mix", self.at_50("mix", OURS, "rate"),
                   self.at_50("mix", THEIRS, "rate"))
        bare = self.at_50("small", BARE, "rate")
        scan = self.alone_median(("small", "tiny", "scan alone"), "rate")
        small = self.at_50("small", OURS, "rate")
        if bare and scan and small:
            f["part_small"] = 100 * small * (1 / bare + 1 / scan)
        nothing = self.at_50("small", NOTHING, "rate")
        if nothing and scan and small:
            f["part_filter"] = 100 * small * (1 / nothing + 1 / scan)
        for corpus in ("small", "mix"):
            self.ratio(f"cpu_{corpus}",
                       self.at_50(corpus, OURS, "gateway_cpu"),
                       self.at_50(corpus, THEIRS, "gateway_cpu"))


def markdown(bench):
    lines = ["| corpus | | connections | messages/s | p50 ms | p99 ms "
             "| CPU s per 1,000: filter | scan | Postfix |",
             "|---|---|--:|--:|--:|--:|--:|--:|--:|"]
    for (corpus, _, name, n), rows in bench.cells.items():
        lines.append(
            f"| {corpus} | {name} | {n} | {middle(rows, 'rate', 0)} "
            f"| {middle(rows, 'p50_ms')} | {middle(rows, 'p99_ms')} "
            f"| {middle(rows, 'gateway_cpu')} | {middle(rows, 'scan_cpu')} "
            f"| {middle(rows, 'mta_cpu')} |")
    for (corpus, _, name), rows in bench.alone.items():
        lines.append(f"| {corpus} | {name} | | {middle(rows, 'rate', 0)} "
                     f"| {middle(rows, 'p50_ms')} | | | | |")
    lines += ["", "| peak memory, MB (VmHWM, summed) | filter | scan |",
              "|---|--:|--:|"]
    for (_, name), peak in bench.peaks.items():
        lines.append(f"| {name} | {peak['gateway']:.0f} "
                     f"| {peak['scan']:.0f} |")
    return "\n".join(lines + bench.aims_lines() + bench.notes_lines())
