"""A virus under every content coding, in every wrapping, up and down: refused
in each, and its clean twin arrives byte for byte."""

import base64
import gzip
import os
import urllib.parse
import zlib

import corpus
import pytest
from http_cells import CODINGS, WAYS, WRAPPINGS, coded, form, raw_deflate, tar_gz, twins
from peers.common import until
from peers.origin import Origin, answer
from peers.sallyport import Sallyport
from peers.web import Raw, curl, web_listener, web_port

pytestmark = pytest.mark.core


@pytest.fixture(scope="module", name="web")
def one_for_all(build, module_cleanly):
    gw = Sallyport(build, web_listener())
    module_cleanly(gw)
    with open(f"{gw.dir}/db/test.ndb", "w", encoding="ascii") as f:
        f.write(corpus.signatures())
    yield gw.start()
    assert not gw.errors(), gw.errors()


@pytest.fixture(scope="module", name="origin")
def one_origin(module_cleanly):
    o = Origin()
    module_cleanly(o)
    return o.start()


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("way", WAYS)
def test_downloads(web, origin, way, wrapping):
    coding, words, framing = WAYS[way]
    bad, good = (coded(data, words) for data in twins(wrapping))
    origin.answers["/bad"] = answer(bad, framing=framing, coding=coding)
    origin.answers["/good"] = answer(good, framing=framing, coding=coding)
    with Raw(web_port(web)) as c:
        got = c.ask("GET", origin.url("/bad"))
        assert got.status == 403, (way, wrapping)
        event = web.event_of(got.body.decode())
        assert event["sallyport.because.what"].startswith("Test.marker")

        got = c.ask("GET", origin.url("/good"))
        assert (got.status, got.body) == (200, good)
        assert got.fields.get("content-encoding") == coding


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("way", WAYS)
def test_in_two_halves_and_resumed(web, origin, way, wrapping):
    """Each part by a client of its own; a virus lies in neither half."""
    coding, words, framing = WAYS[way]
    for data, bad in zip((coded(d, words) for d in twins(wrapping)),
                         (True, False)):
        tag = f'"{way}.{wrapping}.{bad}"'
        origin.answers["/a"] = answer(data, framing=framing, coding=coding,
                                      fields=[f"ETag: {tag}"])
        half = len(data) // 2
        for first, last, fields in ((0, half - 1, []), (half, "", []),
                                    (9, "", [f"If-Range: {tag}"])):
            with Raw(web_port(web)) as c:
                got = c.ask("GET", origin.url(f"/a?{way}.{wrapping}.{bad}"),
                            [f"Range: bytes={first}-{last}", *fields])
            assert got.status == (403 if bad else 206)
            if not bad:
                upto = len(data) if last == "" else last + 1
                assert got.body == data[first:upto]
                assert got.fields.get("content-encoding") == coding


# A request's body does not end with its connection: there is no such cell.
@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("way", [w for w in WAYS if w != "close"])
def test_uploads(web, origin, way, wrapping):
    coding, words, framing = WAYS[way]
    origin.answers["/up"] = answer(b"thanks")
    for method in ("PUT", "POST"):
        for data, status in zip(twins(wrapping), (403, 200)):
            fields = [f"Content-Encoding: {coding}"] if coding else []
            if method == "POST":
                kind, data = form(data)
                fields.append(f"Content-Type: {kind}")
            data = coded(data, words)
            body = data
            if framing == "chunked":
                fields.append("Transfer-Encoding: chunked")
                body = (b"%x\r\n" % len(data)) + data + b"\r\n0\r\n\r\n"
            else:
                fields.append(f"Content-Length: {len(data)}")
            before = len(origin.asked)
            with Raw(web_port(web)) as c:
                got = c.ask(method, origin.url("/up"), fields, body)
            assert got.status == status, (method, way, wrapping, got.body)
            if status == 403:
                assert len(origin.asked) == before
            else:
                assert origin.asked[-1].body == data
                assert origin.asked[-1].get("content-encoding") == coding


def test_the_parts_of_a_form_have_their_names(web, origin):
    kind, body = form(tar_gz(corpus.marker()))

    got = curl(web_port(web), origin.url("/up"), "-H", f"Content-Type: {kind}",
               "--data-binary", "@-", stdin=body)

    assert got.status == 403
    where = web.event_of(got.body.decode())["sallyport.because.where"]
    assert where.startswith("up/x.bin/"), where
    assert where.endswith(corpus.INNER), where


