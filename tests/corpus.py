"""Containers: a payload in every wrapping that a scanner has to open.

Made when they are needed, by the standard library and the archivers that
scripts/setup installs.  Nothing that a virus scanner knows stands in here.
"""

import base64
import bz2
import contextlib
import gzip
import io
import lzma
import os
import pathlib
import struct
import subprocess
import tarfile
import tempfile
import zipfile
import zlib

from corpus_mail import eicar

INNER = "x.com"
PASSWORD = "-psecret"

# Found only where it was unpacked: packed, only the first word of it stands
# there literally.
MARK = b"Sallyport marker. " * 8


def marker():
    return (MARK + b"\r\n") * 40


PAYLOADS = {"eicar": eicar, "marker": marker}


def signatures():
    """Body signatures for both payloads, as lines of an .ndb."""
    return "".join(f"Test.{name}:0:*:{data.hex()}\n" for name, data in
                   (("eicar", eicar()), ("marker", MARK)))


# ---- by tools -----------------------------------------------------------------


def run(folder, *words, stdin=None):
    done = subprocess.run([str(w) for w in words], cwd=folder, input=stdin,
                          capture_output=True, check=False)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


@contextlib.contextmanager
def with_payload(payload):
    with tempfile.TemporaryDirectory(prefix="corpus.") as folder:
        path = pathlib.Path(folder)
        (path / INNER).write_bytes(payload)
        yield path


def by_tool(payload, out, *words):
    """What a tool that is told to write `out` made of the payload."""
    with with_payload(payload) as folder:
        run(folder, *words)
        return (folder / out).read_bytes()


def by_7z(payload, kind, *options):
    return by_tool(payload, f"out.{kind}", "7z", "a", f"-t{kind}", *options,
                   f"out.{kind}", INNER)


def by_filter(payload, *words):
    return run("/", *words, stdin=payload)


def by_cpio(payload, form):
    with with_payload(payload) as folder:
        return run(folder, "cpio", "-o", "-H", form, stdin=INNER.encode())


def tar(payload):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as t:
        info = tarfile.TarInfo(INNER)
        info.size = len(payload)
        t.addfile(info, io.BytesIO(payload))
    return out.getvalue()


def zipped(payload, method=zipfile.ZIP_DEFLATED, name=INNER):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        z.writestr(name, payload)
    return out.getvalue()


def zip64(payload):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        with z.open(zipfile.ZipInfo(INNER), "w", force_zip64=True) as f:
            f.write(payload)
    return out.getvalue()


def zip_two_methods(payload):
    """The engine reads the first, only libarchive the second."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("clean.txt", b"nothing to see here\n" * 20,
                   zipfile.ZIP_DEFLATED)
        z.writestr(INNER, payload, zipfile.ZIP_LZMA)
    return out.getvalue()


def zips_in_a_row(*payloads):
    """Of these each reader of zips sees another one."""
    return b"".join(zipped(data, name=INNER if i == 0 else f"{i}.txt")
                    for i, data in enumerate(payloads))


def zip_with_another_end(payload):
    """The directory of the comment, which is last, lists nothing."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(INNER, payload)
        z.comment = b"PK\5\6" + bytes(18)
    return out.getvalue()


def zip_with_a_member_apart(payload):
    """Behind what its directory lists, before the directory."""
    one, other = zipped(b"harmless\n" * 20, name="1.txt"), zipped(payload)
    at = one.index(b"PK\1\2")
    apart = other[:other.index(b"PK\1\2")]
    end = one.index(b"PK\5\6")
    return one[:at] + apart + one[at:end + 16] + \
        (at + len(apart)).to_bytes(4, "little") + one[end + 20:]


def zip_that_lies_about_a_size(payload):
    """What its directory says it is long hides another member in it, and the
    data of the first one say by themselves where they end."""
    first, other = b"harmless\n" * 20, zipped(payload)
    packed = zlib.compress(first, wbits=-15)
    apart = other[:other.index(b"PK\1\2")]
    head = struct.pack("<HHHHHIIIHH", 20, 8, 8, 0, 0, 0, 0, 0, 5, 0)
    local = b"PK\3\4" + head + b"1.txt" + packed + b"PK\7\x08" + \
        struct.pack("<III", zlib.crc32(first), len(packed), len(first))
    central = b"PK\1\2" + struct.pack(
        "<HHHHHHIIIHHHHHII", 20, 20, 8, 8, 0, 0, zlib.crc32(first),
        len(local + apart) - 35, len(first), 5, 0, 0, 0, 0, 0, 0) + b"1.txt"
    return local + apart + central + b"PK\5\6" + struct.pack(
        "<HHHHIIH", 0, 0, 1, 1, len(central), len(local + apart), 0)


