"""FTP clients that people use, each told in its own words to move the same
files: what is clean, what is not, and what is one half of that.

    move(Job(...))    all of it, over as few sessions as the client lets us
"""

import contextlib
import dataclasses
import ftplib
import subprocess
import urllib.parse

from .common import PATIENCE
from .ftp_client import Client, SecureClient


@dataclasses.dataclass
class Job:
    """get, put: names, which are those of files in folder as well.  get_rest,
    put_rest: a name, and where it goes on."""

    host: str
    port: int
    server: object
    tls: bool
    active: bool
    folder: str
    get: list
    put: list
    get_rest: tuple
    put_rest: tuple

    @property
    def user(self):
        """As a gateway wants it."""
        s = self.server
        at = f"[{s.host}]" if ":" in s.host else s.host
        return f"{s.user}@{at}:{s.port}"

    @property
    def at(self):
        """The gateway, as it stands in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def run(words, **more):
    return subprocess.run(words, capture_output=True, text=True, timeout=60,
                          check=False, errors="replace", **more)


# ---- curl ----------------------------------------------------------------------


def curl(job):
    """Active and TLS at once is more than curl 7.88 can, with any server; and
    for a second file it waits a second where a reply is there too soon."""
    quote = urllib.parse.quote
    url = (f"ftp://{quote(job.user, '')}:{quote(job.server.password, '')}"
           f"@{job.at}/{job.server.home}{'/' if job.server.home else ''}")
    way = ["curl", "-gsSk", "--max-time", "100"]
    way += ["-P", "-"] if job.active else []
    way += ["--ssl-reqd"] if job.tls else []
    each = [*(["-o", f"got-{n}", url + n] for n in job.get),
            *(["-T", n, url + n] for n in job.put)]
    name, rest = job.get_rest
    each.append(["-r", f"{rest}-", "-o", f"got-{name}", url + name])
    name, rest = job.put_rest
    each.append(["-C", str(rest), "-T", name, url + name])
    return "".join(run([*way, *words], cwd=job.folder).stderr
                   for words in each)


def begin_half(job):
    """Of what is to come from the middle on: for who goes on where it ended."""
    name, rest = job.get_rest
    with open(f"{job.folder}/got-{name}", "wb") as f:
        f.write(b"?" * rest)


# ---- lftp ----------------------------------------------------------------------


def lftp(job):
    name = job.get_rest[0]
    begin_half(job)
    secure = ("set ftp:ssl-force yes; set ftp:ssl-protect-data yes; set "
              "ssl:verify-certificate no" if job.tls
              else "set ftp:ssl-allow no")
    gets = "; ".join(f"get {n} -o got-{n}" for n in job.get)
    puts = "; ".join(f"put {n}" for n in job.put)
    return run(["lftp", "-c", (
        f"set net:max-retries 2; set net:timeout {PATIENCE:.0f}; {secure}; "
        f"set ftp:passive-mode {'off' if job.active else 'on'}; "
        f"open -u '{job.user},{job.server.password}' ftp://{job.at}; "
        f"cd /{job.server.home}; {gets}; get -c {name} -o got-{name}; {puts}; "
        f"put -c {job.put_rest[0]}; exit")], cwd=job.folder).stderr


# ---- the ftp of BSD --------------------------------------------------------------


def bsd(job):
    """It has no TLS."""
    begin_half(job)
    lines = [f"user {job.user} {job.server.password}",
             f"cd /{job.server.home}", "binary",
             *(f"get {n} got-{n}" for n in job.get),
             f"reget {job.get_rest[0]} got-{job.get_rest[0]}",
             *(f"put {n}" for n in job.put),
             f"restart {job.put_rest[1]}", f"put {job.put_rest[0]}", "quit"]
    return run(["tnftp", "-n", "-v", "-A" if job.active else "-p", job.host,
                str(job.port)], input="\n".join(lines) + "\n",
               cwd=job.folder).stdout


# ---- Python ----------------------------------------------------------------------


def python(job):
    said = []

    @contextlib.contextmanager
    def may_fail():
        try:
            yield
        except ftplib.Error as e:
            said.append(str(e))

    def get(c, name, rest=None):
        data = c.fetch(name, rest)
        with open(f"{job.folder}/got-{name}", "wb") as f:
            f.write(data)

    def put(c, name, rest=0):
        with open(f"{job.folder}/{name}", "rb") as f:
            f.seek(rest)
            c.send(name, f.read(), rest or None)

    kind = SecureClient if job.tls else Client
    with kind(job.port, job.server, job.host) as c:
        c.set_pasv(not job.active)
        for do, names, rest in ((get, job.get, job.get_rest),
                                (put, job.put, job.put_rest)):
            for name in names:
                with may_fail():
                    do(c, name)
            with may_fail():
                do(c, *rest)
    return "\n".join(said)


PROGRAMS = (curl, lftp, bsd, python)


def can(program, tls, active):
    """Is there such a way at all?"""
    return not (tls and (program is bsd or (program is curl and active)))
