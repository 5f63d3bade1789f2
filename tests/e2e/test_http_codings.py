"""A virus under every content coding, in every wrapping, up and down: refused
in each, and its clean twin arrives byte for byte."""

import base64
import gzip
import hashlib
import os
import urllib.parse
import uuid
import zlib

import corpus
import pytest
from http_cells import (CODINGS, WAYS, WRAPPINGS, coded, form, knowing, raw_deflate,
                        tar_gz, twins)
from peers.common import until
from peers.origin import Origin, answer
from peers.web import Raw, curl, web_listener, web_port

pytestmark = pytest.mark.core


@pytest.fixture(scope="module", name="web")
def one_for_all(build, module_cleanly):
    yield from knowing(build, module_cleanly)


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


def post_fields(web, origin, body, path="/up"):
    origin.answers[path] = answer(b"thanks")
    with Raw(web_port(web)) as c:
        return c.ask("POST", origin.url(path), [
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(body)}"], body)


def members_of(web, url):
    """How many contents were looked at in the first body that went there; the
    decision behind it is the answer's."""
    def said():
        return web.events(event__action="decision", url__original=url)

    until("the decision", said)
    return said()[0]["sallyport.members"]


def found_in_fields(web, origin, body):
    """Where in the body the virus was."""
    got = post_fields(web, origin, body)
    assert got.status == 403, body[:80]
    return web.event_of(got.body.decode())["sallyport.because.where"]


@pytest.mark.parametrize("raw", [b"[", b'"', "\u00e9".encode(), b"\xff", b"\0",
                                 b" "])
def test_raw_bytes_of_a_field_switch_none_off(web, origin, raw):
    """Neither in another field nor in its name, nor among escapes."""
    data = corpus.zipped(corpus.marker())
    text = urllib.parse.quote(base64.b64encode(data), safe="").encode()
    escaped = "".join(f"%{c:02x}" for c in data).encode()

    for body in (b"a=" + raw * 30 + b"&file=" + text,
                 raw * 30 + b"=1&file=" + text + b"&b=" + raw,
                 b"file=" + escaped + raw):
        assert found_in_fields(web, origin, body).startswith("up/file/"), body
    found_in_fields(web, origin, b"file" + raw + b"=" + text)


@pytest.mark.parametrize("behind", [0, 1, 2])
@pytest.mark.parametrize("form_of", ["%s", "a=1&%s", "%s=1", "%s=1&a=1"])
def test_a_file_where_the_name_stands(web, origin, form_of, behind):
    """curl -d "$(base64 -w0 file)": what comes first is a "=" of base64."""
    zips = (corpus.zipped(corpus.marker()) + bytes(n) for n in range(3))
    data = next(z for z in zips if len(z) % 3 == behind)
    body = form_of.encode() % base64.b64encode(data)

    assert found_in_fields(web, origin, body).endswith(corpus.INNER)


def test_a_file_whose_escapes_stand_in_the_name(web, origin):
    escaped = urllib.parse.quote_from_bytes(corpus.zipped(corpus.marker()))

    where = found_in_fields(web, origin, f"{escaped}=1".encode())

    assert where.endswith(corpus.INNER)


def test_a_field_that_only_a_plus_changes(web, origin):
    """A blank in the signature; and the length remains the same."""
    body = b"a=1&text=" + corpus.MARK.strip().replace(b" ", b"+") + b"+"

    assert found_in_fields(web, origin, body) == "up/text"


FIELDS = {
    "guid": lambda n: str(uuid.UUID(int=n * 0x9e3779b97f4a7c15f39cc0605cedc834
                                    % (1 << 128))),
    "hyphens": lambda n: f"a-text_that-is-hyphenated-{n:05}",
    "hash": lambda n: hashlib.sha256(b"%d" % n).hexdigest(),
    "escapes": lambda n: f"some+text%2C+no.+{n}%0D%0A%C3%BC%C3%B6%FC",
}


@pytest.mark.parametrize("kind", FIELDS)
def test_a_form_of_very_many_fields(web, origin, kind):
    """More than [scan] max_members, and a virus in the last is still found."""
    body = "&".join(f"f{n}={FIELDS[kind](n)}" for n in range(12000)).encode()
    file = base64.urlsafe_b64encode(corpus.zipped(corpus.marker()))

    assert post_fields(web, origin, body).status == 200
    where = found_in_fields(web, origin, body + b"&file=" + file)
    assert where == f"up/file/base64/{corpus.INNER}"


@pytest.mark.parametrize("text,members", [
    (b"well-known.text,with-marks.in-it,and_so-on", 1),
    (b"nearly-base64=_of-that_other=-alphabet==-", 1),
    (b"all-of-it-in_that_other_alphabet", 2),
])
def test_only_what_is_base64_is_decoded(web, origin, text, members):
    path = f"/{text.decode()}"
    assert post_fields(web, origin, b"a=" + text, path).status == 200
    assert members_of(web, origin.url(path)) == members


def test_too_many_fields_are_a_limit(gateway, origin):
    gw = gateway({**web_listener(), "scan": {"max_members": "100"}})
    body = b"&".join(b"a%%2Ctext=with%%20escapes,%%20number%%20%d" % n
                     for n in range(12000))

    got = post_fields(gw, origin, body)

    assert got.status == 403
    assert gw.event_of(got.body.decode())["sallyport.verdict"] == "limit"


BINARIES = {
    "all-bytes": lambda: bytes(range(256)) * 16384,
    "random": lambda: os.urandom(4 << 20),
}


@pytest.mark.parametrize("kind", BINARIES)
def test_what_is_no_form_whatever_its_type_says(web, origin, kind):
    """curl --data-binary calls everything a form; cut at each "&" this would be
    more fields than [scan] max_members allows."""
    body = BINARIES[kind]()
    origin.answers[f"/{kind}"] = answer(b"thanks")

    got = curl(web_port(web), origin.url(f"/{kind}"), "--data-binary", "@-",
               stdin=body)

    assert got.status == 200
    assert origin.asked[-1].body == body
    assert members_of(web, origin.url(f"/{kind}")) == 1


def test_a_program_that_is_no_form_whatever_its_type_says(web, origin):
    """Printable, and cut at each "&&" some 12,000 fields; they are no files."""
    body = "".join(f"if(a[{n}]&&b+{n}<c.length){{return'some+text%2C'}}\n"
                   for n in range(12000))

    assert post_fields(web, origin, body.encode()).status == 200


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
