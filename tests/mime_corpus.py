#!/usr/bin/python3
"""Mails that readers read differently, each hiding one payload.

hidden() yields mails from which some real reader takes the payload; honest()
yields odd but harmless ones.  The tricks are those that RFC 7103, the IETF
draft on MIME ambiguity and published tests describe.  Run with a directory
it writes them there, as NAME.eml and clean-NAME.eml.

The payload is a marker of our own, for a signature of our own: nothing a
virus scanner knows.
"""
import base64
import binascii
import hashlib
import itertools
import os
import sys

MARKER = b"mime-" + hashlib.sha256(
    b"sallyport mime corpus").hexdigest().encode()
# Around the marker so that the attachment is no bare text; its length is no
# multiple of three.
PAYLOAD = b"\x01\x02payload=" + MARKER + b"=\x7f\x00\xff end\n"
CRLF = b"\r\n"


def b64(data=PAYLOAD, width=76):
    text = base64.b64encode(data)
    return CRLF.join(text[i:i + width] for i in range(0, len(text), width))


def qp(data=PAYLOAD, width=24):
    hexed = [b"=%02X" % c for c in data]
    return b"=\r\n".join(
        b"".join(hexed[i:i + width]) for i in range(0, len(hexed), width))


def uu(data=PAYLOAD, name=b"p.bin"):
    lines = [b"begin 644 " + name]
    lines += [binascii.b2a_uu(data[i:i + 45]).rstrip(b"\n")
              for i in range(0, len(data), 45)]
    return CRLF.join(lines + [b"`", b"end", b""])


def yenc(data=PAYLOAD, name=b"p.bin"):
    out = bytearray()
    for c in data:
        c = (c + 42) % 256
        if c in (0, 10, 13, 61):
            out += bytes((61, (c + 64) % 256))
        else:
            out.append(c)
    size = b"%d" % len(data)
    return (b"=ybegin line=400 size=" + size + b" name=" + name + CRLF +
            bytes(out) + CRLF + b"=yend size=" + size + CRLF)


TOP = (b"Received: from a.example (a.example [192.0.2.1]) by b.example;"
       b" Mon, 5 Jan 2026 10:00:00 +0000\r\n"
       b"From: Alice <alice@example.org>\r\n"
       b"To: Bob <bob@example.net>\r\n"
       b"Subject: the figures\r\n"
       b"Date: Mon, 5 Jan 2026 10:00:00 +0000\r\n"
       b"Message-ID: <1@example.org>\r\n"
       b"MIME-Version: 1.0\r\n")
TEXT = b"Content-Type: text/plain\r\n\r\nHello Bob.\r\n"


def mail(ctype=b"Content-Type: multipart/mixed; boundary=foo\r\n",
         cte=b"Content-Transfer-Encoding: base64\r\n",
         ptype=b"Content-Type: application/octet-stream; name=p.bin\r\n",
         disp=b"Content-Disposition: attachment; filename=p.bin\r\n",
         body=None, d1=b"--foo\r\n", d2=b"--foo\r\n", close=b"--foo--\r\n",
         pre=b"", post=b"", head=None, top=TOP):
    """A mail of two parts, every piece of which can be another."""
    body = b64() if body is None else body
    head = ptype + disp + cte if head is None else head
    return (top + ctype + CRLF + pre + d1 + TEXT + d2 + head + CRLF + body +
            CRLF + close + post)


def bound(value, line=b"foo", **more):
    """A boundary parameter written as value, the delimiters made of line."""
    return mail(
        ctype=b"Content-Type: multipart/mixed; " + value + CRLF,
        d1=b"--" + line + CRLF, d2=b"--" + line + CRLF,
        close=b"--" + line + b"--\r\n", **more)


CT = b"Content-Type: "
CTE = b"Content-Transfer-Encoding: "
ENCODED = {"base64": b64, "quoted-printable": qp}


def two_encodings():
    for (word, enc), other in itertools.product(ENCODED.items(), (
            b"7bit", b"8bit", b"binary", b"base64", b"quoted-printable",
            b"xxxx", b"")):
        w = word.encode()
        if other == w:
            continue
        tag = "%s-%s" % (word, other.decode() or "empty")
        yield "cte-first-" + tag, mail(
            cte=CTE + w + CRLF + CTE + other + CRLF, body=enc())
        yield "cte-last-" + tag, mail(
            cte=CTE + other + CRLF + CTE + w + CRLF, body=enc())
        yield "cte-list-" + tag, mail(
            cte=CTE + w + b", " + other + CRLF, body=enc())
        yield "cte-list-last-" + tag, mail(
            cte=CTE + other + b", " + w + CRLF, body=enc())
        yield "cte-quoted-list-" + tag, mail(
            cte=CTE + b'"' + w + b'", ' + other + CRLF, body=enc())


