"""Inside TLS with programs that people use: nginx as it is on one side; curl,
wget, apt, git and Chromium, told of our CA as their users would, on the other."""

import os
import subprocess

import corpus
import pytest
from corpus_mail import eicar
from inspection import House, last, read
from peers.apache_tls import ApacheTls
from peers.chromium import BrowserFailed, Chromium
from peers.common import PATIENCE, until
from peers.https import HttpsOrigin
from peers.nginx_tls import NginxTls
from peers.origin import answer
from peers.repository import Apt, Repository
from peers.web import web_port
from peers.websocket import websocket_echo
from site_page import SECURE_SOCKET, put_site

TEXT = b"All quiet at the gate.\n" * 2000
WWW = "www.example.test"
PACKAGES = [f"package-{i}" for i in range(5)]



@pytest.fixture(scope="module", name="house")
def one_house(module_cleanly):
    house = House(module_cleanly)
    house.leaf = house.mid.leaf(WWW, "127.0.0.1")
    house.nginx = NginxTls(house.leaf)
    module_cleanly(house.nginx)
    house.nginx.start()
    house.apache = ApacheTls(house.leaf)
    module_cleanly(house.apache)
    house.apache.start()
    house.bad = house.origin(
        house.mid.leaf(WWW, begins=-9, ends=-1).serves(),
        {"/": answer(b"never")})
    house.ports += [house.nginx.port, house.apache.port, house.bad.port]
    return house


@pytest.fixture(scope="module", name="gw")
def one_gateway(build, house):
    gw = house.gateway(build, contact="help@example.test")
    yield gw
    assert not gw.errors(), gw.errors()


@pytest.fixture(name="nginx")
def its_nginx(house):
    return house.nginx


def run(gw, *words, folder=None, status=0, **env):
    proxy = f"http://127.0.0.1:{web_port(gw)}"
    done = subprocess.run(
        words, cwd=folder, check=False, capture_output=True,
        timeout=2 * PATIENCE,
        env={**os.environ, "https_proxy": proxy, "no_proxy": "",
             "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
             "HOME": "/nonexistent", **env})
    assert done.returncode == status, done
    return done


def test_nginx_gives_its_files(gw, house, nginx):
    data = os.urandom(3_000_000)
    nginx.put("large.bin", data)
    got = house.fetch(gw, nginx.url("/large.bin"))
    assert (got.status, got.body) == (200, data)
    got = house.fetch(gw, nginx.url("/large.bin"), "-r", "1000000-2999999")
    assert (got.status, got.body) == (206, data[1_000_000:])
    assert last(gw, nginx.url("/large.bin"))["tls.version"] == "1.3"


def test_a_put_in_there(gw, house, nginx):
    data = os.urandom(400_000)
    got = house.fetch(gw, nginx.url("/up/a.bin"), "-X", "PUT",
                      "--data-binary", "@-", stdin=data)
    assert got.status == 201 and nginx.get("up/a.bin") == data
    bad = house.fetch(gw, nginx.url("/up/b.bin"), "-X", "PUT",
                      "--data-binary", "@-", stdin=corpus.zipped(eicar()))
    assert bad.status == 403 and not nginx.has("up/b.bin")


def test_wget(gw, house, nginx, folder):
    nginx.put("page.txt", TEXT)
    nginx.put("bad.bin", corpus.zipped(eicar()))
    ca = f"--ca-certificate={house.ca.pem}"
    run(gw, "wget", "-q", ca, nginx.url("/page.txt"), folder=folder)
    assert read(f"{folder}/page.txt") == TEXT
    os.truncate(f"{folder}/page.txt", 12_345)
    run(gw, "wget", "-q", "-c", ca, nginx.url("/page.txt"), folder=folder)
    assert read(f"{folder}/page.txt") == TEXT
    run(gw, "wget", "-q", ca, nginx.url("/bad.bin"), folder=folder, status=8)
    assert not os.path.exists(f"{folder}/bad.bin")
    run(gw, "wget", "-q", nginx.url("/page.txt"), folder=folder, status=5)


def test_apt(gw, house, nginx, cleanly):
    folder = f"{nginx.dir}/www/debian"
    os.mkdir(folder)
    r = Repository(folder)
    for name in PACKAGES:
        r.package(name, {f"/usr/share/{name}/data": os.urandom(20_000)})
    r.package("infected", {"/usr/share/infected/x.com": eicar()})
    r.index()
    apt = Apt(nginx.url("/debian/"), web_port(gw))
    cleanly(apt)
    apt.options["Acquire::https::Proxy"] = \
        apt.options.pop("Acquire::http::Proxy")
    apt.options["Acquire::https::CAInfo"] = house.ca.pem

    done = apt.get("update")
    assert done.returncode == 0, done
    done = apt.get("download", *PACKAGES)
    assert done.returncode == 0, done
    for name, data in apt.fetched().items():
        assert data == read(f"{folder}/{name}_1.0_all.deb"), name
    assert sorted(apt.fetched()) == sorted(PACKAGES)
    done = apt.get("download", "infected")
    assert done.returncode == 100 and "403" in done.stderr
    assert "infected" not in apt.fetched()


