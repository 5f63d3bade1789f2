"""What rules and policies say about the web: hosts, addresses, methods, names
and types, asked before the origin is, and again when the answer is there."""

import struct

import pytest
from corpus_mail import eicar
from peers.common import until
from peers.origin import Origin, answer
from peers.sallyport import Sallyport
from peers.web import Raw, curl, web_listener, web_port

pytestmark = pytest.mark.core

TEXT = b"All quiet at the gate.\n" * 20


def program(library=False):
    """The head of a program for Windows, of nothing that would run."""
    coff = struct.pack("<4sHHIIIHH", b"PE\0\0", 0x14c, 1, 0, 0, 0, 0,
                       0x2102 if library else 0x0102)
    return b"MZ" + bytes(0x3a) + struct.pack("<I", 0x80) + bytes(0x40) + coff \
        + bytes(200)


def installer():
    """OLE2 whose root is of the class of installers."""
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack(
        "<HHHHH", 0x3e, 3, 0xfffe, 9, 6) + bytes(14) + struct.pack("<I", 0)
    root = bytes(80) + bytes.fromhex("84100c0000000000c000000000000046")
    return head.ljust(512, b"\0") + root.ljust(512, b"\0")


ANSWERS = {
    "/a.txt": answer(TEXT, fields=["Content-Type: text/plain"]),
    "/page.exe": answer(TEXT),
    "/what": answer(program(), fields=["Content-Type: image/png"]),
    "/lib": answer(program(library=True)),
    "/msi": answer(installer()),
    "/named": answer(TEXT, fields=[
        "Content-Disposition: attachment; filename=setup.scr"]),
    "/flash": answer(TEXT, fields=[
        "Content-Type: application/x-shockwave-flash"]),
    "/secret/x": answer(TEXT),
    "/excused.exe": answer(TEXT),
    "/x.com": answer(eicar()),
    "/up": answer(TEXT),
}


@pytest.fixture(scope="module", name="origin")
def an_origin(module_cleanly):
    o = Origin(ANSWERS)
    module_cleanly(o)
    return o.start()


@pytest.fixture(scope="module", name="web")
def a_gateway(build, module_cleanly, origin):
    here = f"127.0.0.1:{origin.port}"
    changes = web_listener()
    changes["policy web"].update(
        malformed="pass",   # as program() is
        blocked_urls=f"*.blocked.example, {here}/secret/*",
        blocked_names="*.scr, page.exe", blocked_types="dll, msi")
    changes.update({
        "rule excused": {"policy": "web", "finding": "name",
                         "url": f"http://{here}/excused.exe",
                         "action": "pass"},
        "rule exe": {"policy": "web", "type": "exe", "action": "block"},
        "rule flash": {"type": "application/x-shock*", "action": "block"},
        "rule no-delete": {"method": "DELETE PATCH", "action": "block"},
        "rule no-uploads": {"host": "127.0.0.1", "method": "PUT",
                            "action": "tempfail"},
        "rule tunnels": {"method": "CONNECT", "host": "*.tunnel.example",
                         "action": "block"},
        "rule other-policy": {"policy": "mail", "url": "*",
                              "action": "block"},
    })
    changes["policy web"]["blocked_names"] += ", excused.*"
    gw = Sallyport(build, changes)
    module_cleanly(gw)
    yield gw.start()
    assert not gw.errors(), gw.errors()


def get(web, origin, path, *words):
    return curl(web_port(web), origin.url(path), *words)


def decision(web, got):
    return web.event_of(got.body.decode())


def test_what_nobody_speaks_about_passes(web, origin):
    got = get(web, origin, "/a.txt")
    assert (got.status, got.body) == (200, TEXT)


@pytest.mark.parametrize("path,verdict,rule,asked", [
    ("/secret/x", "url", "policy/web", False),
    ("/page.exe", "name", "policy/web", False),
    ("/named", "name", "policy/web", True),
    ("/lib", "type", "policy/web", True),
    ("/msi", "type", "policy/web", True),
    ("/what", "malformed", "rule/exe", True),
    ("/flash", "clean", "rule/flash", True),
])
def test_what_is_refused_and_when(web, origin, path, verdict, rule, asked):
    before = len(origin.asked)

    got = get(web, origin, path)

    assert got.status == 403 and TEXT not in got.body
    assert (len(origin.asked) > before) == asked
    event = decision(web, got)
    assert event["sallyport.verdict"] == verdict
    assert event["rule.name"] == rule
    assert event["sallyport.action"] == "block"
    until("its outcome", lambda: any(
        e["event.action"] == "outcome" and e["sallyport.result"] == "refused"
        for e in web.events(event__id=event["event.id"])))


def test_a_head_is_enough(web, origin):
    """The rest of it is not waited for."""
    def endless(connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n"
                        b"Content-Disposition: attachment; filename=a.scr\r\n"
                        b"\r\nsome of it")
        connection.file.read(1)
    origin.answers["/endless"] = endless
    got = get(web, origin, "/endless", "--max-time", "20")
    assert got.status == 403
    assert decision(web, got)["file.size"] == 0


def test_the_event_says_what_it_is(web, origin):
    got = get(web, origin, "/what")
    assert decision(web, got)["sallyport.detected"] == "pe"
    assert decision(web, got)["file.mime_type"] == "image/png"


def test_a_rule_excuses(web, origin):
    got = get(web, origin, "/excused.exe")
    assert (got.status, got.body) == (200, TEXT)
    assert any(e["rule.name"] == "rule/excused" for e in web.events(
        url__original=origin.url("/excused.exe"), event__action="decision"))


def test_an_excuse_is_for_no_virus(web, origin):
    assert get(web, origin, "/x.com").status == 403


def test_methods(web, origin):
    before = len(origin.asked)
    assert get(web, origin, "/up", "-X", "DELETE").status == 403
    got = get(web, origin, "/up", "-X", "PATCH", "-d", "x")
    assert got.status == 403 and got.fields["connection"] == "close"
    assert get(web, origin, "/up", "-X", "PUT", "-d", "x").status == 503
    assert len(origin.asked) == before
    assert get(web, origin, "/up", "-X", "POST", "-d", "x").status == 200


def test_hosts_of_urls_and_tunnels(web):
    port = web_port(web)
    assert curl(port, "http://a.blocked.example/").status == 403
    with Raw(port) as c:
        c.send(b"CONNECT a.blocked.example:443 HTTP/1.1\r\n"
               b"Host: a.blocked.example:443\r\n\r\n")
        assert c.answer().status == 403
    with Raw(port) as c:
        c.send(b"CONNECT a.tunnel.example:443 HTTP/1.1\r\n"
               b"Host: a.tunnel.example:443\r\n\r\n")
        got = c.answer()
        assert got.status == 403
    assert decision(web, got)["rule.name"] == "rule/tunnels"


def test_a_word_for_a_type_has_to_be_known(build, cleanly):
    gw = Sallyport(build, {"rule r": {"type": "exes", "action": "block"}})
    cleanly(gw)
    done = gw.run("--check")
    assert done.returncode == 78
    assert "type: no such type: exes" in done.stdout + done.stderr