def odd_words(word, enc):
    """Ways to write an encoding's name that some reader still knows."""
    w = word.encode()
    half = len(w) // 2
    ways = {
        "upper": w.upper(), "mixed": w.title(), "blank": b"  " + w + b"  ",
        "tab": b"\t" + w, "comment": w + b" (really)",
        "comment-first": b"(well) " + w,
        "comment-in": w[:half] + b"(x)" + w[half:],
        "comment-fold": w[:half] + b"(x\r\n y)" + w[half:],
        "quoted": b'"' + w + b'"', "semicolon": w + b";",
        "parameter": w + b"; x=y", "nul-first": b"\0" + w,
        "nul-last": w + b"\0", "nul-in": w[:half] + b"\0" + w[half:],
        "split": w[:half] + b" " + w[half:],
        "fold-in": w[:half] + b"\r\n " + w[half:], "fold": b"\r\n " + w,
        "twice": w + w, "dash": w + b"-", "digit": w + b"5",
        "vtab": b"\x0b" + w, "8bit": w + b"\xa0", "x": b"x-" + w,
        "encoded-q": b"=?utf-8?Q?" + w + b"?=",
        "encoded-b": b"=?utf-8?B?" + base64.b64encode(w) + b"?=",
    }
    for name, value in ways.items():
        yield "cte-word-%s-%s" % (name, word), mail(
            cte=CTE + value + CRLF, body=enc())


def odd_fields():
    """Ways to write a field's name."""
    name = {"type": (b"Content-Type", b"multipart/mixed; boundary=foo"),
            "cte": (b"Content-Transfer-Encoding", b"base64")}
    for which, (n, v) in name.items():
        ways = {
            "blank-colon": n + b" : " + v, "tab-colon": n + b"\t:" + v,
            "no-blank": n + b":" + v, "lower": n.lower() + b": " + v,
            "upper": n.upper() + b": " + v, "indent": b" " + n + b": " + v,
            "nul": b"\0" + n + b": " + v, "nul-colon": n + b"\0: " + v,
            "control": b"\x01" + n + b": " + v,
            "8bit": b"\xa0" + n + b": " + v,
            "fold-colon": n + b"\r\n : " + v, "fold": n + b":\r\n " + v,
            "blank-fold": n + b":\r\n \r\n " + v,
            "comment": n + b" (x): " + v, "twice": n + b":" + n + b": " + v,
            "no-colon": n + b" " + v, "equals": n + b"= " + v,
            "in-folding": b"X-A: b\r\n " + n + b": " + v,
            "behind-cr": b"X-A: b\r" + n + b": " + v,
            "behind-lf": b"X-A: b\n" + n + b": " + v,
            "behind-crcr": b"X-A: b\r\r\n" + n + b": " + v,
            "behind-lfcr": b"X-A: b\n\r" + n + b": " + v,
            "behind-junk": b"this is no field\r\n" + n + b": " + v,
            "behind-blanks": b"X-A: b\r\n   \r\n" + n + b": " + v,
            "before-fold": n + b": " + v + b"\r\n X-A: b",
        }
        for way, line in ways.items():
            field = {"type": "ctype", "cte": "cte"}[which]
            yield "field-%s-%s" % (which, way), mail(**{field: line + CRLF})
    for way, line in {
            "first-indent": b" Content-Transfer-Encoding: base64\r\n",
            "first-nul": b"\0Content-Transfer-Encoding: base64\r\n",
            "first-junk": b"junk\r\nContent-Transfer-Encoding: base64\r\n",
            "first-blanks": b"  \r\nContent-Transfer-Encoding: base64\r\n",
            "first-empty": b"\r\nContent-Transfer-Encoding: base64\r\n",
    }.items():
        yield "field-" + way, mail(
            head=line + CT + b"application/octet-stream; name=p.bin\r\n")


