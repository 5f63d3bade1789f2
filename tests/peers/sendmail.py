"""Sendmail: Debian's Sendmail, unpacked by scripts/setup, with a configuration
of its own that m4 makes.  It takes mail on 127.0.0.1, has a filter look at it,
and passes all of it on to a relay.
"""

import os
import pathlib
import pwd
import signal
import subprocess

from .common import (PATIENCE, alive, answers, free_port, kill, new_dir,
                     offspring, remove_dir, until)

PEERS = pathlib.Path(__file__).resolve().parent.parent / ".peers"
PROGRAM = PEERS / "sendmail/usr/libexec/sendmail/sendmail"
CF = PEERS / "sendmail-cf/usr/share/sendmail/cf"

MC = """\
divert(-1)
divert(0)dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `sendmail.example.net')dnl
define(`confPID_FILE', `{dir}/pid')dnl
define(`QUEUE_DIR', `{dir}/queue')dnl
define(`STATUS_FILE', `{dir}/statistics')dnl
define(`HELP_FILE', `{dir}/helpfile')dnl
define(`ALIAS_FILE', `')dnl
define(`confSERVICE_SWITCH_FILE', `{dir}/service.switch')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupWritableDirPathSafe')dnl
define(`confDELIVERY_MODE', `background')dnl
define(`confLOG_LEVEL', `{level}')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confTO_IDENT', `0')dnl
define(`confMIME_FORMAT_ERRORS', `False')dnl
define(`confDEF_CHAR_SET', `utf-8')dnl
define(`confTRUSTED_USER', `{trusted}')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {relay_port}')dnl
define(`SMART_HOST', `relay:[{relay_host}]')dnl
define(`confBIND_OPTS', `-DNSRCH')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`nocanonify')dnl
FEATURE(`promiscuous_relay')dnl
DAEMON_OPTIONS(`Port={port}, Addr=127.0.0.1, Name=MTA')dnl
{extra}
MAILER(`smtp')dnl
"""


class Sendmail:
    """relay: (host, port) it passes everything on to.  milter: the words of
    INPUT_MAIL_FILTER, such as "S=local:/path, F=T, T=S:10m;R:10m;E:10m".
    extra: more lines of its .mc file."""

    def __init__(self, relay, milter=None, extra=""):
        self.dir = new_dir("sendmail")
        self.port = free_port()
        self.child = None
        for folder in ("queue", "box"):
            os.mkdir(f"{self.dir}/{folder}", 0o700)
        with open(f"{self.dir}/service.switch", "w", encoding="ascii") as f:
            f.write("hosts files\naliases files\n")
        if milter is not None:
            extra += f"\nINPUT_MAIL_FILTER(`sallyport', `{milter}')dnl"
        mc = MC.format(dir=self.dir, port=self.port, level=14,
                       trusted=pwd.getpwuid(os.getuid()).pw_name,
                       relay_host=relay[0], relay_port=relay[1], extra=extra)
        with open(f"{self.dir}/sendmail.mc", "w", encoding="ascii") as f:
            f.write(mc)
        with open(f"{self.dir}/sendmail.cf", "wb") as f:
            subprocess.run(["m4", f"-D_CF_DIR_={CF}/", f"{CF}/m4/cf.m4",
                            f"{self.dir}/sendmail.mc"], stdout=f, check=True,
                           stderr=subprocess.DEVNULL, timeout=PATIENCE)

    def start(self):
        with open(f"{self.dir}/output", "wb") as out:
            # pylint: disable=R1732 # it lives until remove()
            self.child = subprocess.Popen(
                self.words("-bD", "-q2s"), stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, env={"PATH": "/usr/bin:/bin"})
        until("Sendmail accepts mail", self.ready)
        return self

    def words(self, *words):
        # it waits for a minute where the host's name has no dot
        return ["unshare", "--uts", "sh", "-c",
                'hostname sendmail.example.net && exec "$@"', "sh",
                PROGRAM, "-C", f"{self.dir}/sendmail.cf", *words]

    def command(self, *words):
        """What an operator says to its queue."""
        subprocess.run(self.words(*words), check=True, capture_output=True,
                       env={"PATH": "/usr/bin:/bin"}, timeout=PATIENCE)

    def ready(self):
        assert self.child.poll() is None, self.output()
        return answers(self.port)

    def output(self):
        with open(f"{self.dir}/output", encoding="utf-8",
                  errors="replace") as f:
            return f.read()

    def queued(self):
        """How many mails lie in its queue: what it has said 250 to."""
        return sum(name.startswith("qf")
                   for name in os.listdir(f"{self.dir}/queue"))

    def held(self):
        """Those of them that a filter has put aside."""
        return sum(name.startswith("hf")
                   for name in os.listdir(f"{self.dir}/queue"))

    def remove(self):
        if self.child is not None:
            family = [self.child.pid, *offspring(self.child.pid)]
            kill(self.child.pid, signal.SIGTERM)
            for pid in family[1:]:
                kill(pid)
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                kill(self.child.pid)
                self.child.wait()
            until("Sendmail is gone", lambda: not any(map(alive, family)))
        remove_dir(self.dir)
