"""What the FTP servers have in common: a folder with files, a port, a user.

    with the fixture ftp_server: s = Vsftpd(); s.start()
    s.root       where its files lie, as a Path
    s.user, s.password, s.port
"""

import os
import pathlib
import pwd
import subprocess

from .common import (answers, free_port, kill, new_dir, offspring, remove_dir,
                     until)

PEERS = pathlib.Path(__file__).resolve().parent.parent / ".peers"


class FtpServer:
    """A class of it names program() and writes its configuration."""

    user, password = "bob", "secret"
    runs_as = "nobody"
    home = ""  # where files lie below what a client sees as /
    inside = ()  # words before its own: a network of its own

    def __init__(self, host="127.0.0.1", port=None):
        self.host = host
        self.dir = new_dir("ftp")
        self.port = port or free_port()
        self.child = None
        self.owner = pwd.getpwnam(self.runs_as)
        self.top = pathlib.Path(self.dir) / "files"
        self.root = self.top / self.home
        self.root.mkdir(parents=True)
        os.chown(self.root, self.owner.pw_uid, self.owner.pw_gid)

    def program(self):
        raise NotImplementedError

    def write(self, name, text):
        path = f"{self.dir}/{name}"
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        os.chmod(path, 0o600)
        return path

    def start(self):
        with open(f"{self.dir}/log", "ab") as log:
            # pylint: disable=R1732 # it lives until remove()
            self.child = subprocess.Popen(
                [*self.inside, *self.program()], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True)
        until(f"{type(self).__name__} listens", self.listens)
        return self

    def listens(self):
        if not self.inside:
            return answers(self.port, self.host)
        return subprocess.run(
            [*self.inside, "bash", "-c",
             f"exec 3<>/dev/tcp/{self.host}/{self.port}"],
            stderr=subprocess.DEVNULL, check=False).returncode == 0

    def put(self, name, data):
        """A file that is there, the server's user's own."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        for each in (path, *path.relative_to(self.root).parents):
            os.chown(self.root / each, self.owner.pw_uid,
                     self.owner.pw_gid)
        return path

    def get(self, name):
        """What it has; None: nothing by that name."""
        path = self.root / name
        return path.read_bytes() if path.exists() else None

    def said(self):
        with open(f"{self.dir}/log", encoding="utf-8",
                  errors="replace") as f:
            return f.read()

    def remove(self):
        if self.child is not None:
            for pid in [*offspring(self.child.pid), self.child.pid]:
                kill(pid)
            self.child.wait()
        remove_dir(self.dir)
