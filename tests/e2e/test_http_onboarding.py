"""What the gateway says of itself: where its proxy.pac is, and its CA."""

import os
import subprocess

import pytest
from peers.common import new_dir, remove_dir
from peers.sallyport import Sallyport
from peers.web import Raw, curl, web_listener, web_port

pytestmark = pytest.mark.core

HOST = "http://sallyport.internal"


def openssl(*words, stdin=None):
    return subprocess.run(["openssl", *words], input=stdin, check=True,
                          capture_output=True).stdout


class Ca:
    """A file as careless as can be: words, the key, two certificates."""

    def __init__(self):
        self.dir = new_dir("ca")
        self.path = f"{self.dir}/ca.pem"
        for name in ("ca", "other"):
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
                    f"/CN={name}", "-keyout", f"{self.dir}/{name}.key",
                    "-out", f"{self.dir}/{name}.crt")
        self.cert = self.get("ca.crt")
        with open(self.path, "wb") as f:
            f.write(b"The CA of gw <b>\n" + self.get("ca.key") + self.cert
                    + self.get("other.crt"))
        os.chmod(self.path, 0o644)

    def get(self, name):
        with open(f"{self.dir}/{name}", "rb") as f:
            return f.read()

    def remove(self):
        remove_dir(self.dir)


def with_ca(path):
    return {"tls-inspection": {"ca_cert_file": path}}


@pytest.fixture(scope="module", name="ca")
def a_ca(module_cleanly):
    c = Ca()
    module_cleanly(c)
    return c


@pytest.fixture(scope="module", name="web")
def a_gateway(build, module_cleanly, ca):
    gw = Sallyport(build, {**web_listener(), **with_ca(ca.path)})
    module_cleanly(gw)
    yield gw.start()
    assert not gw.errors(), gw.errors()


def test_the_certificate_and_nothing_else_of_its_file(web, ca):
    pem = curl(web_port(web), f"{HOST}/ca.pem")
    assert (pem.status, pem.body.strip()) == (200, ca.cert.strip())
    assert pem.fields["content-type"] == "application/x-pem-file"
    der = curl(web_port(web), f"{HOST}/ca.cer")
    assert der.fields["content-type"] == "application/x-x509-ca-cert"
    assert der.body == openssl("x509", "-outform", "DER", stdin=ca.cert)
    for got in (pem, der):
        assert got.fields["cache-control"] == "no-store"
        assert got.fields["x-content-type-options"] == "nosniff"


def test_its_page_has_the_fingerprint_and_all_systems(web, ca):
    got = curl(web_port(web), f"{HOST}/")
    text = got.body.decode()
    line = openssl("x509", "-noout", "-fingerprint", "-sha256", stdin=ca.cert)
    assert line.decode().strip().partition("=")[2] in text
    for system in ("Windows", "macOS", "iOS", "Android", "Firefox", "Debian"):
        assert text.count(f"<dt>{system}</dt>") == 2, system
    assert f"http://127.0.0.1:{web_port(web)}/proxy.pac" in text
    assert f"{HOST}/ca.pem" in text
    assert "default-src 'none'" in got.fields["content-security-policy"]
    assert "<script" not in text


@pytest.mark.parametrize("file", ["none", "empty", "torn", "junk"])
def test_without_a_ca_it_says_so(gateway, ca, file):
    cert = ca.cert.splitlines(keepends=True)
    torn = b"".join(cert[:3] + cert[4:])
    with open(f"{ca.dir}/{file}.pem", "wb") as f:
        f.write({"torn": torn, "junk": ca.cert.replace(b"M", b"!")}
                .get(file, b""))
    if file == "none":
        os.unlink(f"{ca.dir}/none.pem")
    gw = gateway({**web_listener(), **with_ca(f"{ca.dir}/{file}.pem")})
    assert "nothing to install" in curl(web_port(gw), HOST).body.decode()
    for name in ("ca.pem", "ca.cer"):
        got = curl(web_port(gw), f"{HOST}/{name}")
        assert got.status == 404 and b"no_ca" in got.body
    if file == "none":
        assert "is not offered" not in gw.stderr()
    else:
        gw.says(f"{file}.pem is not offered")


def test_asked_without_a_proxy_it_is_the_same(web):
    with Raw(web_port(web)) as c:
        for path in ("/", "/ca.pem", "/ca.cer", "/proxy.pac", "/wpad.dat"):
            c.send(f"GET {path} HTTP/1.1\r\nHost: gw\r\n\r\n".encode())
            assert c.answer().status == 200, path
            head = c.ask("HEAD", f"{HOST}{path}")
            assert head.status == 200
            assert int(head.fields["content-length"]) > 100
        assert c.ask("POST", f"{HOST}/ca.pem").status == 405
        assert c.ask("GET", f"{HOST}/ca.key").status == 404


def test_the_file_of_proxy_settings(web):
    with Raw(web_port(web)) as c:
        got = c.ask("GET", f"{HOST}/proxy.pac")
    assert got.fields["content-type"] == "application/x-ns-proxy-autoconfig"
    text = got.body.decode()
    # its own host goes by the proxy, too: nobody else knows the name
    assert "sallyport.internal" not in text
    assert text.rstrip().endswith(f'return "PROXY 127.0.0.1:{web_port(web)}";'
                                  "\n}")
