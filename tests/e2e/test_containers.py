"""A payload in every container there is: found, or said that it was not."""

import json
import os
import pathlib
import subprocess

import corpus
import pytest

pytestmark = pytest.mark.core

PATIENCE = 300


@pytest.fixture(name="folder")
def folder_as_path(folder):
    return pathlib.Path(folder)


@pytest.fixture(name="scan")
def scanner(build, folder):
    """scan({name: bytes}): {name: what the scanner says of it}; code: how it
    exits."""
    (folder / "db").mkdir()
    (folder / "db" / "test.ndb").write_text(corpus.signatures())
    (folder / "sallyport.ini").write_text(
        f"[engine clamav]\ndatabase = {folder}/db\n")

    def run(files, code=1):
        for name, data in files.items():
            (folder / name).write_bytes(data)
        done = subprocess.run(
            [build / "sallyport", "scan", "--json", "--config",
             folder / "sallyport.ini", *files], capture_output=True,
            check=False, timeout=PATIENCE, cwd=folder,
            env={**os.environ, "TMPDIR": str(folder)})
        assert done.returncode == code, done
        said = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(said) == len(files), done.stderr
        return dict(zip(files, said))

    return run


def kinds(said):
    return {f["kind"] for f in said["findings"]}


@pytest.mark.parametrize("payload", corpus.PAYLOADS)
def test_it_is_found_in_every_container(scan, payload):
    said = scan(corpus.containers(corpus.PAYLOADS[payload]()))

    missed = {name: s["findings"] for name, s in said.items()
              if f"Test.{payload}.UNOFFICIAL" not in
              [f["what"] for f in s["findings"]]}
    assert not missed


def test_what_is_found_has_the_name_of_its_place(scan):
    said = scan({
        "a.zip": corpus.zipped(corpus.zip_two_methods(corpus.marker()),
                               name="inner/b.zip"),
        "c.eml": corpus.mail(corpus.zipped(corpus.marker()))})

    assert said["a.zip"]["findings"][0]["where"] == "a.zip/b.zip/x.com"
    assert said["c.eml"]["findings"][0]["where"] == "c.eml/x.bin/x.com"


def test_what_cannot_be_looked_into_is_never_clean(scan):
    made = corpus.closed(corpus.marker())
    said = scan({name: data for name, (data, _) in made.items()})

    wrong = {name: said[name]["findings"] for name, (_, kind) in made.items()
             if kind not in kinds(said[name])}
    assert not wrong


def test_a_zip_is_not_refused_for_how_it_was_made(scan):
    made = corpus.odd()
    said = scan({name: data for name, (data, _) in made.items()}, code=0)

    wrong = {name: said[name]["findings"] for name, (_, kind) in made.items()
             if kinds(said[name]) != kind}
    assert not wrong


@pytest.mark.parametrize("name", corpus.BOMBS)
def test_a_bomb_is_a_limit(scan, name):
    said = scan({name: corpus.BOMBS[name]()})[name]

    assert "limit" in kinds(said), said["findings"]
