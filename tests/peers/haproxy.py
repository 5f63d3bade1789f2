"""Haproxy: Debian's haproxy in front of a gateway, as a TCP proxy that says
for whom it speaks (words: send-proxy, send-proxy-v2 ...)."""

import subprocess

from .common import answers, free_port, kill, new_dir, remove_dir, until

CONFIG = """\
global
  maxconn 200
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend mail
  bind 127.0.0.1:{port}
  bind [::1]:{port}
  default_backend gateways
backend gateways
  server one 127.0.0.1:{to} {words}
"""


class Haproxy:
    def __init__(self, to, words):
        self.dir = new_dir("haproxy")
        self.port = free_port()
        self.child = None
        with open(f"{self.dir}/conf", "w", encoding="ascii") as f:
            f.write(CONFIG.format(port=self.port, to=to, words=words))

    def start(self):
        # pylint: disable=R1732 # it lives until remove()
        self.child = subprocess.Popen(
            ["haproxy", "-db", "-q", "-f", f"{self.dir}/conf"],
            stdin=subprocess.DEVNULL)
        until("haproxy accepts", lambda: answers(self.port))
        return self

    def remove(self):
        if self.child is not None:
            kill(self.child.pid)
            self.child.wait()
        remove_dir(self.dir)
