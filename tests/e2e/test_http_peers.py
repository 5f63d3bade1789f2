"""The web proxy between programs that people use: Apache, apt, git, wget and
curl as they are, each doing what it does all day."""

import gzip
import os
import subprocess

import corpus
import pytest
from corpus_mail import eicar
from peers.apache import Apache
from peers.common import PATIENCE, until
from peers.nginx import Nginx
from peers.repository import Apt, Repository
from peers.sallyport import Sallyport
from peers.web import Raw, curl, web_listener, web_port

pytestmark = pytest.mark.core

TEXT = b"All quiet at the gate.\n" * 2000
PACKAGES = [f"package-{i}" for i in range(12)]


@pytest.fixture(scope="module", name="web")
def a_gateway(build, module_cleanly):
    gw = Sallyport(build, web_listener())
    module_cleanly(gw)
    yield gw.start()
    assert not gw.errors(), gw.errors()


@pytest.fixture(scope="module", name="apache")
def an_apache(build, module_cleanly):
    del build  # a new one for each: what was put stays there
    a = Apache()
    module_cleanly(a)
    return a.start()


@pytest.fixture(scope="module", name="nginx")
def an_nginx(build, module_cleanly):
    del build
    n = Nginx()
    module_cleanly(n)
    return n.start()


def run(gw, *words, folder=None, status=0):
    """A program with the gateway in its environment."""
    proxy = f"http://127.0.0.1:{web_port(gw)}"
    done = subprocess.run(
        words, cwd=folder, check=False, capture_output=True,
        timeout=2 * PATIENCE,
        env={**os.environ, "http_proxy": proxy, "no_proxy": "",
             "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
             "HOME": "/nonexistent"})
    assert done.returncode == status, done
    return done


def read(path):
    with open(path, "rb") as f:
        return f.read()


# ---- Apache ------------------------------------------------------------------


@pytest.mark.parametrize("coding", ["", "gzip", "brotli"])
def test_apache_and_its_codings(web, apache, coding):
    apache.put(f"{coding}/page.txt", TEXT)
    apache.put(f"{coding}/bad.txt", eicar() + b"\n")
    word = {"brotli": "br"}.get(coding, coding)

    got = curl(web_port(web), apache.url(f"/{coding}/page.txt"), "--compressed")
    assert (got.status, got.body) == (200, TEXT)
    assert got.fields.get("content-encoding", "") == word
    # it offers h2c to everybody: between it and us, and not taken
    assert "upgrade" not in got.fields
    bad = curl(web_port(web), apache.url(f"/{coding}/bad.txt"), "--compressed")
    assert bad.status == 403


def test_apache_says_what_has_not_changed(web, apache):
    apache.put("same.txt", TEXT)
    url = apache.url("/same.txt")
    first = curl(web_port(web), url)
    again = curl(web_port(web), url, "-H",
                 f"If-None-Match: {first.fields['etag']}")
    assert (again.status, again.body) == (304, b"")
    assert again.fields["etag"] == first.fields["etag"]
    assert curl(web_port(web), url, "-I").fields["content-length"] == \
        str(len(TEXT))


@pytest.mark.parametrize("size", [100, 3_000_000])
def test_webdav_as_curl_does_it(web, apache, size):
    """Large ones with Expect: 100-continue, which curl sends by itself."""
    port, data = web_port(web), os.urandom(size)
    url = apache.url(f"/dav/new-{size}")
    for words, status in ((["-T", "-"], 201),
                          (["-T", "-", "-H", "Expect:"], 204),
                          (["-T", "-", "-H", "Expect: 100-continue"], 204)):
        got = curl(port, url, *words, stdin=data)
        assert got.status == status, got.said
        assert apache.get(f"dav/new-{size}") == data
    bad = curl(port, url, "-T", "-", stdin=corpus.zipped(eicar()))
    assert bad.status == 403
    assert apache.get(f"dav/new-{size}") == data
    got = curl(port, apache.url("/dav/"), "-X", "PROPFIND", "-H", "Depth: 1")
    assert got.status == 207 and f"new-{size}".encode() in got.body
    assert curl(port, url, "-X", "DELETE").status == 204
    assert not apache.has(f"dav/new-{size}")


