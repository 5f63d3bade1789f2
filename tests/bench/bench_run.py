"""One run of the benchmark, whatever it measures: cells, rounds, the scan
alone, aims, and the tables that come of them.

A cell is one program of ours against one way to go, once; the same cell of
several rounds is one row.  What is measured is in bench_KIND.py.
"""

import json
import os
import statistics
import subprocess
import time

from bench_peers import peak_mb


class Wrong(Exception):
    """An answer that was not deserved: then no figure counts."""


def program(build, name, *words, **popen):
    out = subprocess.run(
        [f"{build}/tests/bench/{name}", *map(str, words)], check=True,
        stdout=subprocess.PIPE, timeout=150, **popen).stdout
    return json.loads(out)


class Run:
    """cells: {(corpus, signatures, name, row): [figures]}; alone: the same
    without row; figures: {key of AIMS: value}."""

    AIMS = ()  # (words, unit, sign, wanted, key)

    def __init__(self, build, folder, plan, say):
        self.build = build
        self.folder = folder
        self.plan = plan
        self.say = say
        self.cells = {}
        self.alone = {}
        self.figures = {}
        self.peaks = {}
        self.notes = []
        self.began = time.monotonic()

    # -- one cell

    def measure(self, peer, name, *words):
        """What our client says of it, and what it cost the peer's roles:
        role_cpu, seconds per 1,000 of what was begun."""
        before = peer.usage()
        got = program(self.build, name, *words)
        time.sleep(0.05)
        # CPU was spent on all of them, those of the warm-up too
        for role, used in peer.usage().items():
            got[f"{role}_cpu"] = (1000 * (used - before[role])
                                  / max(got["begun"], 1))
        return got

    def scan_alone(self, corpus, signatures, workers, name, kind="mail",
                   seconds=None):
        """Processes that do nothing else: the limit of whoever scans."""
        tmp = f"{self.folder}/scan-tmp"
        os.makedirs(tmp, exist_ok=True)
        got = program(self.build, "b_scan", "--corpus",
                      f"{self.folder}/{corpus}", "--database",
                      f"{self.folder}/db-{signatures}", "--workers", workers,
                      "--kind", kind, "--tmp", tmp, "--ms",
                      int(1000 * (seconds or self.plan["scan"])))
        if got["wrong"]:
            raise Wrong(f"the scan alone, {corpus}: {got['wrong']} wrong")
        self.alone.setdefault((corpus, signatures, name), []).append(got)
        self.say(f"  {corpus:5} {signatures:4} {name:16}    : "
                 f"{got['rate']:9.1f}/s p50 {got['p50_ms']:8.2f} ms")

    # -- all peers take turns

    def rounds(self, one_round, what=""):
        """Calls it as often as the plan says; a busy machine gets fewer
        rounds, not more time."""
        for number in range(self.plan["rounds"]):
            took = time.monotonic() - self.began
            if number > 0 and took > self.plan["last_round"]:
                self.notes.append(f"{what}only {number} rounds, for "
                                  f"{took:.0f} s were over")
                return
            self.say(f"{what}round {number + 1}")
            one_round()

    def keep_peaks(self, signatures, peers):
        for peer in peers:
            self.peaks[(signatures, peer.name)] = {
                role: peak_mb(pids) for role, pids in peer.roles().items()}

    # -- what comes of it

    def median(self, key, what):
        rows = self.cells.get(key)
        return statistics.median(r[what] for r in rows) if rows else None

    def alone_median(self, key, what):
        rows = self.alone.get(key)
        return statistics.median(r[what] for r in rows) if rows else None

    def ratio(self, key, one, other, factor=1.0):
        """Sets figure key where both are known."""
        if one is not None and other:
            self.figures[key] = factor * one / other

    def results(self):
        """[(aim, unit, sign, wanted, measured, met)]"""
        rows = []
        for words, unit, sign, wanted, key in self.AIMS:
            got = self.figures.get(key)
            met = None
            if got is not None:
                met = {">=": got >= wanted, "<=": got <= wanted,
                       "<": got < wanted}[sign]
            rows.append((words, unit, sign, wanted, got, met))
        return rows

    def aims_lines(self):
        lines = ["", "| aim | wanted | measured | |", "|---|--:|--:|---|"]
        for words, unit, sign, wanted, got, met in self.results():
            measured = "-" if got is None else f"{got:.2f} {unit}"
            verdict = {None: "not measured", True: "met",
                       False: "MISSED"}[met]
            lines.append(f"| {words} | {sign} {wanted:g} {unit} | {measured} "
                         f"| {verdict} |")
        return lines

    def notes_lines(self):
        if not self.notes:
            return []
        return ["", "What was not as it should be:", "",
                *(f"- {n}" for n in self.notes)]


def middle(rows, what, digits=2):
    return f"{statistics.median(r.get(what, 0) for r in rows):.{digits}f}"


def spread(rows, what, digits):
    """The median, and the least and the most of several."""
    values = [r[what] for r in rows]
    text = f"{statistics.median(values):.{digits}f}"
    if len(values) > 1:
        text += f" ({min(values):.{digits}f}-{max(values):.{digits}f})"
    return text
