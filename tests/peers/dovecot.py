"""Dovecot: Debian's Dovecot as an LMTP server (a next hop) on TCP and on a
unix socket, which keeps what it gets in one maildir a recipient."""

import glob
import os
import pwd
import subprocess

from .common import (answers, free_port, kill, new_dir, offspring, remove_dir,
                     until)

CONFIG = """\
protocols = lmtp
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
ssl = no
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
first_valid_uid = 1
mail_location = maildir:{dir}/box/%u
disable_plaintext_auth = no
lmtp_rcpt_check_quota = no
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/box/%u allow_all_users=yes
}}
passdb {{
  driver = static
  args = nopassword=y
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
  unix_listener {dir}/lmtp {{
    mode = 0666
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


class Dovecot:
    """start() and remove(); mails() is what it keeps."""

    def __init__(self):
        self.dir = new_dir("dovecot")
        self.port = free_port()
        self.socket = f"{self.dir}/lmtp"
        self.child = None
        nobody = pwd.getpwnam("nobody")
        for folder in ("run", "state", "box"):
            os.mkdir(f"{self.dir}/{folder}")
        os.chown(f"{self.dir}/box", nobody.pw_uid, nobody.pw_gid)
        with open(f"{self.dir}/conf", "w", encoding="ascii") as f:
            f.write(CONFIG.format(dir=self.dir, port=self.port,
                                  uid=nobody.pw_uid, gid=nobody.pw_gid))

    def start(self):
        # pylint: disable=R1732 # it lives until remove()
        self.child = subprocess.Popen(
            ["dovecot", "-F", "-c", f"{self.dir}/conf"],
            stdin=subprocess.DEVNULL)
        try:
            until("Dovecot accepts mail", lambda: answers(self.port))
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.log()}") from None
        return self

    def remove(self):
        if self.child is not None:
            family = [self.child.pid, *offspring(self.child.pid)]
            for pid in family:
                kill(pid)
            self.child.wait()
        remove_dir(self.dir)

    def log(self):
        try:
            with open(f"{self.dir}/log", encoding="utf-8",
                      errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def mails(self, user="*"):
        found = []
        for path in sorted(glob.glob(f"{self.dir}/box/{user}/new/*")):
            with open(path, "rb") as f:
                found.append(f.read())
        return found
