"""The cells of the table of the web: how a body is coded and framed, and what
it is wrapped in.  Each has a bad one and its good twin."""

import gzip
import io
import os
import subprocess
import tarfile
import zlib

import corpus
from peers.sallyport import Sallyport
from peers.web import web_listener


def raw_deflate(data):
    c = zlib.compressobj(9, zlib.DEFLATED, -15)
    return c.compress(data) + c.flush()


def tool(*words):
    def run(data):
        return subprocess.run(words, input=data, capture_output=True,
                              check=True).stdout
    return run


CODINGS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "raw": raw_deflate,
    "br": tool("brotli", "-c"),
    "zstd": tool("zstd", "-c", "-q"),
}

# What stands in Content-Encoding, how the bytes come to be, how they travel.
WAYS = {
    "identity": (None, [], "length"),
    "chunked": (None, [], "chunked"),
    "close": (None, [], "close"),
    "gzip": ("gzip", ["gzip"], "length"),
    "x-gzip": ("X-GZip", ["gzip"], "chunked"),
    "deflate": ("deflate", ["deflate"], "length"),
    "raw": ("deflate", ["raw"], "close"),
    "br": ("br", ["br"], "length"),
    "zstd": ("zstd", ["zstd"], "chunked"),
    "stacked": ("deflate, gzip", ["deflate", "gzip"], "length"),
    "three": ("gzip, identity, br, zstd", ["gzip", "br", "zstd"], "chunked"),
}


def tar_gz(data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as t:
        info = tarfile.TarInfo(corpus.INNER)
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
    return out.getvalue()


WRAPPINGS = {
    "raw": lambda data: data,
    "zip": corpus.zipped,
    "nested": lambda data: corpus.zip_nested(data, 3),
    "tar.gz": tar_gz,
}


def coded(data, words):
    for word in words:
        data = CODINGS[word](data)
    return data


def twins(wrapping):
    """(bad, good): the same but for what is inside."""
    bad = corpus.marker()
    return (WRAPPINGS[wrapping](bad),
            WRAPPINGS[wrapping](bad.replace(b"marker", b"harmless")))


def form(data):
    boundary = "----" + os.urandom(8).hex()
    head = (f"--{boundary}\r\nContent-Disposition: form-data; name=\"note\""
            f"\r\n\r\nhello\r\n--{boundary}\r\nContent-Disposition: form-data;"
            " name=\"f\"; filename=\"x.bin\"\r\n"
            "Content-Type: application/octet-stream\r\n\r\n")
    return (f"multipart/form-data; boundary={boundary}",
            head.encode() + data + f"\r\n--{boundary}--\r\n".encode())


def knowing(build, cleanly, **listener):
    """A web gateway that knows the marker of the corpus: for a fixture."""
    gw = Sallyport(build, web_listener(**listener))
    cleanly(gw)
    with open(f"{gw.dir}/db/test.ndb", "w", encoding="ascii") as f:
        f.write(corpus.signatures())
    yield gw.start()
    assert not gw.errors(), gw.errors()
