"""The web proxy with real and with odd peers: what passes, what does not, and
what a client then sees."""

import os
import subprocess
import sys

import pytest
from corpus_mail import eicar
from peers.common import PATIENCE, free_port, until
from peers.origin import answer
from peers.web import curl, ended, outcome, raw, web_listener, web_port

pytestmark = pytest.mark.core

TEXT = b"All quiet at the gate.\n" * 200


# ---- what passes ---------------------------------------------------------------


def test_a_file_of_nginx_arrives_as_it_is(web, nginx):
    data = os.urandom(300_000)
    nginx.put("a.bin", data)

    got = curl(web_port(web), nginx.url("/a.bin"))

    assert (got.status, got.body) == (200, data)
    assert got.fields["via"] == "1.1 gw.example.org"
    assert got.fields["content-length"] == "300000"
    event = outcome(web, nginx.url("/a.bin"))
    assert event["sallyport.result"] == "delivered"
    assert event["sallyport.reply"] == "200 OK"
    assert event["url.domain"] == "127.0.0.1"
    assert event["file.name"] == "a.bin"


def test_wget_and_python_as_peers(web, cleanly, folder):
    with open(f"{folder}/page.txt", "wb") as f:
        f.write(TEXT)
    port = free_port()
    # pylint: disable=R1732 # ended below
    server = subprocess.Popen(
        [sys.executable, "-m", "http.server", "-d", folder, "-b", "127.0.0.1",
         str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until("http.server answers", lambda: curl(
            web_port(web), f"http://127.0.0.1:{port}/").status == 200)
        done = subprocess.run(
            ["wget", "-q", "-O", "-", f"http://127.0.0.1:{port}/page.txt"],
            env={**os.environ,
                 "http_proxy": f"http://127.0.0.1:{web_port(web)}"},
            capture_output=True, check=False, timeout=PATIENCE)
        assert (done.returncode, done.stdout) == (0, TEXT)
    finally:
        server.kill()
        server.wait()


def test_a_virus_is_a_page_with_its_id(web, origin):
    o = origin({"/x.com": answer(eicar())})

    got = curl(web_port(web), o.url("/x.com"))

    assert got.status == 403
    assert got.fields["cache-control"] == "no-store"
    assert "error=http_request_denied" in got.fields["proxy-status"]
    assert eicar() not in got.body
    event = web.event_of(got.body.decode())
    assert event["sallyport.verdict"] == "malware"
    assert event["sallyport.flow"] == "download"
    assert outcome(web, o.url("/x.com"))["sallyport.result"] == "refused"


def test_an_infected_url_is_not_fetched_again(gateway, origin):
    gw = gateway({**web_listener(infected_url_block="1h"),
                  "gateway": {"workers": "1"}})
    o = origin({"/x.com": answer(eicar()), "/y.com": answer(TEXT)})
    with raw(gw) as c:
        for _ in range(3):
            assert c.ask("GET", o.url("/x.com")).status == 403
        assert c.ask("GET", o.url("/y.com")).status == 200
    assert [r.target for r in o.asked] == ["/x.com", "/y.com"]
    assert outcome(gw, o.url("/x.com"))["sallyport.reason"] == \
        "infected_url_block"


def test_a_virus_is_not_uploaded(web, origin):
    o = origin({"/up": answer(b"thanks")})

    got = curl(web_port(web), o.url("/up"), "--data-binary", "@-",
               stdin=eicar())

    assert got.status == 403
    assert not o.asked
    assert web.event_of(got.body.decode())["sallyport.flow"] == "upload"


def test_an_upload_arrives_with_both_of_its_events(web, origin):
    o = origin({"/up": answer(b"thanks")})
    data = os.urandom(400_000)

    got = curl(web_port(web), o.url("/up"), "-T", "-", stdin=data)

    assert (got.status, got.body) == (200, b"thanks")
    assert o.asked[0].method == "PUT" and o.asked[0].body == data
    assert o.asked[0].get("transfer-encoding") is None
    until("both outcomes", lambda: {
        e["sallyport.flow"] for e in web.events(event__action="outcome")
        if e["url.original"] == o.url("/up")} == {"upload", "download"})


def test_nginx_takes_a_put(web, nginx):
    data = os.urandom(200_000)

    got = curl(web_port(web), nginx.url("/up/new.bin"), "-T", "-", stdin=data)

    assert got.status == 201
    assert nginx.get("up/new.bin") == data
    assert curl(web_port(web), nginx.url("/up/bad.bin"), "-T", "-",
                stdin=eicar()).status == 403
    assert not nginx.has("up/bad.bin")


def test_what_has_no_body(web, origin):
    o = origin({"/a": answer(TEXT),
                "/204": b"HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n",
                "/304": b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
                "/empty": answer(b"")})
    with raw(web) as c:
        head = c.ask("HEAD", o.url("/a"))
        assert head.fields["content-length"] == str(len(TEXT))
        assert c.ask("GET", o.url("/204")).fields["x-a"] == "b"
        assert c.ask("GET", o.url("/304")).fields["etag"] == '"x"'
        assert c.ask("GET", o.url("/empty")).fields["content-length"] == "0"
        assert c.ask("GET", o.url("/a")).body == TEXT


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_every_framing_becomes_ours(web, origin, framing):
    o = origin({"/a": answer(TEXT, framing=framing)})
    with raw(web) as c:
        for _ in range(2):
            got = c.ask("GET", o.url("/a"))
            assert got.body == TEXT
            assert got.fields["content-length"] == str(len(TEXT))
            assert "transfer-encoding" not in got.fields


def test_old_peers(web, origin):
    o = origin({"/a": answer(TEXT, version="1.0", framing="close")})
    with raw(web) as c:
        got = c.ask("GET", o.url("/a"), version="1.0")
        assert got.body == TEXT
        assert got.fields["via"] == "1.0 gw.example.org"
        assert ended(c)[0] == b""


# ---- connections ---------------------------------------------------------------


def test_connections_are_used_again_on_both_sides(web, origin):
    o = origin({"/a": answer(TEXT)})
    with raw(web) as c:
        for _ in range(5):
            assert c.ask("GET", o.url("/a")).body == TEXT
    assert {r.connection for r in o.asked} == {1}


def test_a_reused_connection_that_has_ended_costs_nothing(web, origin):
    def once(connection):
        connection.send(answer(TEXT).data)
        connection.file.peek(1)     # the next request has come: hang up

    o = origin({"/a": once})
    with raw(web) as c:
        for _ in range(3):
            assert c.ask("GET", o.url("/a")).body == TEXT


def test_pipelined_requests_are_answered_in_order(web, origin):
    o = origin({f"/{i}": answer(b"%d" % i * 100) for i in range(20)})
    with raw(web) as c:
        c.send(b"".join(
            f"GET {o.url(f'/{i}')} HTTP/1.1\r\nHost: 127.0.0.1:{o.port}\r\n\r\n"
            .encode() for i in range(20)))
        for i in range(20):
            assert c.answer().body == b"%d" % i * 100


def test_expect_is_answered_by_us(web, origin):
    o = origin({"/up": answer(b"thanks")})
    with raw(web) as c:
        c.send(f"POST {o.url('/up')} HTTP/1.1\r\nHost: 127.0.0.1:{o.port}\r\n"
               "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n".encode())
        assert c.answer().status == 100
        c.send(b"hello")
        assert c.answer().body == b"thanks"
    assert o.asked[0].body == b"hello" and o.asked[0].get("expect") is None


def test_early_hints_pass_and_100_does_not(web, origin):
    o = origin({"/a": b"HTTP/1.1 100 Continue\r\n\r\n"
                      b"HTTP/1.1 103 Early Hints\r\nLink: </s>\r\n\r\n"
                      + answer(TEXT).data})
    with raw(web) as c:
        first = c.ask("GET", o.url("/a"))
        assert (first.status, first.fields["link"]) == (103, "</s>")
        assert c.answer().body == TEXT


def test_hop_by_hop_fields_stay_here(web, origin):
    o = origin({"/a": answer(TEXT, fields=[
        "Connection: X-Mine", "X-Mine: 1", "Keep-Alive: timeout=5",
        "Alt-Svc: h3=\":443\"", "X-Yours: 2"])})
    with raw(web) as c:
        got = c.ask("GET", o.url("/a"), [
            "Connection: X-Hop", "X-Hop: 1", "Proxy-Connection: keep-alive",
            "Proxy-Authorization: Basic eDp5", "TE: trailers", "X-End: 2",
            "Accept-Encoding: gzip, compress, br;q=0.5, sdch"])
    asked = dict(o.asked[0].fields)
    assert asked["x-end"] == "2" and asked["via"] == "1.1 gw.example.org"
    assert asked["host"] == f"127.0.0.1:{o.port}"
    assert o.asked[0].target == "/a"
    assert not {"x-hop", "proxy-connection", "proxy-authorization", "te",
                "connection"} & set(asked)
    assert "sdch" not in asked["accept-encoding"]
    assert "compress" not in asked["accept-encoding"]
    assert got.fields["x-yours"] == "2"
    assert not {"x-mine", "keep-alive", "alt-svc"} & set(got.fields)


def test_our_own_via_is_a_loop(web, origin):
    o = origin({"/a": answer(TEXT)})
    with raw(web) as c:
        got = c.ask("GET", o.url("/a"), ["Via: 1.1 gw.example.org"])
    assert got.status == 508 and not o.asked


def test_trace_is_refused_and_options_ends_with_us(web, origin):
    o = origin({"/a": answer(TEXT)})
    with raw(web) as c:
        assert c.ask("TRACE", o.url("/a")).status == 405
        got = c.ask("OPTIONS", o.url("/a"), ["Max-Forwards: 0"])
        assert got.status == 200 and "allow" in got.fields
    assert not o.asked


# ---- what is malformed -----------------------------------------------------------


BAD_REQUESTS = {
    "length_coding": ["Content-Length: 5", "Transfer-Encoding: chunked"],
    "two_lengths": ["Content-Length: 5", "Content-Length: 6"],
    "length": ["Content-Length: +5"],
    "coding": ["Transfer-Encoding: xchunked"],
    "fold": ["X-A: b\r\n c"],
    "blank_colon": ["X-A : b"],
    "two_hosts": ["Host: other.example.net"],
}


@pytest.mark.parametrize("word", BAD_REQUESTS)
def test_a_malformed_request_ends_the_connection(web, origin, word):
    o = origin({"/a": answer(TEXT)})
    with raw(web) as c:
        got = c.ask("POST", o.url("/a"), BAD_REQUESTS[word], b"hello")
        assert got.status == 400 and got.fields["connection"] == "close"
        assert ended(c)[0] == b""
    assert not o.asked
    until("the event", lambda: any(
        e.get("sallyport.reason") == word and e["event.action"] == "ended"
        and e["event.id"] in got.body.decode() for e in web.events()))


def test_bad_chunks_of_a_request(web, origin):
    o = origin({"/a": answer(TEXT)})
    with raw(web) as c:
        got = c.ask("POST", o.url("/a"), ["Transfer-Encoding: chunked"],
                    b"0x5\r\nhello\r\n0\r\n\r\n")
        assert got.status == 400
    assert not o.asked


BAD_ANSWERS = {
    "both": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
               b"Content-Length: 6\r\n\r\nhello!",
    "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
             b"+5\r\nhello\r\n0\r\n\r\n",
    "status": b"HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n",
    "nonsense": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nul": b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("kind", BAD_ANSWERS)
def test_a_malformed_answer_is_a_page(web, origin, kind):
    o = origin({"/a": BAD_ANSWERS[kind]})
    with raw(web) as c:
        got = c.ask("GET", o.url("/a"))
        assert got.status == 502
        assert "http_protocol_error" in got.fields["proxy-status"]


# ---- origins that fail -------------------------------------------------------------


def test_an_origin_that_dies_in_the_body(web, origin):
    o = origin({"/length": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc",
                "/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"
                            b"\r\n\r\n5\r\nabcde\r\n",
                "/silent": b""})
    with raw(web) as c:
        for path in ("/length", "/chunked", "/silent"):
            got = c.ask("GET", o.url(path))
            assert got.status == 502, path
            assert "connection_terminated" in got.fields["proxy-status"]


def test_nobody_there_and_no_such_name(web):
    port = free_port()
    with raw(web) as c:
        got = c.ask("GET", f"http://127.0.0.1:{port}/")
        assert got.status == 502
        assert "connection_refused" in got.fields["proxy-status"]
        got = c.ask("GET", "http://nobody.invalid/")
        assert got.status == 502
        assert "dns_error" in got.fields["proxy-status"]


def test_a_silent_origin_and_a_silent_client(gateway, origin):
    gw = gateway(web_listener(idle_timeout="1s", request_timeout="1500ms"))
    o = origin({"/a": lambda c: c.file.read()})
    with raw(gw) as c:
        got = c.ask("GET", o.url("/a"))
        assert got.status == 504
        assert "connection_timeout" in got.fields["proxy-status"]
        assert ended(c)[0] == b""       # idle_timeout
    with raw(gw) as c:                  # slowloris
        c.send(b"GET http://127.0.0.1/ HTTP/1.1\r\nX-")
        assert ended(c)[0].startswith(b"HTTP/1.1 408 ")
    until("both are counted", lambda: gw.count("limits_total") == {
        "idle_timeout": {"http": 1}, "request_timeout": {"http": 1}})


# ---- limits ------------------------------------------------------------------------


def test_bodies_past_their_limits(gateway, origin):
    gw = gateway(web_listener(max_request_body="10k", max_response_body="10k"))
    large = bytes(11 * 1024)
    o = origin({"/large": answer(large),
                "/chunked": answer(large, framing="chunked"),
                "/close": answer(large, framing="close"),
                "/fits": answer(bytes(10 * 1024)), "/up": answer(b"ok")})
    with raw(gw) as c:
        for path in ("/large", "/chunked", "/close"):
            got = c.ask("GET", o.url(path))
            assert got.status == 403 and b"max_response_body" in got.body
        assert c.ask("GET", o.url("/fits")).body == bytes(10 * 1024)
        got = c.ask("POST", o.url("/up"), ["Content-Length: 10241"], large)
        assert got.status == 413
    with raw(gw) as c:
        got = c.ask("POST", o.url("/up"), ["Transfer-Encoding: chunked"],
                    b"%x\r\n%s\r\n0\r\n\r\n" % (len(large), large))
        assert got.status == 413
    assert "/up" not in [r.target for r in o.asked]
    until("all are counted", lambda: gw.count("limits_total") == {
        "max_response_body": {"http": 3}, "max_request_body": {"http": 2}})


def test_a_header_past_max_header(gateway, origin):
    gw = gateway(web_listener(max_header="4k"))
    o = origin({"/a": answer(TEXT), "/big": answer(
        TEXT, fields=["X-A: " + "a" * 5000])})
    with raw(gw) as c:
        assert c.ask("GET", o.url("/big")).status == 502
        assert c.ask("GET", o.url("/a"), ["X-A: " + "a" * 5000]).status == 431


# ---- destinations ------------------------------------------------------------------


def test_denied_destinations(gateway, origin):
    gw = gateway(web_listener(deny_destinations="127.0.0.0/8"))
    o = origin({"/a": answer(TEXT)})
    with raw(gw) as c:
        for host in ("127.0.0.1", "localhost", "127.0.0.2"):
            got = c.ask("GET", f"http://{host}:{o.port}/a")
            assert got.status in (403, 502), host
            if host != "localhost":     # [::1] may be among its addresses
                assert got.status == 403
                assert "destination_ip_prohibited" in \
                    got.fields["proxy-status"]
    assert not o.connections    # not even to see who is there


@pytest.mark.parametrize("host", ["0x7f.1", "2130706433", "127.1", "0177.0.0.1",
                                  "[::1%25lo]", "user@127.0.0.1"])
def test_odd_forms_of_an_address_are_no_host(web, host):
    with raw(web) as c:
        assert c.ask("GET", f"http://{host}/").status == 400


def test_our_own_ports_are_closed_to_clients(web):
    with raw(web) as c:
        for port in (web.port, web_port(web)):
            got = c.ask("GET", f"http://127.0.0.1:{port}/")
            assert got.status == 403
            assert "destination_ip_prohibited" in got.fields["proxy-status"]


# ---- ranges ------------------------------------------------------------------------


def test_ranges_are_cut_from_the_whole(web, nginx):
    data = bytes(range(256)) * 40
    nginx.put("r.bin", data)
    url = nginx.url("/r.bin")
    tag = curl(web_port(web), url).fields["etag"]
    with raw(web) as c:
        got = c.ask("GET", url, ["Range: bytes=100-199"])
        assert (got.status, got.body) == (206, data[100:200])
        assert got.fields["content-range"] == "bytes 100-199/10240"
        got = c.ask("GET", url, ["Range: bytes=-5"])
        assert got.body == data[-5:]
        got = c.ask("GET", url, ["Range: bytes=20000-"])
        assert got.status == 416
        assert got.fields["content-range"] == "bytes */10240"
        got = c.ask("GET", url, ["Range: bytes=0-0", f"If-Range: {tag}"])
        assert (got.status, got.body) == (206, data[:1])
        got = c.ask("GET", url, ["Range: bytes=0-0", 'If-Range: "other"'])
        assert (got.status, got.body) == (200, data)
        got = c.ask("GET", url, ["Range: bytes=0-1, 5000-5001"])
        assert got.status == 206
        assert got.fields["content-type"].startswith("multipart/byteranges")
        assert data[5000:5002] in got.body


def test_a_virus_in_halves_is_refused_in_each(web, nginx):
    nginx.put("half.bin", b"x" * 200 + eicar() + b"y" * 200)
    nginx.put("half.com", eicar())
    with raw(web) as c:
        for part in ("0-33", "34-67", "-10"):
            got = c.ask("GET", nginx.url("/half.com"), [f"Range: bytes={part}"])
            assert got.status == 403, part


def test_ranges_denied_and_passed(gateway, nginx):
    data = os.urandom(5000)
    nginx.put("r.bin", data)
    for how, status, body in (("deny", 200, data), ("pass", 206, data[5:10])):
        gw = gateway(web_listener(range_requests=how))
        with raw(gw) as c:
            got = c.ask("GET", nginx.url("/r.bin"), ["Range: bytes=5-9"])
            assert (got.status, got.body) == (status, body)


# ---- what the gateway itself answers -------------------------------------------------


def test_the_pac_file(web):
    port = web_port(web)
    for url in ("http://sallyport.internal/proxy.pac",
                "http://sallyport.internal/wpad.dat"):
        got = curl(port, url)
        assert got.status == 200
        assert f"PROXY 127.0.0.1:{port}" in got.body.decode()
    with raw(web) as c:
        c.send(b"GET /proxy.pac HTTP/1.1\r\nHost: gw\r\n\r\n")
        assert b"FindProxyForURL" in c.answer().body
        c.send(b"GET /other HTTP/1.1\r\nHost: gw\r\n\r\n")
        assert c.answer().status == 404


def test_who_may_not_come(gateway):
    gw = gateway(web_listener(allow_from="10.0.0.0/8"))
    with raw(gw) as c:
        got = c.answer()
        assert got.status == 403 and b"allow_from" in got.body


def test_a_page_of_ones_own(gateway, origin, folder):
    path = f"{folder}/page.html"
    with open(path, "w", encoding="utf-8") as f:
        f.write("<p>{{cause}} | {{url}} | {{id}}</p>")
    os.chmod(path, 0o644)
    gw = gateway(web_listener(block_page=path, contact="help@example.org"))
    o = origin({"/x": answer(eicar())})

    got = curl(web_port(gw), o.url("/x?a=<b>"))

    assert got.status == 400 or b"<b>" not in got.body
    got = curl(web_port(gw), o.url("/x?a=&b"))
    assert b"<p>blocked | " in got.body and b"a=&amp;b" in got.body