@pytest.mark.parametrize("prefix", [b"", b"data:application/zip;base64,"])
def test_a_field_with_a_file_in_base64(web, origin, prefix):
    text = prefix + base64.b64encode(corpus.zipped(corpus.marker()))
    kind, body = form(text)

    got = curl(web_port(web), origin.url("/up"), "-H", f"Content-Type: {kind}",
               "--data-binary", "@-", stdin=body)

    assert got.status == 403


@pytest.mark.parametrize("way", ["base64", "url-safe", "plus", "escaped"])
def test_a_field_of_a_form_of_fields(web, origin, way):
    """What curl and browsers send where no file is chosen, but one is in it."""
    bad, good = (corpus.zipped(data) for data in twins("raw"))

    def value(data):
        text = base64.b64encode(data).decode()
        return {"base64": urllib.parse.quote(text, safe=""),
                "url-safe": text.translate(str.maketrans("+/", "-_")),
                "plus": text,       # as those do who forget about it
                "escaped": urllib.parse.quote_from_bytes(data)}[way]

    def send(data):
        with Raw(web_port(web)) as c:
            body = f"a=1&file+name={value(data)}&b=2".encode()
            return c.ask("POST", origin.url("/up"), [
                "Content-Type: application/x-www-form-urlencoded; charset=x",
                f"Content-Length: {len(body)}"], body)

    origin.answers["/up"] = answer(b"thanks")
    got = send(bad)
    assert got.status == 403
    where = web.event_of(got.body.decode())["sallyport.because.where"]
    assert where.startswith("up/file name/"), where
    assert where.endswith(corpus.INNER), where
    assert send(good).status == 200


def test_what_is_no_form_whatever_its_type_says(web, origin):
    """curl --data-binary calls everything a form; cut at each "&" this would be
    more fields than [scan] max_members allows."""
    body = bytes(range(256)) * 16384
    origin.answers["/up"] = answer(b"thanks")

    got = curl(web_port(web), origin.url("/up"), "--data-binary", "@-",
               stdin=body)

    assert got.status == 200
    assert origin.asked[-1].body == body


# ---- what clients could read otherwise --------------------------------------------


def test_the_same_bytes_are_another_thing_under_another_coding(web, origin):
    """The verdict cache must not mix them up."""
    data = raw_deflate(corpus.marker())
    origin.answers["/plain"] = answer(data)
    origin.answers["/coded"] = answer(data, coding="deflate")
    with Raw(web_port(web)) as c:
        assert c.ask("GET", origin.url("/plain")).status == 200
        assert c.ask("GET", origin.url("/coded")).status == 403
        assert c.ask("GET", origin.url("/plain")).status == 200


def test_several_members_of_gzip_are_all_read(web, origin):
    data = gzip.compress(b"harmless") + gzip.compress(corpus.marker())
    good = gzip.compress(b"harmless") + gzip.compress(b"as well")
    origin.answers["/a"] = answer(data, coding="gzip")
    origin.answers["/b"] = answer(good, coding="gzip")
    with Raw(web_port(web)) as c:
        assert c.ask("GET", origin.url("/a")).status == 403
        got = c.ask("GET", origin.url("/b"))
        assert (got.status, got.body) == (200, good)
    until("the finding", lambda: any(
        e["url.original"] == origin.url("/b")
        and e.get("sallyport.verdict") == "ambiguous" for e in web.events()))


@pytest.mark.parametrize("way", ["gzip", "zstd"])
@pytest.mark.parametrize("virus_is", [0, 1])
def test_whichever_member_a_reader_stops_at(web, origin, way, virus_is):
    """Some decode the first and leave the rest: nobody may miss the virus."""
    parts = [CODINGS[way](b"harmless"), CODINGS[way](b"harmless")]
    parts[virus_is] = CODINGS[way](corpus.marker())
    origin.answers["/a"] = answer(b"".join(parts), coding=way)
    with Raw(web_port(web)) as c:
        assert c.ask("GET", origin.url("/a")).status == 403


@pytest.mark.parametrize("behind", [True, False])
def test_a_virus_where_a_strict_reader_stops(web, origin, behind):
    """Bytes behind the end, and an end that is not there."""
    data = gzip.compress(b"harmless") + corpus.marker()
    if not behind:
        data = gzip.compress(corpus.marker())[:-8]
    origin.answers["/a"] = answer(data, coding="gzip")
    with Raw(web_port(web)) as c:
        got = c.ask("GET", origin.url("/a"))
    assert got.status == 403
    web.event_of(got.body.decode())


