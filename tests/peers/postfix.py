"""Postfix: a whole instance of Debian's Postfix in a directory of its own.

It takes mail by SMTP on 127.0.0.1 and [::1] and either keeps it (a next hop:
one maildir for everybody) or passes everything on to a relay (a client).
"""

import glob
import os
import pwd
import signal
import stat
import subprocess

from .common import (PATIENCE, alive, answers, free_port, kill, new_dir,
                     offspring, remove_dir, until)

MAIN = """\
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = {dir}/log
maillog_file_prefixes = {dir}
inet_interfaces = 127.0.0.1, ::1
inet_protocols = all
myhostname = {name}
mydestination =
mynetworks = 127.0.0.0/8 [::1]/128
alias_maps =
alias_database =
smtputf8_enable = no
message_size_limit = 60000000
in_flow_delay = 0
minimal_backoff_time = 2s
maximal_backoff_time = 4s
queue_run_delay = 2s
"""

KEEPS = """\
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:box/
virtual_mailbox_base = {dir}
virtual_mailbox_limit = 0
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
"""

PASSES_ON = """\
relayhost = [{host}]:{port}
smtp_destination_concurrency_limit = 20
smtp_destination_concurrency_failed_cohort_limit = 0
"""

MASTER = """\
[127.0.0.1]:{port} inet n - n - - smtpd
[::1]:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def executable(path):
    try:
        return bool(os.stat(path).st_mode & stat.S_IXUSR)
    except OSError:  # it has just been delivered
        return False


class Postfix:
    """relay=None: keeps what it gets; relay=(host, port): passes it on."""

    def __init__(self, name="next.example.net", relay=None, settings=""):
        self.dir = new_dir("postfix")
        self.port = free_port()
        self.conf = f"{self.dir}/conf"
        nobody = pwd.getpwnam("nobody")
        values = {"dir": self.dir, "port": self.port, "name": name,
                  "uid": nobody.pw_uid, "gid": nobody.pw_gid}
        for folder in ("conf", "queue", "data", "box"):
            os.mkdir(f"{self.dir}/{folder}")
        os.chown(f"{self.dir}/data", pwd.getpwnam("postfix").pw_uid, -1)
        os.chown(f"{self.dir}/box", nobody.pw_uid, nobody.pw_gid)
        # postsuper(1), which mends the queue after a crash, is not root
        with open(f"{self.dir}/log", "w", encoding="ascii"):
            os.chmod(f"{self.dir}/log", 0o666)
        text = MAIN.format(**values)
        if relay is None:
            text += KEEPS.format(**values)
        else:
            text += PASSES_ON.format(host=relay[0], port=relay[1])
        self._write("main.cf", text + settings)
        self._write("master.cf", MASTER.format(**values))

    def _write(self, name, text):
        with open(f"{self.conf}/{name}", "w", encoding="ascii") as f:
            f.write(text)

    def add(self, main, master, files=()):
        """More of main.cf and master.cf, and maps beside them; a service that
        is there already is replaced.  Before start()."""
        with open(f"{self.conf}/main.cf", "a", encoding="ascii") as f:
            f.write(main)
        with open(f"{self.conf}/master.cf", encoding="ascii") as f:
            lines = f.read().splitlines()
        new = {line.split()[0] for line in master.splitlines()
               if not line.startswith(" ")}
        lines = [n for n in lines if n.replace("[127.0.0.1]", "127.0.0.1")
                 .split()[0] not in new]
        self._write("master.cf", "\n".join(lines) + "\n" + master)
        for name, text in dict(files).items():
            self._write(name, text)

    def command(self, *words):
        return subprocess.run(["postfix", "-c", self.conf, *words],
                              check=False, capture_output=True, text=True)

    def start(self):
        done = self.command("start")
        assert done.returncode == 0, done.stderr + self.log()[-3000:]
        until("Postfix accepts mail", lambda: answers(self.port))
        return self

    def master(self):
        """Its process id; 0 when it does not run."""
        try:
            with open(f"{self.dir}/queue/pid/master.pid", "rb") as f:
                pid = int(f.read())
        except (OSError, ValueError):
            return 0
        return pid if alive(pid) else 0

    def stop(self):
        pid = self.master()
        if pid == 0:
            return
        family = [pid, *offspring(pid)]
        kill(pid, signal.SIGTERM)
        until("Postfix ends", lambda: not any(map(alive, family)))

    def die(self):
        """As kill -9 of every one of its processes at once."""
        pid = self.master()
        family = [pid, *offspring(pid)] if pid else []
        for p in family:
            kill(p)
        until("Postfix is dead", lambda: not any(map(alive, family)))

    def remove(self):
        try:
            self.stop()
        except AssertionError:
            self.die()
        remove_dir(self.dir)

    def log(self):
        try:
            with open(f"{self.dir}/log", encoding="utf-8",
                      errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def mails(self):
        """What it keeps: the bytes of each mail as they lie in the maildir."""
        found = []
        for path in sorted(glob.glob(f"{self.dir}/box/new/*")):
            with open(path, "rb") as f:
                found.append(f.read())
        return found

    def count(self):
        try:
            return len(os.listdir(f"{self.dir}/box/new"))
        except OSError:
            return 0

    def queued(self):
        """How many whole mails still lie in its queue: what it said 250 to.
        A file that it did not finish has no x bit (cleanup(8)). One that is
        moved on while we look has one name and is one mail: deferred is read
        first and last, as mails go from there and come back to it."""
        found = set()
        for folder in ("deferred", "maildrop", "incoming", "active",
                       "deferred"):
            for where, _, names in os.walk(f"{self.dir}/queue/{folder}"):
                found |= {n for n in names if executable(f"{where}/{n}")}
        return len(found)

    def submit(self, sender, recipients, mail):
        """As a program on that machine does: sendmail(1)."""
        subprocess.run(["sendmail", "-C", self.conf, "-i", "-f", sender,
                        *recipients],
                       input=mail, check=True, timeout=PATIENCE)
