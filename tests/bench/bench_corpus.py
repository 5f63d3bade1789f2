"""The corpora and signatures of the benchmark: the same on every run.

small  mails of 2-8 KB: text, or text and HTML
mix    mails of a mean of 235 KB: text, pictures, zips, documents; 3 % infected
huge   one mail of 20 MB
web    bodies of 1 KB and 30 KB (HTML) and 1 MB (random)

A file whose name begins with "infected" has to be refused.
"""

import io
import os
import random
import struct
import zipfile
import zlib

import corpus_mail

MIX_MEAN = 235_000
INFECTED_KINDS = ("raw", "base64", "attached", "zip", "tar.gz",
                  "message-rfc822")


def _html(rng, size):
    rows = []
    have = 0
    while have < size:
        row = ('<tr><td class="c%d"><a href="https://www.example.org/%s/%d">'
               % (rng.randint(1, 9), rng.choice(corpus_mail.WORDS),
                  rng.randint(1, 99999))
               + " ".join(rng.choices(corpus_mail.WORDS, k=6))
               + "</a></td></tr>\r\n")
        rows.append(row)
        have += len(row)
    return ("<html><body><table>\r\n" + "".join(rows)
            + "</table></body></html>\r\n").encode()


def _two_ways(name, rng, size):
    """multipart/alternative: text and HTML."""
    edge = "=_alt_" + name
    return b"".join((
        corpus_mail.head(
            name, f'Content-Type: multipart/alternative; boundary="{edge}"'),
        f"\r\n--{edge}\r\nContent-Type: text/plain\r\n\r\n".encode(),
        corpus_mail.prose(rng, size * 2 // 5),
        f"--{edge}\r\nContent-Type: text/html\r\n\r\n".encode(),
        _html(rng, size * 3 // 5), f"--{edge}--\r\n".encode()))


def _zip(rng, size):
    """Members of text, packed to about size bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        while out.tell() < size:
            z.writestr(f"report-{out.tell()}.txt",
                       corpus_mail.prose(rng, min(size, 60_000) * 2)
                       + rng.randbytes(min(size, 60_000) // 2))
    return out.getvalue()


def _document(rng, size):
    """What an office program writes: a zip of XML and pictures."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("[Content_Types].xml", "<?xml version='1.0'?><Types/>")
        z.writestr("word/document.xml",
                   b"<?xml version='1.0'?>" + _html(rng, size))
        z.writestr("word/media/image1.png", _picture(rng, size * 9 // 10))
    return out.getvalue()


def _chunk(kind, data):
    return (struct.pack(">I", len(data)) + kind + data
            + struct.pack(">I", zlib.crc32(kind + data)))


def _picture(rng, size):
    """A PNG of noise, as whole as a camera's."""
    width = 256
    height = size // (width + 1) + 1
    lines = b"".join(b"\0" + rng.randbytes(width) for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head)
            + _chunk(b"IDAT", zlib.compress(lines, 0)) + _chunk(b"IEND", b""))


ATTACHMENTS = (("photo.png", "image/png", _picture),
               ("files.zip", "application/zip", _zip),
               ("letter.docx", "application/vnd.openxmlformats-officedocument"
                ".wordprocessingml.document", _document))


def small(count=200):
    for n in range(count):
        rng = random.Random(f"small-{n}")
        size = rng.randint(2000, 7500)
        if n % 2:
            yield f"clean-{n:04}", _two_ways(f"small-{n}", rng, size)
        else:
            yield f"clean-{n:04}", corpus_mail.plain(f"small-{n}", size)


def _mix_sizes(count):
    """Many small ones, few large ones, and the mean as promised."""
    rng = random.Random("mix")
    sizes = [rng.lognormvariate(0, 1.3) for _ in range(count)]
    scale = MIX_MEAN * count / sum(sizes)
    return [min(max(s * scale, 2000), 3_000_000) for s in sizes]


def mix(count=200):
    for n, size in enumerate(_mix_sizes(count)):
        name = f"mix-{n}"
        rng = random.Random(name)
        if n % 33 == 16:
            kind = INFECTED_KINDS[n // 33 % len(INFECTED_KINDS)]
            yield (f"infected-{n:04}",
                   b"X-Bench: infected\r\n" + corpus_mail.infected(kind))
        elif size < 12_000:
            yield f"clean-{n:04}", _two_ways(name, rng, int(size))
        else:
            filename, kind, make = ATTACHMENTS[n % len(ATTACHMENTS)]
            data = make(rng, int(size) * 57 // 78)
            yield (f"clean-{n:04}",
                   corpus_mail.attached(name, data, filename, kind))


def huge():
    yield "clean-huge", corpus_mail.large("huge", 20_000_000)


SERIAL = "<!-- 0000000000000000 -->\n"  # bench_web.h makes it another one


def web():
    for name, size in (("1k.html", 1024), ("30k.html", 30 * 1024)):
        text = b"<!DOCTYPE html>\n" + SERIAL.encode()
        end = b"</body></html>\n"
        rows = _html(random.Random(name), size)
        yield name, text + rows[:size - len(text) - len(end)] + end
    yield "1m.bin", random.Random("1m").randbytes(1 << 20)
    yield "infected.bin", corpus_mail.eicar()


def write(folder, mails, suffix=".eml"):
    """Returns (how many, mean size)."""
    os.makedirs(folder)
    total = count = 0
    for name, mail in mails:
        with open(f"{folder}/{name}{suffix}", "wb") as f:
            f.write(mail)
        total += len(mail)
        count += 1
    return count, total // count


LETTERS = b"etaoinshrdlucmfwypvbgkjqxz <>=/\"0123456789"


def _synthetic(rng, number):
    """One that matches nothing: plain bytes, or two words and a gap, which
    begin like text and so cost what real ones for scripts and HTML cost."""
    if number % 2:
        return rng.randbytes(rng.randint(16, 40)).hex()
    words = [bytes(rng.choices(LETTERS, k=10)).hex() for _ in range(2)]
    return "{4-20}".join(words)


def signatures(folder, count):
    """Our three, and as many that match nothing as make count."""
    os.makedirs(folder)
    rng = random.Random("signatures")
    own = {"Eicar-Test-Signature": corpus_mail.eicar(),
           "Bench-Two": b"this stands in no mail of ours: two",
           "Bench-Three": b"this stands in no mail of ours: three"}
    with open(f"{folder}/bench.ndb", "w", encoding="ascii") as f:
        for name, data in own.items():
            f.write(f"{name}:0:*:{data.hex()}\n")
        for n in range(count - len(own)):
            f.write(f"Bench.Synthetic-{n}:0:*:{_synthetic(rng, n)}\n")
