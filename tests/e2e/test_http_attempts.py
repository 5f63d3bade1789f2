"""What somebody with a server of his own may try to get a virus past us: each
attempt is a row, with the answer as his server would write it, byte for byte.

No row may leave the client with the virus.  The clean twin of a row shows that
it is the virus that was refused, where honest servers may do the same.
"""

import base64
import gzip
import http.client
import io
import zlib

import corpus
import pytest
from corpus_mail import eicar
from http_cells import CODINGS, knowing, raw_deflate, tool
from peers.origin import Origin
from peers.sallyport import Sallyport
from peers.web import Raw, curl, web_listener, web_port

pytestmark = pytest.mark.core

BAD = corpus.marker()
GOOD = BAD.replace(b"marker", b"harmless")
OK = b"HTTP/1.1 200 OK"


def said(*lines, body=b"", length=None):
    """A head of these lines, and a body behind it; length False: none said."""
    if length is None:
        length = len(body)
    if length is not False:
        lines += (b"Content-Length: %d" % length,)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunks(*pieces, end=b"0\r\n\r\n"):
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + end


def coded(field, *words):
    def write(data):
        for word in words:
            data = CODINGS[word](data)
        return said(OK, *(field if isinstance(field, tuple) else (field,)),
                    body=data)
    return write


def by_chunks(*fields, cut=7):
    def write(data):
        return said(OK, b"Transfer-Encoding: chunked", *fields, length=False,
                    body=chunks(*(data[i:i + cut]
                                  for i in range(0, len(data), cut))))
    return write


def plain(*fields, status=OK, make=lambda data: data):
    return lambda data: said(status, *fields, body=make(data))


# ---- bodies ------------------------------------------------------------------


def gzip_with_all(data):
    """A name, a comment, an extra field, and the checksum of the head."""
    head = b"\x1f\x8b\x08\x1e" + bytes(5) + b"\x03" + b"\x04\0ABCD" + \
        b"x.txt\0" + b"clean\0"
    head += (zlib.crc32(head) & 0xffff).to_bytes(2, "little")
    return head + raw_deflate(data) + zlib.crc32(data).to_bytes(4, "little") + \
        len(data).to_bytes(4, "little")


def gzip_stored(data):
    return gzip.compress(data, 0)


def zstd_behind_a_frame_to_skip(data):
    return b"\x50\x2a\x4d\x18\x05\0\0\0hello" + CODINGS["zstd"](data)


large_zstd = tool("zstd", "-c", "-q", "--ultra", "--long=31")
large_br = tool("brotli", "-c", "--large_window=30")


def behind_a_picture(data):
    """A picture to some, an archive to those who begin at the end."""
    return b"GIF89a\1\0\1\0\0\0\0;" + bytes(300) + corpus.zipped(data)


def lies_about_sizes(data):
    """The directory says 1 byte; a reader of the local head gets it all."""
    z = bytearray(corpus.zipped(data))
    at = z.index(b"PK\1\2")
    z[at + 24:at + 28] = b"\1\0\0\0"
    return bytes(z)


def parts(data, kind=b"multipart/mixed", packed=base64.encodebytes,
          coding=b"base64"):
    body = (b"--b\r\nContent-Type: application/zip\r\n"
            b"Content-Disposition: attachment; filename=x.zip\r\n"
            b"Content-Transfer-Encoding: " + coding + b"\r\n\r\n"
            + packed(corpus.zipped(data)) + b"\r\n--b--\r\n")
    return said(OK, b"Content-Type: " + kind + b"; boundary=b", body=body)


