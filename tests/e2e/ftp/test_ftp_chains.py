"""Chains: a server that is behind another proxy, which takes user@host."""

import pytest
from peers.ftp_client import Client, refused
from peers.ftp_gateway import BAD, bad, noise, start
from peers.ftp_proxy import ModProxy, SuseProxy


@pytest.fixture(scope="module", name="proxy", params=(SuseProxy, ModProxy),
                ids=lambda c: c.__name__)
def each_proxy(request, module_cleanly):
    p = request.param()
    module_cleanly(p)
    return p.start()


def moves_files(c, server):
    """All that a chain has to carry, and what it must not."""
    data = noise(300_000)
    server.put("down", data)
    assert c.fetch("down") == data
    assert c.fetch("down", rest=299_990) == data[-10:]
    assert c.send("up", data[:200_000]).startswith("226")
    assert c.send("up", data[200_000:], rest=200_000).startswith("226")
    assert server.get("up") == data
    assert "down" in c.nlst()
    for kind in BAD:
        server.put("down-bad", bad(kind))
        for do in (lambda: c.fetch("down-bad"),
                   lambda k=kind: c.send("up-bad", bad(k))):
            with refused() as said:
                do()
            assert said[0].startswith("550 Refused: malware"), said
        assert server.get("up-bad") is None
    c.delete("up")
    assert server.get("up") is None


@pytest.mark.parametrize("passive", (True, False), ids=("pasv", "port"))
def test_the_client_names_both(gw, proxy, vsftpd, passive):
    with Client(gw.port) as c:
        c.set_pasv(passive)
        c.login(f"{vsftpd.user}@127.0.0.1:{vsftpd.port}"
                f"@127.0.0.1:{proxy.port}", vsftpd.password)
        c.cwd(vsftpd.home)
        moves_files(c, vsftpd)


def test_the_proxy_is_first_named_by_open(gw, proxy, vsftpd):
    with Client(gw.port) as c:
        assert c.sendcmd(f"OPEN 127.0.0.1:{proxy.port}").startswith("220")
        # with an @ it would be the name of another server for us
        with refused() as said:
            c.login(vsftpd.user, vsftpd.password)
        assert said[0].startswith(("5", "4")), said


def test_the_gateway_knows_the_proxy(build, cleanly, proxy, vsftpd):
    """mode = reverse: all go to it, and it is told the user's own words."""
    gw = start(build, mode="reverse",
               default_server=f"127.0.0.1:{proxy.port}")
    cleanly(gw)
    with Client(gw.port, vsftpd) as c:
        moves_files(c, vsftpd)
    assert not gw.errors()


def test_the_gateway_is_behind_the_proxy(gw, proxy, vsftpd):
    """The client talks to the other proxy, and that to us.  mod_proxy connects
    for data behind our reply, even one that says that there will be none."""
    with Client(proxy.port) as c:
        c.login(f"{vsftpd.user}@127.0.0.1:{vsftpd.port}"
                f"@127.0.0.1:{gw.port}", vsftpd.password)
        c.cwd(vsftpd.home)
        moves_files(c, vsftpd)
