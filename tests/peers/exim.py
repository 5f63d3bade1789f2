"""Exim: Debian's Exim, unpacked by scripts/setup, as a next hop that keeps
what it gets in one maildir."""

import glob
import os
import pathlib
import pwd
import subprocess

from .common import (answers, free_port, kill, new_dir, offspring, remove_dir,
                     until)

PROGRAM = (pathlib.Path(__file__).resolve().parent.parent
           / ".peers/exim4/usr/sbin/exim4")

CONFIG = """\
primary_hostname = exim.example.net
exim_user = nobody
exim_group = nogroup
exim_path = {program}
never_users =
spool_directory = {dir}/spool
log_file_path = {dir}/log/%s
pid_file_path = {dir}/spool/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
tls_advertise_hosts =
acl_smtp_rcpt = accept
acl_smtp_data = accept
message_size_limit = 60M
smtp_accept_max = 100
smtp_accept_max_per_connection = 0
smtp_accept_queue = 0
smtp_accept_queue_per_connection = 0

begin routers
all:
  driver = accept
  transport = box

begin transports
box:
  driver = appendfile
  maildir_format
  create_directory
  directory = {dir}/box
  user = nobody
  group = nogroup

begin retry
* * F,1h,1s
"""


class Exim:
    """start() and remove(); mails() is what it keeps."""

    def __init__(self):
        self.dir = new_dir("exim")
        self.port = free_port()
        self.child = None
        nobody = pwd.getpwnam("nobody")
        for folder in ("spool", "log", "box"):
            os.mkdir(f"{self.dir}/{folder}")
            os.chown(f"{self.dir}/{folder}", nobody.pw_uid, nobody.pw_gid)
        with open(f"{self.dir}/conf", "w", encoding="ascii") as f:
            f.write(CONFIG.format(dir=self.dir, port=self.port,
                                  program=PROGRAM))

    def add(self, port, routers, transports):
        """Also listens there, these before its own.  Before start()."""
        self.change((f"daemon_smtp_ports = {self.port}",
                     f"daemon_smtp_ports = {self.port} : {port}"),
                    ("begin routers\n", f"begin routers\n{routers}"),
                    ("begin transports\n", f"begin transports\n{transports}"))

    def ask(self, main, acl):
        """With these and not an acl_smtp_data that says yes to all.  Before
        start()."""
        self.change(("acl_smtp_data = accept\n", main),
                    ("begin routers\n", f"begin acl\n{acl}\nbegin routers\n"))

    def change(self, *pairs):
        with open(f"{self.dir}/conf", encoding="ascii") as f:
            text = f.read()
        for old, new in pairs:
            text = text.replace(old, new)
        with open(f"{self.dir}/conf", "w", encoding="ascii") as f:
            f.write(text)

    def queued(self):
        """How many mails wait in its queue."""
        done = subprocess.run([PROGRAM, "-C", f"{self.dir}/conf", "-bpc"],
                              check=False, capture_output=True, text=True)
        return int(done.stdout)

    def start(self):
        # pylint: disable=R1732 # it lives until remove()
        self.child = subprocess.Popen(
            [PROGRAM, "-C", f"{self.dir}/conf", "-bdf", "-q1s"],
            stdin=subprocess.DEVNULL)
        until("Exim accepts mail", lambda: answers(self.port))
        return self

    def remove(self):
        if self.child is not None:
            family = [self.child.pid, *offspring(self.child.pid)]
            for pid in family:
                kill(pid)
            self.child.wait()
        remove_dir(self.dir)

    def mails(self):
        found = []
        for path in sorted(glob.glob(f"{self.dir}/box/new/*")):
            with open(path, "rb") as f:
                found.append(f.read())
        return found
