"""Files over TLS, which either side has or has not, whatever the other has."""

import contextlib
import ftplib
import os
import socket
import ssl
import subprocess

import pytest
from peers.certificate import Certificate, anybody
from peers.common import PATIENCE, until
from peers.ftp_client import Client, SecureClient, Wire, refused
from peers.ftp_gateway import BAD, SERVERS, bad, noise, start
from peers.ftp_half import Half
from peers.proftpd import ProFtpd
from peers.vsftpd import Vsftpd


@pytest.fixture(scope="module", name="gw")
def one_with_tls(tls_gw):
    return tls_gw


@pytest.fixture(scope="module", name="server", params=SERVERS,
                ids=lambda c: c.__name__)
def each_server(request, module_cleanly, cert):
    s = request.param(tls=cert)
    module_cleanly(s)
    return s.start()


@pytest.fixture(scope="module", name="vsftpd")
def one_server(module_cleanly, cert):
    s = Vsftpd(tls=cert)
    module_cleanly(s)
    return s.start()

# ---- both sides ----------------------------------------------------------------


@pytest.mark.core
@pytest.mark.parametrize("passive", (True, False), ids=("pasv", "port"))
@pytest.mark.parametrize("client", (Client, SecureClient))
def test_files_both_ways(gw, server, client, passive):
    """The server takes nothing in the clear."""
    data = noise(700_000)
    server.put("down.bin", data)
    with client(gw.port, server) as c:
        c.set_pasv(passive)
        assert c.fetch("down.bin") == data
        assert c.send("up.bin", data).startswith("226")
        assert server.get("up.bin") == data
        assert c.send("empty", b"").startswith("226")
        assert c.fetch("empty") == b""
        assert "up.bin" in c.nlst()
        for kind in BAD:
            server.put("bad.bin", bad(kind))
            with refused() as said:
                c.fetch("bad.bin")
            assert said[0].startswith("550 Refused: malware"), said
            with refused() as said:
                c.send("worse.bin", bad(kind))
            assert said[0].startswith("550 Refused: malware"), said
            assert server.get("worse.bin") is None
    event = gw.event_of(said[0])
    assert ("tls.version" in event) == (client is SecureClient)


def limited(version):
    """A client's context that speaks one TLS."""
    context = anybody()
    context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.parametrize("version", ("TLSv1_2", "TLSv1_3"))
def test_data_goes_on_with_the_session_of_the_dialogue(gw, vsftpd, version):
    """vsftpd has it so (require_ssl_reuse), and so has our client."""
    context = limited(getattr(ssl.TLSVersion, version))
    vsftpd.put("resumed", b"resumed")
    with SecureClient(gw.port, vsftpd, context=context) as c:
        for _ in range(3):
            assert c.fetch("resumed") == b"resumed"
            assert c.send("up", b"x").startswith("226")
        assert c.resumed == [True] * 6


@pytest.mark.parametrize("version", ("TLSv1.2", "TLSv1.3"))
def test_a_server_that_wants_the_session_again(gw, cleanly, cert, version):
    """And a transfer that was cut does not spoil it."""
    server = ProFtpd(tls=cert, protocol=version)
    cleanly(server)
    server.start()
    server.put("large", noise(9_000_000))
    server.put("small", b"small")
    before = len(gw.stderr())
    w = Wire(gw.port).login(server)
    w.say("TYPE I")
    for verb in ("RETR large", "STOR half"):
        port = int(w.say("EPSV").split("|||")[1].split("|")[0])
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as data:
            w.sock.sendall(f"{verb}\r\n".encode())
            data.settimeout(0.3)
            if verb.startswith("STOR"):
                data.sendall(b"half")
            w.sock.sendall(b"ABOR\r\n")
            while not (said := w.reply()).startswith("226 Nothing"):
                assert said[:3] in ("150", "426"), said
    assert w.fetch("small") == b"small"
    words = f"ftp data tls server version={version[4:]} resumed"
    until("it is told", lambda: f"{words}=yes" in gw.stderr()[before:])
    assert f"{words}=no" not in gw.stderr()[before:]
    w.close()