def two_types():
    leaf = CT + b"application/octet-stream; name=p.bin\r\n"
    multi = CT + b"multipart/mixed; boundary=foo\r\n"
    text = CT + b"text/plain\r\n"
    for other, tag in ((leaf, "leaf"), (text, "text"),
                       (CT + b"multipart/mixed; boundary=bar\r\n", "bar"),
                       (CT + b"message/rfc822\r\n", "message"),
                       (CT + CRLF, "empty")):
        yield "type-first-" + tag, mail(ctype=multi + other)
        yield "type-last-" + tag, mail(ctype=other + multi)
    for tag, value in {
            "list": b"multipart/mixed, text/plain; boundary=foo",
            "list-last": b"text/plain, multipart/mixed; boundary=foo",
            "twice": b"multipart/mixedmultipart/mixed; boundary=foo",
            "case": b"mUltIpARt/mIxeD; bOUNDary=foo",
            "comment": b"multipart(x)/mixed; boundary=foo",
            "comment-last": b"multipart/mixed (x); boundary=foo",
            "nul": b"\0multipart/mixed; boundary=foo",
            "nul-in": b"multi\0part/mixed; boundary=foo",
            "nul-last": b"multipart/mixed\0; boundary=foo",
            "blank-slash": b"multipart / mixed; boundary=foo",
            "no-subtype": b"multipart; boundary=foo",
            "no-semicolon": b"multipart/mixed boundary=foo",
            "comma": b"multipart/mixed, boundary=foo",
            "quoted": b'"multipart/mixed"; boundary=foo',
            "leaf": b"text/plain; boundary=foo",
            "octets": b"application/octet-stream; boundary=foo",
            "missing": b"multipart/mixed",
            "bound": b"multipart/mixed; bound=foo",
            "encoded": b"=?utf-8?Q?multipart/mixed?=; boundary=foo",
    }.items():
        yield "type-value-" + tag, mail(ctype=CT + value + CRLF)
    for sub in ("parallel", "signed", "digest", "report", "related",
                "alternative", "form-data", "x-foo", "byteranges",
                "encrypted", "appledouble", "voice-message", "header-set"):
        yield "type-sub-" + sub, mail(
            ctype=CT + b"multipart/" + sub.encode() + b"; boundary=foo\r\n")
    yield "type-ptype-both", mail(ptype=leaf + CT + b"text/plain\r\n")
    for i, inner in enumerate((CT + b"multipart/mixed; boundary=bar\r\n",
                               CT + b"message/rfc822\r\n",
                               CT + b"multipart/mixed\r\n", CT + CRLF,
                               b"", CT + b"xyz\r\n", b": xyz\r\n")):
        yield "type-part-first-%d" % i, mail(ptype=inner + leaf)
        yield "type-part-last-%d" % i, mail(ptype=leaf + inner)
        yield "type-part-only-%d" % i, mail(ptype=inner)


def boundaries():
    same = {
        "quoted": b'boundary="foo"', "upper": b"BOUNDARY=foo",
        "blank": b"boundary=foo ", "semicolon": b"boundary=foo;",
        "fold": b"\r\n boundary=foo", "tab-fold": b"\r\n\tboundary=foo",
        "more": b"charset=utf-8; boundary=foo; x=y",
        "blank-equals": b"boundary =foo", "equals-blank": b"boundary= foo",
        "equals-fold": b"boundary=\r\n foo",
        "fold-equals": b"boundary\r\n =foo",
        "nul-equals": b"boundary\0=foo", "nul": b"boundary=\0foo",
        "nul-last": b"boundary=foo\0", "nul-quoted": b'boundary="\0foo"',
        "nul-cut": b"boundary=foo\0bar",
        "pair": b'boundary="f\\oo"', "unclosed": b'boundary="foo',
        "blank-quoted": b'boundary=" foo"', "quoted-blank": b'boundary="foo "',
        "comment": b"boundary=foo(x)", "comment-first": b"boundary=(x)foo",
        "2231": b"boundary*=us-ascii''foo", "2231-pct": b"boundary*=''%66oo",
        "2231-two": b"boundary*0=f; boundary*1=oo",
        "2231-three": b"boundary*0*=''%66; boundary*1=o; boundary*2=o",
        "2231-quoted": b'boundary*0="f"; boundary*1="oo"',
        "two-first": b"boundary=foo; boundary=bar",
        "two-last": b"boundary=bar; boundary=foo",
        "two-comma": b"boundary=foo, boundary=bar",
        "two-comma-last": b"boundary=bar, boundary=foo",
        "two-2231": b"boundary=bar; boundary*0=foo",
        "comma-first": b"boundary=foo,bar", "comma-last": b"boundary=bar,foo",
        "blank-word": b"boundary=foo bar", "half": b'boundary=""foo',
        "half-last": b'boundary="bar"foo', "half-first": b'boundary="foo"bar',
        "encoded": b"boundary==?us-ascii?Q?foo?=",
        "encoded-b": b"boundary==?us-ascii?B?Zm9v?=",
        "single": b"boundary='foo'", "xboundary": b"xboundary=foo",
        "in-value": b'x="boundary=bar"; boundary=foo',
        "in-value-last": b'boundary=foo; x="boundary=bar"',
        "double-semicolon": b";; boundary=foo",
        "wrong": b"boundary=bar",
    }
    for tag, value in same.items():
        yield "boundary-" + tag, bound(value)
    for tag, value, line in (
            ("comma", b"boundary=foo,bar", b"foo,bar"),
            ("word", b"boundary=foo bar", b"foo bar"),
            ("word-quoted", b'boundary="foo bar"', b"foo bar"),
            ("semicolon", b"boundary=foo;bar", b"foo;bar"),
            ("semicolon-quoted", b'boundary="foo;bar"', b"foo;bar"),
            ("with-quotes", b'boundary="foo;bar"', b'"foo;bar"'),
            ("half-both", b'boundary="bar"foo', b'"bar"foo'),
            ("half-joined", b'boundary="bar"foo', b"barfoo"),
            ("pair-raw", b'boundary="f\\oo"', b"f\\oo"),
            ("blank-raw", b'boundary=" foo"', b" foo"),
            ("nul-raw", b"boundary=\0foo", b"\0foo"),
            ("fold-joined", b"boundary=foo\r\n bar", b"foobar"),
            ("fold-blank", b"boundary=foo\r\n bar", b"foo bar"),
            ("empty", b"boundary=", b""),
            ("empty-quoted", b'boundary=""', b""),
            ("empty-semicolon", b"boundary=;", b""),
            ("only-semicolon", b"boundary=;", b";"),
            ("comment-raw", b"boundary=foo(x)", b"foo(x)"),
            ("single-raw", b"boundary='foo'", b"'foo'"),
            ("dashes", b'boundary="------"', b"------"),
            ("special", b"boundary=a/b?c=d:e", b"a/b?c=d:e"),
            ("long", b"boundary=" + b"l" * 70, b"l" * 70),
            ("overlong", b"boundary=" + b"l" * 300, b"l" * 300),
            ("cut", b"boundary=" + b"l" * 90, b"l" * 70)):
        yield "boundary-line-" + tag, bound(value, line)


