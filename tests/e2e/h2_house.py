"""What the tests of HTTP/2 have in common: the house of TLS inspection, with an
origin for each version, and clients for each that are asked alike."""

import contextlib
import threading

import corpus
from inspection import NAMES, House
from peers import h2_raw
from peers.common import PATIENCE
from peers.h2 import H2, h2_context
from peers.h2_origin import H2Origin
from peers.h2_raw import RawH2
from peers.origin import Connection
from peers.sallyport import Sallyport
from peers.hosts import start_with_hosts
from peers.https import HttpsOrigin

WWW = "www.example.test"
CHUNK = 3000


class H2House(House):
    """one: an origin of HTTP/1.1 alone; two: one of both."""

    def __init__(self, cleanly):
        super().__init__(cleanly)
        self.leaf = self.mid.leaf(*NAMES, "127.0.0.1")
        self.one = self.added(Tidy(self.leaf.serves()))
        self.two = self.h2_origin()

    def h2_origin(self, answers=None, **settings):
        o = H2Origin(self.leaf.serves(), answers, **settings)
        return self.added(o)

    def recorder(self, answers=None):
        return self.added(Recorder(self.leaf.serves(), answers))

    def added(self, o):
        self.cleanly(o)
        self.ports.append(o.port)
        return o.start()

    def gateway(self, build, inspection=None, more=None, **keys):
        """One that also knows what corpus.marker() is."""
        gw = Sallyport(build, {**self.changes(inspection, **keys),
                               **(more or {})})
        self.cleanly(gw)
        with open(f"{gw.dir}/db/test.ndb", "w", encoding="ascii") as f:
            f.write(corpus.signatures())
        return start_with_hosts(gw, *NAMES)

    def secured(self, gw, origin, *protocols, name=WWW):
        return self.connect(gw, name, port=origin.port,
                            context=h2_context(self.ca, *protocols))

    def h2(self, gw, origin, name=WWW, config=None, **settings):
        return H2(self.secured(gw, origin, name=name), config, **settings)

    def raw(self, gw, origin, **more):
        return RawH2(self.secured(gw, origin, "h2"), **more)

    def client(self, version, gw, origin):
        """A One or a Two."""
        if version == "h2":
            return Two(self.h2(gw, origin), f"{WWW}:{origin.port}")
        return One(self.secured(gw, origin, "http/1.1"),
                   f"{WWW}:{origin.port}")


def ends_as_it_began(house, gw, happens, body):
    """What happens() while a stream goes on: the stream ends all the same, the
    connection gets no new ones and then ends in order."""
    began, free = threading.Event(), threading.Event()

    def slow(stream):
        began.set()
        free.wait(PATIENCE)
        stream.head(200)
        stream.data(body)
        stream.finish()

    house.two.answers["/slow"] = slow
    with house.raw(gw, house.two) as c:
        c.request(1, h2_raw.get(f"{WWW}:{house.two.port}".encode(), b"/slow"))
        assert began.wait(PATIENCE)
        happens()
        c.wire.until("GOAWAY", lambda: c.away is not None or c.wire.ended)
        assert c.away == 0 and not c.wire.ended
        free.set()
        assert c.fate(1).body == body
        assert c.ended() == 0 and c.wire.ended == "end"


class Two:
    """HTTP/2, whose methods One has as well."""

    def __init__(self, c, host):
        self.c, self.host = c, host

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.c.close()

    def ask(self, method, path, fields=(), body=None, length=True):
        fields = list(fields)
        if body is not None and length:
            fields.append(("content-length", str(len(body))))
        return self.c.ask(method, path, self.host, fields, body)


class One(Two):
    def __exit__(self, *_):
        self.c.raw.close()

    def ask(self, method, path, fields=(), body=None, length=True):
        lines = [f"{n}: {v}" for n, v in fields]
        if body is None:
            body = b""
        elif length:
            lines.append(f"Content-Length: {len(body)}")
        else:
            lines.append("Transfer-Encoding: chunked")
            pieces = [body[i:i + CHUNK] for i in range(0, len(body), CHUNK)]
            body = b"".join(b"%x\r\n%s\r\n" % (len(p), p)
                            for p in pieces) + b"0\r\n\r\n"
        return self.c.ask(method, path, self.host, lines, body)


class Tee:
    """A file to read, and all that was read of it."""

    def __init__(self, file):
        self.file, self.kept = file, bytearray()

    def readline(self):
        line = self.file.readline()
        self.kept += line
        return line

    def read(self, size=-1):
        data = self.file.read(size)
        self.kept += data
        return data

    def close(self):
        self.file.close()


class Ends(Connection):
    """It says so before it goes (RFC 8446 6.1)."""

    def close(self):
        with contextlib.suppress(OSError, ValueError):
            self.sock.unwrap()
        super().close()


class Tidy(HttpsOrigin):
    """HTTP/1.1, with an end of TLS."""

    def talk(self, sock):
        try:
            sock = self.context.wrap_socket(sock, server_side=True)
        except OSError:
            sock.close()
            return
        c = Ends(self, sock, len(self.connections) + 1)
        self.prepare(c)
        self.connections.append(c)
        c.serve()

    def prepare(self, connection):
        pass


class Recorder(Tidy):
    """HTTP/1.1, and every byte that came: raw(), connection by connection."""

    def prepare(self, connection):
        connection.file = Tee(connection.file)

    def raw(self):
        return [bytes(c.file.kept) for c in self.connections]


def net_memory(gw):
    """KB of memory of their own that the net workers have."""
    total = 0
    for word, pid in gw.roles().items():
        if word.startswith("net "):
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                total += next(int(line.split()[1]) for line in f
                              if line.startswith("RssAnon"))
    return total
