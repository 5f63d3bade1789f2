"""Mails, made when they are needed and the same on every run.

Each begins with a field X-Corpus that says which it is: whatever a relay puts
on top, what it carried begins there (see body_of()).
"""

import base64
import bz2
import gzip
import io
import lzma
import os
import quopri
import random
import shutil
import subprocess
import tarfile
import tempfile
import zipfile

SENDER = "alice@example.org"
RECIPIENT = "bob@example.net"
MARK = b"X-Corpus: "

WORDS = ("gate wall tower bridge ditch keep guard stone arch door hinge bolt "
         "key lamp rope bell well yard stair loft").split()


def eicar():
    """The test string of EICAR, 68 bytes; it stands nowhere in this tree."""
    return ("*H+H$!ELIF-TSET-SURIVITNA-DRADNATS"
            "-RACIE$}7)CC7)^P(45XZP\\4[PA@%P!O5X")[::-1].encode()


def crlf(data):
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def head(name, *fields, subject=None):
    """The fields every mail has, so that no relay has to add one."""
    lines = [MARK.decode() + name,
             f"From: Alice <{SENDER}>",
             f"To: Bob <{RECIPIENT}>",
             f"Subject: {subject or name}",
             "Date: Mon, 02 Nov 2026 10:00:00 +0000",
             f"Message-ID: <{name}@example.org>",
             "MIME-Version: 1.0", *fields]
    return "\r\n".join(lines).encode() + b"\r\n"


def prose(rng, size):
    """Readable lines, some of which begin with a dot."""
    lines = []
    have = 0
    while have < size:
        line = " ".join(rng.choices(WORDS, k=rng.randint(1, 12)))
        if rng.random() < 0.05:
            line = "." * rng.randint(1, 3) + line
        lines.append(line)
        have += len(line) + 2
    return "\r\n".join(lines).encode() + b"\r\n"


def plain(name="plain", size=1000, seed=0):
    """One text, nothing in it."""
    return (head(name, "Content-Type: text/plain; charset=us-ascii") + b"\r\n"
            + prose(random.Random(f"{name}{seed}"), size))


def attached(name, data, filename, kind="application/octet-stream",
             encoding="base64"):
    """A text and one attachment."""
    edge = "=_edge_" + name
    if encoding == "base64":
        body = crlf(base64.encodebytes(data))
    elif encoding == "quoted-printable":
        body = crlf(quopri.encodestring(data))
    else:
        body = data
    return b"".join((
        head(name, f'Content-Type: multipart/mixed; boundary="{edge}"'),
        b"\r\n", f"--{edge}\r\n".encode(),
        b"Content-Type: text/plain\r\n\r\nSee the attachment.\r\n\r\n",
        f"--{edge}\r\nContent-Type: {kind}\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n"
        f'Content-Disposition: attachment; filename="{filename}"\r\n\r\n'
        .encode(), body, b"" if body.endswith(b"\r\n") else b"\r\n",
        f"--{edge}--\r\n".encode()))


