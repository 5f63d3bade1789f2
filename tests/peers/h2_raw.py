"""HTTP/2 frame by frame, for who does not keep to the RFC.

    c = RawH2(tunnel)                   the preface and SETTINGS are sent
    c.send(frame(kind, flags, stream, payload), headers(...), data(...))
    c.request(1, [(b":method", b"GET"), ...], body)
    c.fate(1)                           what became of it: see Fate

Names and values go into HPACK as they stand, never compressed nor indexed.
"""

import struct

import hpack

from .common import PATIENCE
from .h2_wire import Wire, socket_of

(DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY,
 WINDOW_UPDATE, CONTINUATION) = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 1, 1, 4, 8, 32
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# RFC 9113 7
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR,
 SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL,
 COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM) = range(12)

# RFC 9113 6.5.2
(HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE,
 MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE) = range(1, 7)


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">IBI", len(payload) << 8 | kind, flags,
                       stream) + payload


def settings(**values):
    return frame(SETTINGS, 0, 0, b"".join(
        struct.pack(">HI", globals()[name], value)
        for name, value in values.items()))


def window(stream, more):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", more))


def reset(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def goaway(last, code=0, text=b""):
    return frame(GOAWAY, 0, 0, struct.pack(">II", last, code) + text)


def number(value, bits, first=0):
    """RFC 7541 5.1."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out = [first | most]
    value -= most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def literal(name, value):
    """A field that no table learns (RFC 7541 6.2.2), as it stands."""
    return (b"\0" + number(len(name), 7) + name + number(len(value), 7)
            + value)


def learned(name, value):
    """One that goes into the table (6.2.1)."""
    return b"\x40" + literal(name, value)[1:]


def block(fields):
    return b"".join(literal(*f) for f in fields)


def headers(stream, fields, end=True, most=16384):
    """HEADERS, with CONTINUATION where it is long."""
    text = fields if isinstance(fields, bytes) else block(fields)
    pieces = [text[i:i + most] for i in range(0, len(text), most)] or [b""]
    out, kind, flags = [], HEADERS, END_STREAM if end else 0
    for i, piece in enumerate(pieces):
        if i == len(pieces) - 1:
            flags |= END_HEADERS
        out.append(frame(kind, flags, stream, piece))
        kind, flags = CONTINUATION, 0
    return b"".join(out)


def data(stream, body, end=True, most=16384):
    pieces = [body[i:i + most] for i in range(0, len(body), most)] or [b""]
    return b"".join(
        frame(DATA, END_STREAM if end and i == len(pieces) - 1 else 0, stream,
              piece) for i, piece in enumerate(pieces))


class Fate:
    """Of a stream.  word: "answer", "reset", "goaway" or "end"; with status,
    fields and body, or the code of what ended it."""

    def __init__(self):
        self.status, self.fields, self.body = None, [], b""
        self.whole, self.code, self.word = False, None, None

    def __repr__(self):
        return f"<{self.word} status={self.status} code={self.code}>"


class RawH2:
    def __init__(self, tunnel, hello=None, greets=True):
        self.tunnel = tunnel
        sock = socket_of(tunnel)
        agreed = sock.selected_alpn_protocol()
        assert agreed == "h2", f"agreed on {agreed}"
        self.decoder = hpack.Decoder()
        self.decoder.max_header_list_size = 1 << 20
        self.left, self.fates = b"", {}
        self.frames = []        # (kind, flags, stream), all that came
        self.away, self.why = None, b""     # of a GOAWAY
        self.settings = {}      # of the other side
        self.opens = True       # windows, for what comes
        self.pongs = 0
        self.greets = greets    # else nothing is said but what is sent
        self.wire = Wire(sock, self.hear)
        if greets:
            self.send(PREFACE + settings(ENABLE_PUSH=0) if hello is None
                      else hello)
        self.wire.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.close()

    def send(self, *frames):
        self.wire.send(b"".join(frames))

    # -- what comes

    def hear(self, got):
        self.left += got
        while len(self.left) >= 9:
            word, flags, stream = struct.unpack(">IBI", self.left[:9])
            size, kind = word >> 8, word & 255
            if len(self.left) < 9 + size:
                return
            payload = self.left[9:9 + size]
            self.left = self.left[9 + size:]
            self.frames.append((kind, flags, stream))
            self.one(kind, flags, stream, payload)

    def one(self, kind, flags, stream, payload):
        fate = self.fates.setdefault(stream, Fate()) if stream else None
        if kind == SETTINGS and not flags & ACK:
            self.settings.update(struct.iter_unpack(">HI", payload))
            if self.greets:
                self.send(frame(SETTINGS, ACK, 0))
        elif kind == PING:
            self.pongs += flags & ACK
        elif kind == GOAWAY:
            self.away = struct.unpack(">I", payload[4:8])[0]
            self.why = payload[8:]
        elif kind == RST_STREAM:
            fate.code, = struct.unpack(">I", payload)
            fate.word = fate.word or "reset"
        elif kind in (HEADERS, CONTINUATION):
            self.headed(fate, flags, payload)
        elif kind == DATA:
            fate.body += payload
            if self.opens and payload:
                self.send(window(0, len(payload)),
                          b"" if flags & END_STREAM
                          else window(stream, len(payload)))
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            fate.whole, fate.word = True, "answer"

    def headed(self, fate, flags, payload):
        """Ours come in one piece."""
        assert flags & END_HEADERS
        fields = self.decoder.decode(payload, raw=True)
        status = dict(fields).get(b":status")
        if status is None or status[:1] != b"1":
            fate.fields += fields
            fate.status = fate.status or int(status)

    # -- requests

    def request(self, stream, fields, body=None):
        self.send(headers(stream, fields, end=body is None),
                  b"" if body is None else data(stream, body))

    def fate(self, stream, patience=PATIENCE):
        """What became of it, once that is certain."""
        def known():
            fate = self.fates.setdefault(stream, Fate())
            if fate.word is None and (self.away or self.wire.ended):
                fate.word = "end" if self.away is None else "goaway"
                fate.code = self.away
            return fate if fate.word else None
        return self.wire.until(f"the fate of stream {stream}", known, patience)

    def ended(self, patience=PATIENCE):
        """Waits until the other side is gone; the code of its GOAWAY."""
        self.wire.until("it hangs up", lambda: self.wire.ended, patience)
        return self.away

    def alive(self, patience=PATIENCE):
        """Does it answer a PING behind all that was sent?"""
        before = self.pongs
        self.send(frame(PING, 0, 0, b"sallypor"))
        self.wire.until("it answers a PING, or ends", lambda:
                        self.pongs > before or self.wire.ended, patience)
        return self.pongs > before


def get(host, path=b"/a", *more):
    """The fields of a plain GET."""
    return [(b":method", b"GET"), (b":scheme", b"https"),
            (b":authority", host), (b":path", path), *more]
