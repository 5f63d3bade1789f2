"""Whom we believe: an origin for every kind of certificate that a browser does
not take, and for every kind of TLS that it does not speak.  Each is shown to
work for somebody who does not look; the client of the gateway gets a page that
says what is wrong, under a certificate that it can believe."""

import ssl
import struct
import subprocess
import threading
import warnings

import pytest
from cryptography.hazmat.primitives import hashes
from inspection import NAMES, House, last, notes
from peers.common import answers, free_port, kill, until
from peers.https import HttpsOrigin
from peers.origin import answer
from peers.web import Raw

pytestmark = pytest.mark.core

SECRET = b"what only a trusted server may say\n"
HOST = "www.example.test"


class Strange(House):
    """Good authorities, and what is wrong in so many ways."""

    def contexts(self):
        root, mid = self.root, self.mid
        stranger = self.pki.authority("Somebody Else")
        narrow = self.pki.authority("Narrow", root, subtrees=["elsewhere.test"])
        expired = self.pki.authority("Expired Intermediate", root, begins=-9,
                                     ends=-1)
        weak = self.pki.authority("Weak Hand", root, digest=hashes.SHA1())
        good = mid.leaf(*NAMES)
        alone = self.pki.authority(HOST)  # its own issuer
        by_names = {
            "expired": mid.leaf(HOST, begins=-9, ends=-1),
            "not_yet": mid.leaf(HOST, begins=2, ends=9),
            "self_signed": alone,
            "unknown_root": stranger.leaf(HOST),
            "wrong_name": mid.leaf("elsewhere.test"),
            "name_in_cn_only": mid.leaf(HOST, in_name=False),
            "no_intermediate": mid.leaf(HOST, whole=False),
            "issuer_is_no_ca": mid.below(good, HOST),
            "name_constraints": narrow.leaf(HOST),
            "intermediate_expired": expired.leaf(HOST),
            "sha1": mid.leaf(HOST, digest=hashes.SHA1()),
            "sha1_intermediate": weak.leaf(HOST),
            "rsa_1024": mid.leaf(HOST, key=1024),
            "for_clients": mid.leaf(HOST, client_only=True),
            "no_authority_key": mid.leaf(HOST, strict=False),
            "no_staple": mid.leaf(HOST, must_staple=True),
        }
        found = {name: c.serves() for name, c in by_names.items()}
        found["tls_1_0"] = good.serves(version=ssl.TLSVersion.TLSv1)
        found["tls_1_1"] = good.serves(version=ssl.TLSVersion.TLSv1_1)
        old = ssl.TLSVersion.TLSv1_2
        found["no_encryption"] = good.serves("eNULL:@SECLEVEL=0", old)
        found["anonymous"] = good.serves("aNULL:@SECLEVEL=0", old)
        rsa = mid.leaf(HOST, key=2048)
        found["no_forward_secrecy"] = rsa.serves("kRSA:@SECLEVEL=0", old)
        return found


# What the page says of each; the page's cause, and words of it.
CERTIFICATE, TLS = "tls_certificate_error", "tls_protocol_error"
WORDS = {
    "expired": (CERTIFICATE, "certificate has expired"),
    "not_yet": (CERTIFICATE, "certificate is not yet valid"),
    "self_signed": (CERTIFICATE, "self-signed certificate"),
    "unknown_root": (CERTIFICATE, "unable to get local issuer certificate"),
    "wrong_name": (CERTIFICATE, "hostname mismatch"),
    "name_in_cn_only": (CERTIFICATE, "hostname mismatch"),
    "no_intermediate": (CERTIFICATE, "unable to get local issuer certificate"),
    "issuer_is_no_ca": (CERTIFICATE, "invalid CA certificate"),
    "name_constraints": (CERTIFICATE, "permitted subtree violation"),
    "intermediate_expired": (CERTIFICATE, "certificate has expired"),
    "sha1": (CERTIFICATE, "signature digest algorithm too weak"),
    "sha1_intermediate": (CERTIFICATE, "signature digest algorithm too weak"),
    "rsa_1024": (CERTIFICATE, "EE certificate key too weak"),
    "for_clients": (CERTIFICATE, "certificate purpose"),
    "no_authority_key": (CERTIFICATE, "Missing Authority Key Identifier"),
    "no_staple": (CERTIFICATE, "OCSP verification needed"),
    "tls_1_0": (TLS, "TLS handshake"),
    "tls_1_1": (TLS, "TLS handshake"),
    "no_encryption": (TLS, "TLS handshake"),
    "anonymous": (TLS, "TLS handshake"),
    "no_forward_secrecy": (TLS, "TLS handshake"),
}


