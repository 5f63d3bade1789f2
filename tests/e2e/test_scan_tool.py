"""`sallyport scan`: exit status, lines, tree, JSON, standard input."""

import json
import os
import pathlib
import subprocess

import corpus_mail
import pytest

pytestmark = pytest.mark.core

PATIENCE = 120
CONFIG = """[engine clamav]
type = clamav
database = /nonexistent
"""


@pytest.fixture(name="folder")
def folder_as_path(folder):
    return pathlib.Path(folder)


@pytest.fixture(name="scan")
def scanner(build, folder):
    """scan(words, stdin): as an operator without a configuration of theirs."""
    config = folder / "sallyport.ini"
    config.write_text(CONFIG)

    def run(*words, stdin=b"", config=config):
        chosen = ["--config", str(config)] if config else []
        return subprocess.run(
            [build / "sallyport", "scan", *chosen, *words], input=stdin,
            capture_output=True, check=False, timeout=PATIENCE,
            cwd=folder, env={**os.environ, "TMPDIR": str(folder)})

    return run


def keep(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    return path


def objects(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_clean_file_is_0(scan, folder):
    done = scan(keep(folder, "clean.txt", b"nothing\n"))

    assert done.returncode == 0, done
    assert done.stdout.decode().startswith(f"{folder}/clean.txt: clean\n")


def test_a_found_one_is_1_and_says_what_and_where(scan, folder):
    path = keep(folder, "eicar.com", corpus_mail.eicar())

    done = scan(path)

    assert done.returncode == 1, done
    first = done.stdout.decode().splitlines()[0]
    assert first.startswith(f"{path}: INFECTED ")
    assert "eicar" in first.lower()
    assert first.endswith("(eicar.com)")


@pytest.mark.parametrize("kind", corpus_mail.INFECTED)
def test_every_mail_of_the_corpus_is_found(scan, folder, kind):
    path = keep(folder, "mail.eml", corpus_mail.infected(kind))

    done = scan("--json", path)

    assert done.returncode == 1, done
    (said,) = objects(done)
    assert said["verdict"] == "malware"
    assert said["members"][0] | {"size": 0} == {
        "where": "mail.eml", "type": "mail", "depth": 0, "size": 0}


def test_the_tree_of_members(scan, folder):
    inner = corpus_mail.zipped(corpus_mail.eicar(), "x.com")
    mail = corpus_mail.attached("tree", inner, "a.zip")
    path = keep(folder, "mail.eml", mail)

    done = scan(path)

    lines = done.stdout.decode().splitlines()
    assert "(mail.eml/a.zip/x.com)" in lines[0]
    names = [line.split()[0] for line in lines[1:]]
    assert names.index("mail.eml") < names.index("a.zip")
    depth = {line.split()[0]: len(line) - len(line.lstrip())
             for line in lines[1:]}
    assert depth["a.zip"] > depth["mail.eml"]

    (said,) = objects(scan("--json", path))
    members = {m["where"]: m for m in said["members"]}
    assert members["mail.eml/a.zip"]["type"] == "zip"
    assert members["mail.eml/a.zip"]["size"] == len(inner)
    assert members["mail.eml"]["size"] == len(mail)
    (found,) = [f for f in said["findings"] if f["kind"] == "malware"][:1]
    assert found["where"] == "mail.eml/a.zip/x.com"
    assert found["engine"] == "clamav"
    assert said["engines"].startswith("clamav/")
    assert said["ms"] >= 0 and said["unscanned_bytes"] == 0


def test_json_is_one_object_a_file(scan, folder):
    paths = [keep(folder, f"{n}.txt", b"x" * n) for n in range(5)]

    said = objects(scan("--json", *paths))

    assert [o["file"] for o in said] == [str(p) for p in paths]
    assert {o["verdict"] for o in said} == {"clean"}


def test_names_are_escaped(scan, folder):
    path = keep(folder, "a\x1b[31m\n\"b\xe4", corpus_mail.eicar())

    text = scan(path).stdout
    (said,) = objects(scan("--json", path))

    assert b"\x1b" not in text
    assert len(text.splitlines()) == 1
    assert said["file"] == str(path)


def test_standard_input(scan):
    assert scan("-", stdin=b"nothing").returncode == 0
    assert scan("-", stdin=b"").returncode == 0
    (said,) = objects(scan("--json", "-", stdin=corpus_mail.eicar()))
    assert said["file"] == "-" and said["verdict"] == "malware"
    # Larger than what is kept in memory.
    done = scan("-", stdin=corpus_mail.infected("zip") + b"\r\n" * 2**20)
    assert done.returncode == 1


def test_a_pipe_by_name(scan, folder):
    done = scan("/dev/stdin", stdin=corpus_mail.eicar())

    assert done.returncode == 1, done
    assert list(folder.glob("sallyport-scan.*")) == []


def test_what_cannot_be_read_is_2(scan, folder):
    clean = keep(folder, "clean.txt", b"x")

    done = scan(folder / "none.txt", clean, folder)

    assert done.returncode == 2
    lines = done.stdout.decode().splitlines()
    assert "none.txt: ERROR No such file" in lines[0]
    assert lines[1].endswith(": clean")
    assert "ERROR Is a directory" in lines[-1]


def test_an_error_outweighs_a_find(scan, folder):
    path = keep(folder, "eicar.com", corpus_mail.eicar())

    assert scan(path, folder / "none").returncode == 2


def test_too_large_a_file_is_a_finding(scan, folder):
    config = folder / "small.ini"
    config.write_text("[scan]\nmax_scan_size = 4k\n" + CONFIG)
    path = keep(folder, "big", b"x" * 5000)

    done = scan("--json", path, config=config)

    assert done.returncode == 1, done
    (said,) = objects(done)
    assert said["verdict"] == "limit"
    assert said["unscanned_bytes"] == 5000


def test_both_ways_of_temporary_files(scan, folder):
    path = keep(folder, "mail.eml", corpus_mail.infected("zip-in-zip"))
    for way in ("mount", "directory"):
        config = folder / f"{way}.ini"
        config.write_text(f"[scan]\ntemporary = {way}\n" + CONFIG)
        done = scan(path, config=config)
        assert done.returncode == 1, done
        assert list(folder.glob("sallyport-scan.*")) == []


def test_a_wrong_configuration_is_2(scan, folder):
    config = folder / "wrong.ini"
    config.write_text("[scan]\nmax_dept = 3\n")

    done = scan("x", config=config)

    assert done.returncode == 2
    assert "wrong.ini:2: " in done.stderr.decode()


def test_usage_is_64(scan, build):
    assert scan().returncode == 64
    assert scan("--wrong", "x").returncode == 64
    for words in ([], ["scam"]):
        done = subprocess.run([build / "sallyport", *words], check=False,
                              capture_output=True, timeout=PATIENCE)
        assert done.returncode == 64
    done = subprocess.run([build / "sallyport", "version"], check=True,
                          capture_output=True, timeout=PATIENCE)
    assert done.stdout.startswith(b"sallyport ")


def test_it_works_without_a_configuration(build, folder):
    """No file, no database: the built-in signature, and a warning says so."""
    path = keep(folder, "eicar.com", corpus_mail.eicar())

    done = subprocess.run(
        [build / "sallyport", "scan", path], check=False, timeout=PATIENCE,
        capture_output=True, env={
            "PATH": os.environ["PATH"],
            "SALLYPORT_ENGINE_CLAMAV__DATABASE": "/nonexistent"})

    assert done.returncode == 1, done
    assert b"signature" in done.stderr.lower()
