"""Delivery agents: every way a mail comes to `sallyport deliver`, `filter` or
`qmail-queue`.  Each keeps what it delivers in a box of its own:

    way = Deliver(build, "unix socket of the gateway")
    way.give(mail)      its exit status, or None: ask the mail server
    way.kept()          what was delivered, as bytes
    way.settled(n)      waits until it has dealt with n mails
"""

import glob
import os
import shutil
import subprocess

import corpus_mail

from .client import send
from .common import PATIENCE, free_port, new_dir, remove_dir, until
from .exim import Exim
from .postfix import Postfix
from .sendmail import Sendmail
from .smtp_sink import SmtpSink

KEEP = """\
#!/bin/sh
new=$(mktemp {dir}/tmp/XXXXXXXX) && cat >"$new" && mv "$new" {dir}/new/
"""

# qmail-queue(8): the message from 0, then the envelope from 1.
RECORDER = """\
#!/usr/bin/python3
import os, sys
def all_of(fd):
    found = b""
    while True:
        more = os.read(fd, 65536)
        if not more:
            return found
        found += more
mail, envelope = all_of(0), all_of(1)
name = "%d" % os.getpid()
for folder, what in (("tmp", envelope), ("new", mail)):
    with open("{dir}/%s/%s" % (folder, name), "wb") as f:
        f.write(what)
sys.exit({status})
"""

PROCMAILRC = """\
SHELL=/bin/sh
VERBOSE=off
:0frw
| {tool} filter -f {sender} -d {rcpt} --socket {socket}
# neither what was refused nor what could not be judged is delivered
:0e
{{
  EXITCODE=$?
  HOST
}}
# discarded: nothing is left of it
:0
* < 2
/dev/null
:0r
{dir}/
"""

MAILDROPRC = """\
SHELL="/bin/sh"
exception {{
  xfilter "{tool} filter -f {sender} -d {rcpt} --socket {socket}"
}}
if ($RETURNCODE != 0)
{{
  EXITCODE=$RETURNCODE
  exit
}}
if ($SIZE < 2)
{{
  EXITCODE=0
  exit
}}
to "|{keep}"
"""


