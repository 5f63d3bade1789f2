"""What must hold of the tree itself, whatever is built from it."""

import pathlib
import subprocess

import corpus_mail

TOP = pathlib.Path(__file__).resolve().parent.parent


def run(*words):
    done = subprocess.run([str(TOP / words[0]), *words[1:]], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    assert done.returncode == 0, "\n" + done.stdout


def test_includes_point_down():
    run("scripts/floors")


def test_nothing_is_too_long():
    run("scripts/shape")


def test_spacing_is_clang_formats():
    run("scripts/format", "--check")


def test_linters_are_content(build):
    run("scripts/lint", str(build))


def test_no_file_is_what_a_virus_scanner_flags():
    listed = subprocess.run(["git", "ls-files", "-z", "-co",
                             "--exclude-standard"], cwd=TOP, check=False,
                            capture_output=True).stdout
    names = [n for n in listed.decode().split("\0") if n]
    if not names:  # no git, or not a clone
        names = [str(p.relative_to(TOP)) for p in TOP.rglob("*")
                 if "build" not in p.parts and ".git" not in p.parts]
    bad = [n for n in names if (TOP / n).is_file()
           and corpus_mail.eicar() in (TOP / n).read_bytes()]
    assert names and not bad