@pytest.fixture(scope="module", name="house")
def one_house(module_cleanly):
    house = Strange(module_cleanly)
    house.strange = {name: house.origin(context, {"/": answer(SECRET)})
                     for name, context in house.contexts().items()}
    house.ports += [o.port for o in house.strange.values()]
    house.stapled = Stapled(house)
    module_cleanly(house.stapled)
    house.ports += house.stapled.ports
    return house


@pytest.fixture(scope="module", name="gw")
def one_gateway(build, house):
    gw = house.gateway(build)
    yield gw
    assert not gw.errors(), gw.errors()


def careless(port):
    """What somebody gets there who looks at nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old versions are old
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:eNULL:aNULL:@SECLEVEL=0")
    with Raw(port) as c:
        c.sock = context.wrap_socket(c.sock, server_hostname=HOST)
        c.file = c.sock.makefile("rb")
        c.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return c.answer().body


@pytest.mark.parametrize("kind", WORDS)
def test_a_bad_one_gets_a_page(gw, house, kind):
    o = house.strange[kind]
    cause, words = WORDS[kind]
    assert careless(o.port) == SECRET
    asked = len(o.asked)

    got = house.fetch(gw, o.url("/", HOST))

    assert got.code == 0 and got.status == 502, got.said
    assert f"error={cause}" in got.fields["proxy-status"]
    assert words.lower() in got.body.decode().lower(), got.fields["proxy-status"]
    assert SECRET not in got.body
    assert len(o.asked) == asked
    event = last(gw, o.url("/", HOST))
    assert words.lower() in event["sallyport.reply"].lower()
    assert event["sallyport.reason"] == (
        "certificate" if cause == CERTIFICATE else "tls")
    assert event["sallyport.result"] == "deferred"


def test_nothing_passes_by_another_verb_either(gw, house):
    o = house.strange["expired"]
    asked = len(o.asked)
    for words in (["-X", "PUT", "--data-binary", "secret"], ["-I"],
                  ["--data-binary", "secret"]):
        # curl 7.88 is not content with an answer before its body by HTTP/2
        assert house.fetch(gw, o.url("/", HOST), "--http1.1",
                           *words).status == 502
    assert len(o.asked) == asked


def test_one_that_becomes_good_is_good_at_once(gw, house):
    o = house.strange["expired"]
    assert house.fetch(gw, o.url("/", HOST)).status == 502
    before, o.context = o.context, house.mid.leaf(HOST).serves()
    try:
        assert house.fetch(gw, o.url("/", HOST)).body == SECRET
    finally:
        o.context = before


# ---- what is stapled to it -----------------------------------------------------


class Stapled:
    """openssl's server, which staples what it is told to: {kind: port}."""

    KINDS = {"good": {}, "demanded": {}, "revoked": {"revoked": True},
             "outdated": {"revoked": True, "age": 30}}

    def __init__(self, house):
        self.children, self.port = [], {}
        certs = {"demanded": house.mid.leaf(HOST, must_staple=True)}
        usual = house.mid.leaf(HOST)
        with open(f"{house.pki.dir}/secret", "wb") as f:
            f.write(SECRET)
        for kind, how in self.KINDS.items():
            path, cert = f"{house.pki.dir}/{kind}.staple", \
                certs.get(kind, usual)
            with open(path, "wb") as f:
                f.write(house.mid.staple(cert, **how))
            self.serve(house, kind, cert, path)
        self.ports = list(self.port.values())

    def serve(self, house, kind, cert, path):
        self.port[kind] = free_port()
        # pylint: disable=R1732 # until remove()
        self.children.append(subprocess.Popen(
            ["openssl", "s_server", "-accept", f"127.0.0.1:{self.port[kind]}",
             "-cert", cert.pem, "-cert_chain", cert.pem, "-key", cert.key,
             "-status_file", path, "-WWW", "-quiet"], cwd=house.pki.dir,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL))
        until("s_server answers", lambda: answers(self.port[kind]))

    def remove(self):
        for child in self.children:
            kill(child.pid)
            child.wait()