# ---- what a client may say -----------------------------------------------------


def secured(port, context=None):
    """A control connection under TLS."""
    w = Wire(port)
    assert w.reply().startswith("220")
    assert w.say("AUTH TLS").startswith("234")
    w.start_tls(context)
    return w


@pytest.mark.core
def test_what_was_said_before_tls_is_forgotten(gw, vsftpd):
    w = Wire(gw.port)
    w.reply()
    assert w.say(f"OPEN 127.0.0.1:{vsftpd.port}").startswith("220")
    assert w.say(f"USER {vsftpd.user}").startswith("331")
    # what stands behind AUTH in one packet was not said under TLS, either
    w.sock.sendall(b"AUTH TLS\r\nNOOP\r\nNOOP\r\n")
    assert w.reply().startswith("234")
    w.start_tls()
    assert w.say(f"PASS {vsftpd.password}").startswith("530")
    assert w.say("QUIT").startswith("221")
    w.close()


@pytest.mark.core
def test_the_words_of_tls(gw, vsftpd):
    w = Wire(gw.port)
    w.reply()
    assert "AUTH TLS" in w.say("FEAT")
    assert w.say("AUTH KERBEROS").startswith("504")
    assert w.say("PBSZ 0").startswith("503")
    assert w.say("PROT P").startswith("503")
    assert w.say("AUTH TLS").startswith("234")
    w.start_tls()
    assert w.say("AUTH TLS").startswith("503")
    assert w.say("CCC").startswith("502")
    assert w.say("REIN").startswith("502")
    assert w.say("PROT P").startswith("503")
    assert w.say("PBSZ x").startswith("501")
    assert w.say("PBSZ 1024").startswith("200 PBSZ=0")
    for level, code in (("E", "536"), ("S", "536"), ("X", "504"),
                        ("C", "200"), ("P", "200")):
        assert w.say(f"PROT {level}").startswith(code), level
    assert w.say(f"USER {vsftpd.user}@127.0.0.1:{vsftpd.port}"
                 ).startswith("331")
    assert w.say(f"PASS {vsftpd.password}").startswith("230")
    assert w.say("PROT C").startswith("200")
    w.close()


@pytest.mark.core
def test_tls_is_demanded(build, cleanly, cert, vsftpd):
    gw = start(build, {"tls": "require"}, {"tls": cert.options()})
    cleanly(gw)
    w = Wire(gw.port)
    w.reply()
    assert w.say("NOOP").startswith("200")
    assert w.say("USER a@127.0.0.1").startswith("530 Say AUTH")
    assert w.say("OPEN 127.0.0.1").startswith("530 Say AUTH")
    w.close()
    vsftpd.put("d", b"demanded")
    with SecureClient(gw.port, vsftpd) as c:
        with refused() as said:
            c.prot_c()
        assert said[0].startswith("534"), said
        assert c.fetch("d") == b"demanded"
    with SecureClient(gw.port) as c:
        c.log_in_at(vsftpd)
        with refused() as said:
            c.fetch("d")
        assert said[0].startswith("521"), said
    assert not gw.errors()


@pytest.mark.core
def test_tls_from_the_first_byte(build, cleanly, cert, vsftpd):
    gw = start(build, {"tls": "implicit"}, {"tls": cert.options()})
    cleanly(gw)
    vsftpd.put("i", b"implicit")
    vsftpd.put("i-bad", bad("zip"))
    url = (f"ftps://{vsftpd.user}%40127.0.0.1%3A{vsftpd.port}:"
           f"{vsftpd.password.replace('@', '%40')}@127.0.0.1:{gw.port}/pub/")
    done = curl("-k", url + "i")
    assert done.stdout == b"implicit", done.stderr
    done = curl("-k", url + "i-bad")
    assert done.returncode != 0 and not done.stdout
    with socket.create_connection(("127.0.0.1", gw.port)) as s:
        s.settimeout(PATIENCE)
        s.sendall(b"USER x\r\n")
        said = b""
        try:
            while piece := s.recv(4096):
                said += piece
        except ConnectionResetError:
            pass
    assert b"220" not in said
    assert not gw.errors()