def delimiters():
    base = b"--foo"
    ways = {
        "blank": b"--foo \r\n", "tab": b"--foo\t\r\n",
        "text": b"--foo bar\r\n", "prefix": b"--foobar\r\n",
        "indent": b" --foo\r\n", "tab-indent": b"\t--foo\r\n",
        "nul-indent": b"\0--foo\r\n", "nul": b"--foo\0\r\n",
        "upper": b"--FOO\r\n", "cr": b"--foo\r", "lf": b"--foo\n",
        "crcr": b"--foo\r\r\n", "three": b"---foo\r\n",
        "comment": b"--foo (x)\r\n", "semicolon": b"--foo;\r\n",
        "closed": b"--foo--\r\n", "half-closed": b"--foo-\r\n",
        "closed-text": b"--foo--bar\r\n", "closed-blank": b"--foo-- \r\n",
        "quoted": b'--"foo"\r\n', "blank-in": b"-- foo\r\n",
    }
    for tag, line in ways.items():
        if tag in ("upper", "quoted", "blank-in"):
            # nobody reads it so unless the boundary is odd as well
            yield "delimiter-both-" + tag, mail(
                ctype=CT + b"multipart/mixed; boundary=foo;;x\r\n",
                d1=line, d2=line)
            continue
        yield "delimiter-both-" + tag, mail(d1=line, d2=line)
        yield "delimiter-second-" + tag, mail(d2=line)
    for tag, end in {
            "none": b"", "not-closed": b"--foo\r\n", "text": b"--foo--x\r\n",
            "indent": b" --foo--\r\n", "one": b"--foo-\r\n"}.items():
        yield "close-" + tag, mail(close=end)
    part = (CT + b"application/octet-stream; name=p.bin\r\n" +
            CTE + b"base64\r\n\r\n" + b64() + CRLF)
    only = TOP + CT + b"multipart/mixed; boundary=foo\r\n\r\n"
    yield "epilogue", only + base + CRLF + TEXT + base + b"--\r\n" + part
    yield "epilogue-part", (only + base + CRLF + TEXT + base + b"--\r\n" +
                            base + CRLF + part)
    yield "preamble", only + part + base + CRLF + TEXT + base + b"--\r\n"
    yield "preamble-uu", (only + uu() + base + CRLF + TEXT + base + b"--\r\n")
    yield "epilogue-uu", (only + base + CRLF + TEXT + base + b"--\r\n" + uu())
    yield "close-first", (only + base + b"--\r\n" + base + CRLF + TEXT + base +
                          CRLF + part + base + b"--\r\n")
    yield "no-empty-line", (TOP + CT + b"multipart/mixed; boundary=foo\r\n" +
                            base + CRLF + TEXT + base + CRLF + part + base +
                            b"--\r\n")
    inner = (CT + b"multipart/mixed; boundary=%s\r\n\r\n--%s\r\n" + part +
             b"--%s--\r\n")
    for tag, b in (("same", b"foo"), ("longer", b"foobar"),
                   ("shorter", b"fo")):
        yield "nested-" + tag, (only + base + CRLF + TEXT + base + CRLF +
                                inner % (b, b, b) + base + b"--\r\n")
        yield "nested-open-" + tag, (
            only + base + CRLF + TEXT + base + CRLF +
            (inner % (b, b, b))[:-len(b) - 6] + base + b"--\r\n")


