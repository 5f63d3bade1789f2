"""What all peers need: free ports, waiting for a thing, processes by id."""

import collections
import contextlib
import os
import random
import shutil
import signal
import socket
import tempfile
import time

PATIENCE = 60.0  # seconds a machine under load may take for anything
PORTS = range(20011, 29989)  # below those the kernel gives to clients
_promised = collections.deque()  # the last ports this process was given


def promised(port):
    """Has nobody been given it who has yet to bind it?  Then it is ours, for
    the next 100 ports; a name of this kind ends with its process."""
    word = socket.socket(socket.AF_UNIX)
    try:
        word.bind(f"\0sallyport-test-port-{port}")
    except OSError:
        word.close()
        return False
    _promised.append(word)
    if len(_promised) > 100:
        _promised.popleft().close()
    return True


def free_port():
    """A port that nobody has on 127.0.0.1, [::1] nor anywhere else, and that
    no other test beside this one is about to have."""
    for _ in range(200):
        port = random.choice(PORTS)
        if not promised(port):
            continue
        with contextlib.ExitStack() as held:
            try:
                for family, host in ((socket.AF_INET, "127.0.0.1"),
                                     (socket.AF_INET6, "::1")):
                    s = held.enter_context(socket.socket(family))
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind((host, port))
            except OSError:
                continue
        return port
    raise RuntimeError("no free port")


def until(what, condition, patience=PATIENCE):
    """Waits until condition() is true and returns what it gave."""
    end = time.monotonic() + patience
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience:.0f} s in vain: {what}")
        time.sleep(0.02)


def answers(port, host="127.0.0.1"):
    """Does a server accept there?"""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def connected_to(port):
    """Is anybody's connection to that port of 127.0.0.1 there, or ended by
    the other side alone?"""
    with open("/proc/net/tcp", encoding="ascii") as f:
        ends = [line.split()[2:4] for line in list(f)[1:]]
    return any(state in ("01", "08") and end == f"0100007F:{port:04X}"
               for end, state in ends)


def new_dir(name, parent=None):
    """A directory that every user may pass through (pytest's may not be)."""
    path = tempfile.mkdtemp(prefix=f"sallyport-{name}-", dir=parent)
    os.chmod(path, 0o755)
    return path


def remove_dir(path):
    shutil.rmtree(path, ignore_errors=True)


def sanitized(build):
    """Is it a build with AddressSanitizer, whose memory says nothing?"""
    with open(f"{build}/config.h", encoding="utf-8") as f:
        return "#define WITH_ASAN 1\n" in f.read()


def alive(pid):
    """Is it there, and not just waiting to be buried?"""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def processes():
    """All processes: {pid: (parent, session, command line)}."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError):
            with open(f"/proc/{name}/stat", encoding="latin-1") as f:
                fields = f.read().rpartition(")")[2].split()
            if fields[0] in "ZX":
                continue
            with open(f"/proc/{name}/cmdline", "rb") as f:
                line = f.read().replace(b"\0", b" ").strip()
            found[int(name)] = (int(fields[1]), int(fields[3]),
                                line.decode(errors="replace"))
    return found


def offspring(pid):
    """pid's children and theirs, youngest last."""
    everyone = processes()
    found = [pid]
    for parent in found:
        found += [p for p, (its, _, _) in everyone.items() if its == parent]
    return found[1:]


def kill(pid, signo=signal.SIGKILL):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signo)
