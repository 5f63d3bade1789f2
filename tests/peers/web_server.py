"""What the web servers (and a proxy) have in common: a folder of their own with
the files that they serve, a port, a program that stays in the foreground.
"""

import os
import subprocess

from .common import answers, free_port, kill, new_dir, remove_dir, until


class WebServer:
    """start() and remove(); put(name, bytes) makes a file.  A class of it says
    which FOLDERS there are, writes its configuration and names program(),
    whose words are kept in a file of that folder."""

    FOLDERS = ("www",)

    def __init__(self):
        self.dir = new_dir(type(self).__name__.lower())
        self.port = free_port()
        self.child = None
        for name in self.FOLDERS:
            os.mkdir(f"{self.dir}/{name}")

    def program(self):
        raise NotImplementedError

    def write(self, name, text):
        with open(f"{self.dir}/{name}", "w", encoding="ascii") as f:
            f.write(text)

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def put(self, name, data):
        with open(f"{self.dir}/www/{name}", "wb") as f:
            f.write(data)

    def get(self, name):
        with open(f"{self.dir}/www/{name}", "rb") as f:
            return f.read()

    def has(self, name):
        return os.path.exists(f"{self.dir}/www/{name}")

    def start(self):
        # pylint: disable=R1732 # it lives until remove()
        with open(f"{self.dir}/said", "ab") as said:
            self.child = subprocess.Popen(
                self.program(), stdin=subprocess.DEVNULL, stdout=said,
                stderr=said, start_new_session=True)
        until(f"{type(self).__name__} answers", lambda: answers(self.port))
        return self

    def remove(self):
        if self.child is not None:
            self.child.terminate()
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                kill(self.child.pid)
                self.child.wait()
        remove_dir(self.dir)