def a_mail(data):
    """Saved as .mht or .eml: whoever opens it has the attachment."""
    return (b"From: a@example.test\r\nMIME-Version: 1.0\r\nSubject: x\r\n"
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
            b"Content-Type: application/zip\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes(corpus.zipped(data)) + b"\r\n--b--\r\n")


# ---- rows --------------------------------------------------------------------

# Who is refused: the virus alone (the clean twin arrives as it was sent), or
# both, because that is no answer; or nobody: what arrives has no virus in it.
VIRUS, BOTH, NOBODY = "virus", "both", "nobody"

CE = b"Content-Encoding: "
TE = b"Transfer-Encoding: "

ATTEMPTS = {
    # codings that are there and are not
    "identity": (coded(CE + b"identity"), VIRUS),
    "identity behind gzip": (coded(CE + b"gzip, identity", "gzip"), VIRUS),
    "identity before gzip": (coded(CE + b"identity, gzip", "gzip"), VIRUS),
    "gzip in capitals": (coded(CE + b"GZIP", "gzip"), VIRUS),
    "empty elements": (coded(CE + b", gzip ,,", "gzip"), VIRUS),
    "a tab behind it": (coded(CE + b"gzip\t", "gzip"), VIRUS),
    "nothing in it": (coded(CE), VIRUS),
    "two fields": (coded((CE + b"deflate", CE + b"gzip"), "deflate", "gzip"),
                   VIRUS),
    "two fields, one empty": (coded((CE, CE + b"gzip"), "gzip"), VIRUS),
    "gzip said twice": (coded((CE + b"gzip", CE + b"gzip"), "gzip"), BOTH),
    "the other order": (coded(CE + b"gzip, deflate", "deflate", "gzip"), BOTH),
    "a blank between": (coded(CE + b"deflate gzip", "deflate", "gzip"), BOTH),
    "in quotes": (coded(CE + b'"gzip"', "gzip"), BOTH),
    "with a weight": (coded(CE + b"gzip;q=1", "gzip"), BOTH),
    "x-compress": (coded(CE + b"x-compress", "gzip"), BOTH),
    "a dictionary": (coded(CE + b"dcz", "zstd"), BOTH),
    "gzip that is plain": (coded(CE + b"gzip"), BOTH),
    "gzip that is deflate": (coded(CE + b"gzip", "raw"), BOTH),
    "deflate that is gzip": (coded(CE + b"deflate", "gzip"), BOTH),
    "folded": (coded(CE + b"\r\n gzip", "gzip"), BOTH),
    "a blank before the colon": (coded(b"Content-Encoding : gzip", "gzip"),
                                 BOTH),
    "a NUL in it": (coded(CE + b"gzip\0", "gzip"), BOTH),
    "named by Connection": (coded((CE + b"gzip",
                                   b"Connection: Content-Encoding"), "gzip"),
                            BOTH),
    "by another name": (coded(b"Content_Encoding: gzip", "gzip"), VIRUS),
    "in a trailer": (lambda data: said(
        OK, TE + b"chunked", b"Trailer: Content-Encoding", length=False,
        body=chunks(raw_deflate(data),
                    end=b"0\r\nContent-Encoding: deflate\r\n\r\n")), NOBODY),
    "of a status that has none": (plain(
        CE + b"gzip", status=b"HTTP/1.1 404 Not Found", make=gzip.compress),
        VIRUS),
    # readers of codings
    "gzip with all it may have": (plain(CE + b"gzip", make=gzip_with_all),
                                  VIRUS),
    "gzip stored": (plain(CE + b"gzip", make=gzip_stored), VIRUS),
    "gzip with zeros behind": (plain(
        CE + b"gzip", make=lambda d: gzip.compress(d) + bytes(512)), BOTH),
    "gzip behind an empty one": (plain(
        CE + b"gzip", make=lambda d: gzip.compress(b"") + gzip.compress(d)),
        VIRUS),
    "gzip with a wrong head": (plain(
        CE + b"gzip", make=lambda d: gzip_with_all(d).replace(
            b"clean\0", b"cleen\0")), BOTH),
    "zstd behind a frame to skip": (plain(
        CE + b"zstd", make=zstd_behind_a_frame_to_skip), VIRUS),
    "zstd of a large window": (plain(CE + b"zstd", make=large_zstd), BOTH),
    "br of a large window": (plain(CE + b"br", make=large_br), BOTH),
    # transfers
    "chunks of one byte": (by_chunks(cut=1), VIRUS),
    "chunks with gzip in them": (lambda data: by_chunks(CE + b"gzip")(
        gzip.compress(data)), VIRUS),
    "gzip as a transfer coding": (lambda data: said(
        OK, TE + b"gzip, chunked", length=False,
        body=chunks(gzip.compress(data))), BOTH),
    "gzip to the end": (lambda data: said(
        OK, TE + b"gzip", length=False, body=gzip.compress(data)), BOTH),
    "identity as a transfer coding": (lambda data: said(
        OK, TE + b"identity", body=data), BOTH),
    "chunked with something": (lambda data: said(
        OK, TE + b"\x0bchunked", length=False, body=data), BOTH),
    "chunked over two lines": (lambda data: said(
        OK, TE + b"\r\n chunked", length=False, body=chunks(data)), BOTH),
    "a length and chunks": (lambda data: said(
        OK, TE + b"chunked", body=chunks(data)), BOTH),
    "extensions of chunks": (lambda data: said(
        OK, TE + b"chunked", length=False,
        body=b"1;" + b"a" * 99 + b"\r\nx\r\n" + chunks(data)), VIRUS),
    "a size with zeros in front": (lambda data: said(
        OK, TE + b"chunked", length=False,
        body=b"%016x\r\n%s\r\n0\r\n\r\n" % (len(data), data)), VIRUS),
    "a size that is too large": (lambda data: said(
        OK, TE + b"chunked", length=False,
        body=b"fffffffffffffffff\r\n" + data), BOTH),
    "a size with a sign": (lambda data: said(
        OK, TE + b"chunked", length=False,
        body=b"+%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)), BOTH),
    "more than the length": (lambda data: said(
        OK, body=b"clean" + data, length=5), NOBODY),
    "behind the last chunk": (lambda data: said(
        OK, TE + b"chunked", length=False, body=chunks(b"clean") + data),
        NOBODY),
    "a negative length": (lambda data: said(
        OK, b"Content-Length: -1", body=data, length=False), BOTH),
    "two lengths": (lambda data: said(
        OK, b"Content-Length: 5", body=data), BOTH),
    # versions and states
    "HTTP/0.9": (lambda data: data, BOTH),
    "ICY": (plain(status=b"ICY 200 OK"), BOTH),
    "HTTP/2 in words": (plain(status=b"HTTP/2 200"), BOTH),
    "HTTP/1.0 without a length": (lambda data: said(
        b"HTTP/1.0 200 OK", body=data, length=False), VIRUS),
    "HTTP/1.0 with chunks": (lambda data: said(
        b"HTTP/1.0 200 OK", TE + b"chunked", body=chunks(data), length=False),
        BOTH),
    "a 100 in front": (lambda data: b"HTTP/1.1 100 Continue\r\n\r\n"
                       + said(OK, body=data), VIRUS),
    "a 103 with a length": (lambda data: said(
        b"HTTP/1.1 103 Early Hints", body=data) + said(OK, body=b"clean"),
        BOTH),
    "a 101": (plain(b"Upgrade: websocket", b"Connection: Upgrade",
                    status=b"HTTP/1.1 101 Switching Protocols"), BOTH),
    "a 204 with a body": (plain(status=b"HTTP/1.1 204 No Content"), NOBODY),
    "a 304 with a body": (plain(status=b"HTTP/1.1 304 Not Modified"), NOBODY),
    "a 205 with a body": (plain(status=b"HTTP/1.1 205 Reset Content"), VIRUS),
    "a 302 with a body": (plain(b"Location: /else",
                                status=b"HTTP/1.1 302 Found"), VIRUS),
    "a 407 with a body": (plain(
        status=b"HTTP/1.1 407 Proxy Authentication Required"), VIRUS),
    "a 599 with a body": (plain(status=b"HTTP/1.1 599 "), VIRUS),
    "a 206": (plain(b"Content-Range: bytes 0-9/10",
                    status=b"HTTP/1.1 206 Partial Content"), BOTH),
    # names of what it is
    "a picture by name": (plain(b"Content-Type: image/png",
                                make=corpus.zipped), VIRUS),
    "a style sheet": (plain(b"Content-Type: text/css",
                            b"X-Content-Type-Options: nosniff"), VIRUS),
    "two types": (plain(b"Content-Type: text/plain",
                        b"Content-Type: application/zip"), BOTH),
    "events nobody asked for": (plain(b"Content-Type: text/event-stream"),
                                VIRUS),
    "a mail": (plain(b"Content-Type: message/rfc822", make=a_mail), VIRUS),
    "a mail as a page": (plain(b"Content-Type: text/html", make=a_mail),
                         VIRUS),
    "parts": (parts, VIRUS),
    "pictures one after the other": (lambda data: parts(
        data, b"multipart/x-mixed-replace", bytes, b"binary"), VIRUS),
    "parts in capitals": (lambda data: parts(data, b"MultiPart/Related"),
                          VIRUS),
    # archives
    "behind a picture": (plain(make=behind_a_picture), VIRUS),
    "a directory that lies": (plain(make=lies_about_sizes), BOTH),
    "a comment with another end": (plain(make=corpus.zip_with_another_end),
                                   VIRUS),
    "two zips in a row": (plain(make=lambda data: corpus.zips_in_a_row(
        data, b"harmless")), VIRUS),
}


@pytest.fixture(scope="module", name="web")
def one_for_all(build, module_cleanly):
    yield from knowing(build, module_cleanly, idle_timeout="20s")


@pytest.fixture(scope="module", name="origin")
def one_origin(module_cleanly):
    o = Origin()
    module_cleanly(o)
    return o.start()


def readings(got):
    """What a client may make of a body, by what its head says."""
    yield got.body
    if "content-encoding" not in got.fields:
        return
    for bits in (15, 31, -15):
        try:
            yield zlib.decompressobj(bits).decompress(got.body)
        except zlib.error:
            pass


def fetch(web, origin, data):
    origin.answers["/x"] = data
    with Raw(web_port(web)) as c:
        got = c.ask("GET", origin.url("/x"))
        while got is not None and got.status // 100 == 1:
            got = c.answer()
    assert got is not None and got.whole
    return got


def is_refused(web, got):
    assert got.status in (403, 502), got.line
    assert web.event_of(got.body.decode(), "ended" if got.status == 502
                        else "decision")["sallyport.verdict"] != "clean"


class Canned:
    """Bytes as http.client wants to be given them."""

    def __init__(self, data):
        self.data = data

    def makefile(self, _):
        return io.BytesIO(self.data)


def as_python_reads(data):
    reader = http.client.HTTPResponse(Canned(data), method="GET")
    reader.begin()
    return reader.status, reader.read()


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_attempt(web, origin, name):
    write, who = ATTEMPTS[name]
    bad = fetch(web, origin, write(BAD))
    assert not any(corpus.MARK in text for text in readings(bad))
    sent = write(GOOD)
    good = fetch(web, origin, sent)
    if who != NOBODY:
        is_refused(web, bad)
    if who == BOTH:
        is_refused(web, good)
    else:
        assert (good.status, good.body) == as_python_reads(sent)


# ---- more than one request ---------------------------------------------------


@pytest.mark.parametrize("status", ["200 OK", "203 Other", "206 Partial",
                                    "416 None"])
@pytest.mark.parametrize("ranges", ["full", "deny"])
def test_curl_puts_no_two_halves_together(build, cleanly, origin, folder,
                                          status, ranges):
    """A server that says a part is the whole, and in Content-Range that it is
    a part: curl goes by the latter, whatever the status."""
    gw = Sallyport(build, web_listener(range_requests=ranges))
    cleanly(gw)
    gw.start()
    bad = eicar()
    half = len(bad) // 2
    origin.answers["/half"] = said(OK, body=bad[:half])

    def rest(c):
        c.send(said(b"HTTP/1.1 " + status.encode(),
                    b"Content-Range: bytes %d-%d/%d"
                    % (half, len(bad) - 1, len(bad)), body=bad[half:]))
    origin.answers["/rest"] = rest
    path = f"{folder}/file"
    curl(web_port(gw), origin.url("/half"), "-o", path, "--no-include")
    with open(path, "rb") as f:
        assert f.read() == bad[:half]
    curl(web_port(gw), origin.url("/rest"), "-C", "-", "-o", path,
         "--no-include")
    with open(path, "rb") as f:
        assert bad not in f.read()
