"""Dns: a name server on 127.0.0.1:53 of a network of its own (peers.network).

    with Dns({"a.test": ["192.0.2.1"]}) as dns:     several: one each time it is
        dns.slow["b.test"] = event                  asked, the last one for ever
"""

import contextlib
import os
import socket
import subprocess
import tempfile
import threading

from .common import PATIENCE

A, IN, AT_12 = b"\0\1", b"\0\1", b"\xc0\x0c"  # the name stands at offset 12
NO_SUCH_NAME = b"\x81\x83"
NO_TTL = b"\0\0\0\0"


def resolve_there():
    """This mount namespace asks nobody else."""
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as f:
        f.write("nameserver 127.0.0.1\noptions timeout:30 attempts:2\n")
        f.flush()
        os.chmod(f.name, 0o644)
        subprocess.run(["mount", "--bind", f.name, "/etc/resolv.conf"],
                       check=True, capture_output=True)


def question(query):
    """(name, its type, where it ends)"""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    return ".".join(labels).lower(), query[at + 1:at + 3], at + 5


class Dns:
    def __init__(self, names):
        self.names, self.slow, self.asked = names, {}, []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def __enter__(self):
        resolve_there()
        self.sock.bind(("127.0.0.1", 53))
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                query, client = self.sock.recvfrom(4096)
                if not query:       # it is closed
                    return
                threading.Thread(target=self.answer, args=(query, client),
                                 daemon=True).start()

    def answer(self, query, client):
        name, kind, end = question(query)
        self.asked.append(name)
        if name in self.slow:
            self.slow[name].wait(PATIENCE)
        addresses = self.names.get(name)
        flags, found = (b"\x81\x80", b"") if addresses else (NO_SUCH_NAME, b"")
        if addresses and kind == A:
            address = addresses.pop(0) if len(addresses) > 1 else addresses[0]
            found = AT_12 + A + IN + NO_TTL + b"\0\4" + socket.inet_aton(address)
        with contextlib.suppress(OSError):
            self.sock.sendto(
                query[:2] + flags + b"\0\1" + (b"\0\1" if found else b"\0\0")
                + b"\0\0\0\0" + query[12:end] + found, client)
