"""Clients of a web proxy: curl, and bytes as they stand.

    got = curl(gw.web, "http://...", "-r", "0-9")     got.code got.status ...
    with Raw(gw.web) as c: c.send(b"GET ..."); c.answer()
"""

import socket
import subprocess
import time

from .common import PATIENCE, free_port, until

WEB = "listener web"


def web_listener(port=None, **keys):
    """Changes for peers.sallyport: a forward proxy that may reach 127.0.0.1."""
    port = port or free_port()
    return {WEB: {"protocol": "http", "address": f"127.0.0.1:{port}",
                  "policy": "web", "deny_destinations": "none",
                  "max_sessions_per_client": "1000",
                  "infected_url_block": "0", **keys},
            "policy web": {"malware": "block", "failed": "block"}}


def web_port(gw):
    return int(gw.sections[WEB]["address"].rpartition(":")[2])


class Answer:
    """A status, fields {lower case: value}, a body, and was it whole?"""

    def __init__(self, head, body, whole=True):
        lines = head.decode("latin-1").split("\r\n")
        self.line = lines[0]
        self.status = int(lines[0].split(" ")[1])
        self.fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.fields[name.lower()] = value.strip()
        self.body, self.whole = body, whole


class Curl:
    def __init__(self, done):
        self.code, self.said = done.returncode, done.stderr.decode()
        heads, rest = [], done.stdout
        while rest.startswith(b"HTTP/"):
            head, _, rest = rest.partition(b"\r\n\r\n")
            heads.append(head)
            if not (head[9:10] == b"1" or b"established" in head):
                break
        self.heads = heads
        self.answer = Answer(heads[-1], rest) if heads else None
        self.status = self.answer.status if heads else None
        self.fields = self.answer.fields if heads else {}
        self.body = rest


def curl(port, url, *words, stdin=None):
    done = subprocess.run(
        ["curl", "-sS", "-i", "--max-time", str(int(PATIENCE)), "--noproxy", "",
         "-x", f"http://127.0.0.1:{port}", *words, url],
        input=stdin, capture_output=True, check=False,
        timeout=PATIENCE + 5)
    return Curl(done)


class Raw:
    """A connection to say on what one likes."""

    def __init__(self, port, host="127.0.0.1"):
        self.sock = socket.create_connection((host, port), timeout=PATIENCE)
        self.file = self.sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def end(self):
        self.sock.shutdown(socket.SHUT_WR)

    def rest(self):
        """All there is up to the end, or to a reset."""
        data = b""
        try:
            while True:
                piece = self.file.read1(65536)
                if not piece:
                    return data
                data += piece
        except ConnectionResetError:
            return data

    def head(self):
        lines = []
        while True:
            line = self.file.readline()
            if not line:
                return None
            if line == b"\r\n":
                return b"".join(lines).rstrip(b"\r\n")
            lines.append(line)

    def take(self, size):
        """So many bytes, or what there is before the end or a reset."""
        pieces, left = [], size
        while left > 0:
            try:
                piece = self.file.read1(min(left, 1 << 20))
            except ConnectionResetError:
                break
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def line(self):
        try:
            return self.file.readline()
        except ConnectionResetError:
            return b""

    def chunks(self):
        pieces = []
        while True:
            line = self.line()
            if not line:
                return b"".join(pieces), False
            size = int(line, 16)
            pieces.append(self.take(size))
            if len(pieces[-1]) < size:
                return b"".join(pieces), False
            self.line()
            if size == 0:
                return b"".join(pieces), True

    def answer(self, bare=False):
        """The next one; None: the connection has ended."""
        head = self.head()
        if head is None:
            return None
        got = Answer(head, b"")
        if bare or got.status in (204, 304) or got.status < 200:
            return got
        if "chunked" in got.fields.get("transfer-encoding", ""):
            got.body, got.whole = self.chunks()
        elif "content-length" in got.fields:
            size = int(got.fields["content-length"])
            got.body = self.take(size)
            got.whole = len(got.body) == size
        else:
            got.body = self.rest()
        return got

    def ask(self, method, url, fields=(), body=b"", version="1.1"):
        host = url.split("/")[2]
        lines = [f"{method} {url} HTTP/{version}", f"Host: {host}", *fields]
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        return self.answer(bare=method == "HEAD")


def ended(raw, patience=PATIENCE):
    """Has the other side ended by then?"""
    raw.sock.settimeout(patience)
    start = time.monotonic()
    rest = raw.rest()
    return rest, time.monotonic() - start


def raw(gw):
    """A connection to the web proxy of a gateway."""
    return Raw(web_port(gw))


def outcome(gw, url):
    """The last line about a URL."""
    return until(f"the outcome of {url}", lambda: next(
        (e for e in reversed(gw.events())
         if e.get("url.original") == url
         and e["event.action"] in ("outcome", "ended")), None))