@pytest.mark.parametrize("kind, status", [
    ("good", 200), ("demanded", 200), ("revoked", 502), ("outdated", 200)])
def test_a_revoked_one_is_known_by_its_staple(gw, house, kind, status):
    url = f"https://{HOST}:{house.stapled.port[kind]}/secret"
    got = house.fetch(gw, url)
    assert got.status == status, got.body
    assert (SECRET in got.body) == (status == 200)
    if status == 502:
        assert b"certificate revoked" in got.body


# ---- what we offer -------------------------------------------------------------


class Listener:
    """Keeps the first bytes of each connection."""

    def __init__(self):
        self.origin = HttpsOrigin(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        self.origin.talk = self.talk
        self.port, self.heard = self.origin.port, []
        self.lock = threading.Lock()

    def talk(self, sock):
        self.heard.append(sock.recv(65536))
        sock.close()

    def start(self):
        self.origin.start()
        return self

    def remove(self):
        self.origin.remove()


def hello_of(data):
    """(cipher suites, compressions, {extension: bytes}) of a ClientHello."""
    at = 5 + 4 + 2 + 32
    at += 1 + data[at]
    size, = struct.unpack_from(">H", data, at)
    ciphers = struct.unpack_from(f">{size // 2}H", data, at + 2)
    at += 2 + size
    packs = list(data[at + 1:at + 1 + data[at]])
    at += 1 + data[at]
    end = at + 2 + struct.unpack_from(">H", data, at)[0]
    at, extensions = at + 2, {}
    while at < end:
        kind, size = struct.unpack_from(">HH", data, at)
        extensions[kind] = data[at + 4:at + 4 + size]
        at += 4 + size
    return ciphers, packs, extensions


# What Chromium and Firefox offer (2026), without GREASE.
BROWSERS = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9,
            0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035, 0xc009,
            0xc00a}
BROWSERS_SIGN = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806,
                 0x0601, 0x0603}
BROWSERS_SHARE = {0x001d, 0x0017, 0x0018}
# Names, a staple, groups, points, signatures, ALPN, timestamps of certificates,
# padding, extended master secret, tickets, versions, modes, key shares.
BROWSERS_EXTEND = {0, 5, 10, 11, 13, 16, 18, 21, 23, 35, 43, 45, 51}
# RFC 7366, of no browser: it takes from CBC what was wrong with it.
ENCRYPT_THEN_MAC = 22
RENEGOTIATION = 0x00ff  # RFC 5746 3.3: says that none is spoken


def words_of(data):
    size, = struct.unpack_from(">H", data, 0)
    return set(struct.unpack_from(f">{size // 2}H", data, 2))


def test_we_offer_nothing_that_a_browser_would_not(build, house, cleanly):
    ear = Listener()
    cleanly(ear)
    ear.start()
    house.ports.append(ear.port)
    gw = house.gateway(build)
    assert house.fetch(gw, f"https://{HOST}:{ear.port}/").status == 502

    ciphers, packs, extensions = hello_of(ear.heard[0])

    assert set(ciphers) - BROWSERS == {RENEGOTIATION}
    assert {0x1301, 0xc02b, 0xc02f} <= set(ciphers)
    assert words_of(extensions[13]) <= BROWSERS_SIGN
    assert words_of(extensions[10]) == BROWSERS_SHARE
    assert extensions[43] == b"\x04\x03\x04\x03\x03"  # TLS 1.3, 1.2
    assert extensions[16] == b"\x00\x0c\x02h2\x08http/1.1"
    assert packs == [0]  # CRIME
    assert set(extensions) <= BROWSERS_EXTEND | {ENCRYPT_THEN_MAC}
    assert extensions[5][:1] == b"\x01"  # a staple is asked for
    assert HOST.encode() in extensions[0]


