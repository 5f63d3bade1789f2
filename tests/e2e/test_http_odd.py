"""Odd messages, each to us, to nginx and to Python: what we take, they read in
the same way; where they do not agree with each other we have to refuse.

A row is a message and whether we take it; the readers are test_http_framing's.
"""

import pytest
from test_http_framing import (CHUNKS, CL5, END, HOST, TE, all_are_read,
                               answer, expected_of, post, python_reads,
                               requests_of_ours)
# pylint: disable=unused-import
from test_http_framing import (a_canned_origin, a_server,  # noqa: F401
                               nginx_before_the_origin,
                               nginx_before_the_server)

TAKEN, REFUSED = True, False


def get(*fields, line=b"GET / HTTP/1.1", host=HOST):
    return line + b"\r\n" + host + b"".join(f + b"\r\n" for f in fields) + \
        b"\r\n"


REQUESTS = {
    # lengths
    "length twice the same": (post(CL5, CL5, body=b"hello"), REFUSED),
    "length empty": (post(b"Content-Length:", body=b""), REFUSED),
    "length minus": (post(b"Content-Length: -5", body=b"hello"), REFUSED),
    "length hex": (post(b"Content-Length: 0x5", body=b"hello"), REFUSED),
    "length with a point": (post(b"Content-Length: 5.0", body=b"hello"),
                            REFUSED),
    "length of 2^64+5": (post(b"Content-Length: 18446744073709551621",
                              body=b"hello"), REFUSED),
    "length and a tab": (post(b"Content-Length:\t5\t", body=b"hello"), TAKEN),
    "length and a form feed": (post(b"Content-Length: \x0c5", body=b"hello"),
                               REFUSED),
    "length with an underscore": (post(b"Content-Length: 1_0",
                                       body=b"0123456789"), REFUSED),
    "length in other digits": (post("Content-Length: ٥".encode(),
                                    body=b"hello"), REFUSED),
    "length by another name": (post(b"Content_Length: 5", body=b""), TAKEN),
    "length behind a NUL": (post(b"X: a\0", CL5, body=b"hello"), REFUSED),
    # codings
    "coding twice": (post(TE, TE, body=CHUNKS), REFUSED),
    "coding list twice": (post(b"Transfer-Encoding: chunked, chunked",
                               body=CHUNKS), REFUSED),
    "coding identity": (post(b"Transfer-Encoding: identity", CL5,
                             body=b"hello"), REFUSED),
    "coding not last": (post(b"Transfer-Encoding: chunked, gzip",
                             body=CHUNKS), REFUSED),
    "coding in quotes": (post(b'Transfer-Encoding: "chunked"', body=CHUNKS),
                         REFUSED),
    "coding with a parameter": (post(b"Transfer-Encoding: chunked;q=1",
                                     body=CHUNKS), REFUSED),
    "coding with a comma": (post(b"Transfer-Encoding: chunked,", body=CHUNKS),
                            REFUSED),
    "coding empty": (post(b"Transfer-Encoding:", CL5, body=b"hello"), REFUSED),
    # chunks
    "chunk with a minus": (post(TE, body=b"-5\r\nhello\r\n0\r\n\r\n"), REFUSED),
    "chunk with an underscore": (post(TE, body=b"1_0\r\n" + bytes(16)
                                      + b"\r\n0\r\n\r\n"), REFUSED),
    "chunk without a size": (post(TE, body=b"\r\n0\r\n\r\n"), REFUSED),
    "chunk with LF behind": (post(TE, body=b"5\r\nhello\n0\r\n\r\n"), REFUSED),
    "chunk with too much": (post(TE, body=b"5\r\nhello!\r\n0\r\n\r\n"),
                            REFUSED),
    "chunk extension with LF": (post(TE, body=b"5;a\nhello\r\n0\r\n\r\n"),
                                REFUSED),
    "chunk extension with CR": (post(TE, body=b"5;a\rb\r\nhello\r\n0\r\n\r\n"),
                                REFUSED),
    "trailer that is a length": (post(TE, body=b"5\r\nhello\r\n0\r\n" + CL5
                                      + b"\r\n\r\n"), REFUSED),
    "trailer with LF": (post(TE, body=b"5\r\nhello\r\n0\r\nX: y\n\r\n"),
                        REFUSED),
    # lines
    "blank in front": (b" " + get(), REFUSED),
    "two blanks": (get(line=b"GET  / HTTP/1.1"), REFUSED),
    "tab between": (get(line=b"GET\t/\tHTTP/1.1"), REFUSED),
    "blank at the end": (get(line=b"GET / HTTP/1.1 "), REFUSED),
    "no version": (b"GET /\r\n", REFUSED),
    "version in small letters": (get(line=b"GET / http/1.1"), REFUSED),
    "version 1.10": (get(line=b"GET / HTTP/1.10"), REFUSED),
    "version 2.0": (get(line=b"GET / HTTP/2.0"), REFUSED),
    "method in small letters": (get(line=b"get / HTTP/1.1"), TAKEN),
    "method with a colon": (get(line=b"GE:T / HTTP/1.1"), REFUSED),
    "bare CR in a field": (get(b"X: a\rb"), REFUSED),
    "bare CR ends a line": (b"GET / HTTP/1.1\rHost: a\r\n\r\n", REFUSED),
    "LF ends one field": (b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", REFUSED),
    "field without a name": (get(b": b"), REFUSED),
    "field without a colon": (get(b"X"), REFUSED),
    "first field folded": (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", REFUSED),
    "field name with a blank": (get(b"X Y: b"), REFUSED),
    "field value in Latin-1": (get(b"X: caf\xe9"), TAKEN),
    # hosts
    "no host": (get(host=b""), REFUSED),
    "two hosts": (get(b"Host: b"), REFUSED),
    "host with a user": (get(host=b"Host: a@b\r\n"), REFUSED),
    "host with a path": (get(host=b"Host: a/b\r\n"), REFUSED),
    "host with a comma": (get(host=b"Host: a, b\r\n"), REFUSED),
    "fragment": (get(line=b"GET /#a HTTP/1.1"), REFUSED),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_odd_requests(build, name, request):
    server = request.getfixturevalue("server")
    reader = request.getfixturevalue("reader")
    data, taken = REQUESTS[name]
    expected, last = requests_of_ours(build, data + END)
    assert (last == "close") == taken, last
    if not taken:
        return
    assert len(expected) == 2
    all_are_read(reader.port, server, data + END, expected)
    if b"unked" not in data:
        assert all_are_read(server.port, server, data + END, expected)


RESPONSES = {
    "length twice the same": (answer(CL5, CL5, body=b"hello"), REFUSED),
    "length in a list": (answer(b"Content-Length: 5, 5", body=b"hello"),
                         REFUSED),
    "length and chunks": (answer(CL5, TE, body=CHUNKS), REFUSED),
    "length too long": (answer(b"Content-Length: 99", body=b"hello"), REFUSED),
    "length plus": (answer(b"Content-Length: +5", body=b"hello"), REFUSED),
    "coding unknown": (answer(b"Transfer-Encoding: gzip", body=b"hello"),
                       REFUSED),
    "coding twice": (answer(TE, TE, body=CHUNKS), REFUSED),
    "coding of an old one": (answer(TE, body=CHUNKS, line=b"HTTP/1.0 200 OK"),
                             REFUSED),
    "chunks without an end": (answer(TE, body=b"5\r\nhello\r\n"), REFUSED),
    "chunk in quotes": (answer(TE, body=b'"5"\r\nhello\r\n0\r\n\r\n'), REFUSED),
    "204 with a length": (answer(CL5, line=b"HTTP/1.1 204 No Content",
                                 body=b"hello"), TAKEN),  # without it
    "204 with chunks": (answer(TE, line=b"HTTP/1.1 204 No Content"), TAKEN),
    "status of two digits": (answer(CL5, line=b"HTTP/1.1 20 OK",
                                    body=b"hello"), REFUSED),
    "status of four digits": (answer(CL5, line=b"HTTP/1.1 2000 OK",
                                     body=b"hello"), REFUSED),
    "status with a plus": (answer(CL5, line=b"HTTP/1.1 +20 OK",
                                  body=b"hello"), REFUSED),
    "version 2": (answer(CL5, line=b"HTTP/2 200 OK", body=b"hello"), REFUSED),
    "ICY": (answer(CL5, line=b"ICY 200 OK", body=b"hello"), REFUSED),
    "LF alone": (b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", REFUSED),
    "folded": (answer(b"X: a", b" b", CL5, body=b"hello"), REFUSED),
    "blank before the colon": (answer(b"Content-Length : 5", body=b"hello"),
                               REFUSED),
    "NUL": (answer(b"X: a\0b", CL5, body=b"hello"), REFUSED),
    "reason in Latin-1": (answer(CL5, line=b"HTTP/1.1 200 Gr\xfc\xdfe",
                                 body=b"hello"), TAKEN),
    "no fields at all": (b"HTTP/1.1 200 OK\r\n\r\nhello", TAKEN),
    "an early answer before it": (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                                  + answer(CL5, body=b"hello"), TAKEN),
}


@pytest.mark.parametrize("name", RESPONSES)
def test_odd_responses(build, name, request):
    canned = request.getfixturevalue("canned")
    relay = request.getfixturevalue("relay")
    data, taken = RESPONSES[name]
    expected = expected_of(build, data)
    assert (expected is not None) == taken, expected
    canned.data = data
    if not taken:
        return
    for port in (canned.port, relay.port):
        got = python_reads(port)
        assert got is None or got[0] in (502, 103) or got == expected
