"""Mails that readers read differently: whatever any reader takes out of one
must have been looked at.  The mails are made by mime_corpus.py."""

import email
import email.policy
import json
import pathlib
import random
import shutil
import subprocess
import tempfile

import mime_corpus
import pytest

PATIENCE = 240
REFUSED = ("malware", "malformed", "limit")
# What cannot be followed to its end, and is refused for that.
WITHOUT_END = {
    "deep-199": ("malformed", "mime_depth"),
    "deep-messages": ("malformed", "mime_depth"),
    "many-parts": ("limit", "max_members"),
}
SEED = 20260105
MUTANTS = 300


@pytest.fixture(name="scan", scope="module")
def scanner(build):
    """scan({name: mail}): what `sallyport scan --json` says of each; with
    signature=b"..." by another signature than that of the payload."""
    base = pathlib.Path(tempfile.mkdtemp(prefix="mime-"))
    database = base / "db"
    database.mkdir()
    (base / "sallyport.ini").write_text(
        f"[engine clamav]\ntype = clamav\ndatabase = {database}\n")

    def run(mails, signature=mime_corpus.MARKER):
        (database / "mime.ndb").write_text(
            f"Test.Mime:0:*:{signature.hex()}\n")
        folder = base / "mails"
        folder.mkdir()
        for name, data in mails.items():
            (folder / f"{name}.eml").write_bytes(data)
        done = subprocess.run(
            [build / "sallyport", "scan", "--config", base / "sallyport.ini",
             "--json", *sorted(folder.iterdir())],
            capture_output=True, check=False, timeout=PATIENCE, cwd=base)
        shutil.rmtree(folder)
        assert done.returncode in (0, 1), done.stderr
        said = [json.loads(line) for line in done.stdout.splitlines()]
        return {pathlib.Path(o["file"]).stem: o for o in said}

    yield run
    shutil.rmtree(base)


def kinds(said):
    return {f["kind"] for f in said["findings"]}


def whats(said, kind):
    return {f["what"] for f in said["findings"] if f["kind"] == kind}


def test_what_is_hidden_is_found(scan):
    mails = dict(mime_corpus.hidden())
    said = scan(mails)

    assert set(said) == set(mails)
    assert len(mails) > 450
    missed = [n for n in mails
              if "malware" not in kinds(said[n]) and n not in WITHOUT_END]
    assert not missed
    for name, (kind, word) in WITHOUT_END.items():
        assert word in whats(said[name], kind), name


def test_a_piece_of_a_mail_is_refused(scan):
    said = scan({n: m for n, m in mime_corpus.hidden()
                 if n.startswith("partial")})

    assert len(said) == 2
    for o in said.values():
        assert "message/partial" in whats(o, "malformed")


def test_honest_mails_pass(scan):
    mails = dict(mime_corpus.honest())
    said = scan(mails)

    assert set(said) == set(mails)
    refused = {n: o["findings"] for n, o in said.items()
               if kinds(o) & {"malware", "malformed", "limit", "failed"}}
    assert not refused


def test_the_usual_mail_has_one_reading(scan):
    """No finding at all for what common programs send."""
    usual = ("plain", "attachment", "quoted-boundary", "folded-boundary",
             "part-boundary", "unquoted-equals", "no-close", "preamble",
             "epilogue", "lf", "8bit", "signature", "alternative", "nested",
             "signed", "forwarded", "bounce", "digest", "calendar", "pgp",
             "blank-delimiter", "prefix-boundaries", "same-cte-twice",
             "name-odd", "large")
    mails = {n: m for n, m in mime_corpus.honest() if n in usual}
    said = scan(mails)

    assert len(said) == len(usual)
    assert {n: o["findings"] for n, o in said.items() if o["findings"]} == {}


def test_an_ambiguity_has_its_words(scan):
    words = {
        "cte-first-base64-7bit": "duplicate content-transfer-encoding",
        "type-last-text": "duplicate content-type",
        "boundary-two-last": "oddly written boundary",
        "field-cte-blank-colon": "oddly written header field",
        "delimiter-second-indent": "oddly written delimiter",
        "epilogue-part": "parts after the closing delimiter",
        "type-value-missing": "multipart without boundary",
    }
    # what is malware is refused and looked at no further: nothing is here
    said = scan({n: m for n, m in mime_corpus.hidden() if n in words},
                signature=b"in none of these mails")

    for name, word in words.items():
        assert word in whats(said[name], "ambiguous"), name


# ---- other readers ---------------------------------------------------------


def by_python(policy):
    def take(data, _path, _folder):
        try:
            for part in email.message_from_bytes(data, policy=policy).walk():
                try:
                    if mime_corpus.MARKER in (
                            part.get_payload(decode=True) or b""):
                        return True
                except (ValueError, LookupError, AttributeError):
                    continue
        except Exception:  # its parser gives up on some of these
            pass
        return False
    return take


def by_tool(*words):
    def take(_data, path, folder):
        try:
            subprocess.run(
                [w.format(mail=path, to=folder) for w in words], cwd=folder,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                stdin=subprocess.DEVNULL, check=False, timeout=10)
        except subprocess.TimeoutExpired:
            return False
        return any(mime_corpus.MARKER in p.read_bytes()
                   for p in pathlib.Path(folder).rglob("*") if p.is_file())
    return take


READERS = {
    "python": by_python(email.policy.compat32),
    "python-new": by_python(email.policy.default),
    "ripmime": by_tool("ripmime", "-i", "{mail}", "-d", "{to}"),
    "munpack": by_tool("munpack", "-f", "-q", "{mail}"),
    "uudeview": by_tool("uudeview", "-i", "-n", "-q", "-p", "{to}", "{mail}"),
}


def mutants():
    rng = random.Random(SEED)
    source = [m for _, m in mime_corpus.hidden() if len(m) < 6000]
    return {f"m{i:04d}": mime_corpus.mutate(rng, rng.choice(source))
            for i in range(MUTANTS)}


def test_no_reader_takes_what_was_not_looked_at(scan, folder):
    mails = mutants()
    said = scan(mails)
    readers = {n: r for n, r in READERS.items()
               if n.startswith("python") or shutil.which(n)}
    took = dict.fromkeys(readers, 0)
    missed = []
    for name, data in mails.items():
        path = pathlib.Path(folder) / f"{name}.eml"
        path.write_bytes(data)
        for reader, take in readers.items():
            with tempfile.TemporaryDirectory(dir=folder) as to:
                if not take(data, path, to):
                    continue
            took[reader] += 1
            if not kinds(said[name]) & set(REFUSED):
                missed.append((reader, name))

    assert not missed
    # the readers did read: else this says nothing
    assert all(n > MUTANTS // 20 for n in took.values()), took