# ---- curl --------------------------------------------------------------------


@pytest.mark.parametrize("server", ["apache", "nginx"])
def test_curl_goes_on_where_it_was(web, request, folder, server):
    peer = request.getfixturevalue(server)
    data = os.urandom(400_000)
    peer.put("resumed.bin", data)
    for have in (1, 100_000, 399_999):
        with open(f"{folder}/got", "wb") as f:
            f.write(data[:have])
        run(web, "curl", "-sSf", "-C", "-", "-o", f"{folder}/got",
            peer.url("/resumed.bin"))
        assert read(f"{folder}/got") == data
    got = curl(web_port(web), peer.url("/resumed.bin"), "-r", "5-9,300000-")
    assert got.status == 206
    assert data[300000:] in got.body and data[5:10] in got.body


def test_curl_does_not_get_the_second_half_of_a_virus(web, nginx, folder):
    data = corpus.zipped(eicar())
    nginx.put("bad.zip", data)
    with open(f"{folder}/got", "wb") as f:
        f.write(data[:40])
    run(web, "curl", "-sSf", "-C", "-", "-o", f"{folder}/got",
        nginx.url("/bad.zip"), status=22)
    assert read(f"{folder}/got") == data[:40]


def test_http_1_0_as_curl_speaks_it(web, apache, nginx):
    for peer in (apache, nginx):
        peer.put("old.txt", TEXT)
        got = curl(web_port(web), peer.url("/old.txt"), "-0")
        assert (got.status, got.body) == (200, TEXT)
    got = curl(web_port(web), nginx.url("/up/old"), "-0", "-T", "-",
               "-H", "Content-Length: 5", "-H", "Transfer-Encoding:",
               stdin=b"hello")
    assert got.status == 201 and nginx.get("up/old") == b"hello"


def test_curl_sends_a_form_with_files(web, apache, folder):
    for name, data in (("good", TEXT), ("bad", eicar())):
        with open(f"{folder}/{name}", "wb") as f:
            f.write(data)
    apache.put("form.txt", TEXT)
    url = apache.url("/form.txt")
    good = curl(web_port(web), url, "-F", f"file=@{folder}/good", "-F", "a=b")
    assert good.status in (200, 405)        # Apache's own words
    assert good.fields["server"].startswith("Apache")
    bad = curl(web_port(web), url, "-F", f"file=@{folder}/good",
               "-F", f"more=@{folder}/bad")
    assert bad.status == 403
    assert web.event_of(bad.body.decode())["sallyport.flow"] == "upload"


# ---- wget --------------------------------------------------------------------


def test_wget_takes_a_site_and_goes_on_with_a_file(web, apache, folder):
    for i in range(5):
        os.makedirs(f"{apache.dir}/www/site/{i}", exist_ok=True)
        apache.put(f"site/{i}/page.txt", TEXT + b"%d" % i)
    apache.put("site/large.bin", os.urandom(500_000))
    run(web, "wget", "-q", "-r", "-np", "-nH", "-e", "robots=off",
        apache.url("/site/"), folder=folder)
    for name in ["large.bin", *(f"{i}/page.txt" for i in range(5))]:
        assert read(f"{folder}/site/{name}") == apache.get(f"site/{name}")
    os.truncate(f"{folder}/site/large.bin", 123_456)
    run(web, "wget", "-q", "-c", apache.url("/site/large.bin"),
        folder=f"{folder}/site")
    assert read(f"{folder}/site/large.bin") == apache.get("site/large.bin")
    apache.put("bad.bin", corpus.zipped(eicar()))
    run(web, "wget", "-q", apache.url("/bad.bin"), folder=folder, status=8)
    assert not os.path.exists(f"{folder}/bad.bin")


# ---- apt ---------------------------------------------------------------------


