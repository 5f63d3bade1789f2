"""Sallyport: the gateway itself, with a configuration of its own.

    gw = Sallyport(build, {"smtp": {"next_hop": "smtp:127.0.0.1:2500"}})
    gw.start()
    gw.port, gw.events(), gw.roles(), gw.reload(), gw.stop()
"""

import json
import os
import pwd
import signal
import socket
import subprocess

from .common import (PATIENCE, alive, free_port, kill, new_dir, processes,
                     remove_dir, until)

USER = "_sallyport"


def defaults(folder, port):
    return {
        "gateway": {
            "name": "gw.example.org",
            "workers": "2",
            "user": USER,
            "group": USER,
            "state_dir": f"{folder}/state",
            "runtime_dir": f"{folder}/run",
            "spool_dir": f"{folder}/state/spool",
            "spool_min_free": "1%",
            "max_sessions": "2000",
        },
        "listener mail-in": {
            "protocol": "smtp",
            "address": f"127.0.0.1:{port}, [::1]:{port}",
            "policy": "mail",
            "max_sessions_per_client": "1000",
        },
        "smtp": {"next_hop": f"maildir:{folder}/mail"},
        "scan": {"workers": "2"},
        "engine clamav": {"type": "clamav", "database": f"{folder}/db"},
        "policy mail": {"malware": "block"},
        "log events": {"format": "json", "output": f"file:{folder}/events",
                       "events": "all", "level": "none"},
        "log console": {"format": "text", "output": "stderr",
                        "events": "all", "level": "debug"},
    }


def ini(sections):
    lines = []
    for section, keys in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{k} = {v}" for k, v in keys.items()]
        lines.append("")
    return "\n".join(lines)


def flat(value, prefix=""):
    """{"a": {"b": 1}} as {"a.b": 1}."""
    found = {}
    for key, inner in value.items():
        if isinstance(inner, dict):
            found.update(flat(inner, f"{prefix}{key}."))
        else:
            found[prefix + key] = inner
    return found


