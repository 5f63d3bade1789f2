"""What clients say to the FTP proxy, and whom they reach by it."""

import socket

import pytest
from peers.common import PATIENCE, free_port
from peers.ftp_client import Client, Wire, refused
from peers.ftp_gateway import bad, files, noise, start
from peers.proftpd import ProFtpd
from peers.sallyport import Sallyport

# ---- addresses -----------------------------------------------------------------


@pytest.mark.core
@pytest.mark.parametrize("mode", ("passive", "active", "same"))
@pytest.mark.parametrize("there", ("127.0.0.1", "::1"))
@pytest.mark.parametrize("here", ("127.0.0.1", "::1"))
def test_all_pairings(build, cleanly, mode, here, there):
    gw = start(build, server_mode=mode)
    cleanly(gw)
    server = ProFtpd(there)
    cleanly(server)
    server.start()
    data = noise(50_000)
    for passive in (True, False):
        with Client(gw.port, server, here) as c:
            c.set_pasv(passive)
            assert c.send("x", data).startswith("226")
            assert c.fetch("x") == data
            with refused() as said:
                c.send("y", bad("zip"))
            assert said[0].startswith("550 Refused"), said
        assert server.get("y") is None
    assert not gw.errors()


@pytest.mark.core
def test_ports_of_others_are_not_dialled(gw, vsftpd):
    w = Wire(gw.port).login(vsftpd)
    assert w.say("PORT 127,0,0,2,200,1").startswith("504")
    assert w.say("PORT 127,0,0,1,0,25").startswith("504")
    assert w.say("EPRT |1|10.0.0.1|50000|").startswith("504")
    assert w.say("EPRT |2|::1|50000|").startswith("504")
    assert w.say("EPRT |3|::1|50000|").startswith("522")
    assert w.say("EPRT |2|::|50000|").startswith("504")
    assert w.say("EPRT |1|0.0.0.0|25|").startswith("504")
    assert w.say("PORT 1,2,3").startswith("501")
    assert w.say("RETR x").startswith("425")
    # nobody's address is his own who says it: so does lftp
    assert w.say("EPRT |1|0.0.0.0|50000|").startswith("200")
    assert w.say("EPSV 2").startswith("522")
    assert w.say("EPSV ALL").startswith("200")
    assert w.say("PASV").startswith("501")
    w.close()


def test_a_stranger_at_the_data_port_is_turned_away(gw, vsftpd):
    vsftpd.put("mine", b"for me alone")
    w = Wire(gw.port).login(vsftpd)
    port = int(w.say("EPSV").split("|||")[1].split("|")[0])
    stranger = socket.create_connection(("127.0.0.1", port), PATIENCE,
                                        source_address=("127.0.0.9", 0))
    assert stranger.recv(1) == b""
    mine = socket.create_connection(("127.0.0.1", port), PATIENCE)
    assert w.say("RETR mine").startswith("150")
    assert mine.makefile("rb").read() == b"for me alone"
    assert w.reply().startswith("226")
    w.close()


def test_where_nobody_is_taken(build, cleanly, vsftpd):
    gw = start(build, deny_destinations=None, server_ports="21")
    cleanly(gw)
    w = Wire(gw.port)
    w.reply()
    assert "server_ports" in w.say(f"USER a@127.0.0.1:{vsftpd.port}")
    assert "deny_destinations" in w.say("USER a@127.0.0.1")
    assert "deny_destinations" in w.say("OPEN [::1]")
    assert w.say("USER a@localhost").startswith("530")
    assert w.say("USER a@no..such_host!").startswith("501")
    assert w.say("USER a").startswith("530")
    w.close()
    assert not gw.errors()


@pytest.mark.core
def test_nobody_is_taken_to_a_listener_of_ours(gw, build, cleanly):
    """It would take us for a client that it knows, by any name of it."""
    w = Wire(gw.port)
    w.reply()
    for host in ("127.0.0.1", "[::1]", "localhost", "[::ffff:127.0.0.1]"):
        said = w.say(f"USER a@{host}:{gw.port}")
        assert said.startswith("530"), said
        assert "deny_destinations" in said, said
    w.close()
    port = free_port()
    gw = Sallyport(build, files(port, {"address": f"0.0.0.0:{port}"},
                                mode="reverse",
                                default_server=f"127.0.0.1:{port}"))
    cleanly(gw)
    gw.start()
    w = Wire(port)
    w.reply()
    assert "deny_destinations" in w.say("USER a")  # not for ever to itself
    w.close()
    assert not gw.errors()


@pytest.mark.core
def test_no_denied_address_by_another_way_to_write_it(build, cleanly):
    """What leads to an IPv4 address counts as that: NAT64, 6to4, mapped."""
    gw = start(build, deny_destinations="192.0.2.0/24")
    cleanly(gw)
    w = Wire(gw.port)
    w.reply()
    for host in ("192.0.2.1", "[::ffff:192.0.2.1]", "[64:ff9b::192.0.2.1]",
                 "[64:ff9b:1::192.0.2.1]", "[2002:c000:201::1]", "0.0.0.0",
                 "[::]"):
        said = w.say(f"USER a@{host}")
        assert "deny_destinations" in said, (host, said)
    w.close()
    assert not gw.errors()


