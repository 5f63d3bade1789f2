"""Wire: a TLS socket with a thread of its own, the only one that touches it.

    w = Wire(sock, hear); w.start(); w.send(bytes)
    w.flushed()             waits until all is sent, or the wire has ended
    w.paused = True         nothing is read any more; w.turn() after a change
    w.ended                 None, "end", "cut" (no close_notify), "reset" or
                            "closed" (by us)

hear(bytes) is called with w.lock held; whoever waits for what came of it waits
with w.until(). A ragged end of TLS is not an end: see ended.
"""

import contextlib
import select
import socket
import ssl
import threading
import time

from .common import PATIENCE

PIECE = 65536


def socket_of(tunnel):
    """Of an inspection.Tunnel, whose file must not keep it open; or itself."""
    raw = getattr(tunnel, "raw", None)
    if raw is None:
        return tunnel
    raw.file.close()
    return raw.sock


class Wire:
    def __init__(self, sock, hear):
        self.sock, self.hear = sock, hear
        self.lock = threading.Condition()
        self.out = bytearray()
        self.sent = self.got = 0
        self.paused, self.ended, self.how = False, None, None
        self.wake, self.woken = socket.socketpair()
        self.thread = threading.Thread(target=self.run, daemon=True)
        sock.settimeout(0)
        sock.suppress_ragged_eofs = False
        self.woken.settimeout(0)
        self.wake.settimeout(0)     # one is enough

    def start(self):
        self.thread.start()
        return self

    # -- for everybody

    def send(self, data):
        with self.lock:
            self.out += data
        self.turn()

    def turn(self):
        """Something has changed: the thread looks again."""
        with contextlib.suppress(OSError):
            self.wake.send(b".")

    def until(self, what, condition, patience=PATIENCE):
        """Waits with the lock held until condition() is true."""
        end = time.monotonic() + patience
        with self.lock:
            while True:
                result = condition()
                if result:
                    return result
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(
                        f"waited {patience:.0f} s in vain: {what}")
                self.lock.wait(min(left, 1))

    def flushed(self, patience=PATIENCE):
        """Is all of it sent?  False: the wire has ended before."""
        self.until("all is sent", lambda: not self.out or self.ended, patience)
        return not self.out

    def stuck(self, seconds=1.0):
        """Does the other side take nothing for so long?"""
        while True:
            with self.lock:
                before = self.sent
                self.lock.wait_for(lambda: self.ended or not self.out,
                                   seconds)
                if self.ended or not self.out:
                    return False
                if self.sent == before:
                    return True

    def close(self, reset=False):
        """Without a word of TLS; reset: nor of TCP."""
        with self.lock:
            if self.how is None:
                self.how = "reset" if reset else "close"
        self.turn()
        if threading.current_thread() is not self.thread:
            self.thread.join(PATIENCE)

    # -- the thread

    def run(self):
        try:
            while self.how is None:
                self.once()
        except ssl.SSLZeroReturnError:
            self.over("end")
        except (ssl.SSLEOFError, EOFError):
            self.over("cut")
        except (OSError, ValueError):
            self.rest()
            self.over("reset")
        if self.how == "reset":
            with contextlib.suppress(OSError):
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                     b"\1\0\0\0\0\0\0\0")
        self.sock.close()
        self.over("closed")
        self.wake.close()
        self.woken.close()

    def over(self, word):
        with self.lock:
            self.ended = self.ended or word
            self.lock.notify_all()

    def once(self):
        blocked = self.put()
        if not self.paused and self.take():
            return
        reads = [self.woken] + ([] if self.paused else [self.sock])
        ready, _, _ = select.select(reads, [self.sock] if blocked else [], [],
                                    1)
        if self.woken in ready:
            self.woken.recv(4096)

    def put(self):
        """True: the other side takes nothing now."""
        while True:
            with self.lock:
                data = bytes(self.out[:PIECE])
            if not data:
                return False
            try:
                n = self.sock.send(data)
            except ssl.SSLWantWriteError:
                return True
            except ssl.SSLWantReadError:
                return False
            with self.lock:
                del self.out[:n]
                self.sent += n
                self.lock.notify_all()

    def rest(self):
        """It takes no more: what it has said before is read all the same."""
        with contextlib.suppress(OSError, ValueError):
            while not self.paused and self.take():
                pass

    def take(self):
        """True: there may be more."""
        try:
            data = self.sock.recv(PIECE)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        if not data:
            raise ssl.SSLZeroReturnError
        with self.lock:
            self.got += len(data)
            self.hear(data)
            self.lock.notify_all()
        return True