class Sallyport:
    """changes: {section: {key: value}} over what defaults() says; a value
    None takes a key out, a section None a section."""

    def __init__(self, build, changes=None, env=None):
        self.build = os.path.abspath(build)
        self.dir = new_dir("gateway")
        self.port = free_port()
        self.path = f"{self.dir}/sallyport.ini"
        self.env = {**os.environ, **(env or {})}
        self.sections = defaults(self.dir, self.port)
        self.child = None
        self.notices = None
        self.notified = []
        self._pass_fds = ()
        for folder in ("state", "state/spool", "run", "db", "mail"):
            os.mkdir(f"{self.dir}/{folder}")
        if os.getuid() == 0:
            user = pwd.getpwnam(USER)
            for folder, folders, _ in os.walk(self.dir):
                for name in folders:
                    os.chown(f"{folder}/{name}", user.pw_uid, user.pw_gid)
        self.configure(changes or {})

    # -- configuration

    def configure(self, changes):
        for section, keys in changes.items():
            if keys is None:
                self.sections.pop(section, None)
                continue
            mine = self.sections.setdefault(section, {})
            for key, value in keys.items():
                if value is None:
                    mine.pop(key, None)
                else:
                    mine[key] = value
        self.write(ini(self.sections))

    def write(self, text):
        with open(self.path, "w", encoding="utf-8") as f:
            f.write(text)

    def run(self, *words, env=None):
        """sallyportd --config FILE and words, to its end."""
        return subprocess.run(
            [f"{self.build}/sallyportd", "--config", self.path, *words],
            env={**self.env, **(env or {})}, check=False, text=True,
            capture_output=True, timeout=PATIENCE)

    # -- life

    def launch(self, program=None, **popen):
        """Starts it and does not wait until it is ready."""
        place = f"{self.dir}/notify"
        if self.notices is None:
            self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.notices.bind(place)
            self.notices.setblocking(False)
            os.chmod(place, 0o777)
        self.notes()
        self.notified = []  # what it has told in a life before this one
        self.env["NOTIFY_SOCKET"] = place
        words = program or [f"{self.build}/sallyportd", "--config", self.path]
        with open(f"{self.dir}/stderr", "ab") as err:
            # pylint: disable=R1732 # it lives until stop()
            self.child = subprocess.Popen(
                words, env=self.env, stdin=subprocess.DEVNULL, stdout=err,
                stderr=err, start_new_session=True, **popen)
        return self

    def start(self, **popen):
        self.launch(**popen)
        self.wait_ready()
        return self

    def notes(self):
        """All that it has told systemd so far."""
        while True:
            try:
                text = self.notices.recv(4096).decode()
            except BlockingIOError:
                return self.notified
            self.notified += text.split("\n")

    def wait_ready(self):
        def ready():
            if self.child.poll() is not None:
                raise AssertionError(
                    f"sallyportd ended with {self.child.returncode}:\n"
                    + self.stderr()[-4000:])
            return "READY=1" in self.notes()
        try:
            until("sallyportd is ready", ready)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.stderr()[-4000:]}") from None

    def signal(self, signo):
        self.child.send_signal(signo)

    def reload(self):
        """HUP, and waits until it says that it is done, well or not."""
        before = self.notes().count("READY=1")
        self.signal(signal.SIGHUP)
        until("the reload is done",
              lambda: self.notes().count("READY=1") > before)

    def family(self):
        """Every process of this gateway, the parent included."""
        if self.child is None:
            return {}
        return {pid: line for pid, (_, session, line) in processes().items()
                if session == self.child.pid}

    def roles(self):
        """{"net 1": pid, "armoury": pid, "scan 1": pid ...}"""
        return {line.partition("sallyportd: ")[2].strip(): pid
                for pid, line in self.family().items()
                if line.startswith("sallyportd: ")}

    def role(self, word):
        """The process id of a role, once there is one."""
        return until(f"there is a process {word}",
                     lambda: self.roles().get(word))

    def stop(self):
        """TERM; returns the exit status."""
        if self.child is None:
            return 0
        if self.child.poll() is None:
            self.signal(signal.SIGTERM)
            self.child.wait(PATIENCE)
        return self.child.returncode

    def remove(self):
        """Ends whatever is left of it; the test's last word about it."""
        try:
            if self.child is not None and self.child.poll() is None:
                self.signal(signal.SIGTERM)
                self.child.wait(10)
        except subprocess.TimeoutExpired:
            pass
        for pid in self.family():
            kill(pid)
        if self.child is not None:
            self.child.wait()
            until("all of it is gone",
                  lambda: not any(map(alive, self.family())))
        if self.notices is not None:
            self.notices.close()
        remove_dir(self.dir)

    # -- what it said

    def stderr(self):
        try:
            with open(f"{self.dir}/stderr", encoding="utf-8",
                      errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def events(self, **wanted):
        """The event lines so far, flat ({"event.id": ...}); wanted: only
        those with these values, a dot written as two underscores."""
        try:
            with open(f"{self.dir}/events", encoding="utf-8") as f:
                lines = [flat(json.loads(line)) for line in f
                         if line.endswith("\n")]
        except OSError:
            return []
        return [e for e in lines
                if all(e.get(k.replace("__", ".")) == v
                       for k, v in wanted.items())]

    def event_of(self, reply, kind="decision"):
        """The event whose id stands in a reply."""
        return until(f"an event for: {reply}", lambda: next(
            (e for e in self.events() if e["event.id"] in reply
             and e["event.action"] == kind), None))

    def says(self, words):
        """Waits until its log has these words."""
        until(f"it says {words}", lambda: words in self.stderr())

    def status(self, *words, **popen):
        """`sallyport status`, to its end."""
        return subprocess.run(
            [f"{self.build}/sallyport", "status", *words, "--config",
             self.path], check=False, text=True, capture_output=True,
            timeout=PATIENCE, **popen)

    def count(self, name, *labels):
        """What it has counted: count("limits_total", "drain", "smtp")."""
        done = self.status("--json")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)["counters"].get(name, {})
        for label in labels:
            found = found.get(label, {})
        return found or 0

    def counts(self, value, name, *labels):
        """Waits until it has counted so many."""
        until(f"{name} {labels} is {value}",
              lambda: self.count(name, *labels) == value)

    def errors(self):
        """What a sanitizer or a failed MUST() wrote: "" is good."""
        return "\n".join(line for line in self.stderr().splitlines()
                         if "ERROR: AddressSanitizer" in line
                         or "runtime error:" in line
                         or " panic: " in line)

    def maildir(self):
        """What it delivered itself, as bytes."""
        folder = f"{self.dir}/mail/new"
        found = []
        if os.path.isdir(folder):
            for name in sorted(os.listdir(folder)):
                with open(f"{folder}/{name}", "rb") as f:
                    found.append(f.read())
        return found