@pytest.fixture(scope="module", name="repository")
def a_repository(apache, nginx):
    del apache
    folder = f"{nginx.dir}/www/debian"
    os.mkdir(folder)
    r = Repository(folder)
    for name in PACKAGES:
        r.package(name, {f"/usr/share/{name}/data": os.urandom(20_000)})
    r.package("infected", {"/usr/share/infected/x.com": eicar()})
    r.index()
    return r


def test_apt_by_the_proxy(web, nginx, repository, cleanly):
    """It asks for many at a time (pipelined), on one connection."""
    apt = Apt(nginx.url("/debian/"), web_port(web))
    cleanly(apt)
    done = apt.get("update")
    assert done.returncode == 0, done
    assert f"127.0.0.1:{nginx.port}" in done.stdout
    done = apt.get("download", *PACKAGES)
    assert done.returncode == 0, done
    fetched = apt.fetched()
    assert sorted(fetched) == sorted(PACKAGES)
    for name, data in fetched.items():
        assert data == read(f"{repository.dir}/{name}_1.0_all.deb"), name
    until("their events", lambda: {
        e.get("file.name") for e in web.events(event__action="outcome")} >=
        {f"{name}_1.0_all.deb" for name in PACKAGES})
    done = apt.get("download", "infected")
    assert done.returncode == 100 and "403" in done.stderr
    assert "infected" not in apt.fetched()
    again = apt.get("update")       # If-Modified-Since: 304
    assert again.returncode == 0 and "Hit:" in again.stdout, again


# ---- git ---------------------------------------------------------------------


def git(gw, folder, *words):
    return run(gw, "git", "-c", "user.name=Nobody", "-c",
               "user.email=nobody@example.org", "-c", "safe.directory=*",
               "-c", "init.defaultBranch=main", *words, folder=folder)


def test_git_clones_and_pushes(web, apache, folder):
    bare = f"{apache.dir}/git/project.git"
    git(web, folder, "init", "-q", "--bare", bare)
    git(web, bare, "config", "http.receivepack", "true")
    subprocess.run(["chown", "-R", "www-data", bare], check=True)
    url = apache.url("/git/project.git")

    git(web, folder, "clone", "-q", url, "first")
    for i in range(30):
        with open(f"{folder}/first/{i}.bin", "wb") as f:
            f.write(os.urandom(40_000))
    git(web, f"{folder}/first", "add", ".")
    git(web, f"{folder}/first", "commit", "-q", "-m", "thirty files")
    # chunked and with a probe before it: past http.postBuffer
    git(web, f"{folder}/first", "-c", "http.postBuffer=65536", "push", "-q",
        "origin", "main")
    git(web, folder, "clone", "-q", "-b", "main", url, "second")
    for i in range(30):
        assert read(f"{folder}/second/{i}.bin") == \
            read(f"{folder}/first/{i}.bin")
    git(web, f"{folder}/second", "fsck", "--strict")


def test_git_from_files_alone(web, nginx, folder):
    """What they call dumb: many small files, one connection."""
    bare = f"{nginx.dir}/www/dumb.git"
    git(web, folder, "init", "-q", "here")
    with open(f"{folder}/here/page", "wb") as f:
        f.write(TEXT)
    git(web, f"{folder}/here", "add", ".")
    git(web, f"{folder}/here", "commit", "-q", "-m", "one")
    git(web, folder, "clone", "-q", "--bare", "here", bare)
    git(web, bare, "update-server-info")
    git(web, folder, "clone", "-q", nginx.url("/dumb.git"), "got")
    assert read(f"{folder}/got/page") == TEXT


# ---- what a client sends packed ----------------------------------------------


@pytest.mark.parametrize("status", [201, 403])
def test_a_packed_upload(web, nginx, status):
    """git and others send gzip: looked into, and passed on as it is."""
    packed = gzip.compress(TEXT if status == 201 else eicar())
    with Raw(web_port(web)) as c:
        got = c.ask("PUT", nginx.url(f"/up/packed-{status}"), [
            "Content-Encoding: gzip", f"Content-Length: {len(packed)}"],
            packed)
    assert got.status == status
    if status == 201:
        assert nginx.get("up/packed-201") == packed