def line_ends():
    m = mail()
    yield "lf", m.replace(CRLF, b"\n")
    yield "cr", m.replace(CRLF, b"\r")
    yield "lfcr", m.replace(CRLF, b"\n\r")
    yield "crcrlf", m.replace(CRLF, b"\r\r\n")
    head, body = m.split(b"\r\n\r\n", 1)
    yield "lf-body", head + b"\r\n\r\n" + body.replace(CRLF, b"\n")
    yield "cr-body", head + b"\r\n\r\n" + body.replace(CRLF, b"\r")
    yield "lf-head", head.replace(CRLF, b"\n") + b"\r\n\r\n" + body
    yield "cr-head", head.replace(CRLF, b"\r") + b"\r\n\r\n" + body
    yield "lf-split", head + b"\n\n" + body
    yield "lfcrlf-split", head + b"\n\r\n" + body
    yield "cr-split", head + b"\r\r" + body
    yield "blank-split", head + b"\r\n \r\n" + body
    yield "from-line", b"From alice Mon Jan  5 10:00:00 2026\r\n" + m
    yield "quoted-from-line", b">From alice Mon Jan  5\r\n" + m
    yield "blank-first", b"\r\n" + m
    yield "junk-first", b"this is no field\r\n" + m
    yield "bom-first", b"\xef\xbb\xbf" + m


def heads():
    yield "head-type-only", mail(top=b"")
    yield "head-no-version", mail(
        top=TOP.replace(b"MIME-Version: 1.0\r\n", b""))
    for tag, top in (("x", b"X-A: b\r\n"),
                     ("dkim", b"DKIM-Signature: v=1\r\n"),
                     ("list", b"List-Id: <x>\r\n"),
                     ("arc", b"ARC-Seal: i=1\r\n"),
                     ("odd", b"Zzz: 1\r\n"), ("subject", b"Subject: x\r\n")):
        yield "head-first-" + tag, mail(top=top)
    yield "head-single", (
        TOP + CT + b"application/octet-stream; name=p.bin\r\n" + CTE +
        b"base64\r\n\r\n" + b64() + CRLF)
    yield "head-single-qp", (
        TOP + CT + b"application/octet-stream; name=p.bin\r\n" + CTE +
        b"quoted-printable\r\n\r\n" + qp() + CRLF)
    yield "head-many", mail(ctype=b"X-Y: z\r\n" * 2000 + CT +
                            b"multipart/mixed; boundary=foo\r\n")
    yield "head-long", mail(ctype=b"X-Y: " + b"z" * 3000 + CRLF + CT +
                            b"multipart/mixed; boundary=foo\r\n")
    yield "head-many-types", mail(
        ctype=(CT + b"text/plain\r\n") * 20 + CT +
        b"multipart/mixed; boundary=foo\r\n")


def junk_between(text, junk, every):
    return CRLF.join(
        junk.join(line[i:i + every] for i in range(0, len(line), every)) + junk
        for line in text.split(CRLF))


def base64_bodies():
    text = base64.b64encode(PAYLOAD)
    plain = b64()
    short = [b64(width=w) for w in (1, 4, 6, 7, 60, 75)]
    for w, body in zip((1, 4, 6, 7, 60, 75), short):
        yield "base64-width-%d" % w, mail(body=body)
    yield "base64-one-line", mail(body=text)
    yield "base64-no-padding", mail(body=plain.rstrip(b"="))
    for tag, junk in (("dot", b"."), ("hash", b"#"), ("blank", b" "),
                      ("tab", b"\t"), ("nul", b"\0"), ("8bit", b"\xe4"),
                      ("dash", b"-"), ("under", b"_"), ("cr", b"\r"),
                      ("bang", b"!")):
        yield "base64-junk-%s-1" % tag, mail(body=junk_between(plain, junk, 1))
        yield "base64-junk-%s-4" % tag, mail(body=junk_between(plain, junk, 4))
        yield "base64-first-%s" % tag, mail(body=junk + plain)
    yield "base64-equals-4", mail(body=junk_between(plain, b"=", 4))
    yield "base64-line-equals", mail(body=b64(width=4).replace(CRLF, b"=\r\n"))
    for n in (1, 2):
        pieces = [base64.b64encode(PAYLOAD[i:i + n])
                  for i in range(0, len(PAYLOAD), n)]
        yield "base64-pieces-%d" % n, mail(body=b"".join(pieces))
        yield "base64-piece-lines-%d" % n, mail(body=CRLF.join(pieces))
    yield "base64-padding-first", mail(body=b"====\r\n" + plain)
    yield "base64-group-first", mail(body=b"AA==\r\n" + plain)
    yield "base64-blank-lines", mail(body=b"\r\n\r\n" + plain.replace(
        CRLF, b"\r\n\r\n"))
    yield "base64-footer", mail(
        body=plain + b"\r\n\r\n-- \r\nA list's footer.")
    yield "base64-footer-line", mail(
        body=plain + b"\r\n_____________\r\nlist mailing list")
    yield "base64-text-first", mail(body=b"!!! see below !!!\r\n\r\n" + plain)
    yield "base64-indent", mail(body=b" " + plain.replace(CRLF, b"\r\n "))
    # all "-" and "_" for "+" and "/"
    yield "base64-url", mail(body=base64.urlsafe_b64encode(
        b"\xfb\xef\xbe\xff\xff\xff" + PAYLOAD))