# ---- an end that was not said --------------------------------------------------


@pytest.mark.core
def test_an_upload_that_is_cut_is_not_whole(gw, vsftpd):
    with SecureClient(gw.port, vsftpd) as c:
        conn = c.transfercmd("STOR cut")
        conn.sendall(b"the first half")
        conn.shutdown(socket.SHUT_WR)  # TCP alone
        with refused() as said:
            c.voidresp()
        conn.close()
        assert said[0].startswith("426"), said
        assert c.pwd()
    assert vsftpd.get("cut") is None


def test_a_client_that_only_sends(gw, vsftpd):
    """It closes with its close_notify and has read nothing: a ticket of TLS
    1.3, if there were one, would turn that into a reset of its last bytes."""
    data = noise(3_000_000)
    with SecureClient(gw.port, vsftpd) as c:
        for i in range(5):
            c.voidcmd("TYPE I")
            conn = c.transfercmd(f"STOR sent{i}")
            conn.sendall(data)
            conn.setblocking(False)
            with contextlib.suppress(ssl.SSLWantReadError):
                conn.unwrap()  # ours goes out; the gateway's may be there
            conn.close()
            assert c.voidresp().startswith("226")
            assert vsftpd.get(f"sent{i}") == data


@pytest.mark.core
@pytest.mark.parametrize("end", ("cut", "whole"))
def test_a_download_that_is_cut_is_not_whole(gw, cleanly, cert, end):
    def give(half, sock, _verb):
        sock.sendall(b"150 ok\r\n")
        data = half.connected()
        data.sendall(b"the first half")
        if end == "whole":
            data = data.unwrap()
        data.close()
        sock.sendall(b"226 ok\r\n")

    server = Half(give, cert.serves())
    cleanly(server)
    got = bytearray()
    with Client(gw.port, server) as c:
        if end == "whole":
            assert c.fetch("x") == b"the first half"
            return
        with refused() as said:
            c.retrbinary("RETR x", got.extend)
        assert said[0].startswith("426") and not got, said
        assert c.pwd() == "/"


def test_a_client_that_never_shakes_hands(build, cleanly, cert, vsftpd):
    gw = start(build, more={
        "tls": {**cert.options(), "handshake_timeout": "2s"}})
    cleanly(gw)
    w = secured(gw.port)
    w.log_in(vsftpd)
    w.say("PBSZ 0")
    w.say("PROT P")
    port = int(w.say("EPSV").split("|||")[1].split("|")[0])
    with socket.create_connection(("127.0.0.1", port), PATIENCE):
        assert w.say("STOR never").startswith("150")
        assert w.reply().startswith("425")
    assert w.say("PWD").startswith("257")
    w.close()
    assert vsftpd.get("never") is None
    assert not gw.errors()


# ---- towards the server --------------------------------------------------------


def test_server_tls(build, cleanly, cert, vsftpd):
    """What each word of it does with a server that has TLS and with one that
    has none."""
    plain = ProFtpd()
    cleanly(plain)
    plain.start()
    vsftpd.put("s", b"served")
    plain.put("s", b"served")

    def outcome(word, server, tls=None):
        gw = start(build, server_tls=word,
                   more={"tls": tls} if tls else None)
        cleanly(gw)
        try:
            with Client(gw.port, server) as c:
                assert c.fetch("s") == b"served"
                assert c.send("s2", b"x").startswith("226")
        except ftplib.Error as e:
            return str(e)
        ended = gw.events(event__action="outcome")[-1]
        return ended.get("sallyport.next_hop_tls.version", "clear")

    assert outcome("off", plain) == "clear"
    assert outcome("opportunistic", plain) == "clear"
    assert outcome("require", plain).startswith("530")
    assert outcome("off", vsftpd).startswith("530")
    assert outcome("opportunistic", vsftpd) == "1.3"
    assert outcome("require", vsftpd) == "1.3"
    assert outcome("verify", vsftpd).startswith("530")
    assert outcome("verify", vsftpd, {"ca_bundle": cert.pem}) == "1.3"
    other = Certificate("other.example.org", "DNS:other.example.org")
    cleanly(other)
    stranger = Vsftpd(tls=other)
    cleanly(stranger)
    stranger.start()
    said = outcome("verify", stranger, {"ca_bundle": other.pem})
    assert said.startswith("530") and "mismatch" in said, said


