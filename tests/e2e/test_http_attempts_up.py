"""What a client may try to get a virus out past us: each attempt is a row, a
body and what the head says of it.  No server may see the virus; the clean twin
of a row arrives byte for byte."""

import base64
import gzip
import quopri

import corpus
import pytest
from http_cells import CODINGS, knowing, raw_deflate
from peers.origin import Origin, answer
from peers.web import Raw, web_port

pytestmark = pytest.mark.core

BAD = corpus.marker()
GOOD = BAD.replace(b"marker", b"harmless")
FORM = b"Content-Type: multipart/form-data; boundary="
CE = b"Content-Encoding: "
NAMED = b'Content-Disposition: form-data; name="f"'
A_ZIP = corpus.zipped


def form(*parts, kind=FORM + b"b", boundary=b"b", eol=b"\r\n",
         end=b"\r\n--b--\r\n"):
    """parts: what stands between two boundaries, heads and all."""
    body = b"".join(b"--" + boundary + eol + p + eol for p in parts)
    return [kind], body[:-len(eol)] + end


def part(*lines, body):
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def in_a_field(pack, *lines, **more):
    return lambda data: form(part(NAMED, *lines, body=pack(A_ZIP(data))),
                             **more)


def as_it_is(data):
    return data


def by_codings(field, *words):
    def write(data):
        for word in words:
            data = CODINGS[word](data)
        return [CE + field], data
    return write


def a_form_in_a_form(data):
    inner = part(b"Content-Disposition: file; filename=x.zip",
                 b"Content-Transfer-Encoding: binary", body=A_ZIP(data))
    return form(part(NAMED, b"Content-Type: multipart/mixed; boundary=i",
                     body=b"--i\r\n" + inner + b"\r\n--i--"))


def packed(data):
    kind, body = form(part(NAMED, body=A_ZIP(data)))
    return [*kind, CE + b"gzip"], gzip.compress(body, mtime=0)


def behind_the_end(data):
    kind, body = form(part(NAMED, body=b"hello"))
    return kind, body + A_ZIP(data)


def in_front(data):
    kind, body = form(part(NAMED, body=b"hello"))
    return kind, A_ZIP(data) + b"\r\n" + body


def two_boundaries(data):
    """Which of the two a server takes is not for us to know."""
    return [FORM + b"a; boundary=b"], b"--a\r\n" + NAMED + \
        b"\r\n\r\n--b\r\n" + part(NAMED, body=A_ZIP(data)) + \
        b"\r\n--b--\r\n\r\n--a--\r\n"


# What of the good twins is refused, too: nobody can say what they are.
TAKEN, REFUSED = True, False

ATTEMPTS = {
    "as it is": (lambda data: ([], data), TAKEN),
    "a zip as a text": (lambda data: ([b"Content-Type: text/plain"],
                                      A_ZIP(data)), TAKEN),
    "base64 with lines": (in_a_field(base64.encodebytes), TAKEN),
    "base64 in one line": (in_a_field(base64.b64encode), TAKEN),
    "base64 of a URL": (in_a_field(base64.urlsafe_b64encode), TAKEN),
    "base64 as it is said": (in_a_field(
        base64.encodebytes, b"Content-Transfer-Encoding: base64"), TAKEN),
    "base64 in capitals": (in_a_field(
        base64.encodebytes, b"CONTENT-TRANSFER-ENCODING: BASE64"), TAKEN),
    "quoted-printable": (in_a_field(
        quopri.encodestring, b"Content-Transfer-Encoding: quoted-printable"),
        TAKEN),
    "a data: URL": (in_a_field(lambda d: b"data:application/zip;base64,"
                               + base64.b64encode(d)), TAKEN),
    "a name in front": (in_a_field(as_it_is, b"X: y"), TAKEN),
    "a quoted boundary": (in_a_field(as_it_is, kind=FORM + b'"b"'), TAKEN),
    "the type in capitals": (in_a_field(
        as_it_is, kind=b"CONTENT-TYPE: Multipart/Form-Data; BOUNDARY=b"),
        TAKEN),
    "blanks behind a boundary": (in_a_field(base64.b64encode,
                                            boundary=b"b  "), TAKEN),
    "no end": (in_a_field(base64.b64encode, end=b"\r\n"), None),
    "two boundaries": (two_boundaries, None),
    "a form in a form": (a_form_in_a_form, TAKEN),
    "a form that is packed": (packed, TAKEN),
    "behind the end of a form": (behind_the_end, None),
    "in front of a form": (in_front, None),
    "gzip and identity": (by_codings(b"gzip, identity", "gzip"), TAKEN),
    "deflate upon gzip": (by_codings(b"gzip, deflate", "gzip", "deflate"),
                          TAKEN),
    "bare deflate": (lambda data: ([CE + b"deflate"], raw_deflate(data)),
                     TAKEN),
    "an unknown coding": (by_codings(b"x-compress", "gzip"), REFUSED),
    "a coding that is not there": (by_codings(b"br"), REFUSED),
    "in pieces by Content-Range": (lambda data: (
        [b"Content-Range: bytes 0-9/10"], data), TAKEN),
}


@pytest.fixture(scope="module", name="web")
def one_for_all(build, module_cleanly):
    yield from knowing(build, module_cleanly)


@pytest.fixture(scope="module", name="origin")
def one_origin(module_cleanly):
    o = Origin({"/up": answer(b"thanks")})
    module_cleanly(o)
    return o.start()


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_attempt(web, origin, name, chunked):
    write, taken = ATTEMPTS[name]

    def send(fields, body):
        if chunked:
            fields = [*fields, b"Transfer-Encoding: chunked"]
            body = b"1\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (
                body[:1], len(body) - 1, body[1:])
        else:
            fields = [*fields, b"Content-Length: %d" % len(body)]
        with Raw(web_port(web)) as c:
            return c.ask("POST", origin.url("/up"),
                         [f.decode() for f in fields], body)

    before = len(origin.asked)
    got = send(*write(BAD))
    assert got.status == 403, got.line
    assert len(origin.asked) == before
    assert web.event_of(got.body.decode())["sallyport.verdict"] != "clean"
    fields, body = write(GOOD)
    got = send(fields, body)
    if taken is not None:
        assert got.status == (200 if taken else 403)
    if got.status == 200:
        assert origin.asked[-1].body == body