def qp_bodies():
    cte = CTE + b"quoted-printable\r\n"
    plain = qp()

    def q(tag, body):
        return "qp-" + tag, mail(cte=cte, body=body)

    yield q("plain", plain)
    yield q("lower", plain.lower())
    for tag, junk in (("blank", b" "), ("tab", b"\t"), ("blanks", b" \t  ")):
        yield q("soft-" + tag, plain.replace(b"=\r\n", b"=" + junk + b"\r\n"))
        yield q("indent-" + tag, plain.replace(b"=\r\n", b"=\r\n" + junk))
    for tag, end in (("lf", b"=\n"), ("cr", b"=\r"), ("crcrlf", b"=\r\r\n"),
                     ("crlflf", b"=\r\n\n")):
        yield q("soft-" + tag, plain.replace(b"=\r\n", end))
    for tag, junk in (("equals", b"="), ("equals-2", b"=2"), ("at", b"=@"),
                      ("blank-equals", b"= ="), ("equals-0", b"=0"),
                      ("equals-0x", b"=0x"), ("control", b"\x12"),
                      ("nul", b"\0"), ("8bit", b"\xaa"),
                      ("equals-nul", b"=\0")):
        # behind the first escape of each line, and before each soft break
        lines = plain.split(CRLF)
        yield q("in-" + tag, CRLF.join(x[:3] + junk + x[3:] for x in lines))
        yield q("end-" + tag, plain.replace(b"=\r\n", junk + b"=\r\n"))
    for tag, end in (("soft", b"=\r\n"), ("crlf", b"\r\n"), ("lf", b"\n"),
                     ("cr", b"\r")):
        lines = plain.split(b"=\r\n")
        # the last digit of a line goes over to the next one
        body = b"".join(x[:-1] + end + x[-1:] for x in lines)
        yield q("split-" + tag, body)
    yield q("one-line", plain.replace(b"=\r\n", b""))
    yield q("last-equals", plain + b"=")


def others():
    leaf = CT + b"application/octet-stream; name=p.bin\r\n"
    yield "uu-cte", mail(cte=CTE + b"x-uuencode\r\n", body=uu())
    yield "uu-cte-bare", mail(cte=CTE + b"uuencode\r\n", body=uu())
    yield "uu-inline", TOP + CRLF + b"See below.\r\n\r\n" + uu()
    yield "uu-inline-type", (
        TOP + CT + b"text/plain\r\n\r\nSee below.\r\n\r\n" + uu())
    yield "uu-part", mail(head=CT + b"text/plain\r\n", body=b"hi\r\n" + uu())
    yield "uu-in-base64", mail(head=CT + b"text/plain\r\n" + CTE +
                               b"base64\r\n", body=b64(b"hi\n" + uu()))
    yield "uu-in-qp", mail(head=CT + b"text/plain\r\n" + CTE +
                           b"quoted-printable\r\n",
                           body=b"hi\r\n" + uu().replace(b"=", b"=3D"))
    yield "yenc-inline", TOP + CRLF + b"See below.\r\n\r\n" + yenc()
    yield "yenc-part", mail(head=CT + b"text/plain\r\n", body=yenc())
    yield "yenc-cte", mail(cte=CTE + b"x-yenc\r\n", body=yenc())
    for enc in (b"7bit", b"8bit", b"binary"):
        yield "raw-" + enc.decode(), mail(cte=CTE + enc + CRLF,
                                          body=PAYLOAD)
    for cte, enc in ((b"", lambda x: x), (CTE + b"base64\r\n", b64),
                     (CTE + b"quoted-printable\r\n", qp)):
        tag = cte.split(b" ")[-1].strip().decode() or "plain"
        yield "message-" + tag, mail(
            head=CT + b"message/rfc822\r\n" + cte, body=enc(mail()))
        yield "message-global-" + tag, mail(
            head=CT + b"message/global\r\n" + cte, body=enc(mail()))
        yield "message-only-type-" + tag, mail(
            head=CT + b"message/rfc822\r\n" + cte, body=enc(
                leaf + CTE + b"base64\r\n\r\n" + b64()))
    yield "message-cte-lies", mail(
        head=CT + b"message/rfc822\r\n" + CTE + b"base64\r\n", body=mail())
    yield "digest", (
        TOP + CT + b"multipart/digest; boundary=foo\r\n\r\n--foo\r\n\r\n" +
        b"From: a@example.org\r\n" + leaf + CTE + b"base64\r\n\r\n" + b64() +
        b"\r\n--foo--\r\n")
    body = mail()[len(TOP):].split(b"\r\n\r\n", 1)[1]
    for word, enc in ENCODED.items():
        yield "multipart-" + word, (
            TOP + CT + b"multipart/mixed; boundary=foo\r\n" + CTE +
            word.encode() + b"\r\n\r\n" + enc(body))
    yield "partial", (TOP + CT + b'message/partial; id="1"; number=1; total=2'
                      b"\r\n\r\n" + leaf + CTE + b"base64\r\n\r\n" + b64())
    yield "partial-piece", (TOP + CT + b'message/partial; id="1"; number=2; '
                            b"total=2\r\n\r\n" + b64())
    deep = leaf + CTE + b"base64\r\n\r\n" + b64() + CRLF
    for n in range(200):
        b = b"b%03d" % n
        deep = (CT + b"multipart/mixed; boundary=" + b + b"\r\n\r\n--" + b +
                CRLF + deep + b"--" + b + b"--\r\n")
        if n in (0, 5, 20, 199):
            yield "deep-%d" % n, TOP + deep
    deep = leaf + CTE + b"base64\r\n\r\n" + b64() + CRLF
    for n in range(60):
        deep = CT + b"message/rfc822\r\n\r\n" + deep
    yield "deep-messages", TOP + deep
    many = b"".join(b"--foo\r\n" + TEXT for _ in range(30000))
    yield "many-parts", mail(pre=many)


