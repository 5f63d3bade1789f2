"""Repository: Debian packages, an apt that knows nothing else, and git.

    r = Repository(folder, url)       packages in folder, which url serves
    r.package("name", {"/usr/share/x": bytes}); r.index()
    apt = Apt(url, proxy=port); apt.get("update"); apt.get("download", "name")
"""

import os
import subprocess

from .common import PATIENCE, new_dir, remove_dir

CONTROL = """\
Package: {name}
Version: {version}
Architecture: all
Maintainer: Nobody <nobody@example.org>
Description: a package to be fetched
"""


class Repository:
    def __init__(self, folder):
        self.dir = folder

    def package(self, name, files, version="1.0"):
        tree = new_dir("package")
        try:
            os.mkdir(f"{tree}/DEBIAN")
            with open(f"{tree}/DEBIAN/control", "w", encoding="ascii") as f:
                f.write(CONTROL.format(name=name, version=version))
            for path, data in files.items():
                os.makedirs(os.path.dirname(f"{tree}/{path}"), exist_ok=True)
                with open(f"{tree}/{path}", "wb") as f:
                    f.write(data)
            subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree,
                            f"{self.dir}/{name}_{version}_all.deb"],
                           check=True, capture_output=True)
        finally:
            remove_dir(tree)

    def index(self):
        done = subprocess.run(["dpkg-scanpackages", "-m", "."], cwd=self.dir,
                              check=True, capture_output=True)
        with open(f"{self.dir}/Packages", "wb") as f:
            f.write(done.stdout)


class Apt:
    """apt-get with everything of its own."""

    def __init__(self, url, proxy):
        self.dir = new_dir("apt")
        for name in ("state/lists/partial", "cache/archives/partial", "etc",
                     "fetched", "log"):
            os.makedirs(f"{self.dir}/{name}")
        with open(f"{self.dir}/status", "wb"):
            pass
        with open(f"{self.dir}/list", "w", encoding="ascii") as f:
            f.write(f"deb [trusted=yes] {url} ./\n")
        self.options = {
            "Dir::State": f"{self.dir}/state",
            "Dir::State::status": f"{self.dir}/status",
            "Dir::Cache": f"{self.dir}/cache",
            "Dir::Log": f"{self.dir}/log",
            "Dir::Etc::sourcelist": f"{self.dir}/list",
            "Dir::Etc::sourceparts": f"{self.dir}/etc",
            "Dir::Etc::parts": f"{self.dir}/etc",
            "APT::Sandbox::User": "root",
            "Acquire::Languages": "none",
            "Acquire::Retries": "0",
            "Acquire::http::Proxy": f"http://127.0.0.1:{proxy}/",
        }

    def get(self, *words):
        options = [f"-o{k}={v}" for k, v in self.options.items()]
        return subprocess.run(
            ["apt-get", *options, *words], cwd=f"{self.dir}/fetched",
            env={**os.environ, "APT_CONFIG": "/dev/null"}, text=True,
            check=False, capture_output=True, timeout=2 * PATIENCE)

    def fetched(self):
        found = {}
        for name in os.listdir(f"{self.dir}/fetched"):
            with open(f"{self.dir}/fetched/{name}", "rb") as f:
                found[name.partition("_")[0]] = f.read()
        return found

    def remove(self):
        remove_dir(self.dir)