def large(name, size):
    """A mail of about size bytes whose attachment does not compress."""
    data = random.Random(name).randbytes(max(size - 600, 100) * 57 // 78)
    return attached(name, data, "data.bin")


def mixed(count, seed=1):
    """count mails of 1 KB to 20 MB: most are small, some are not."""
    rng = random.Random(seed)
    sizes = [20_000_000] * (count // 500) + [4_000_000] * (count // 200) \
        + [400_000] * (count // 25) + [60_000] * (count // 10)
    sizes += [int(1000 * 8 ** rng.random()) for _ in range(count - len(sizes))]
    rng.shuffle(sizes)
    for n, size in enumerate(sizes):
        name = f"mixed-{seed}-{n}"
        if size < 20_000 or n % 3 == 0 and size < 100_000:
            yield name, plain(name, size)
        else:
            yield name, large(name, size)


# ---- infected --------------------------------------------------------------


def zipped(data, name="eicar.com"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(name, data)
    return out.getvalue()


def tar(data, mode):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as t:
        info = tarfile.TarInfo("eicar.com")
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def packed_by(command, data, member="eicar.com", result=None):
    """Runs an archiver on a file; command's {in} and {out} are its names."""
    folder = tempfile.mkdtemp(prefix="sallyport-pack-")
    try:
        with open(f"{folder}/{member}", "wb") as f:
            f.write(data)
        out = result or "out"
        subprocess.run([w.format(**{"in": member, "out": out})
                        for w in command],
                       cwd=folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        with open(f"{folder}/{out}", "rb") as f:
            return f.read()
    finally:
        shutil.rmtree(folder)


def seven(data):
    return packed_by(["7z", "a", "-bd", "{out}", "{in}"], data,
                     result="out.7z")


def _raw(name):
    return (head(name, "Content-Type: text/plain") + b"\r\n" + eicar()
            + b"\r\n")


def _whole(name, encoding, body):
    return (head(name, "Content-Type: application/octet-stream",
                 f"Content-Transfer-Encoding: {encoding}")
            + b"\r\n" + crlf(body))


def _base64(name):
    return _whole(name, "base64", base64.encodebytes(eicar()))


def _quoted(name):
    # every byte as =XX, so that it does not stand there in clear
    text = "".join(f"={b:02X}" for b in eicar())
    lines = "=\n".join(text[i:i + 72] for i in range(0, len(text), 72))
    return _whole(name, "quoted-printable", lines.encode() + b"\n")


def _rfc822(name):
    inner = _base64(name + "-inner")
    return (head(name, "Content-Type: message/rfc822") + b"\r\n" + inner)


def _attach(filename, make):
    return lambda name: attached(name, make(eicar()), filename)


INFECTED = {
    "raw": _raw,
    "base64": _base64,
    "quoted-printable": _quoted,
    "attached": _attach("eicar.com", bytes),
    "zip": _attach("a.zip", zipped),
    "zip-in-zip": _attach("b.zip", lambda d: zipped(zipped(d), "a.zip")),
    "tar.gz": _attach("a.tar.gz", lambda d: tar(d, "w:gz")),
    "tar.bz2": _attach("a.tar.bz2", lambda d: tar(d, "w:bz2")),
    "gz": _attach("a.gz", gzip.compress),
    "bz2": _attach("a.bz2", bz2.compress),
    "xz": _attach("a.xz", lzma.compress),
    "7z": _attach("a.7z", seven),
    "zst": _attach("a.zst", lambda d: packed_by(
        ["zstd", "-q", "{in}", "-o", "{out}"], d)),
    "lz4": _attach("a.lz4", lambda d: packed_by(
        ["lz4", "-q", "{in}", "{out}"], d)),
    "arj": _attach("a.arj", lambda d: packed_by(
        ["arj", "a", "-y", "{out}", "{in}"], d, result="out.arj")),
    "message-rfc822": _rfc822,
    "forwarded": lambda name: attached(
        name, _base64(name + "-inner"), "fwd.eml", "message/rfc822", "7bit"),
}


def infected(kind):
    return INFECTED[kind]("eicar-" + kind.replace(".", "-"))


def encrypted_zip(data=b"secret\n"):
    """A zip that nobody can look into."""
    return packed_by(["7z", "a", "-bd", "-tzip", "-pneverguessed", "{out}",
                      "{in}"], data, member="a.txt", result="out.zip")


def body_of(mail):
    """From the X-Corpus field on: what was given to the first relay."""
    at = mail.find(MARK)
    assert at == 0 or at > 0 and mail[at - 1:at] == b"\n", "no X-Corpus field"
    return mail[at:]


def name_of(mail):
    line = body_of(mail).split(b"\n", 1)[0]
    return line[len(MARK):].strip().decode()


def write_all(folder):
    """For trying by hand: every infected kind as a file."""
    for kind in INFECTED:
        with open(os.path.join(folder, kind + ".eml"), "wb") as f:
            f.write(infected(kind))


def folded():
    """A mail with all that a header can have."""
    return (head(
        "folded", "X-Fold: one", "\ttwo", "  three", "X-Empty:",
        "X-Tight:tight", "X-Wide:    wide  ", "X-Eight: \xe4\xf6")
        + b"\r\nline\r\n\r\n. \r\n..\r\nlast\r\n")


def marked(name, *marks):
    return head(name, *marks) + b"\r\nx\r\n"
