"""What a real scan worker can still do: no network, no file of others, no
change of a content it was given; in both ways of keeping temporary files."""

import subprocess

import pytest

pytestmark = pytest.mark.core

KILLED = "killed SIGSYS"
ANSWERS = {
    "socket-inet": KILLED,
    "socket-unix": KILLED,
    "open-etc-passwd": "EACCES",
    "create-outside": "EACCES",
    "write-memfd": "EPERM",
    "truncate-memfd": "EPERM",
    "map-memfd-writable": "EPERM",
    "write-spool-file": "EBADF",
    "truncate-spool-file": "EINVAL",
    "reopen-spool-file": "EACCES",
    "exec": KILLED,
    "fork": KILLED,
    "kill-armoury": KILLED,
    "ptrace-armoury": KILLED,
    "map-code": "EACCES",
    "temporary-file": "ok",
    "fill-temporary": "EFBIG",
}
WAYS = {
    "mount": ("net=none tmp=mount", {"fill-temporary-many": "ENOSPC"}),
    # Here the armoury counts: tests/unit/t_armoury.c.
    "directory": ("net=seccomp tmp=directory", {"fill-temporary-many": "ok"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_scan_worker_is_shut_in(build, way):
    jail, more = WAYS[way]

    done = subprocess.run(
        [build / "sallyport-armoury", "--self-test-jail", "--temporary", way],
        check=True, capture_output=True, timeout=120)

    said = dict(line.split(": ", 1)
                for line in done.stdout.decode().splitlines())
    if way == "mount" and "mount" in said.get("no jail", ""):
        pytest.skip(said["no jail"])
    in_force = said.pop("jail")
    assert in_force.startswith("seccomp=yes landlock=")
    assert in_force.endswith(jail)
    assert said == {**ANSWERS, **more}