TLS_1_2 = ssl.TLSVersion.TLSv1_2
# What clients are given of theirs: nothing that a browser would not take.
OF_CLIENTS = {
    "tls_1_0": ("ALL", ssl.TLSVersion.TLSv1, False),
    "tls_1_1": ("ALL", ssl.TLSVersion.TLSv1_1, False),
    "no_encryption": ("eNULL", TLS_1_2, False),
    "anonymous": ("aNULL", TLS_1_2, False),
    "no_forward_secrecy": ("kRSA", TLS_1_2, False),
    "finite_fields": ("kDHE", TLS_1_2, False),
    "aes_gcm": ("ECDHE+AESGCM", TLS_1_2, True),
    "chacha20": ("ECDHE+CHACHA20", TLS_1_2, True),
    "tls_1_3": ("ALL", ssl.TLSVersion.TLSv1_3, True),
}


@pytest.mark.parametrize("kind", OF_CLIENTS)
def test_clients_have_to_speak_as_browsers_do(gw, house, kind):
    house.good.answers["/spoken"] = answer(SECRET)
    ciphers, version, fine = OF_CLIENTS[kind]
    context = ssl.create_default_context(cafile=house.ca.pem)
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old versions are old
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = version
    host = f"{HOST}:{house.good.port}"
    if fine:
        with house.connect(gw, context=context) as c:
            assert c.raw.sock.compression() is None
            assert c.ask("GET", "/spoken", host).body == SECRET
        return
    before = len(gw.events(sallyport__reason="handshake"))
    with pytest.raises(ssl.SSLError):
        house.connect(gw, context=context)
    event = until("its event", lambda: gw.events(
        sallyport__reason="handshake")[before:])[0]
    assert event["url.original"] == host
    assert event["sallyport.result"] == "aborted"


def test_an_origin_that_wants_a_certificate_of_the_client(build, house):
    """Nobody can have it but the client: that is said, and nothing passes."""
    context = house.mid.leaf(HOST).serves()
    context.load_verify_locations(house.trusted)
    context.verify_mode = ssl.CERT_REQUIRED
    o = house.origin(context, {"/": answer(SECRET)})
    house.ports.append(o.port)
    gw = house.gateway(build)
    got = house.fetch(gw, o.url("/", HOST))
    assert got.status == 502
    assert b"certificate required" in got.body
    assert not o.asked


# ---- what does not answer ------------------------------------------------------


def test_nobody_there_is_a_page_too(gw, house):
    gone = house.good
    for url, status, word in (
            (f"https://{HOST}:{gone.port}/", 404, None),
            (f"https://nowhere.example.test:{gone.port}/", 502, "dns_error"),
            (f"https://a_name.example.test:{gone.port}/", 502, "dns_error"),
            (f"https://[::1]:{gone.port}/", 502, "connection_refused")):
        got = house.fetch(gw, url)
        assert got.status == status
        if word:
            assert f"error={word}" in got.fields["proxy-status"]
            assert notes(last(gw, url)) == []


def test_one_that_says_nothing_under_tls(build, house, cleanly):
    silent = HttpsOrigin(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    done = threading.Event()
    silent.talk = lambda sock: done.wait(60)
    cleanly(silent)
    silent.start()
    house.ports.append(silent.port)
    gw = house.gateway(build, connect_timeout="300ms")
    got = house.fetch(gw, f"https://{HOST}:{silent.port}/")
    done.set()
    assert got.status == 504
    assert b"connect_timeout" in got.body