def script(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    os.chmod(path, 0o755)
    return path


class Box:
    """A folder that every user may deliver to."""

    def __init__(self, build, socket):
        self.tool, self.socket = f"{build}/sallyport", socket
        self.dir = new_dir("agent")
        for name in ("new", "tmp", "cur"):
            os.mkdir(f"{self.dir}/{name}")
            os.chmod(f"{self.dir}/{name}", 0o1777)
        self.keep = script(f"{self.dir}/keep", KEEP.format(dir=self.dir))

    def kept(self):
        found = []
        for name in sorted(os.listdir(f"{self.dir}/new")):
            try:
                with open(f"{self.dir}/new/{name}", "rb") as f:
                    found.append(f.read())
            except OSError:
                continue
        return found

    def remove(self):
        remove_dir(self.dir)

    def recipe(self, name, text):
        """Its file, which others may read meanwhile."""
        path = f"{self.dir}/{name}"
        if not os.path.exists(path):
            with open(path + ".new", "w", encoding="ascii") as f:
                os.chmod(f.fileno(), 0o600)
                f.write(text.format(**self.values()))
            os.rename(path + ".new", path)
        return path

    def values(self):
        return {"tool": self.tool, "socket": self.socket, "dir": self.dir,
                "keep": self.keep, "sender": corpus_mail.SENDER,
                "rcpt": corpus_mail.RECIPIENT}


class Direct(Box):
    """Those that are run once for each mail and end with a status."""

    crlf = False  # local mail has LF

    def command(self):
        raise NotImplementedError

    def local(self, mail):
        return mail if self.crlf else mail.replace(b"\r\n", b"\n")

    def launch(self, mail):
        # pylint: disable=R1732 # the caller waits for it
        child = subprocess.Popen(
            self.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env={"PATH": os.environ["PATH"]})
        child.stdin.write(self.local(mail))
        child.stdin.close()
        child.stdin = None
        return child

    def give(self, mail):
        return self.end(self.launch(mail))

    def end(self, child):
        self.out, self.err = child.communicate(timeout=PATIENCE)
        self.take_out(child, self.out)
        return child.returncode

    def take_out(self, child, out):
        """What it wrote to its standard output."""

    def settled(self, _count):
        pass


class Deliver(Direct):
    def command(self):
        return [self.tool, "deliver", "-f", corpus_mail.SENDER, "-d",
                corpus_mail.RECIPIENT, "--helo", "client.example.org",
                "--socket", self.socket, "--", self.keep]


class Filter(Direct):
    def command(self):
        return [self.tool, "filter", "-f", corpus_mail.SENDER, "-d",
                corpus_mail.RECIPIENT, "--socket", self.socket]

    def take_out(self, child, out):
        if out:
            with open(f"{self.dir}/new/{child.pid}", "wb") as f:
                f.write(out)


class Procmail(Direct):
    def command(self):
        return ["procmail", "-p", "-m", self.recipe("rc", PROCMAILRC)]


class Maildrop(Direct):
    def command(self):
        return ["maildrop", self.recipe("rc", MAILDROPRC)]


class QmailQueue(Direct):
    """status: what the real qmail-queue ends with."""

    envelope = b"F" + corpus_mail.SENDER.encode() + b"\0T" \
        + corpus_mail.RECIPIENT.encode() + b"\0\0"

    def __init__(self, build, socket, status=0):
        super().__init__(build, socket)
        self.next = script(f"{self.dir}/qmail-queue.orig", RECORDER.format(
            dir=self.dir, status=status))

    def command(self):
        return [self.tool, "qmail-queue", "--next", self.next,
                "--socket", self.socket]

    def launch(self, mail):
        read, write = os.pipe()
        # pylint: disable=R1732 # the caller waits for it
        child = subprocess.Popen(
            self.command(), stdin=subprocess.PIPE, stdout=read,
            stderr=subprocess.PIPE, env={"PATH": os.environ["PATH"]})
        os.close(read)
        child.stdin.write(self.local(mail))
        child.stdin.close()
        child.stdin = None
        try:
            os.write(write, self.envelope)
        except BrokenPipeError:
            pass
        os.close(write)
        return child

    def envelopes(self):
        found = []
        for name in sorted(os.listdir(f"{self.dir}/tmp")):
            with open(f"{self.dir}/tmp/{name}", "rb") as f:
                found.append(f.read())
        return found


# ---- mail servers ------------------------------------------------------------


POSTFIX_COMMAND = "{tool} deliver --socket {socket} -- {keep}"
POSTFIX = """
mydestination = next.example.net
local_recipient_maps =
mailbox_command = {command}
mailbox_size_limit = 0
command_time_limit = 60s
"""


class PostfixBox(Box):
    """Postfix's local(8) with a mailbox_command.  What it returns to the
    sender it cannot send: that stays in its queue."""

    recipient = "nobody@next.example.net"

    def __init__(self, build, socket):
        super().__init__(build, socket)
        self.mta = Postfix(relay=("127.0.0.1", free_port()),
                           settings=POSTFIX.format(command=self.command()))
        with open(f"{self.mta.conf}/master.cf", "a", encoding="ascii") as f:
            f.write("local unix - n n - - local\n")
        self.mta.start()

    def command(self):
        return POSTFIX_COMMAND.format(**self.values())

    def give(self, mail):
        code, text = send(self.mta.port, mail, recipients=(self.recipient,))
        assert code == 250, text

    def lines(self, status):
        return [line for line in self.mta.log().splitlines()
                if "/local[" in line and f"status={status}" in line]

    def settled(self, count):
        until(f"Postfix has dealt with {count} mails", lambda: len(
            self.lines("sent") + self.lines("bounced")) >= count)

    def deferred(self):
        return len(self.lines("deferred")) > 0

    def reasons(self):
        return self.lines("bounced")

    def remove(self):
        self.mta.remove()
        super().remove()


class PostfixProcmail(PostfixBox):
    """Postfix's local(8), and procmail asks on its way."""

    told = corpus_mail.RECIPIENT  # by the recipe

    def command(self):
        path = self.recipe("rc", PROCMAILRC)
        shutil.chown(path, "nobody", "nogroup")
        return f"procmail -p -m {path}"


EXIM_ROUTER = """\
judged:
  driver = accept
  senders = ! :
  transport = agent

"""
EXIM_PIPE = """\
agent:
  driver = pipe
  command = {tool} deliver --socket {socket} -- {keep}
  user = nobody
  group = nogroup
  message_suffix =
  return_fail_output

"""
EXIM_FILTER = """\
agent:
  driver = appendfile
  maildir_format
  directory = {dir}
  create_directory
  transport_filter = {tool} filter --socket {socket}
  transport_filter_timeout = 1m
  user = nobody
  group = nogroup

"""


class EximPipe(Box):
    """Exim's pipe transport; bounces go to Exim's own box."""

    transport = EXIM_PIPE

    def __init__(self, build, socket):
        super().__init__(build, socket)
        self.mta = Exim()
        self.mta.add(free_port(), EXIM_ROUTER,
                     self.transport.format(**self.values()))
        self.mta.start()

    def give(self, mail):
        code, text = send(self.mta.port, mail)
        assert code == 250, text

    def settled(self, count):
        until(f"Exim has dealt with {count} mails", lambda: len(
            self.kept()) + len(self.reasons()) >= count)

    def reasons(self):
        """The bounces, which go to its own box."""
        return [m.decode(errors="replace") for m in self.mta.mails()]

    def deferred(self):
        """Has it tried a mail that it still keeps?"""
        for path in glob.glob(f"{self.mta.dir}/spool/msglog/*"):
            try:
                with open(path, encoding="utf-8", errors="replace") as f:
                    if " defer " in f.read():
                        return True
            except OSError:
                continue
        return False

    def remove(self):
        self.mta.remove()
        super().remove()


EXIM_MAILDROP = """\
agent:
  driver = pipe
  command = /usr/bin/maildrop {dir}/rc
  user = nobody
  group = nogroup
  message_suffix =
  message_prefix =
  return_fail_output

"""


class EximMaildrop(EximPipe):
    """Exim's pipe transport, and maildrop asks on its way."""

    transport = EXIM_MAILDROP

    def __init__(self, build, socket):
        super().__init__(build, socket)
        shutil.chown(self.recipe("rc", MAILDROPRC), "nobody", "nogroup")


class EximFilter(EximPipe):
    """Exim's transport_filter: what is refused Exim tries again and again,
    for a filter has only one way to fail."""

    transport = EXIM_FILTER


# A scanner is for Exim a command that writes something: without one of these
# words it has not looked, and the mail waits.
EXIM_SCANNER = """\
av_scanner = cmdline:cat %s/*.eml | /usr/bin/sallyport deliver -- echo passed \\
  2>&1 | grep -xE "passed|.*Refused.*":Refused:Refused. (.+)
acl_smtp_data = acl_check_data
"""
EXIM_ACL = """\
acl_check_data:
  deny malware = *
       message = 554 5.7.1 Refused: $malware_name
  accept
"""


class EximScanner(Box):
    """Exim's ACL, which asks before it answers for a mail."""

    def __init__(self, build, socket):
        super().__init__(build, socket)
        self.mta = Exim()
        self.mta.ask(EXIM_SCANNER.replace(
            "/usr/bin/sallyport deliver",
            f"{self.tool} deliver --socket {self.socket}"), EXIM_ACL)
        self.mta.start()

    def remove(self):
        self.mta.remove()
        super().remove()


SENDMAIL = """\
LOCAL_DOMAIN(`sendmail.example.net')dnl
define(`LOCAL_MAILER_PATH', `{tool}')dnl
define(`LOCAL_MAILER_ARGS',
`sallyport deliver -f $f -d $u --socket {socket} -- {keep}')dnl
define(`confDEF_USER_ID', `nobody:nogroup')dnl
MODIFY_MAILER_FLAGS(`LOCAL', `-Afr')dnl
MAILER(`local')dnl
"""


class SendmailBox(Box):
    """Sendmail's Mlocal; what it returns to the sender goes to a sink."""

    recipient = "nobody@sendmail.example.net"
    told = "nobody"  # $u of a local user

    def __init__(self, build, socket):
        super().__init__(build, socket)
        self.sink = SmtpSink().start()
        self.mta = Sendmail(("127.0.0.1", self.sink.port),
                            extra=SENDMAIL.format(**self.values()))
        self.mta.start()

    def give(self, mail):
        code, text = send(self.mta.port, mail, recipients=(self.recipient,))
        assert code == 250, text

    def settled(self, count):
        until(f"Sendmail has dealt with {count} mails", lambda: len(
            self.kept()) + len(self.reasons()) >= count)

    def deferred(self):
        """Has it tried a mail that it still keeps?  An M line of a queue file
        says what went wrong."""
        for path in glob.glob(f"{self.mta.dir}/queue/qf*"):
            try:
                with open(path, encoding="utf-8", errors="replace") as f:
                    if any(line.startswith("M") for line in f):
                        return True
            except OSError:
                continue
        return False

    def reasons(self):
        return [m.data.decode(errors="replace") for m in self.sink.mails]

    def remove(self):
        self.mta.remove()
        self.sink.stop()
        super().remove()


DIRECT = {"deliver": Deliver, "filter": Filter, "procmail": Procmail,
          "maildrop": Maildrop, "qmail-queue": QmailQueue}
SERVERS = {"postfix": PostfixBox, "sendmail": SendmailBox, "exim": EximPipe}
