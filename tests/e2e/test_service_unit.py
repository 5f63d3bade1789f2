"""The systemd unit is as hardened as it says."""

import pathlib
import re
import shutil
import subprocess

import pytest
from peers.common import PATIENCE

MOST = 20  # an exposure of 2.0


@pytest.fixture(name="folder")
def folder_as_path(folder):
    return pathlib.Path(folder)


def test_the_unit_is_hardened(build, folder):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze")
    unit = folder / "sallyport.service"
    unit.write_text((build / "sallyport.service").read_text())
    assert "@" not in re.sub(r"=~?@[a-z-]+( @[a-z-]+)*$", "",
                             unit.read_text(), flags=re.M)

    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes",
         f"--threshold={MOST}", unit],
        check=False, capture_output=True, timeout=2 * PATIENCE)

    assert done.returncode == 0, done.stdout.decode()[-3000:]


def test_nothing_in_it_needs_root(build):
    text = (build / "sallyport.service").read_text()

    assert "\nUser=_sallyport\n" in text
    assert "\nType=notify\n" in text
    assert "\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n" in text