def test_reverse_leads_to_one_server(build, cleanly, vsftpd):
    gw = start(build, mode="reverse",
               default_server=f"127.0.0.1:{vsftpd.port}",
               deny_destinations=None, server_ports="21")
    cleanly(gw)
    vsftpd.put("r", b"reverse")
    with Client(gw.port) as c:
        with refused() as said:
            c.sendcmd("OPEN elsewhere")
        assert said[0].startswith("502"), said
        c.login(vsftpd.user, vsftpd.password)
        c.cwd(vsftpd.home)
        assert c.fetch("r") == b"reverse"
    assert not gw.errors()


def test_open_and_site_name_a_server_first(gw, vsftpd):
    vsftpd.put("o", b"opened")
    for word in ("OPEN", "SITE"):
        with Client(gw.port) as c:
            said = c.sendcmd(f"{word} 127.0.0.1 {vsftpd.port}")
            assert said.startswith("220"), said
            c.login(vsftpd.user, vsftpd.password)
            c.cwd(vsftpd.home)
            assert c.fetch("o") == b"opened"


def test_a_chain_of_two_gateways(gw, build, cleanly, vsftpd):
    other = start(build)
    cleanly(other)
    vsftpd.put("c", b"chained")
    with Client(gw.port) as c:
        c.login(f"{vsftpd.user}@127.0.0.1:{vsftpd.port}"
                f"@127.0.0.1:{other.port}", vsftpd.password)
        c.cwd(vsftpd.home)
        assert c.fetch("c") == b"chained"
        with refused() as said:
            c.send("d", bad("zip"))
    assert said[0].startswith("550 Refused"), said


# ---- what a client may say -----------------------------------------------------


@pytest.mark.core
def test_words_that_are_not_spoken(gw, vsftpd):
    w = Wire(gw.port)
    assert w.reply().startswith("220 gw.example.org")
    assert w.say("AUTH TLS").startswith("502")
    assert w.say("LPRT 6").startswith("502")
    assert w.say("MKD x").startswith("530")
    assert w.say("RETR x").startswith("530")
    assert w.say("GET / HTTP/1.0").startswith("502")
    assert w.say("").startswith("500")
    assert w.say(b"NOOP \x01").startswith("500")
    assert w.say(b"NOOP\0").startswith("500")
    assert w.say(b"NOOP \xff").startswith("500")
    assert w.say(b"\xff\xfb\x01NOOP").startswith("200")
    assert w.say("NOOP " + "x" * 5000).startswith("500 Line too long")
    assert w.say("QUIT now").startswith("501")
    assert w.say("USER").startswith("501")
    assert w.say("HELP").startswith("214")
    w.close()
    w = Wire(gw.port).login(vsftpd)
    assert w.say("TYPE E").startswith("504")
    assert w.say("MODE B").startswith("504")
    assert w.say("STRU R").startswith("504")
    assert w.say("MODE S").startswith("200")
    assert w.say("REST x").startswith("501")
    assert w.say("OPTS MODE Z LEVEL 9").startswith("501")
    w.sock.sendall(b"NOOP\r\nPWD\r\nNOOP\n")
    assert [w.reply()[:3] for _ in range(3)] == ["200", "257", "200"]
    assert w.say("REIN").startswith("220")
    assert w.say("PWD").startswith("530")
    assert w.say("QUIT").startswith("221")
    assert w.file.read() == b""
    w.close()


def test_commands_are_those_of_the_list(build, cleanly, vsftpd):
    gw = start(build, commands="USER PASS CWD TYPE EPSV PASV RETR QUIT")
    cleanly(gw)
    w = Wire(gw.port).login(vsftpd)
    assert w.say("PWD").startswith("502")
    assert w.say("EPSV").startswith("229")
    assert w.say("STOR x").startswith("502")
    assert w.say("QUIT").startswith("221")
    w.close()
    assert not gw.errors()


@pytest.mark.parametrize("key, value, word", (
    ("commands", "USER XYZZY", "XYZZY"),
    ("passive_ports", "9-8", "passive_ports"),
    ("passive_address", "gw.example.org", "passive_address"),
    ("server_ports", "21, x", "server_ports"),
    ("mode", "reverse", "default_server"),
    ("default_server", "a b c", "default_server"),
    ("server_mode", "passiv", "passive")))
def test_what_check_refuses(build, cleanly, key, value, word):
    gw = Sallyport(build, files(free_port(), **{key: value}))
    cleanly(gw)
    done = gw.run("--check")
    assert done.returncode == 78, done.stderr
    assert word in done.stderr