def git(gw, house, where, *words, status=0):
    return run(gw, "git", "-c", "user.name=Nobody", "-c",
               "user.email=nobody@example.org", "-c", "safe.directory=*",
               "-c", "init.defaultBranch=main", *words, folder=where,
               status=status, GIT_SSL_CAINFO=house.ca.pem)


def test_git_from_files_alone(gw, house, nginx, folder):
    bare = f"{nginx.dir}/www/dumb.git"
    git(gw, house, folder, "init", "-q", "here")
    with open(f"{folder}/here/page", "wb") as f:
        f.write(TEXT)
    git(gw, house, f"{folder}/here", "add", ".")
    git(gw, house, f"{folder}/here", "commit", "-q", "-m", "one")
    git(gw, house, folder, "clone", "-q", "--bare", "here", bare)
    git(gw, house, bare, "update-server-info")
    git(gw, house, folder, "clone", "-q", nginx.url("/dumb.git"), "got")
    assert read(f"{folder}/got/page") == TEXT
    assert last(gw, nginx.url("/dumb.git/info/refs?service=git-upload-pack"))


def test_git_clones_and_pushes(gw, house, folder):
    """By git's own protocol, behind Apache; packs go up in chunks."""
    bare = f"{house.apache.dir}/git/project.git"
    url = house.apache.url("/git/project.git")
    git(gw, house, folder, "init", "-q", "--bare", bare)
    git(gw, house, bare, "config", "http.receivepack", "true")
    subprocess.run(["chown", "-R", "www-data", bare], check=True)
    git(gw, house, folder, "clone", "-q", url, "first")
    data = {f"file-{i}": os.urandom(20_000) for i in range(30)}
    for name, bytes_ in data.items():
        with open(f"{folder}/first/{name}", "wb") as f:
            f.write(bytes_)
    git(gw, house, f"{folder}/first", "add", ".")
    git(gw, house, f"{folder}/first", "commit", "-q", "-m", "thirty files")
    git(gw, house, f"{folder}/first", "-c", "http.postBuffer=65536", "push",
        "-q", "origin", "main")
    git(gw, house, folder, "clone", "-q", "-b", "main", url, "second")
    for name, bytes_ in data.items():
        assert read(f"{folder}/second/{name}") == bytes_
    git(gw, house, f"{folder}/second", "fsck", "--strict")
    pushed = last(gw, f"{url}/git-receive-pack")
    assert pushed["sallyport.result"] == "delivered"
    # one that was not told of our CA says so
    done = run(gw, "git", "ls-remote", url, status=128)
    assert b"certificate" in done.stderr


# ---- Chromium ------------------------------------------------------------------


@pytest.fixture(scope="module", name="browser")
def a_browser(gw, house, module_cleanly):
    b = Chromium(proxy=web_port(gw), trusts=[house.ca])
    module_cleanly(b)
    put_site(house.nginx)
    return b.start()


def test_a_browser_sees_the_site(gw, browser, nginx):
    got = browser.goto(nginx.url("/"))
    assert (got["status"], got["title"]) == (200, "A site")
    assert "the script ran" in got["text"] and got["heard"] == []
    assert browser.run("isSecureContext") is True
    browser.picture("inspected-site")
    assert last(gw, nginx.url("/site.js"))["sallyport.result"] == "delivered"


def test_a_browser_downloads(browser, nginx, folder):
    browser.goto(nginx.url("/"))
    got = browser.download("#get", f"{folder}/tool")
    assert got == {"name": "tool.bin", "failure": None}
    assert read(f"{folder}/tool") == nginx.get("tool.bin")


def test_a_browser_sees_our_page_under_https(gw, browser, nginx):
    browser.goto(nginx.url("/"))
    got = browser.follow("#bad")
    browser.picture("inspected-blocked")
    assert got["url"] == nginx.url("/bad.com")
    assert got["title"] == "Blocked"
    assert gw.event_of(got["text"])["sallyport.verdict"] == "malware"


def test_a_browser_is_told_of_a_bad_certificate(browser, house):
    got = browser.goto(house.bad.url("/", WWW))
    browser.picture("inspected-certificate")
    assert got["status"] == 502
    assert got["title"] == "Certificate not trusted"
    assert "certificate has expired" in got["text"]


def test_a_browser_that_was_not_told_says_so(gw, house, cleanly):
    b = Chromium(proxy=web_port(gw))
    cleanly(b)
    b.start()
    with pytest.raises(BrowserFailed, match="ERR_CERT_AUTHORITY_INVALID"):
        b.goto(house.nginx.url("/none"))
    event = until("its event", lambda: next(iter(gw.events(
        sallyport__reason="certificate_refused",
        url__domain=WWW)), None))
    assert "alert" in event["sallyport.reply"]


def test_a_browser_and_its_websocket(build, house, cleanly, browser):
    del build
    o = HttpsOrigin(house.leaf.serves(), {"/": answer(
        b"<title>odd</title>", fields=["Content-Type: text/html"]),
        "/ws": websocket_echo})
    cleanly(o)
    house.good.answers.update(o.answers)
    browser.goto(house.good.url("/", WWW))
    assert browser.run(SECURE_SOCKET % f"{WWW}:{house.good.port}") == "hello"
