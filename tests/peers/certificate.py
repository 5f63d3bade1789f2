"""Certificate: one that signs itself, made with openssl(1).

    cert = Certificate("gw.example.org")
    cert.pem, cert.key          files; only root may read the key
    cert.serves(), cert.trusts(), anybody()     contexts of Python's ssl
"""

import os
import ssl
import subprocess

from .common import new_dir, remove_dir


def anybody():
    """A client's context that takes whomever it meets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Certificate:
    """names: hosts and addresses as openssl(1) has them in subjectAltName."""

    def __init__(self, name="gw.example.org", names=None, days=2, folder=None):
        self.name = name
        self.dir = folder or new_dir("certificate")
        self.own = folder is None
        self.pem = f"{self.dir}/{name}.pem"
        self.key = f"{self.dir}/{name}.key"
        self.make(names or f"DNS:{name},IP:127.0.0.1", days)

    def make(self, names, days):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-keyout",
             f"{self.key}.new", "-out", f"{self.pem}.new", "-days", str(days),
             "-subj", f"/CN={self.name}", "-addext",
             f"subjectAltName={names}"], check=True, capture_output=True)
        os.chmod(f"{self.key}.new", 0o600)
        for path in (self.key, self.pem):
            os.rename(f"{path}.new", path)

    def again(self):
        """Another one under the same names."""
        self.make(f"DNS:{self.name},IP:127.0.0.1", 2)

    def der(self):
        with open(self.pem, encoding="ascii") as f:
            return ssl.PEM_cert_to_DER_cert(f.read())

    def serves(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem, self.key)
        return context

    def trusts(self):
        return ssl.create_default_context(cafile=self.pem)

    def options(self):
        """For [tls]."""
        return {"cert_file": self.pem, "key_file": self.key}

    def remove(self):
        if self.own:
            remove_dir(self.dir)