def hidden():
    """(name, mail): each must be found, or refused as malformed or limit."""
    sources = [two_encodings(), odd_fields(), two_types(), boundaries(),
               delimiters(), line_ends(), heads(), base64_bodies(),
               qp_bodies(), others()]
    sources += [odd_words(word, enc) for word, enc in ENCODED.items()]
    for name, m in itertools.chain(*sources):
        yield name, m


def honest():
    """(name, mail): odd or not, nothing in them is bad."""
    clean = b"nothing to see here, " * 20
    attach = dict(body=b64(clean))
    yield "plain", TOP + CT + b"text/plain; charset=utf-8\r\n\r\nHello.\r\n"
    yield "no-mime", (TOP.replace(b"MIME-Version: 1.0\r\n", b"") + CRLF +
                      b"Hello.\r\n")
    yield "attachment", mail(**attach)
    yield "quoted-boundary", bound(b'boundary="foo"', **attach)
    yield "folded-boundary", bound(b'charset="us-ascii";\r\n\tboundary="foo"',
                                   **attach)
    yield "part-boundary", bound(
        b'boundary="----=_Part_1_2.3"', b"----=_Part_1_2.3", **attach)
    yield "unquoted-equals", bound(
        b"boundary=----=_NextPart_000_0001", b"----=_NextPart_000_0001",
        **attach)
    yield "no-close", mail(close=b"", **attach)
    yield "blank-delimiter", mail(d2=b"--foo \r\n", **attach)
    yield "preamble", mail(
        pre=b"This is a multi-part message in MIME format.\r\n", **attach)
    yield "epilogue", mail(
        post=b"\r\n_______\r\nA list's footer\r\n", **attach)
    yield "lf", mail(**attach).replace(CRLF, b"\n")
    yield "long-line", (
        TOP + CT + b"text/html\r\n\r\n" + b"<p>x</p>" * 500 + CRLF)
    yield "8bit", (TOP + CT + b"text/plain; charset=iso-8859-1\r\n\r\n"
                   b"Gr\xfc\xdfe\r\n")
    yield "signature", (TOP + CT + b"text/plain\r\n\r\nHello.\r\n"
                        b"-- \r\nAlice\r\n"
                        b"--\r\nnot a delimiter\r\n")
    yield "begin-word", (TOP + CT + b"text/plain\r\n\r\nbegin with this:\r\n"
                         b"begin 644 words are no uuencode\r\nend\r\n")
    yield "alternative", (
        TOP + CT + b'multipart/alternative; boundary="a_b"\r\n\r\n--a_b\r\n' +
        CT + b'text/plain; charset="utf-8"\r\n' + CTE +
        b"quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe, a=3Db and a long line that "
        b"goes on =\r\nhere.\r\n--a_b\r\n" + CT + b"text/html\r\n" + CTE +
        b"base64\r\n\r\n" + b64(b"<p>hello</p>") + b"\r\n--a_b--\r\n")
    yield "nested", (
        TOP + CT + b'multipart/mixed; boundary="o1"\r\n\r\n--o1\r\n' + CT +
        b'multipart/alternative; boundary="i1"\r\n\r\n--i1\r\n' + TEXT +
        b"--i1\r\n" + CT + b"text/html\r\n\r\n<p>x</p>\r\n--i1--\r\n\r\n"
        b"--o1\r\n" + CT + b"image/png; name=\"a.png\"\r\n" + CTE +
        b"base64\r\n\r\n" + b64(clean) + b"\r\n--o1--\r\n")
    yield "signed", mail(
        ctype=CT + b"multipart/signed; micalg=pgp-sha256;\r\n"
        b' protocol="application/pgp-signature"; boundary="foo"\r\n', **attach)
    yield "forwarded", mail(
        head=CT + b"message/rfc822\r\n",
        body=bound(b"boundary=inner", b"inner", **attach))
    yield "forwarded-same", mail(head=CT + b"message/rfc822\r\n",
                                 body=mail(**attach))
    yield "bounce", (
        TOP + CT + b"multipart/report; report-type=delivery-status; "
        b"boundary=foo\r\n\r\n--foo\r\n" + TEXT + b"--foo\r\n" + CT +
        b"message/delivery-status\r\n\r\nReporting-MTA: dns; a.example\r\n\r\n"
        b"Final-Recipient: rfc822; b@example.net\r\nAction: failed\r\n"
        b"--foo--\r\n")
    yield "same-cte-twice", mail(cte=(CTE + b"base64\r\n") * 2, **attach)
    yield "8-bit-word", mail(cte=CTE + b"8-bit\r\n", body=b"just text")
    yield "base64-footer", mail(body=b64(clean) + b"\r\n_____\r\nlist footer")
    yield "qp-bad", mail(cte=CTE + b"quoted-printable\r\n",
                         body=b"a = b and c=d, 100=%\r\n")
    yield "qp-blanks", mail(cte=CTE + b"quoted-printable\r\n",
                            body=b"trailing blanks  \r\nand more \r\n")
    yield "empty-part", mail(body=b"")
    yield "empty-header", mail(head=b"", body=b"just text")
    yield "x-header", mail(head=b"X-A: b\r\nContent-ID: <1>\r\n", body=b"text")
    yield "name-odd", mail(ptype=CT + b"application/pdf; name=my file (1).pdf"
                           b"\r\n", disp=b"Content-Disposition: attachment; "
                           b"filename*=UTF-8''%e2%82%ac%20rates.pdf\r\n",
                           **attach)
    yield "two-received", b"Received: by c.example; Mon\r\n" + mail(**attach)
    yield "prefix-boundaries", (
        TOP + CT + b"multipart/mixed; boundary=out\r\n\r\n--out\r\n" + CT +
        b"multipart/alternative; boundary=out-alt\r\n\r\n--out-alt\r\n" +
        TEXT + b"--out-alt\r\n" + CT + b"text/html\r\n\r\n<b>x</b>\r\n"
        b"--out-alt--\r\n--out\r\n" + TEXT + b"--out--\r\n")
    yield "digest", (TOP + CT + b"multipart/digest; boundary=foo\r\n\r\n"
                     b"--foo\r\n\r\nFrom: a@example.org\r\nSubject: 1\r\n\r\n"
                     b"one\r\n--foo\r\n\r\nFrom: b@example.org\r\n\r\ntwo\r\n"
                     b"--foo--\r\n")
    yield "calendar", mail(head=CT + b'text/calendar; method=REQUEST; '
                           b'charset="UTF-8"\r\n', body=b"BEGIN:VCALENDAR\r\n"
                           b"END:VCALENDAR")
    yield "external", mail(head=CT + b'message/external-body; '
                           b'access-type=URL; URL="http://example.org/x"\r\n',
                           body=CT + b"text/plain\r\n\r\n")
    yield "pgp", TOP + CT + (
        b"text/plain\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\n" +
        b64(clean * 5, 64) + b"\r\n-----END PGP MESSAGE-----\r\n")
    yield "uu-clean", TOP + CRLF + uu(clean)
    yield "large", mail(body=b64(clean * 5000))


