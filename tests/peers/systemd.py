"""A machine with a running systemd, as far as it matters to a unit: namespaces
of its own, this system's files under an overlay that is forgotten, an empty
/run, /tmp and /etc/systemd/system, no network but loopback."""

import os
import shutil
import signal
import subprocess

from .common import PATIENCE, alive, kill, new_dir, remove_dir, until

BOOT = r"""
set -eu
root=$1/root
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
mkdir "$1/up" "$1/work" "$root"
mount -t overlay overlay \
	-o "lowerdir=/,upperdir=$1/up,workdir=$1/work" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs dev
mkdir dev/pts dev/shm
mount -t devpts devpts dev/pts -o newinstance,ptmxmode=0666
mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
for d in null zero full random urandom tty; do
	: >"dev/$d"
	mount --bind "/dev/$d" "dev/$d"
done
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
	mount -t cgroup2 cgroup2 sys/fs/cgroup
else
	mount -t tmpfs tmpfs sys/fs/cgroup
	mkdir sys/fs/cgroup/unified sys/fs/cgroup/systemd
	mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
	mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
fi
rm -rf etc/systemd/system/*
printf 'sallyport' >proc/sys/kernel/hostname
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	chroot "$root" /lib/systemd/systemd --system --unit=basic.target
"""

UNSHARE = ["unshare", "--pid", "--mount", "--uts", "--ipc", "--net", "--cgroup",
           "--fork", "--kill-child"]


def why_not():
    """Words for why there can be none here; empty: there can."""
    if os.getuid() != 0:
        return "not root"
    if not os.path.exists("/lib/systemd/systemd"):
        return "no systemd"
    tried = subprocess.run(
        UNSHARE + ["sh", "-c", "mount --make-rprivate / && "
                   "mount -t tmpfs none /mnt"],
        check=False, capture_output=True)
    return tried.stderr.decode().strip()


class Systemd:
    def __init__(self):
        self.dir = new_dir("systemd")
        self.child = None
        self.init = 0

    def start(self):
        # pylint: disable=R1732 # it lives until remove()
        self.child = subprocess.Popen(
            UNSHARE + ["sh", "-c", BOOT, "boot", self.dir],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        until("systemd runs", self._runs)
        self.run("ip", "link", "set", "lo", "up")
        return self

    def _runs(self):
        assert self.child.poll() is None, "it did not boot"
        path = f"/proc/{self.child.pid}/task/{self.child.pid}/children"
        with open(path, encoding="ascii") as f:
            pids = f.read().split()
        if not pids:
            return False
        self.init = int(pids[0])
        done = self.run("systemctl", "is-active", "basic.target", check=False)
        return done.stdout == "active\n"

    def run(self, *words, check=True, given=None):
        """A command in there."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.init), "-a", "-r", "-w", "env", "-i",
             "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *words],
            check=False, capture_output=True, text=True, timeout=2 * PATIENCE,
            input=given)
        assert not check or done.returncode == 0, \
            f"{words}: {done.stdout}{done.stderr}"
        return done

    def put(self, folder):
        """All that lies below folder, where it belongs."""
        with subprocess.Popen(["tar", "-C", folder, "-c", "."],
                              stdout=subprocess.PIPE) as tar:
            subprocess.run(
                ["nsenter", "-t", str(self.init), "-a", "-r", "-w",
                 "tar", "-C", "/", "-x", "--no-same-owner",
                 "--no-overwrite-dir"],
                stdin=tar.stdout, check=True)
        assert tar.returncode == 0

    def write(self, path, text):
        self.run("tee", path, given=text)

    def shows(self, unit, *names):
        """Properties of a unit."""
        text = self.run("systemctl", "show", unit, "-p", ",".join(names)).stdout
        return dict(line.split("=", 1) for line in text.splitlines())

    def journal(self, unit):
        return self.run("journalctl", "-u", unit, "-o", "cat",
                        "--no-pager").stdout

    def remove(self):
        if self.init and alive(self.init):
            kill(self.init, signal.SIGKILL)
        if self.child is not None:
            self.child.wait()
        remove_dir(self.dir)
        shutil.rmtree(self.dir, ignore_errors=True)
