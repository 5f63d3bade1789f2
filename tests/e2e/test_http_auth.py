"""Who may use the web proxy: Basic passwords, looked at beside the loop."""

import base64
import os
import socket
import threading
import time
import warnings

import pytest
from peers.common import until
from peers.origin import Origin, answer
from peers.sallyport import Sallyport
from peers.web import WEB, Raw, curl, web_listener, web_port

with warnings.catch_warnings():     # it is there in Python 3.11
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt

pytestmark = pytest.mark.core

TEXT = b"All quiet at the gate.\n" * 20
FAST = "$2b$04$"    # bcrypt at its least cost
SALT = "abcdefghijklmnopqrstuu"


def hashed(password, kind=FAST + SALT):
    return crypt.crypt(password, kind)


def basic(user, password):
    word = base64.b64encode(f"{user}:{password}".encode()).decode()
    return f"Proxy-Authorization: Basic {word}"


def with_auth(folder, lines, **keys):
    path = f"{folder}/users"
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    os.chmod(path, 0o600)
    return web_listener(auth="basic", auth_file=path, **keys)


@pytest.fixture(scope="module", name="origin")
def an_origin(module_cleanly):
    o = Origin({"/a": answer(TEXT), "/b": answer(TEXT), "/up": answer(TEXT)})
    module_cleanly(o)
    return o.start()


@pytest.fixture(scope="module", name="web")
def a_gateway(build, module_cleanly, tmp_path_factory):
    changes = with_auth(tmp_path_factory.mktemp("auth"), [
        "# who may", "",
        "ada:" + hashed("secret"),
        "bob:" + hashed("b:o:b", "$7$CU..../....abcdefghij"),
        "eve:" + hashed("päss", "$y$j9T$abcdefghijkl")])
    changes["policy web"]["blocked_names"] = "none"
    changes["rule no-bob"] = {"user": "bob", "url": "*/b", "action": "block"}
    changes["gateway"] = {"workers": "1"}   # one memory of passwords
    gw = Sallyport(build, changes)
    module_cleanly(gw)
    yield gw.start()
    assert not gw.errors(), gw.errors()


def test_nobody_is_asked_who_he_is(web, origin):
    before = len(origin.asked)
    got = curl(web_port(web), origin.url("/a"))
    assert got.status == 407
    assert got.fields["proxy-authenticate"] == \
        'Basic realm="gw.example.org", charset="UTF-8"'
    assert len(origin.asked) == before
    assert until("the event", lambda: web.events(
        sallyport__reason="auth_required"))


@pytest.mark.parametrize("login", ["ada:secret", "bob:b:o:b", "eve:päss"])
def test_every_kind_of_hash(web, origin, login):
    got = curl(web_port(web), origin.url("/a"), "--proxy-user", login)
    assert (got.status, got.body) == (200, TEXT)
    assert origin.asked[-1].get("proxy-authorization") is None
    user = login.partition(":")[0]
    assert until("its event", lambda: web.events(
        user__name=user, event__action="outcome"))


@pytest.mark.parametrize("login", ["ada:Secret", "ada:", "nobody:secret",
                                   "bob:b:o", "ada:secret "])
def test_what_is_wrong_stays_out(web, origin, login):
    before = len(origin.asked)
    got = curl(web_port(web), origin.url("/a"), "--proxy-user", login)
    assert got.status == 407 and len(origin.asked) == before


@pytest.mark.parametrize("field", [
    "Basic", "Basic ", "Basic !!!!", "Basic YWRhOnNlY3JldA", "Digest x=y",
    "Basic YWRhOnNlY3JldB==", "Basic OnNlY3JldA==", "Bearer YWRhOnNlY3JldA=="])
def test_what_is_no_login(web, origin, field):
    with Raw(web_port(web)) as c:
        got = c.ask("GET", origin.url("/a"), [f"Proxy-Authorization: {field}"])
    assert got.status == 407


def test_a_connection_goes_on_behind_407(web, origin):
    with Raw(web_port(web)) as c:
        assert c.ask("GET", origin.url("/a")).status == 407
        got = c.ask("GET", origin.url("/a"), [basic("ada", "secret")])
        assert got.body == TEXT
        assert c.ask("GET", origin.url("/a")).status == 407   # each one says it
        got = c.ask("POST", origin.url("/up"),
                    [basic("ada", "secret"), "Content-Length: 5"], b"hello")
        assert got.body == TEXT and origin.asked[-1].body == b"hello"
    until("both of its events", lambda: {
        e["sallyport.flow"] for e in web.events(
            event__action="outcome", user__name="ada",
            url__original=origin.url("/up"))} == {"upload", "download"})


def test_rules_know_the_user(web, origin):
    port = web_port(web)
    assert curl(port, origin.url("/b"), "-U", "ada:secret").status == 200
    got = curl(port, origin.url("/b"), "-U", "bob:b:o:b")
    assert got.status == 403
    assert web.event_of(got.body.decode())["rule.name"] == "rule/no-bob"


def test_a_tunnel_needs_a_user(web):
    with Raw(web_port(web)) as c:
        c.send(b"CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n")
        assert c.answer().status == 407


def test_the_pac_file_is_for_everybody(web):
    with Raw(web_port(web)) as c:
        c.send(b"GET /proxy.pac HTTP/1.1\r\nHost: gw\r\n\r\n")
        assert c.answer().status == 200


