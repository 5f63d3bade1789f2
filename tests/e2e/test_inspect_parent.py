"""Inspection where the web is behind another proxy: Squid, and a gateway like
ours.  The tunnel is its, what is in it is between us and the server."""

import os

import pytest
from corpus_mail import eicar
from inspection import NAMES, House, last
from peers.common import until
from peers.hosts import start_with_hosts
from peers.origin import answer
from peers.sallyport import Sallyport
from peers.squid import Squid
from peers.web import web_port

pytestmark = pytest.mark.core

TEXT = b"All quiet at the gate.\n" * 200
WWW, NEVER = "www.example.test", "never.example.test"

# "s3cret", by bcrypt at its least cost
USERS = "tester:$2b$04$abcdefghijklmnopqrstuu" \
    "LZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG\n"


@pytest.fixture(scope="module", name="house")
def one_house(module_cleanly):
    house = House(module_cleanly)
    house.squid = Squid([*NAMES, NEVER])
    module_cleanly(house.squid)
    house.squid.start()
    house.bad = house.origin(
        house.mid.leaf(WWW, begins=-9, ends=-1).serves(),
        {"/": answer(b"never")})
    house.ports.append(house.bad.port)
    house.good.answers.update({
        "/": answer(TEXT), "/x.com": answer(eicar()), "/up": answer(b"taken"),
        "/once": answer(TEXT, fields=["Connection: close"])})
    house.good.answers["/once"].keeps = False
    return house


def behind(house, port, folder, user, password):
    path = f"{folder}/secret"
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"{password}\n")
    os.chmod(path, 0o600)
    return house.listener(parent_proxy=f"http://{user}@127.0.0.1:{port}",
                          parent_proxy_password_file=path)["listener web"]


def inside(build, house, keys, more=None):
    """It knows no names: the parent does."""
    gw = Sallyport(build, {**house.changes(), "listener web": keys,
                           **(more or {})})
    house.cleanly(gw)
    return gw.start()


@pytest.fixture(scope="module", name="gw")
def behind_squid(build, house, tmp_path_factory):
    gw = inside(build, house, behind(
        house, house.squid.port, tmp_path_factory.mktemp("p"), Squid.USER,
        Squid.PASSWORD))
    yield gw
    assert not gw.errors(), gw.errors()


def test_what_is_inside_comes_through_squid(gw, house):
    url = house.good.url("/once", WWW)
    house.good.names.clear()
    got = house.fetch(gw, url)
    assert (got.status, got.body) == (200, TEXT)
    assert house.good.names == [WWW]  # as we have asked, and nobody else
    assert house.good.asked[-1].get("proxy-authorization") is None
    target = f"{WWW}:{house.good.port}"
    # a tunnel is in its log when it has ended
    assert until("Squid's line", lambda: [
        w for w in house.squid.lines() if w.split()[1:3] ==
        ["CONNECT", target]] or None)[0].split()[3] == Squid.USER
    event = last(gw, url)
    assert event["sallyport.next_hop"] == target
    assert event["server.address"] == f"127.0.0.1:{house.squid.port}"
    assert event["sallyport.next_hop_tls.version"] == "1.3"


def test_it_is_scanned_both_ways(gw, house):
    url = house.good.url("/x.com", WWW)
    page = house.fetch(gw, url)
    assert page.status == 403 and eicar() not in page.body
    asked = len(house.good.asked)
    up = house.good.url("/up", WWW)
    page = house.fetch(gw, up, "--data-binary", "@-", stdin=eicar())
    assert page.status == 403 and len(house.good.asked) == asked
    got = house.fetch(gw, up, "--data-binary", "@-", stdin=TEXT)
    assert got.body == b"taken" and house.good.asked[-1].body == TEXT


def test_a_bad_certificate_behind_it_is_a_page(gw, house):
    got = house.fetch(gw, house.bad.url("/", WWW))
    assert got.status == 502 and b"certificate has expired" in got.body


def test_what_it_refuses_is_a_page_in_there(gw, house):
    got = house.fetch(gw, house.good.url("/", NEVER))
    assert got.code == 0 and got.status == 502
    assert "parent_proxy says 403" in got.fields["proxy-status"]


def test_another_password_is_a_page_in_there(build, house, folder):
    gw = inside(build, house, behind(house, house.squid.port, folder,
                                     Squid.USER, "another"))
    got = house.fetch(gw, house.good.url("/", WWW))
    assert got.code == 0 and got.status == 502
    assert "parent_proxy says 407" in got.fields["proxy-status"]
    assert "proxy-authenticate" not in got.fields
    assert not gw.errors(), gw.errors()


def test_a_parent_that_looks_inside_as_well(build, house, folder):
    """A second gateway, whose CA ours trusts; it asks for a password."""
    far_ca = house.pki.authority("Far CA")
    users = f"{folder}/users"
    with open(users, "w", encoding="ascii") as f:
        f.write(USERS)
    changes = house.changes({"ca_cert_file": far_ca.pem,
                             "ca_key_file": far_ca.key},
                            auth="basic", auth_file=users)
    far = Sallyport(build, {**changes, "gateway": {"name": "far.example.org"},
                            "policy web": {"malware": "pass"}})
    house.cleanly(far)
    start_with_hosts(far, *NAMES)
    keys = behind(house, web_port(far), folder, "tester", "s3cret")
    keys["ca_bundle"] = house.pki.bundle(far_ca)
    near = inside(build, house, keys)

    got = house.fetch(near, house.good.url("/", WWW))
    assert (got.status, got.body) == (200, TEXT)
    assert got.fields["via"] == "1.1 far.example.org, 1.1 gw.example.org"
    event = last(far, house.good.url("/", WWW))
    assert event["user.name"] == "tester"
    # that one lets it pass, ours does not
    assert house.fetch(near, house.good.url("/x.com", WWW)).status == 403
    # and what is wrong with the server is that one's page, not ours
    got = house.fetch(near, house.bad.url("/", WWW))
    assert got.status == 502
    assert '"far.example.org"; error=tls_certificate_error' in \
        got.fields["proxy-status"]
    for gw in (far, near):
        assert not gw.errors(), gw.errors()


def test_bypass_goes_through_it_untouched(build, house, folder):
    keys = behind(house, house.squid.port, folder, Squid.USER, Squid.PASSWORD)
    gw = inside(build, house, keys, {"tls-inspection": house.changes(
        {"bypass": WWW})["tls-inspection"]})
    got = house.fetch(gw, house.good.url("/", WWW), trusts=house.root)
    assert (got.status, got.body) == (200, TEXT)
    event = last(gw, f"{WWW}:{house.good.port}")
    assert event["sallyport.reason"] == "tunnel"
    assert not gw.errors(), gw.errors()
