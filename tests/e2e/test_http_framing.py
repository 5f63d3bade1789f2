"""The same bytes to our parsers and to those of others: whatever we take, they
read with the same length, or not at all.

The readers: nginx (what it passes on, both ways), http.server and http.client.
Behind every stream of requests comes one more, so that a reader who takes too
much or too little of what is before it is seen at once.
"""

import contextlib
import http.client
import http.server
import random
import socket
import subprocess
import threading

import pytest
from peers.common import PATIENCE
from peers.nginx import Nginx

END = b"LAST /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
HOST = b"Host: a\r\n"
SEED = 4  # of what is made at random
MADE = 1500

CONFIG = """\
daemon off;
worker_processes 1;
pid {dir}/pid;
error_log {dir}/error.log;
user www-data;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    proxy_http_version 1.1;
    proxy_next_upstream off;
    server {{
        listen 127.0.0.1:{port};
        client_body_timeout 300s;
        client_header_timeout 300s;
        location / {{ proxy_pass http://127.0.0.1:{behind}; }}
    }}
}}
"""


# ---- us ----------------------------------------------------------------------


def ours(build, data, what="requests"):
    """([(word, body)], how it ends)."""
    done = subprocess.run([build / "tests/unit/t_http_framing", what],
                          input=data, check=True, stdout=subprocess.PIPE)
    *lines, last = done.stdout.decode().splitlines()
    messages = []
    for line in lines:
        word, body = line.split(" ")
        messages.append((word, bytes.fromhex(body)))
    return messages, last


def requests_of_ours(build, data):
    messages, last = ours(build, data)
    return [(bytes.fromhex(w).decode(), b) for w, b in messages], last


# ---- the others --------------------------------------------------------------