def test_tries_are_limited(gateway, origin, folder):
    gw = gateway({**with_auth(folder, ["ada:" + hashed("secret")]),
                  "gateway": {"workers": "1"}})
    with Raw(web_port(gw)) as c:
        for i in range(30):
            got = c.ask("GET", origin.url("/a"), [basic("ada", f"guess{i}")])
            assert got.status == 407
        got = c.ask("GET", origin.url("/a"), [basic("ada", "secret")])
        assert got.status == 407    # even that: he tried too often
    until("all events", lambda: len(gw.events(
        sallyport__reason="auth_tries")) == 11)
    assert len(gw.events(sallyport__reason="auth_failed")) == 20
    gw.says("limit=auth_tries")
    gw.counts(11, "limits_total", "auth_tries", "http")


def test_a_slow_hash_does_not_stop_the_loop(gateway, origin, folder):
    """Five passwords of a quarter of a second and more, one net worker: who is
    known already is not kept waiting."""
    slow = crypt.crypt("slow", "$2b$12$" + SALT)
    gw = gateway({**with_auth(folder, ["ada:" + hashed("secret"),
                                       "tim:" + slow]),
                  "gateway": {"workers": "1"}})
    port = web_port(gw)
    url = origin.url("/a")
    assert curl(port, url, "-U", "ada:secret").status == 200
    said = []

    def guess(i):
        with Raw(port) as c:
            said.append(c.ask("GET", url, [basic("tim", f"x{i}")]).status)

    threads = [threading.Thread(target=guess, args=(i,)) for i in range(5)]
    for t in threads:
        t.start()
    until("they are asked", lambda: gw.stderr().count("-> auth") > 1)
    began = time.monotonic()
    with Raw(port) as c:
        for _ in range(20):
            got = c.ask("GET", url, [basic("ada", "secret")])
            assert got.status == 200
    known = time.monotonic() - began
    assert len(said) < 5, "all was over before anything could be seen"
    for t in threads:
        t.join()
    assert said == [407] * 5
    assert known < time.monotonic() - began


def test_who_leaves_while_his_password_is_looked_at(gateway, origin, folder):
    slow = crypt.crypt("slow", "$2b$13$" + SALT)
    gw = gateway({**with_auth(folder, ["tim:" + slow]),
                  "gateway": {"workers": "1"}})
    url = origin.url("/a")
    before = len(origin.asked)
    for i in range(4):      # one is computed, the others wait
        with Raw(web_port(gw)) as c:
            c.send(f"GET {url} HTTP/1.1\r\nHost: x\r\n"
                   f"{basic('tim', f'x{i}')}\r\n\r\n".encode())
            until("it is asked", lambda: gw.stderr().count("-> auth") > i)
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              b"\1\0\0\0\0\0\0\0")
    until("they have left", lambda: len(gw.events(
        sallyport__reason="client_gone")) == 4)
    assert curl(web_port(gw), url, "-U", "tim:slow").status == 200
    assert len(origin.asked) == before + 1
    with Raw(web_port(gw)) as c:
        c.send(f"GET {url} HTTP/1.1\r\nHost: x\r\n"
               f"{basic('tim', 'y')}\r\n\r\n".encode())
        until("it is asked", lambda: gw.stderr().count("-> auth") > 5)
        gw.reload()     # its passwords are others' now
        assert c.answer().status == 407
    assert gw.stop() == 0


BAD_FILES = {
    "no colon": (["ada"], "users:1: want user:hash"),
    "no name": (["# x", ":" + hashed("x")], "users:2: want user:hash"),
    "plain": (["ada:secret"], "users:1: not a hash"),
    "md5": (["ada:" + crypt.crypt("x", "$1$abcdefgh")], "users:1: not a hash"),
    "cut": (["ada:" + hashed("x")[:-3]], "users:1: not a hash"),
    "twice": (["a:" + hashed("x"), "a:" + hashed("y")],
              "users:2: this user was there before"),
    "empty": (["# nobody"], "there is no user"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_file_that_is_wrong(gateway, folder, case):
    lines, words = BAD_FILES[case]
    gw = gateway(with_auth(folder, lines), start=False)
    done = gw.run("--check")
    assert done.returncode == 78 and words in done.stdout + done.stderr


def test_a_file_that_others_can_write(gateway, folder):
    changes = with_auth(folder, ["ada:" + hashed("x")])
    os.chmod(f"{folder}/users", 0o602)
    gw = gateway(changes, start=False)
    done = gw.run("--check")
    assert done.returncode == 78
    assert "auth_file: others can write the file" in done.stdout + done.stderr


def test_what_does_not_go_together(gateway, folder):
    changes = with_auth(folder, ["ada:" + hashed("x")])
    del changes[WEB]["auth_file"]
    done = gateway(changes, start=False).run("--check")
    assert done.returncode == 78
    assert "auth: there is no auth_file" in done.stdout + done.stderr
    changes = with_auth(folder, ["ada:" + hashed("x")], mode="redirect")
    done = gateway(changes, start=False).run("--check")
    assert "auth: only with mode = forward" in done.stdout + done.stderr


def test_a_reload_brings_new_passwords(gateway, origin, folder):
    gw = gateway(with_auth(folder, ["ada:" + hashed("old")]))
    port = web_port(gw)
    assert curl(port, origin.url("/a"), "-U", "ada:old").status == 200
    with_auth(folder, ["ada:" + hashed("new")])
    gw.reload()
    until("the new one counts", lambda: curl(
        port, origin.url("/a"), "-U", "ada:new").status == 200)
    until("the old one does not", lambda: curl(
        port, origin.url("/a"), "-U", "ada:old").status == 407)
