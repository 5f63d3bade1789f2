"""ftp:// URLs of the web proxy, with vsftpd and Pure-FTPd as the servers."""

import contextlib
import os
import socket
import threading

import pytest
from corpus_mail import eicar
from peers.common import PATIENCE, until
from peers.pureftpd import PureFtpd
from peers.sallyport import Sallyport
from peers.vsftpd import Vsftpd
from peers.web import Raw, curl, web_listener, web_port

pytestmark = pytest.mark.core

TEXT = b"All quiet at the gate.\n" * 20
ODD = "<b>&\"'#?%41 c.txt"


@pytest.fixture(scope="module", name="server")
def a_server(module_cleanly):
    s = Vsftpd()
    module_cleanly(s)
    s.put("a.txt", TEXT)
    s.put("empty", b"")
    s.put("x.com", eicar())
    s.put("sub/b.txt", TEXT)
    s.put(f"odd/{ODD}", TEXT)
    return s.start()


@pytest.fixture(scope="module", name="web")
def a_gateway(build, module_cleanly):
    changes = web_listener(deny_destinations="169.254.0.0/16",
                           max_response_body="3M", hold="64k")
    changes["rule no-sub"] = {"url": "ftp://*/sub/b.txt", "action": "block"}
    gw = Sallyport(build, changes)
    module_cleanly(gw)
    yield gw.start()
    assert not gw.errors(), gw.errors()


def url(server, path):
    return f"ftp://127.0.0.1:{server.port}{path}"


def get(web, address, *words):
    """By a plain request with a whole URL, as browsers used to."""
    return curl(web_port(web), address, *words)


def test_a_file(web, server):
    got = get(web, url(server, "/pub/a.txt"))
    assert (got.status, got.body) == (200, TEXT)
    assert got.fields["content-type"] == "text/plain"
    assert got.fields["content-length"] == str(len(TEXT))
    assert "gw.example.org" in got.fields["via"]
    event = until("its outcome", lambda: web.events(
        event__action="outcome", url__original=url(server, "/pub/a.txt")))[0]
    assert event["sallyport.result"] == "delivered"
    assert event["sallyport.next_hop"] == f"127.0.0.1:{server.port}"
    assert event["server.address"] == f"127.0.0.1:{server.port}"
    assert event["file.name"] == "a.txt" and event["file.size"] == len(TEXT)


def test_a_virus(web, server):
    got = get(web, url(server, "/pub/x.com"))
    assert got.status == 403 and eicar() not in got.body
    assert web.event_of(got.body.decode())["sallyport.verdict"] == "malware"


def test_large_and_empty_files(web, server):
    data = os.urandom(2_500_000)
    server.put("large.bin", data)
    with Raw(web_port(web)) as c:       # a connection that goes on
        got = c.ask("GET", url(server, "/pub/large.bin"))
        assert got.body == data
        got = c.ask("GET", url(server, "/pub/empty"))
        assert (got.status, got.body) == (200, b"")
        got = c.ask("GET", url(server, "/pub/large.bin"),
                    ["Range: bytes=1000000-1000099"])
        assert (got.status, got.body) == (206, data[1000000:1000100])


def test_what_is_too_large(web, server):
    server.put("huge.bin", bytes(3_200_000))
    got = get(web, url(server, "/pub/huge.bin"))
    assert got.status == 403
    assert "max_response_body" in got.fields["proxy-status"]


def test_head_says_how_large(web, server):
    with Raw(web_port(web)) as c:
        got = c.ask("HEAD", url(server, "/pub/a.txt"))
        assert got.status == 200
        assert got.fields["content-length"] == str(len(TEXT))
        assert c.ask("HEAD", url(server, "/pub/")).status == 200


def test_a_directory_is_a_page(web, server):
    got = get(web, url(server, "/"))
    assert got.status == 200
    assert got.fields["content-type"] == "text/html; charset=utf-8"
    page = got.body.decode()
    assert '<a href="./pub/">pub</a>' in page and "<script" not in page
    page = get(web, url(server, "/pub/")).body.decode()
    assert '<a href="./a.txt">a.txt</a>' in page
    assert '<a href="./sub/">sub</a>' in page


def test_names_are_escaped_and_lead_there(web, server):
    page = get(web, url(server, "/pub/odd/")).body.decode()
    assert "<b>&" not in page
    href = "%3Cb%3E%26%22%27%23%3F%2541%20c.txt"
    assert f'<a href="./{href}">&lt;b&gt;&amp;&quot;&#39;#?%41 c.txt</a>' in page
    assert get(web, url(server, f"/pub/odd/{href}")).body == TEXT


def test_what_is_not_there(web, server):
    for path in ("/pub/none", "/none/", "/pub/none/a"):
        got = get(web, url(server, path))
        assert got.status == 404, path
        assert "ftp:" in got.fields["proxy-status"]


def test_rules_and_methods(web, server):
    assert get(web, url(server, "/pub/sub/b.txt")).status == 403
    assert get(web, url(server, "/pub/new"), "-X", "DELETE").status == 405
    with Raw(web_port(web)) as c:
        got = c.ask("PUT", url(server, "/pub/new"), ["Content-Length: 1"], b"x")
        assert got.status == 405
    assert server.get("new") is None