GOOD = b"nothing to see here. " * 50
BROKEN = {
    "behind": (gzip.compress(GOOD) + b"more", "gzip"),
    "size": (gzip.compress(GOOD)[:-4] + bytes(4), "gzip"),
    "checksum": (gzip.compress(GOOD)[:-8] + bytes(8), "gzip"),
    "short": (gzip.compress(GOOD)[:-9], "gzip"),
    "no-gzip": (GOOD, "gzip"),
    "no-br": (b"\xff" * 99, "br"),
    "br-behind": (CODINGS["br"](GOOD) + b"more", "br"),
    "no-zstd": (GOOD, "zstd"),
    "zstd-short": (CODINGS["zstd"](GOOD)[:-3], "zstd"),
    "zstd-behind": (CODINGS["zstd"](GOOD) + b"more", "zstd"),
    "zstd-checksum": (CODINGS["zstd"](GOOD)[:-4] + bytes(4), "zstd"),
    "deflate-behind": (zlib.compress(GOOD) + b"more", "deflate"),
    "deflate-checksum": (zlib.compress(GOOD)[:-4] + bytes(4), "deflate"),
    "raw-behind": (raw_deflate(GOOD) + b"more", "deflate"),
    "raw-short": (raw_deflate(GOOD)[:-9], "deflate"),
    "no-deflate": (b"\xff" * 99, "deflate"),
    "unknown": (GOOD, "compress"),
    "unknown-in-list": (gzip.compress(GOOD), "sdch, gzip"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_cannot_be_decoded_is_malformed(web, origin, kind):
    data, coding = BROKEN[kind]
    origin.answers["/a"] = answer(data, coding=coding)
    with Raw(web_port(web)) as c:
        got = c.ask("GET", origin.url("/a"))
    assert got.status == 403
    assert web.event_of(got.body.decode())["sallyport.verdict"] == "malformed"


def test_too_many_codings_are_a_limit(web, origin):
    data = coded(GOOD, ["gzip"] * 5)
    origin.answers["/a"] = answer(data, coding=", ".join(["gzip"] * 5))
    with Raw(web_port(web)) as c:
        got = c.ask("GET", origin.url("/a"))
    assert got.status == 403
    assert web.event_of(got.body.decode())["sallyport.verdict"] == "limit"


def test_a_bomb_is_a_limit(gateway, origin):
    gw = gateway({**web_listener(), "scan": {"max_unpacked_size": "10M"}})
    origin.answers["/a"] = answer(gzip.compress(bytes(64 << 20)),
                                  coding="gzip")
    with Raw(web_port(gw)) as c:
        got = c.ask("GET", origin.url("/a"))
    assert got.status == 403
    assert gw.event_of(got.body.decode())["sallyport.verdict"] == "limit"


def test_an_empty_body_with_a_coding_is_empty(web, origin):
    origin.answers["/a"] = answer(b"", coding="gzip")
    origin.answers["/b"] = answer(b"", coding="gzip", framing="chunked")
    with Raw(web_port(web)) as c:
        assert c.ask("GET", origin.url("/a")).status == 200
        assert c.ask("GET", origin.url("/b")).status == 200


def test_curl_decodes_what_arrives(web, origin):
    for coding in ("gzip", "deflate", "br", "zstd"):
        origin.answers["/a"] = answer(CODINGS[coding](GOOD), coding=coding)
        got = curl(web_port(web), origin.url("/a"), "--compressed")
        assert got.body == GOOD


def test_the_same_object_is_scanned_once(web, origin):
    """For all who fetch it, whatever it is called; another coding is another
    object."""
    data = gzip.compress(os.urandom(5000))
    for path, coding in (("/one", "gzip"), ("/other", "gzip"), ("/third", None)):
        origin.answers[path] = answer(data, coding=coding)
        with Raw(web_port(web)) as c:
            assert c.ask("GET", origin.url(path)).body == data
    said = [web.events(event__action="decision", url__original=origin.url(p))
            for p in ("/one", "/other", "/third")]
    assert [e[0]["sallyport.cached"] for e in said] == [False, True, False]
    assert len({e[0]["file.hash.sha256"] for e in said}) == 1
