"""H2: a client that speaks HTTP/2 as the RFC has it (python3-h2), over a TLS
socket that has agreed on it.  What the other side does wrong is an exception.

    c = H2(house.connect(gw, context=h2_context(house.ca)))
    got = c.ask("GET", "/a", "www.example.test:443")    an Answer
    s = c.begin("POST", "/a", host); c.data(s, b"x"); c.finish(s)
    c.answer(s)             .status .fields .body .whole .code (of RST_STREAM)
"""

import ssl

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from .common import PATIENCE
from .h2_wire import Wire, socket_of

WINDOW = 1 << 20
CODES = h2.settings.SettingCodes


def h2_context(ca, *protocols):
    """A client's: it trusts a CA, and offers h2 before HTTP/1.1."""
    context = ssl.create_default_context(cafile=ca.pem)
    context.set_alpn_protocols(list(protocols) or ["h2", "http/1.1"])
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF    # see Wire.ended
    return context


class Peer:
    """What both sides have in common: self.h2 and self.wire, kept in step."""

    def __init__(self, sock, client, **config):
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=client, header_encoding="latin-1", **config))
        self.wire = Wire(sock, self.hear)
        self.lock = self.wire.lock
        self.wrong = None       # what the other side did against the RFC
        self.reads = True       # and gives back the window for it
        self.away = None        # the code of a GOAWAY
        self.last = None        # the last stream it names

    def start(self, **settings):
        with self.lock:
            self.h2.local_settings = h2.settings.Settings(
                client=self.h2.config.client_side,
                initial_values={getattr(CODES, k): v
                                for k, v in settings.items()})
            self.h2.initiate_connection()
            self.h2.increment_flow_control_window(16 * WINDOW)
            self.push()
        self.wire.start()
        return self

    def push(self):
        data = self.h2.data_to_send()
        if data:
            self.wire.send(data)

    def hear(self, data):
        if self.wrong is not None:
            return
        try:
            for event in self.h2.receive_data(data):
                self.event(event)
        except h2.exceptions.ProtocolError as e:
            self.wrong = e
        self.push()

    def event(self, event):
        """What both sides do alike; true: it was that."""
        if isinstance(event, h2.events.ConnectionTerminated):
            self.away, self.last = int(event.error_code), event.last_stream_id
        elif isinstance(event, h2.events.DataReceived):
            if self.reads and event.flow_controlled_length:
                try:
                    self.h2.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id)
                except h2.exceptions.StreamClosedError:
                    pass
            return False
        else:
            return False
        return True

    def write(self, number, data, gone):
        """All of data as the window allows it; false: gone() came first."""
        data = memoryview(data)
        while len(data) > 0:
            self.wire.until("the window", lambda: gone() or
                            self.wire.ended or
                            self.h2.local_flow_control_window(number) > 0)
            with self.lock:
                if gone() or self.wire.ended:
                    return False
                n = min(len(data), self.h2.max_outbound_frame_size,
                        self.h2.local_flow_control_window(number))
                try:
                    self.h2.send_data(number, bytes(data[:n]))
                except h2.exceptions.ProtocolError:
                    return False
                self.push()
            data = data[n:]
        return True

    def close(self, reset=False):
        self.wire.close(reset)

    def remove(self):
        self.close()


class Answer:
    """whole: its end was said; code: of a RST_STREAM, else None."""

    def __init__(self, number):
        self.number, self.status, self.fields = number, None, {}
        self.all, self.trailers, self.early = [], None, []
        self.data = bytearray()
        self.whole, self.code = False, None
        self.lost = False       # with its connection

    @property
    def body(self):
        return bytes(self.data)

    def over(self):
        return self.whole or self.code is not None or self.lost

    def head(self, fields):
        self.status = int(dict(fields)[":status"])
        self.all = fields
        self.fields = {n: v for n, v in fields if n[0] != ":"}

    def __repr__(self):
        return (f"<stream {self.number}: {self.status} {self.fields} "
                f"{len(self.data)} bytes whole={self.whole} code={self.code} "
                f"lost={self.lost}>")


class H2(Peer):
    def __init__(self, tunnel, config=None, **settings):
        """tunnel: an inspection.Tunnel, or anything with .raw.sock."""
        self.tunnel = tunnel
        sock = socket_of(tunnel)
        agreed = sock.selected_alpn_protocol()
        assert agreed == "h2", f"agreed on {agreed}"
        super().__init__(sock, True, **(config or {}))
        self.streams = {}
        self.start(INITIAL_WINDOW_SIZE=settings.pop("window", WINDOW),
                   ENABLE_PUSH=0, **settings)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def event(self, event):
        if super().event(event):
            return
        got = self.streams.get(getattr(event, "stream_id", None))
        if got is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            got.head(event.headers)
        elif isinstance(event, h2.events.InformationalResponseReceived):
            got.early.append(dict(event.headers))
        elif isinstance(event, h2.events.TrailersReceived):
            got.trailers = event.headers
        elif isinstance(event, h2.events.DataReceived):
            got.data += event.data
        elif isinstance(event, h2.events.StreamEnded):
            got.whole = True
        elif isinstance(event, h2.events.StreamReset):
            got.code = int(event.error_code)

    # -- requests

    def head(self, method, path, host, fields=(), end=True):
        """The stream's number, for fields as they stand."""
        pseudo = [(":method", method), (":scheme", "https"),
                  (":authority", host), (":path", path)]
        with self.lock:
            number = self.h2.get_next_available_stream_id()
            self.h2.send_headers(number, pseudo + list(fields),
                                 end_stream=end)
            self.streams[number] = Answer(number)
            self.push()
        return number

    def begin(self, method, path, host, fields=(), body=None):
        number = self.head(method, path, host, fields, end=body is None)
        if body is not None and self.data(number, body):
            self.finish(number)
        return number

    def data(self, number, data):
        got = self.streams[number]
        return self.write(number, data, got.over)

    def finish(self, number, trailers=None):
        with self.lock:
            try:
                if trailers:
                    self.h2.send_headers(number, trailers, end_stream=True)
                else:
                    self.h2.end_stream(number)
            except h2.exceptions.ProtocolError:
                pass            # the answer was there first
            self.push()

    def cancel(self, number, code=8):
        with self.lock:
            self.h2.reset_stream(number, code)
            self.push()

    # -- answers

    def over(self, number):
        got = self.streams[number]
        if not got.over() and (self.wire.ended or self.wrong):
            got.lost = True
        return got.over()

    def answer(self, number, patience=PATIENCE):
        """What came of it, once that is certain."""
        self.wire.until(f"stream {number} is over", lambda: self.over(number),
                        patience)
        if self.wrong is not None:
            raise self.wrong
        return self.streams[number]

    def headed(self, number):
        """The same once its head is there."""
        got = self.streams[number]
        self.wire.until(f"the head of {number}",
                        lambda: got.status or self.over(number))
        return got

    def ask(self, method, path, host, fields=(), body=None):
        return self.answer(self.begin(method, path, host, fields, body))
