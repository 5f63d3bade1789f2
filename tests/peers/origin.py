"""Origin: a web server that keeps what it is asked and answers as it is told.

    origin = Origin({"/a": answer(b"text")}).start()
    origin.url("/a"), origin.asked[-1].method, .target, .fields, .body

What a path may have:
    answer(body, ...)    bytes; see there
    bytes                sent as they stand, the connection closed
    function(connection) does what it likes with .request, .send(), .close()
"""

import contextlib
import socket
import threading

from .common import PATIENCE

CHUNK = 8192


def answer(body=b"", status="200 OK", fields=(), framing="length", version="1.1",
           coding=None):
    """The bytes of an answer.  framing: length, chunked or close."""
    lines = [f"HTTP/{version} {status}", *fields]
    if coding:
        lines.append(f"Content-Encoding: {coding}")
    if framing == "length":
        lines.append(f"Content-Length: {len(body)}")
    elif framing == "chunked":
        lines.append("Transfer-Encoding: chunked")
        body = chunked(body)
    return Answer("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body,
                  keeps=framing != "close" and version == "1.1")


def chunked(body, size=CHUNK):
    pieces = [body[i:i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


class Answer:
    def __init__(self, data, keeps):
        self.data, self.keeps = data, keeps


class Request:
    """fields: [(name in lower case, value)]."""

    def __init__(self, line, fields, body, connection):
        self.method, self.target, self.version = line.split(" ")
        self.fields, self.body, self.connection = fields, body, connection

    def get(self, name):
        return ", ".join(v for n, v in self.fields if n == name) or None


class Connection:
    def __init__(self, origin, sock, number):
        self.origin, self.sock, self.number = origin, sock, number
        self.file = sock.makefile("rb")
        self.request = None

    def read_head(self):
        line = self.file.readline()
        if not line:
            return None
        fields = []
        while True:
            field = self.file.readline()
            if field in (b"\r\n", b""):
                break
            name, _, value = field.decode("latin-1").partition(":")
            fields.append((name.lower(), value.strip()))
        return Request(line.decode("latin-1").strip(), fields, b"", self.number)

    def read_body(self, request):
        if request.get("transfer-encoding"):
            body = b""
            while True:
                size = int(self.file.readline(), 16)
                body += self.file.read(size)
                self.file.readline()
                if size == 0:
                    return body
        return self.file.read(int(request.get("content-length") or 0))

    def send(self, data):
        self.sock.sendall(data)

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             b"\1\0\0\0\0\0\0\0")
        self.file.close()
        self.sock.close()

    def serve_one(self):
        self.request = self.read_head()
        if self.request is None:
            return False
        self.request.body = self.read_body(self.request)
        self.origin.asked.append(self.request)
        path = self.request.target.partition("?")[0]
        what = self.origin.answers.get(path, NOT_FOUND)
        if callable(what):
            return what(self) is True
        if isinstance(what, bytes):
            what = Answer(what, False)
        data = what.data
        if self.request.method == "HEAD":
            data = data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        self.send(data)
        return what.keeps

    def serve(self):
        try:
            while self.serve_one():
                pass
        except (OSError, ValueError):
            pass
        finally:
            with contextlib.suppress(OSError):
                self.close()


NOT_FOUND = answer(b"no such thing\n", "404 Not Found")


class Origin:
    def __init__(self, answers=None):
        self.answers = dict(answers or {})
        self.asked = []
        self.connections = []
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def start(self):
        self.listener.listen(128)
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.settimeout(PATIENCE)
            c = Connection(self, sock, len(self.connections) + 1)
            self.connections.append(c)
            threading.Thread(target=c.serve, daemon=True).start()

    def remove(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for c in self.connections:
            with contextlib.suppress(OSError):
                c.close()