class Reader(http.server.BaseHTTPRequestHandler):
    """Any method; keeps (method, body) as Content-Length says it."""

    protocol_version = "HTTP/1.1"
    timeout = 10 * PATIENCE  # who waits for more is seen waiting

    def __getattr__(self, name):
        if not name.startswith("do_"):
            raise AttributeError(name)
        return self.read_it

    def read_it(self):
        length = int(self.headers.get("Content-Length", 0))
        self.server.seen.append((self.command, self.rfile.read(length)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class Server(http.server.ThreadingHTTPServer):
    """On a free port; seen: what it has read."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Reader)
        self.seen = []
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def remove(self):
        self.shutdown()
        self.server_close()


class Canned:
    """Answers every request with the same bytes, then closes."""

    def __init__(self):
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.data = b""
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.sock.accept()
                with client, contextlib.suppress(OSError):
                    client.settimeout(PATIENCE)
                    got = b""
                    while b"\r\n\r\n" not in got:
                        got += client.recv(65536) or b"\r\n\r\n"
                    client.sendall(self.data)

    def remove(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


class Gate(Nginx):
    """nginx in front of something."""

    def __init__(self, behind):
        super().__init__()
        with open(f"{self.dir}/conf", "w", encoding="ascii") as f:
            f.write(CONFIG.format(dir=self.dir, port=self.port, behind=behind))


def say(port, data):
    """All that comes back until the server closes; TimeoutError: it waits."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as s:
        with contextlib.suppress(ConnectionError):
            s.sendall(data)
        got = b""
        with contextlib.suppress(ConnectionError):
            while more := s.recv(65536):
                got += more
    return got


@pytest.fixture(name="server", scope="module")
def a_server(module_cleanly):
    s = Server()
    module_cleanly(s)
    return s


@pytest.fixture(name="canned", scope="module")
def a_canned_origin(module_cleanly):
    c = Canned()
    module_cleanly(c)
    return c


@pytest.fixture(name="reader", scope="module")
def nginx_before_the_server(module_cleanly, server):
    n = Gate(server.port)
    module_cleanly(n)
    return n.start()


@pytest.fixture(name="relay", scope="module")
def nginx_before_the_origin(module_cleanly, canned):
    n = Gate(canned.port)
    module_cleanly(n)
    return n.start()


# ---- requests ----------------------------------------------------------------


def post(*fields, body=b"", version=b"1.1"):
    lines = b"".join(f + b"\r\n" for f in fields)
    return b"POST /x HTTP/%s\r\n%s%s\r\n%s" % (version, HOST, lines, body)


CL5 = b"Content-Length: 5"
TE = b"Transfer-Encoding: chunked"
CHUNKS = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"

PLAIN = {
    "get": b"GET /a?b HTTP/1.1\r\n" + HOST + b"\r\n",
    "absolute": b"GET http://a/b HTTP/1.1\r\n" + HOST + b"\r\n",
    "empty-line": b"\r\nGET / HTTP/1.1\r\n" + HOST + b"\r\n",
    "length": post(CL5, body=b"hello"),
    "no-length": post(),
    "length-0": post(b"Content-Length: 0"),
    "length-no-blank": post(b"Content-Length:5", body=b"hello"),
    "length-blanks": post(b"content-length:   5  ", body=b"hello"),
    "length-zeros": post(b"Content-Length: 0005", body=b"hello"),
    "body-is-a-request": post(b"Content-Length: 20",
                              body=b"GET / HTTP/1.1\r\n\r\n.."),
    "get-with-body": b"GET / HTTP/1.1\r\n" + HOST + CL5 + b"\r\n\r\nhello",
    "three": post(CL5, body=b"hello") + post(CL5, body=b"world") + post(),
    "chunked": post(TE, body=CHUNKS),
    "chunked-upper": post(b"TRANSFER-ENCODING: CHUNKED", body=CHUNKS),
    "chunk-extension": post(TE, body=b"5;a=b\r\nhello\r\n0;c\r\n\r\n"),
    "chunk-zeros": post(TE, body=b"0005\r\nhello\r\n000\r\n\r\n"),
    "chunk-upper": post(TE, body=b"A\r\n0123456789\r\n0\r\n\r\n"),
    "old": b"GET / HTTP/1.0\r\n" + HOST + b"\r\n",
    "close": b"GET / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
}


def all_are_read(port, server, data, expected):
    """Does the server read all of it?  To close before is its right; to read
    something else, or to wait for more, is not."""
    server.seen.clear()
    say(port, data)
    assert server.seen == expected[:len(server.seen)], data
    return server.seen == expected


@pytest.mark.parametrize("name", PLAIN)
def test_plain_requests_are_read_by_all(build, server, reader, name):
    data = PLAIN[name] + END
    expected, last = requests_of_ours(build, data)
    assert last == "close" and expected
    assert all_are_read(reader.port, server, data, expected)
    if b"unked" not in data.lower() and name != "empty-line":
        assert all_are_read(server.port, server, data, expected)


PIECES = [b"\r\n", b"\n", b"\r", b" ", b"\t", b"\0", b":", b",", b";", b"0",
          b"5", b"+", b"-", b"0x", b"\x0b", b"\xa0", b"chunked", b"\r\n ",
          b"Content-Length: 5\r\n", b"Content-Length: 0\r\n",
          b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: x\r\n",
          b"Host: b\r\n", b"0\r\n\r\n", b"GET / HTTP/1.1\r\n", b"ffff"]


def spoiled(rng, data):
    """One or two changes anywhere."""
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(data))
        cut = rng.choice([0, 0, 1, 2])
        data = data[:at] + rng.choice(PIECES) + data[at + cut:]
    return data


def made(messages):
    rng = random.Random(SEED)
    return [spoiled(rng, rng.choice(messages)) for _ in range(MADE)]


def test_spoiled_requests_are_read_the_same_or_refused(build, server, reader):
    taken = 0
    for data in made(list(PLAIN.values())):
        expected, last = requests_of_ours(build, data + END)
        if last != "close":
            continue  # we would have closed the connection
        taken += 1
        all_are_read(reader.port, server, data + END, expected)
        if b"unked" not in data.lower():
            all_are_read(server.port, server, data + END, expected)
    assert taken > MADE / 20


# ---- responses ---------------------------------------------------------------


def answer(*fields, body=b"", line=b"HTTP/1.1 200 OK"):
    return line + b"\r\n" + b"".join(f + b"\r\n" for f in fields) + \
        b"\r\n" + body


RESPONSES = {
    "length": answer(CL5, body=b"hello"),
    "length-and-more": answer(CL5, body=b"hello world"),
    "length-0": answer(b"Content-Length: 0", body=b"more"),
    "chunked": answer(TE, body=CHUNKS),
    "chunked-and-more": answer(TE, body=CHUNKS + b"more"),
    "chunk-extension": answer(TE, body=b"5;a=b\r\nhello\r\n0\r\n\r\n"),
    "trailer": answer(TE, body=b"5\r\nhello\r\n0\r\nX: y\r\n\r\n"),
    "close": answer(body=b"hello"),
    "old": answer(CL5, body=b"hello", line=b"HTTP/1.0 200 OK"),
    "old-close": answer(body=b"hello", line=b"HTTP/1.0 200 OK"),
    "no-reason": answer(CL5, body=b"hello", line=b"HTTP/1.1 200"),
    "no-content": answer(line=b"HTTP/1.1 204 No Content"),
    "not-modified": answer(CL5, line=b"HTTP/1.1 304 Not Modified"),
    "not-found": answer(CL5, body=b"hello", line=b"HTTP/1.1 404 No"),
}


def python_reads(port):
    """(status, body) of a GET there as http.client reads it; None: refused."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with contextlib.closing(client):
        try:
            client.request("GET", "/")
            got = client.getresponse()
            return got.status, got.read()
        except (http.client.HTTPException, OSError, ValueError):
            return None


def expected_of(build, data):
    """(status, body), or None: we refuse it."""
    messages, last = ours(build, data, "GET")
    if last not in ("end", "close"):
        return None
    return int(messages[0][0]), messages[0][1]


@pytest.mark.parametrize("name", RESPONSES)
def test_plain_responses_are_read_by_all(build, canned, relay, name):
    canned.data = RESPONSES[name]
    expected = expected_of(build, canned.data)
    assert expected is not None
    assert python_reads(canned.port) == expected
    assert python_reads(relay.port) == expected


def test_spoiled_responses_are_read_the_same_or_refused(build, canned, relay):
    taken = 0
    for data in made(list(RESPONSES.values())):
        expected = expected_of(build, data)
        if expected is None:
            continue
        taken += 1
        canned.data = data
        for port in (canned.port, relay.port):
            got = python_reads(port)
            assert got is None or got[0] == 502 or got == expected, data
    assert taken > MADE / 20


# ---- what must not be taken --------------------------------------------------

SMUGGLED = {
    "both": post(CL5, TE, body=b"0\r\n\r\n"),
    "both-other": post(TE, CL5, body=b"0\r\n\r\n"),
    "two-lengths": post(CL5, b"Content-Length: 6", body=b"hello!"),
    "list": post(b"Content-Length: 5, 5", body=b"hello"),
    "plus": post(b"Content-Length: +5", body=b"hello"),
    "colon": post(b"Content-Length : 5", body=b"hello"),
    "fold": post(b"Transfer-Encoding:\r\n chunked", body=CHUNKS),
    "coding": post(b"Transfer-Encoding: xchunked", body=CHUNKS),
    "coding-list": post(b"Transfer-Encoding: gzip, chunked", body=CHUNKS),
    "coding-blank": post(b"Transfer-Encoding: chunked ", body=CHUNKS),
    "fold-field": post(b"X: a", b" Content-Length: 5", body=b"hello"),
    "coding-tab": post(b"Transfer-Encoding: \x0bchunked", body=CHUNKS),
    "old-chunked": post(TE, body=CHUNKS, version=b"1.0"),
    "bare-lf": b"GET / HTTP/1.1\nHost: a\n\n",
    "bare-cr": post(b"X: a\rContent-Length: 5", body=b"hello"),
    "nul": post(b"X: \0", body=b""),
    "chunk-hex": post(TE, body=b"0x5\r\nhello\r\n0\r\n\r\n"),
    "chunk-plus": post(TE, body=b"+5\r\nhello\r\n0\r\n\r\n"),
    "chunk-blank": post(TE, body=b"5 \r\nhello\r\n0\r\n\r\n"),
    "chunk-lf": post(TE, body=b"5\nhello\n0\n\n"),
    "chunk-long": post(TE, body=b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("name", SMUGGLED)
def test_what_could_be_read_in_two_ways_is_refused(build, name):
    messages, last = requests_of_ours(build, SMUGGLED[name] + END)
    assert last not in ("end", "more", "close")
    assert ("LAST", b"") not in messages
