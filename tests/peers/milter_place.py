"""Where a gateway waits for MTAs, and the lines that send them there."""

import threading

from .client import send
from .common import PATIENCE, free_port, new_dir, remove_dir


class Place:
    """A folder that Sendmail trusts (nobody may write above it) with the
    socket, and a port."""

    def __init__(self):
        self.dir = new_dir("milter", "/run")
        self.path = f"{self.dir}/milter.sock"
        self.port = free_port()

    def addresses(self):
        return f"unix:{self.path}, 127.0.0.1:{self.port}"

    def remove(self):
        remove_dir(self.dir)


def by_postfix(place, how, version=6):
    address = f"unix:{place.path}" if how == "unix" \
        else f"inet:127.0.0.1:{place.port}"
    return (f"smtpd_milters = {address}\nmilter_protocol = {version}\n"
            "milter_default_action = tempfail\n")


def by_sendmail(place, how, flags="F=T", timeouts="S:10m;R:10m;E:10m"):
    address = f"local:{place.path}" if how == "unix" \
        else f"inet:{place.port}@127.0.0.1"
    return ", ".join(filter(None, (f"S={address}", flags, f"T={timeouts}")))


def later(port, mail):
    """Sends in a thread; call it for (code, text), 0 for a cut."""
    got = []

    def work():
        try:
            got.append(send(port, mail))
        except OSError as e:
            got.append((0, str(e)))

    thread = threading.Thread(target=work)
    thread.start()

    def wait():
        thread.join(3 * PATIENCE)
        return got[0]
    return wait
