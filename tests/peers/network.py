"""A network of its own for a piece of a test: nothing in it but loopback.

    with_own_network(body)     runs body() in a thread that is alone with it;
                               what it starts is in there, too
    with_own_network(body, hosts="192.0.2.1 www.example.net")
                               which also sees /etc/hosts so

Skips where that is not allowed.
"""

import ctypes
import os
import subprocess
import tempfile
import threading

import pytest

CLONE_NEWNET = 0x40000000
CLONE_NEWNS = 0x00020000


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


def nft(rules, *words):
    subprocess.run(["nft", *words, "-f", "-"], input=rules.encode(), check=True,
                   capture_output=True)


def put_hosts(hosts):
    """In the mounts of this thread alone."""
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as f:
        f.write(hosts)
        f.flush()
        os.chmod(f.name, 0o644)
        for words in (["--make-rprivate", "/"],
                      ["--bind", f.name, "/etc/hosts"]):
            subprocess.run(["mount", *words], check=True, capture_output=True)


def with_own_network(body, hosts=None):
    libc = ctypes.CDLL(None, use_errno=True)
    failed = []
    what = CLONE_NEWNET | (CLONE_NEWNS if hosts else 0)

    def inside():
        if libc.unshare(what) < 0:
            failed.append(None)
            return
        try:
            ip("link", "set", "lo", "up")
            if hosts:
                put_hosts(hosts)
            body()
        except BaseException as e:  # pylint: disable=W0718 # raised below
            failed.append(e)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if failed and failed[0] is None:
        pytest.skip(f"no network of its own: {os.strerror(ctypes.get_errno())}")
    if failed:
        raise failed[0]
