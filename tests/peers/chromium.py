"""Chromium: Debian's browser, headless, with the gateway as its proxy.

    b = Chromium(proxy=port, trusts=[ca])     or pac="http://.../proxy.pac"
    got = b.start().goto("http://www.example.test/")
    got["status"], got["title"], got["text"], got["fetched"]
    b.run("document.cookie"), b.download("a.get", path), b.picture("site")

SALLYPORT_SHOTS: a folder to keep the pictures in, to be looked at.
tests/browser/browse.js speaks to it; scripts/setup test installs what it uses.
"""

import json
import os
import pathlib
import select
import subprocess

from .common import PATIENCE, kill, new_dir, offspring, processes, remove_dir

TESTS = pathlib.Path(__file__).resolve().parent.parent
MODULES = TESTS / ".peers" / "browser" / "node_modules"


class BrowserFailed(Exception):
    """What it said instead of doing it."""


class Chromium:
    """Its HOME is a folder of its own; trusts: the authorities that are told
    to it there."""

    def __init__(self, proxy=None, pac=None, trusts=()):
        self.dir = new_dir("chromium")
        self.child = None
        self.args = []
        if proxy is not None:
            self.args += [f"--proxy-server=http://127.0.0.1:{proxy}"]
        if pac is not None:
            self.args += [f"--proxy-pac-url={pac}"]
        if trusts:
            self.trust(trusts)

    def trust(self, authorities):
        """As the user of this machine would: in the NSS database of HOME."""
        place = f"{self.dir}/.pki/nssdb"
        os.makedirs(place)
        for words in (["-N", "--empty-password"],
                      *(["-A", "-n", f"CA {i}", "-t", "C,,", "-i", ca.pem]
                        for i, ca in enumerate(authorities))):
            subprocess.run(["certutil", "-d", f"sql:{place}", *words],
                           check=True, capture_output=True)

    def start(self):
        settings = {"profile": f"{self.dir}/profile", "args": self.args}
        # pylint: disable=R1732 # it lives until remove()
        self.child = subprocess.Popen(
            ["node", TESTS / "browser" / "browse.js", MODULES,
             json.dumps(settings)], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, start_new_session=True,
            env={**os.environ, "HOME": self.dir})
        self.answer()
        return self

    def answer(self):
        ready, _, _ = select.select([self.child.stdout], [], [], 3 * PATIENCE)
        line = self.child.stdout.readline() if ready else ""
        said = json.loads(line or '{"error": "it says nothing"}')
        if "error" in said:
            raise BrowserFailed(said["error"])
        return said

    def do(self, what, **more):
        self.child.stdin.write(json.dumps({"do": what, **more}) + "\n")
        self.child.stdin.flush()
        return self.answer()

    def goto(self, url):
        return self.do("goto", url=url)

    def run(self, script):
        return self.do("run", script=script)["value"]

    def download(self, link, to):
        return self.do("download", link=link, to=to)

    def follow(self, link):
        return self.do("follow", link=link)

    def shot(self, to, dark=False, width=900):
        self.do("shot", to=to, dark=dark, width=width)

    def picture(self, name):
        """Of the page; none, unless somebody wants to look at them."""
        folder = os.environ.get("SALLYPORT_SHOTS")
        if folder is None:
            return
        for mode, width in (("light", 900), ("dark", 900), ("phone", 360)):
            self.shot(f"{folder}/{name}-{mode}.png", mode == "dark", width)

    def remove(self):
        if self.child is not None:
            family = {p: processes().get(p) for p in offspring(self.child.pid)}
            self.child.stdin.close()
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                pass
            left = processes()
            for pid, what in family.items():
                if what is not None and left.get(pid, ())[2:] == what[2:]:
                    kill(pid)
            kill(self.child.pid)
            self.child.wait()
            self.child.stdout.close()
        remove_dir(self.dir)