@pytest.mark.parametrize("address,status", [
    ("ftp://127.0.0.1:25/", 405), ("ftp://169.254.169.254/a", 403),
    ("ftp://[::ffff:169.254.169.254]/a", 403), ("ftp://[::]/a", 403),
    ("ftp://no-such-host.invalid/a", 502)])
def test_where_nobody_gets_to(web, address, status):
    with Raw(web_port(web)) as c:
        assert c.ask("GET", address).status == status


def test_no_way_to_our_own_doors(web):
    port = web_port(web)
    with Raw(port) as c:
        assert c.ask("GET", f"ftp://127.0.0.1:{port}/a").status == 403


def test_a_user_of_the_url(web, cleanly):
    s = PureFtpd()
    cleanly(s)
    s.put("mine.txt", TEXT)
    s.start()
    here = f"127.0.0.1:{s.port}/mine.txt"
    got = get(web, f"ftp://{s.user}:{s.password}@{here}")
    assert (got.status, got.body) == (200, TEXT)
    assert get(web, f"ftp://{s.user}:wrong@{here}").status == 502
    assert s.password not in web.stderr()
    assert not any(s.password in e.get("url.original", "")
                   for e in web.events())


class Liar:
    """Says what it likes on the control connection."""

    def __init__(self, says):
        self.says, self.heard = says, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def start(self):
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with sock, contextlib.suppress(OSError):
                self.talk(sock)

    def talk(self, sock):
        with sock.makefile("rb") as lines:
            sock.sendall(b"220 here\r\n")
            for line in lines:
                word = line.decode("latin-1").strip()
                self.heard.append(word)
                say = self.says.get(word.split(" ")[0], b"200 ok\r\n")
                if say is None:
                    return
                sock.sendall(say)

    def remove(self):
        self.listener.close()


@pytest.fixture(name="liar")
def a_liar(cleanly):
    def make(**says):
        server = Liar({"PWD": b'257 "/"\r\n', "SIZE": b"213 23\r\n",
                       "EPSV": b"500 no\r\n", "QUIT": None, **says})
        cleanly(server)
        return server.start()
    return make


def test_data_come_from_the_server_alone(web, liar):
    """PASV names another address: it is not gone to."""
    other = socket.create_server(("127.0.0.2", 0))
    port = other.getsockname()[1]
    other.settimeout(0.1)
    server = liar(PASV=f"227 ok (127,0,0,2,{port >> 8},{port & 255})\r\n"
                  .encode())
    got = get(web, url(server, "/a.txt"))
    assert got.status == 502
    assert any(h.startswith("PASV") for h in server.heard)
    with pytest.raises(TimeoutError):
        other.accept()
    other.close()


def test_a_file_that_breaks_off_is_no_file(web, liar):
    data = socket.create_server(("127.0.0.1", 0))
    port = data.getsockname()[1]
    server = liar(PASV=f"227 ok (127,0,0,1,{port >> 8},{port & 255})\r\n"
                  .encode(), RETR=b"150 here it comes\r\n")

    def some():
        sock, _ = data.accept()
        sock.sendall(b"not all")
        sock.close()

    threading.Thread(target=some, daemon=True).start()
    got = get(web, url(server, "/a.txt"))
    assert got.status == 502 and b"not all" not in got.body
    data.close()


def test_who_leaves_in_the_middle(web, liar):
    data = socket.create_server(("127.0.0.1", 0))
    data.settimeout(PATIENCE)
    port = data.getsockname()[1]
    server = liar(PASV=f"227 ok (127,0,0,1,{port >> 8},{port & 255})\r\n"
                  .encode(), RETR=b"150 here it comes\r\n",
                  SIZE=b"213 2000000\r\n")
    for each in ("/before", "/in-it"):
        with Raw(web_port(web)) as c:
            c.send(f"GET {url(server, each)} HTTP/1.1\r\nHost: x\r\n\r\n"
                   .encode())
            sock, _ = data.accept()
            if each == "/in-it":
                sock.sendall(bytes(200_000))
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              b"\1\0\0\0\0\0\0\0")
        until("it is noticed", lambda: web.events(
            sallyport__reason="client_gone",
            url__original=url(server, each)))
        sock.settimeout(PATIENCE)
        with contextlib.suppress(ConnectionResetError):
            assert sock.recv(1) == b""      # nobody reads on
        sock.close()
    data.close()


def test_no_lines_of_its_own_in_a_path(web, liar):
    server = liar()
    for path in ("/a%0d%0aDELE%20x", "/a%00b", "/%0aDELE%20x/b"):
        got = get(web, url(server, path))
        assert got.status >= 400
    get(web, f"ftp://u%0d%0aDELE%20x:p%0aDELE@127.0.0.1:{server.port}/a")
    with Raw(web_port(web)) as c:
        c.send(f"GET ftp://u%0d%0aDELE%20x:p%0aDELE@127.0.0.1:{server.port}/a "
               f"HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
        assert c.answer().status >= 400
    assert not any(h.startswith("DELE") for h in server.heard), server.heard


def test_a_silent_server_is_a_504(gateway):
    listener = socket.create_server(("127.0.0.1", 0))
    gw = gateway(web_listener(connect_timeout="300ms", idle_timeout="1s"))
    got = curl(web_port(gw), f"ftp://127.0.0.1:{listener.getsockname()[1]}/a")
    assert got.status == 504
    listener.close()