def mutate(rng, m):
    """m with a few of its lines changed where readers look; not the first,
    which says that it is a mail."""
    first, *lines = m.split(CRLF)
    for _ in range(rng.randint(1, 3) if len(lines) > 3 else 0):
        i = rng.randrange(len(lines))
        # the lines that matter are few among those of the body
        keys = [k for k, x in enumerate(lines)
                if x[:8].lower() == b"content-" or x[:2] == b"--" or not x]
        if keys and rng.random() < 0.8:
            i = rng.choice(keys)
        line, how = lines[i], rng.randrange(7)
        at = rng.randrange(len(line) + 1)
        junk = rng.choice((b" ", b"\t", b"\0", b"\r", b"\n", b'"', b";", b"(",
                           b")", b"=", b"-", b":", b",", b"\\", b"\r\n ",
                           b"\r\n", b"(x)", b"\x80"))
        if how < 3:
            lines[i] = line[:at] + junk + line[at:]
        elif how == 3:
            lines[i] = line[:at] + line[at + 1:]
        elif how == 4:
            lines.insert(i, rng.choice(lines))
        elif how == 5:
            del lines[i]
        else:
            k = rng.randrange(len(lines))
            lines[i], lines[k] = lines[k], lines[i]
    return CRLF.join([first, *lines])


def write(folder):
    os.makedirs(folder, exist_ok=True)
    count = 0
    for prefix, source in (("", hidden()), ("clean-", honest())):
        for name, m in source:
            path = os.path.join(folder, prefix + name + ".eml")
            assert not os.path.exists(path), name
            with open(path, "wb") as f:
                f.write(m)
            count += 1
    return count


if __name__ == "__main__":
    print(write(sys.argv[1]))