def test_tls_that_fails_is_given_up_where_it_may_be(build, cleanly, cert):
    def give(half, sock, _verb):
        sock.sendall(b"150 ok\r\n")
        data = half.data.accept()[0]
        data.sendall(b"whole")
        data.close()
        sock.sendall(b"226 ok\r\n")

    server = Half(give)  # says 234, and then goes
    cleanly(server)
    server.more = {"AUTH": "234 come on"}
    for word in ("opportunistic", "require"):
        gw = start(build, server_tls=word)
        cleanly(gw)
        if word == "require":
            with refused() as said:
                Client(gw.port, server)
            assert said[0].startswith("530"), said
        else:
            with Client(gw.port, server) as c:
                assert c.fetch("x") == b"whole"
            gw.says("tls given up")
        assert not gw.errors()


def test_a_server_that_will_not_protect_files(build, cleanly, cert):
    def give(half, sock, _verb):
        sock.sendall(b"150 ok\r\n")
        data = half.data.accept()[0]
        data.sendall(b"whole")
        data.close()
        sock.sendall(b"226 ok\r\n")

    server = Half(give, cert.serves())
    cleanly(server)
    server.refuses = ("PROT",)
    for word in ("opportunistic", "require"):
        gw = start(build, server_tls=word)
        cleanly(gw)
        with Client(gw.port, server) as c:
            if word == "opportunistic":
                assert c.fetch("x") == b"whole"
                continue
            with refused() as said:
                c.fetch("x")
            assert said[0].startswith("425 server_tls"), said
            assert c.pwd() == "/"
        assert not gw.errors()


def test_port_990_is_tls_from_the_first_byte(build, cleanly, cert):
    if os.getuid() != 0:
        pytest.skip("needs a low port")
    host = f"127.{os.getpid() % 250 + 1}.9.90"
    server = Vsftpd(host, more="implicit_ssl=YES\n", tls=cert, port=990)
    cleanly(server)
    server.start()
    server.put("i", b"implicit")
    gw = start(build)
    cleanly(gw)
    with Client(gw.port, server) as c:
        assert c.fetch("i") == b"implicit"
        assert c.send("i2", b"up").startswith("226")
    assert server.get("i2") == b"up"
    assert not gw.errors()


# ---- clients -------------------------------------------------------------------


def curl(*words):
    return subprocess.run(["curl", "-sS", "--max-time", "60", *words],
                          capture_output=True, check=False)


# passive alone: active and TLS is more than curl 7.88 can
@pytest.mark.parametrize("version", ("1.2", "1.3"))
def test_curl_with_tls_required(gw, server, version, folder):
    data = noise(100_000)
    server.put("curl", data)
    server.put("curl-bad", bad("nested"))
    url = (f"ftp://{server.user}%40127.0.0.1%3A{server.port}:"
           f"{server.password.replace('@', '%40')}@127.0.0.1:{gw.port}/"
           f"{server.home}{'/' if server.home else ''}")
    way = ["-k", "--ssl-reqd", "--tls-max", version]
    done = curl(*way, url + "curl")
    assert done.stdout == data, done.stderr
    done = curl(*way, url + "curl-bad")
    assert done.returncode != 0 and not done.stdout
    for name, content in (("up", data), ("bad-up", bad("zip"))):
        with open(f"{folder}/{name}", "wb") as f:
            f.write(content)
    done = curl(*way, "-T", f"{folder}/up", url)
    assert done.returncode == 0, done.stderr
    assert server.get("up") == data
    assert curl(*way, "-T", f"{folder}/bad-up", url).returncode != 0
    assert server.get("bad-up") is None