def zip_with_other_heads(payload):
    """Its directory says deflated, the member's own head three bytes."""
    data = bytearray(zipped(payload))
    data[8:10] = bytes(2)
    data[14:26] = struct.pack("<III", zlib.crc32(data[35:38]), 3, 3)
    return bytes(data)


def zip_with_a_bad_head(payload):
    """Libarchive goes no further than a head whose extra field lies."""
    bad = b"PK\3\4" + struct.pack(
        "<HHHHHIIIHH", 20, 0, 0, 0, 0, 0, 1, 1, 1, 3) + b"x\1\0\x20d"
    return bad + zips_in_a_row(payload, b"harmless\n")


def zip_to_a_pipe(payload):
    """As Info-ZIP writes it: a large directory with numbers that fit."""
    data = zipped(payload)
    end = data.rindex(b"PK\5\6")
    size, at = struct.unpack("<II", data[end + 12:end + 20])
    return data[:end] + b"PK\6\6" + struct.pack(
        "<QHHIIQQQQ", 44, 45, 45, 0, 0, 1, 1, size, at) + b"PK\6\7" + \
        struct.pack("<IQI", 0, end, 1) + data[end:]


def zip_aligned(payload):
    """As zipalign pads it: a head of nothing before the directory."""
    data, filler = zipped(payload), b"PK\3\4" + bytes(26)
    central, end = data.rindex(b"PK\1\2"), data.rindex(b"PK\5\6")
    return data[:central] + filler + data[central:end + 16] + \
        (central + len(filler)).to_bytes(4, "little") + data[end + 20:]


def zip_of_zips(n):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for i in range(n):
            z.writestr(f"{i}.docx", zipped(b"harmless\n", name=INNER))
    return out.getvalue()


def document_with_zips(n, last=b""):
    """They lie in it in pieces: some look broken."""
    zips = [zipped(os.urandom(600)) for _ in range(n)]
    cut = [z[:512] + bytes(512) + z[512:] for z in zips]
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + \
        b"".join(z + bytes(-len(z) % 512) for z in cut) + last


def zip_nested(payload, depth):
    for level in range(depth):
        payload = zipped(payload, name=INNER if level == 0 else f"{level}.zip")
    return payload


def tar_base256(payload):
    """The size in binary, as GNU tar writes large ones."""
    data = bytearray(tar(payload))
    data[124:136] = b"\x80" + len(payload).to_bytes(11, "big")
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    return bytes(data)


def deb(payload):
    with with_payload(payload) as folder:
        (folder / "debian-binary").write_text("2.0\n")
        (folder / "data.tar.zst").write_bytes(
            by_filter(tar(payload), "zstd", "-c"))
        run(folder, "ar", "rc", "x.deb", "debian-binary", "data.tar.zst")
        return (folder / "x.deb").read_bytes()


def page(payload):
    """A page with an address that is the thing itself (RFC 2397)."""
    return (b'<html><body><img src="data:image/png;base64,%s"></body></html>'
            % base64.b64encode(payload))


def warc(payload):
    return (b"WARC/1.0\r\nWARC-Type: resource\r\n"
            b"WARC-Target-URI: file:///x.com\r\n"
            b"WARC-Date: 2026-11-02T10:00:00Z\r\n"
            b"WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-000000000000>"
            b"\r\nContent-Type: application/octet-stream\r\n"
            b"Content-Length: %d\r\n\r\n%s\r\n\r\n" % (len(payload), payload))


def rpm(payload):
    """A lead, two headers without entries, and a compressed cpio."""
    head = b"\x8e\xad\xe8\x01" + bytes(12)
    return (b"\xed\xab\xee\xdb\x03\x00" + bytes(90) + head + head
            + gzip.compress(by_cpio(payload, "newc"), mtime=0))


def vint(n):
    out = b""
    while n > 0x7f:
        out += bytes([n & 0x7f | 0x80])
        n >>= 7
    return out + bytes([n])


def rar5_block(fields, data=b""):
    body = vint(len(fields)) + fields
    return struct.pack("<I", zlib.crc32(body)) + body + data


