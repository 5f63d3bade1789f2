"""What is measured, started by hand on loopback, and what it costs.

Every process belongs to a role: "gateway" (it moves mail) or "scan" (it
looks).  usage() is what each role has used; stop() ends all of it.
"""

import contextlib
import os
import socket
import subprocess
import time

from peers.certificate import Certificate
from peers.common import answers, free_port, kill, offspring, until
from peers.sallyport import Sallyport

HZ = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of a process and of its children that ended."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
            fields = f.read().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / HZ
    return 0.0


def memory_kb(pid, file, key):
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/{file}", encoding="latin-1") as f:
            for line in f:
                if line.startswith(key + ":"):
                    return int(line.split()[1])
    return 0


def pss_mb(pids):
    """Memory with what is shared counted once."""
    return sum(memory_kb(p, "smaps_rollup", "Pss") for p in pids) / 1024


def peak_mb(pids):
    """The most that was resident, shared pages counted in each process."""
    return sum(memory_kb(p, "status", "VmHWM") for p in pids) / 1024


class Programs:
    """Processes that we started, which end with their standard input or by
    TERM, and their children."""

    def __init__(self, folder):
        self.folder = folder
        self.started = []

    def run(self, *words, **popen):
        with open(f"{self.folder}/output", "ab") as out:
            # pylint: disable=R1732 # it lives until stop()
            child = subprocess.Popen(
                words, stdin=subprocess.PIPE,
                stdout=popen.pop("stdout", out), stderr=out, **popen)
        self.started.append(child)
        return child

    def until_listening(self, child, port, patience=30):
        """Waits until child takes connections there."""
        def ready():
            if child.poll() is not None:
                with open(f"{self.folder}/output", errors="replace",
                          encoding="utf-8") as f:
                    raise RuntimeError(f"{child.args[0]} ended with "
                                       f"{child.returncode}:\n{f.read()}")
            return answers(port)
        until(f"{child.args[0]} listens", ready, patience)

    def stop(self):
        for child in reversed(self.started):
            kids = offspring(child.pid)
            child.stdin.close()
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            for pid in kids:
                kill(pid)
        self.started = []


class Peer:
    """One way from the clients to the sink."""

    name = "?"
    sink = None  # when it is not everybody's

    def __init__(self, folder):
        self.folder = f"{folder}/{self.name.split()[0]}-{time.time_ns()}"
        os.mkdir(self.folder)
        self.programs = Programs(self.folder)
        self.address = ""

    def start(self):
        """Returns when it takes mail; stop() is due even if it raises."""

    def roles(self):
        """{"gateway": [pid ...], "scan": [pid ...]}"""
        return {"gateway": [], "scan": []}

    def usage(self):
        return {role: sum(map(cpu_seconds, pids))
                for role, pids in self.roles().items()}

    def stop(self):
        self.programs.stop()


class Sink(Peer):
    """Where all mail ends; also the row "direct".  With a Certificate it
    has STARTTLS."""

    name = "direct"

    def __init__(self, folder, build, cert=None):
        super().__init__(folder)
        self.build = build
        self.tls = ["--cert", cert.pem, "--key", cert.key] if cert else []

    def start(self):
        child = self.programs.run(f"{self.build}/tests/bench/b_sink",
                                  *self.tls, stdout=subprocess.PIPE)
        self.address = child.stdout.readline().decode().strip()

    def counts(self):
        """{"mails": n, "infected": n, "bytes": n} since it began."""
        host, _, port = self.address.rpartition(":")
        with socket.create_connection((host, int(port)), 10) as s:
            f = s.makefile("rwb")
            f.readline()
            f.write(b"XSTAT\r\nQUIT\r\n")
            f.flush()
            words = f.readline().decode().split()[1:]
        return {k: int(v) for k, v in (w.split("=") for w in words)}


class Haproxy(Peer):
    """A TCP relay that looks at nothing: what passing bytes on costs."""

    name = "haproxy"

    def __init__(self, folder, next_hop):
        super().__init__(folder)
        self.next_hop = next_hop
        self.child = None

    def start(self):
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        with open(f"{self.folder}/conf", "w", encoding="ascii") as f:
            f.write("global\n  maxconn 2000\n  nbthread 2\n"
                    "defaults\n  mode tcp\n  timeout connect 5s\n"
                    "  timeout client 60s\n  timeout server 60s\n"
                    f"listen smtp\n  bind {self.address}\n"
                    f"  server sink {self.next_hop}\n")
        self.child = self.programs.run("haproxy", "-db", "-f",
                                       f"{self.folder}/conf")
        self.programs.until_listening(self.child, port)

    def roles(self):
        return {"gateway": [self.child.pid], "scan": []}


