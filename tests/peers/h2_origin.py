"""H2Origin: peers.https with HTTP/2 for whoever agrees on it by ALPN.

    o = H2Origin(leaf.serves(), {"/a": answer(b"text"), "/b": odd}).start()
    o.protocols             what was agreed on, for each connection

What a path has may be an answer() as in peers.origin, for both versions alike
(chunked: no length is said; close: nor that, and GOAWAY follows), or, for
HTTP/2 alone, a function(stream), run in a thread of its own once the request
is whole (in o.early: once its head is):

    stream.head("200", [("x", "y")]) .data(b"...") .finish() .reset(code)
    stream.frame(kind, flags, payload)      as it stands
"""

import contextlib
import ssl
import threading

import h2.errors
import h2.events
import h2.exceptions

from . import h2_raw
from .common import PATIENCE
from .h2 import Peer
from .https import HttpsOrigin
from .origin import NOT_FOUND, Answer, Connection

PIECE = 8192


class Request:
    """fields: [(name, value)] without the pseudo ones, which are .pseudo."""

    version = "HTTP/2"

    def __init__(self, fields, connection):
        self.pseudo = {n: v for n, v in fields if n[0] == ":"}
        self.fields = [(n, v) for n, v in fields if n[0] != ":"]
        self.method = self.pseudo.get(":method")
        self.target = self.pseudo.get(":path")
        self.authority = self.pseudo.get(":authority")
        self.connection, self.body = connection, b""
        self.trailers = None

    def get(self, name):
        return ", ".join(v for n, v in self.fields if n == name) or None


class Stream:
    def __init__(self, connection, number, request):
        self.connection, self.number = connection, number
        self.request, self.gone = request, False
        self.code = None        # of the RST_STREAM it got
        self.began = False

    def head(self, status, fields=(), end=False):
        with self.connection.lock:
            self.connection.h2.send_headers(
                self.number, [(":status", str(status)), *fields], end)
            self.connection.push()

    def data(self, data):
        return self.connection.write(self.number, data, lambda: self.gone)

    def finish(self, trailers=None):
        with self.connection.lock:
            if trailers:
                self.connection.h2.send_headers(self.number, trailers, True)
            else:
                self.connection.h2.end_stream(self.number)
            self.connection.push()

    def reset(self, code):
        with self.connection.lock:
            self.connection.h2.reset_stream(self.number, code)
            self.connection.push()

    def block(self, fields):
        """Fields as HPACK, in step with what was sent before."""
        return self.connection.h2.encoder.encode(fields, huffman=False)

    def frame(self, kind, flags, payload):
        self.connection.wire.send(
            h2_raw.frame(kind, flags, self.number, payload))

    def left(self, patience=PATIENCE):
        """Waits until the other side gives it up; false: it does not."""
        with self.connection.lock:
            return self.connection.lock.wait_for(
                lambda: self.gone or self.connection.wire.ended, patience)

    def plain(self, what):
        """An answer of peers.origin."""
        head, _, body = what.data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = [tuple(line.split(": ", 1)) for line in lines]
        names = {n.lower() for n, _ in fields}
        if "transfer-encoding" in names:
            body = dechunked(body)
        fields = [(n.lower(), v) for n, v in fields if n.lower() not in
                  ("transfer-encoding", "connection", "keep-alive")]
        bare = self.request.method == "HEAD" or not body
        self.head(first.split(" ")[1], fields, end=bare)
        if not bare:
            for i in range(0, len(body), PIECE):
                self.data(body[i:i + PIECE])
            self.finish()
        if not what.keeps:
            self.connection.go_away()


def dechunked(data):
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        n = int(size, 16)
        if n == 0:
            return body
        body, data = body + data[:n], data[n + 2:]


class H2Connection(Peer):
    def __init__(self, origin, sock, number):
        super().__init__(sock, False, validate_outbound_headers=False,
                         normalize_outbound_headers=False)
        self.origin, self.number = origin, number
        self.streams, self.most = {}, 0

    def event(self, event):
        if super().event(event):
            return
        if isinstance(event, h2.events.RequestReceived):
            request = Request(event.headers, self.number)
            stream = Stream(self, event.stream_id, request)
            self.streams[event.stream_id] = stream
            if request.target in self.origin.early:
                self.begin(stream)
            return
        stream = self.streams.get(getattr(event, "stream_id", None))
        if stream is None:
            return
        if isinstance(event, h2.events.DataReceived):
            stream.request.body += event.data
        elif isinstance(event, h2.events.TrailersReceived):
            stream.request.trailers = event.headers
        elif isinstance(event, h2.events.StreamReset):
            stream.gone, stream.code = True, int(event.error_code)
            self.over(stream)
        elif isinstance(event, h2.events.StreamEnded):
            self.begin(stream)

    def begin(self, stream):
        if stream.began:
            return
        stream.began = True
        self.most = max(self.most, len(self.streams))
        self.origin.asked.append(stream.request)
        threading.Thread(target=self.serve, args=(stream,),
                         daemon=True).start()

    def over(self, stream):
        self.streams.pop(stream.number, None)

    def serve(self, stream):
        path = stream.request.target.partition("?")[0]
        what = self.origin.answers.get(path, NOT_FOUND)
        # KeyError: it was reset meanwhile, and h2 has forgotten it
        with contextlib.suppress(OSError, KeyError,
                                 h2.exceptions.ProtocolError):
            if isinstance(what, Answer):
                stream.plain(what)
            else:
                what(stream)
        with self.lock:
            self.over(stream)

    def go_away(self, code=0, last=None):
        """By that it ends once its streams have."""
        with self.lock:
            last = self.h2.highest_inbound_stream_id if last is None else last
            self.wire.send(h2_raw.goaway(last, code))


class H2Origin(HttpsOrigin):
    """settings: what it says of itself, as in H2Connection.start()."""

    def __init__(self, context, answers=None, **settings):
        super().__init__(context, answers)
        context.set_alpn_protocols(["h2", "http/1.1"])
        self.settings, self.protocols, self.early = settings, [], set()
        self.offered = []

    def talk(self, sock):
        try:
            sock = self.context.wrap_socket(sock, server_side=True)
        except (OSError, ssl.SSLError) as e:
            self.failed.append(str(e))
            with contextlib.suppress(OSError):
                sock.close()
            return
        self.protocols.append(sock.selected_alpn_protocol())
        self.versions.append(sock.version())
        number = len(self.connections) + 1
        if self.protocols[-1] != "h2":
            c = Connection(self, sock, number)
            self.connections.append(c)
            c.serve()
            return
        c = H2Connection(self, sock, number)
        self.connections.append(c)
        c.start(**{"INITIAL_WINDOW_SIZE": 1 << 20, **self.settings})