RAR5 = b"Rar!\x1a\x07\x01\x00"


def rar5(payload):
    """Stored: nothing in Debian's main packs a RAR."""
    name = INNER.encode()
    fields = (vint(2) + vint(2) + vint(len(payload)) + vint(4)
              + vint(len(payload)) + vint(0o644)
              + struct.pack("<I", zlib.crc32(payload)) + vint(0) + vint(1)
              + vint(len(name)) + name)
    return (RAR5 + rar5_block(vint(1) + vint(0) + vint(0))
            + rar5_block(fields, payload) + rar5_block(vint(5) + vint(0)
                                                       + vint(0)))


def rar5_encrypted_member():
    """Names can be read, bytes cannot."""
    name = INNER.encode()
    extra = (lambda record: vint(len(record)) + record)(
        vint(1) + vint(0) + vint(0) + b"\x0f" + bytes(32))
    fields = (vint(2) + vint(3) + vint(len(extra)) + vint(64) + vint(4)
              + vint(60) + vint(0o644) + bytes(4) + vint(0) + vint(1)
              + vint(len(name)) + name + extra)
    return (RAR5 + rar5_block(vint(1) + vint(0) + vint(0))
            + rar5_block(fields, os.urandom(64))
            + rar5_block(vint(5) + vint(0) + vint(0)))


def rar5_volume(payload):
    """The first of several: its only member goes on in the next."""
    data = rar5(payload)
    return RAR5 + rar5_block(vint(1) + vint(0) + vint(1)) + data[
        len(RAR5 + rar5_block(vint(1) + vint(0) + vint(0))):]


def rar5_encrypted():
    """Its headers, too: nothing can be listed."""
    fields = vint(4) + vint(0) + vint(0) + vint(0) + b"\x0f" + bytes(16)
    return RAR5 + rar5_block(fields) + os.urandom(64)


def elf_stub():
    """Enough of a program to be one, and no more."""
    return pathlib.Path("/bin/true").read_bytes()


def iso(payload):
    return by_tool(payload, "out.iso", "genisoimage", "-quiet", "-J", "-r",
                   "-o", "out.iso", INNER)


def arj(payload, *options):
    return by_tool(payload, "out.arj", "arj", "a", "-i", *options, "out.arj",
                   INNER)