class Clamd:
    """clamd as Debian has it, files on tmpfs; on TCP and a unix socket.  It
    ends with programs."""

    def __init__(self, programs, folder, database, cache=False):
        self.programs = programs
        self.folder = folder
        self.database = database
        self.cache = cache
        self.path = f"{folder}/clamd.sock"
        self.port = free_port()
        self.child = None

    def start(self):
        os.mkdir(f"{self.folder}/tmp", 0o700)
        with open(f"{self.folder}/clamd.conf", "w", encoding="ascii") as f:
            f.write(f"Foreground yes\nDatabaseDirectory {self.database}\n"
                    f"TCPAddr 127.0.0.1\nTCPSocket {self.port}\n"
                    f"LocalSocket {self.path}\n"
                    f"TemporaryDirectory {self.folder}/tmp\n"
                    "MaxThreads 60\nMaxConnectionQueueLength 200\n"
                    "MaxQueue 200\nSelfCheck 0\n"
                    "AlertExceedsMax yes\nAlertEncrypted yes\n"
                    # as Sallyport has it for mail: the corpus comes round
                    # again, and what is attached must be scanned each time
                    f"DisableCache {'no' if self.cache else 'yes'}\n"
                    "StreamMaxLength 100M\n")
        self.child = self.programs.run("clamd", "-c",
                                       f"{self.folder}/clamd.conf")
        self.programs.until_listening(self.child, self.port, 120)


class Clamsmtp(Peer):
    """clamsmtpd before clamd, both as Debian has them."""

    name = "clamsmtp + clamd"

    def __init__(self, folder, next_hop, database):
        super().__init__(folder)
        self.next_hop = next_hop
        self.clamd = Clamd(self.programs, self.folder, database)
        self.child = None

    def start(self):
        port = free_port()
        self.clamd.start()
        self.address = f"127.0.0.1:{port}"
        with open(f"{self.folder}/clamsmtpd.conf", "w",
                  encoding="ascii") as f:
            f.write(f"OutAddress: {self.next_hop}\nListen: {self.address}\n"
                    f"ClamAddress: 127.0.0.1:{self.clamd.port}\n"
                    "Action: bounce\nMaxConnections: 200\n"
                    f"TempDirectory: {self.folder}/tmp\n"
                    f"PidFile: {self.folder}/pid\n")
        self.child = self.programs.run("clamsmtpd", "-d", "0", "-f",
                                       f"{self.folder}/clamsmtpd.conf")
        self.programs.until_listening(self.child, port)

    def roles(self):
        return {"gateway": [self.child.pid], "scan": [self.clamd.child.pid]}


class Gateway(Peer):
    """Sallyport with the defaults but for addresses, folders and limits on
    sessions.  Events are written: every decision and outcome, as JSON."""

    name = "Sallyport"

    def __init__(self, folder, build, database, changes=None):
        super().__init__(folder)
        self.gw = Sallyport(build, {
            "gateway": {"max_sessions": "5000", "workers": "0"},
            "scan": {"workers": "0"},
            "engine clamav": {"database": database},
            "log events": {"events": "decisions"},
            "log console": {"events": "none", "level": "warn"},
            **(changes or {})})
        self.address = f"127.0.0.1:{self.gw.port}"

    def start(self):
        self.gw.start()

    def pids(self, word):
        return [p for role, p in self.gw.roles().items()
                if role.split()[0] == word]

    def roles(self):
        scan = self.pids("scan") + self.pids("armoury")
        return {"gateway": [p for p in self.gw.family() if p not in scan],
                "scan": scan}

    def stop(self):
        self.gw.remove()
        super().stop()


class MailGateway(Gateway):
    """On the way to a next hop."""

    def __init__(self, folder, build, next_hop, database, changes=None):
        super().__init__(folder, build, database, {
            "listener mail-in": {"max_sessions": "5000",
                                 "max_sessions_per_client": "5000"},
            "smtp": {"next_hop": f"smtp:{next_hop}"},
            **(changes or {})})


class TlsMailGateway(MailGateway):
    """With TLS on both sides, and so with a sink of its own."""

    name = "Sallyport, TLS on both sides"

    def __init__(self, folder, build, database):
        self.cert = Certificate()
        self.sink = Sink(folder, build, self.cert)
        self.sink.start()
        super().__init__(folder, build, self.sink.address, database, {
            "tls": self.cert.options(),
            "smtp": {"next_hop": f"smtp:{self.sink.address}",
                     "next_hop_tls": "require"}})

    def stop(self):
        super().stop()
        self.sink.stop()
        self.cert.remove()