def mail(payload):
    return (b"From: a@example.org\r\nTo: b@example.net\r\nSubject: x\r\n"
            b"MIME-Version: 1.0\r\n"
            b"Content-Type: application/octet-stream; name=x.bin\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes(payload).replace(b"\n", b"\r\n"))


# ---- what must be found -------------------------------------------------------


def containers(payload):
    """{name: bytes}: the payload must be found in each."""
    one_7z = by_7z(payload, "7z", "-m0=BZip2")
    made = {
        "bare.bin": payload,
        "deflate.zip": zipped(payload),
        "stored.zip": zipped(payload, zipfile.ZIP_STORED),
        "bzip2.zip": zipped(payload, zipfile.ZIP_BZIP2),
        "lzma.zip": zipped(payload, zipfile.ZIP_LZMA),
        "deflate64.zip": by_7z(payload, "zip", "-mm=Deflate64"),
        "ppmd.zip": by_7z(payload, "zip", "-mm=PPMd"),
        "zip64.zip": zip64(payload),
        "two-methods.zip": zip_two_methods(payload),
        "nested-16.zip": zip_nested(payload, 16),
        "prefix.zip": b"junk before it\n" * 50 + zipped(payload),
        "script-lzma.zip": b"#!/usr/bin/env python3\n"
                           + zipped(payload, zipfile.ZIP_LZMA),
        "first.zip": zips_in_a_row(payload, b"harmless\n" * 20),
        "second.zip": zips_in_a_row(b"harmless\n", payload, b"harmless\n"),
        "third.zip": zips_in_a_row(b"harmless\n", b"harmless\n", payload),
        "another-end.zip": zip_with_another_end(payload),
        "apart.zip": zip_with_a_member_apart(payload),
        "apart-in.zip": zipped(zip_with_a_member_apart(payload)),
        "lies.zip": zip_that_lies_about_a_size(payload),
        "stub-first.zip": elf_stub() + zips_in_a_row(payload, b"harmless\n"),
        "stub-lzma.zip": elf_stub() + zipped(payload, zipfile.ZIP_LZMA),
        "lzma.7z": by_7z(payload, "7z", "-m0=LZMA"),
        "lzma2.7z": by_7z(payload, "7z", "-m0=LZMA2"),
        "ppmd.7z": by_7z(payload, "7z", "-m0=PPMd"),
        "bzip2.7z": one_7z,
        "deflate.7z": by_7z(payload, "7z", "-m0=Deflate"),
        "stub-bzip2.7z": elf_stub() + one_7z,
        "plain.tar": tar(payload),
        "tar.gz": gzip.compress(tar(payload)),
        "tar.bz2": bz2.compress(tar(payload)),
        "tar.xz": lzma.compress(tar(payload)),
        "base256.tar": tar_base256(zipped(payload)),
        "two.tar": tar(b"first\n" * 20) + tar(zipped(payload)),
        "two.bz2": bz2.compress(b"first\n") + bz2.compress(payload),
        "two.xz": lzma.compress(b"first\n") + lzma.compress(payload),
        "zst-in.deb": deb(payload),
        "zst-in.html": page(by_filter(payload, "zstd", "-c")),
        "two.gz": gzip.compress(b"first\n") + gzip.compress(payload),
        "odc.cpio": by_cpio(payload, "odc"),
        "newc.cpio": by_cpio(payload, "newc"),
        "plain.arj": arj(payload),
        "plain.iso": iso(payload),
        "zip-in.iso": iso(zipped(payload)),
        "plain.warc": warc(payload),
        "gzip.rpm": rpm(payload),
        "stored.rar": rar5(payload),
        "zst-in.zip": zipped(by_filter(payload, "zstd", "-c"), name="x.zst"),
        "lzma-zip-in.tar": tar(zipped(payload, zipfile.ZIP_LZMA)),
        "zip-in.zst": by_filter(zipped(payload), "zstd", "-c"),
        "mail-with-lzma-zip.eml": mail(zipped(payload, zipfile.ZIP_LZMA)),
        "mail-in.zip": zipped(mail(by_filter(payload, "zstd", "-c")),
                              name="x.eml"),
        "mail-in.zst": by_filter(mail(zipped(payload)), "zstd", "-c"),
    }
    filters = {"zst": ("zstd", "-c"), "lz4": ("lz4", "-c"),
               "lz": ("lzip", "-c"), "lzma": ("xz", "-c", "--format=lzma"),
               "Z": ("compress", "-c", "-f")}
    for name, words in filters.items():
        made[f"bare.{name}"] = by_filter(payload, *words)
        made[f"tar.{name}"] = by_filter(tar(payload), *words)
    made["skippable.zst"] = (b"\x50\x2a\x4d\x18\x04\0\0\0skip"
                             + made["bare.zst"])
    return made


# ---- what cannot be looked into -----------------------------------------------


def closed(payload):
    """{name: (bytes, kind of the finding)}: never clean."""
    hidden = "-mhe=on"
    return {
        "zipcrypto.zip": (by_7z(payload, "zip", PASSWORD), "encrypted"),
        "aes.zip": (by_7z(payload, "zip", PASSWORD, "-mem=AES256"),
                    "encrypted"),
        "aes.7z": (by_7z(payload, "7z", PASSWORD), "encrypted"),
        "hidden.7z": (by_7z(payload, "7z", PASSWORD, hidden), "encrypted"),
        "garbled.arj": (arj(payload, "-gsecret"), "encrypted"),
        "hidden.rar": (rar5_encrypted(), "encrypted"),
        "member.rar": (rar5_encrypted_member(), "encrypted"),
        "volume.rar": (rar5_volume(payload), "limit"),
        "packed.wim": (by_7z(payload, "wim"), "limit"),
        "magic.squashfs": (b"hsqs" + bytes(200), "limit"),
        "magic.lzo": (b"\x89LZO\0\r\n\x1a\n" + bytes(200), "limit"),
        "magic.lrz": (b"LRZI" + bytes(200), "limit"),
        "magic.ace": (bytes(7) + b"**ACE**" + bytes(200), "limit"),
        "wim-in.zip": (zipped(by_7z(payload, "wim"), name="x.wim"), "limit"),
        "unknown-method.zip": (zip_unknown(payload), "limit"),
        "many-apart.zip": (zips_in_a_row(*[b"harmless\n"] * 70, payload),
                           "limit"),
        "other-heads.zip": (zip_with_other_heads(payload), "malformed"),
        "bad-head.zip": (zip_with_a_bad_head(payload), "malformed"),
        "cut.zst": (by_filter(os.urandom(3000), "zstd", "-c")[:-200],
                    "malformed"),
        "cut.7z": (by_7z(payload, "7z")[:-20], "malformed"),
        "damaged.zip": (zip_damaged(), "malformed"),
        "nested-17.zip": (zip_nested(payload, 17), "limit"),
    }


def odd():
    """{name: (bytes, kinds of the findings)}: how honest ones look, too."""
    text = b"harmless\n" * 20
    apart = {"ambiguous"}
    return {
        "two.zip": (zips_in_a_row(text, text), apart),
        "pipe.zip": (zip_to_a_pipe(text), set()),
        "aligned.zip": (zip_aligned(text), set()),
        "of-zips.zip": (zip_of_zips(12), set()),
        "two-of-zips.zip": (zip_of_zips(70) + zipped(text), apart),
        "12-in.msg": (document_with_zips(12, bytes(512)), apart),
        "70-in.msg": (document_with_zips(70, bytes(512)), apart),
    }


def zip_unknown(payload):
    """Method 97 (WavPack): nobody here reads it."""
    data = bytearray(zipped(payload))
    central = data.rindex(b"PK\1\2")
    data[8:10] = data[central + 10:central + 12] = struct.pack("<H", 97)
    return bytes(data)


def zip_damaged():
    """One good member, and one whose packed bytes are wrong."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("good.txt", b"nothing to see here\n" * 20)
        z.writestr("bad.txt", b"nor is there here\n" * 20)
    data = bytearray(out.getvalue())
    at = data.index(b"bad.txt") + len("bad.txt")
    data[at:at + 4] = b"\xff\xff\xff\xff"
    return bytes(data)


# ---- bombs --------------------------------------------------------------------

MEGA = 1 << 20


def bomb_lying():
    """One gigabyte that calls itself ten bytes."""
    data = bytearray(zipped(bytes(1024 * MEGA)))
    central = data.rindex(b"PK\1\2")
    data[22:26] = data[central + 24:central + 28] = struct.pack("<I", 10)
    return bytes(data)


def bomb_gzip():
    unit = zlib.compressobj(9, zlib.DEFLATED, 31)
    out = b"".join(unit.compress(bytes(MEGA)) for _ in range(1024))
    return out + unit.flush()


def bomb_nest(width, depth):
    data = b"the innermost one\n" * 4
    for level in range(depth):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
            for i in range(width):
                z.writestr(f"{level}-{i}", data + bytes([level, i]))
        data = out.getvalue()
    return data


def bomb_many(n):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as z:
        for i in range(n):
            z.writestr(f"{i}.txt", b"member %d\n" % i)
    return out.getvalue()


def local_header(name, packed, size):
    return struct.pack("<IHHHHHIIIHH", 0x04034b50, 20, 0, 8, 0, 0x21, 0,
                       packed, size, len(name), 0) + name


def bomb_overlap(n, size):
    """Each member's bytes quote the next one's header and go on into it."""
    unit = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = unit.compress(bytes(size)) + unit.flush()
    places = []
    for i in reversed(range(n)):
        name = b"%06d" % i
        header = local_header(name, len(data), size)
        places.append((name, len(data), size, len(header) + len(data)))
        data = header + data
        if i > 0:
            # A stored block that holds that header as data.
            data = struct.pack("<BHH", 0, len(header),
                               len(header) ^ 0xffff) + data
            size += len(header)
    central = b"".join(
        struct.pack("<IHHHHHHIIIHHHHHII", 0x02014b50, 20, 20, 0, 8, 0, 0x21, 0,
                    packed, usize, len(name), 0, 0, 0, 0, 0,
                    len(data) - behind) + name
        for name, packed, usize, behind in reversed(places))
    return data + central + struct.pack(
        "<IHHHHIIH", 0x06054b50, 0, 0, n, n, len(central), len(data), 0)


# Each must be finding limit.
BOMBS = {
    "flat.zip": lambda: zipped(bytes(256 * MEGA)),
    "lying.zip": bomb_lying,
    "overlap.zip": lambda: bomb_overlap(2000, 50 * MEGA),
    "nest.zip": lambda: bomb_nest(16, 4),
    "bomb.gz": bomb_gzip,
    "many.zip": lambda: bomb_many(12001),
}
