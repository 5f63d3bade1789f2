"""Pki: certificates of every kind, good and bad, as files and contexts.

    pki = Pki()
    root = pki.authority("Root"); mid = pki.authority("Mid", root)
    cert = mid.leaf("www.example.test", "127.0.0.1")    .pem .key .serves()
    pki.bundle(root)                                    a file of those trusted
    mid.staple(cert, revoked=True)                      an OCSP response, DER
"""

import datetime
import ipaddress
import os
import ssl
import warnings

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .common import new_dir, remove_dir

NOW = datetime.datetime.utcnow()
DAY = datetime.timedelta(days=1)
PEM = serialization.Encoding.PEM


def make_key(kind):
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=kind)


def alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def common_name(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def usage(ca):
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False,
        key_cert_sign=ca, crl_sign=ca, encipher_only=False,
        decipher_only=False)


class Holder:
    """A certificate and its key, and whose they are below."""

    def __init__(self, folder, cert, key, above=()):
        self.cert, self.private = cert, key
        self.above = list(above)  # certificates towards the root, without it
        base = f"{folder}/{cert.serial_number:x}"
        self.pem, self.key = f"{base}.pem", f"{base}.key"
        self.write()

    def write(self):
        with open(self.pem, "wb") as f:
            for cert in [self.cert, *self.above]:
                f.write(cert.public_bytes(PEM))
        with open(self.key, "wb") as f:
            f.write(self.private.private_bytes(
                PEM, serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption()))
        os.chmod(self.key, 0o600)

    def der(self):
        return self.cert.public_bytes(serialization.Encoding.DER)

    def serves(self, ciphers="ALL:@SECLEVEL=0", version=None):
        """A server's context: it takes all that its peer takes."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers(ciphers)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old versions are old
            context.minimum_version = ssl.TLSVersion.TLSv1
            if version:
                context.maximum_version = version
        context.load_cert_chain(self.pem, self.key)
        context.set_alpn_protocols(["http/1.1"])
        return context


class Authority(Holder):
    def __init__(self, folder, name, issuer=None, **what):
        key = make_key("ec")
        cert = build(name, key, issuer, ca=True, **what)
        above = []
        if issuer is not None and issuer.issuer is not None:
            above = [issuer.cert, *issuer.above]
        self.issuer, self.folder = issuer, folder
        super().__init__(folder, cert, key, [])
        self.towards = above

    def leaf(self, *names, key="ec", whole=True, **what):
        private = make_key(key)
        cert = build(names[0], private, self, names=names, **what)
        chain = [] if self.issuer is None else [self.cert, *self.towards]
        return Holder(self.folder, cert, private, chain if whole else [])

    def below(self, holder, *names):
        """What a certificate that is no authority has signed."""
        private = make_key("ec")
        cert = build(names[0], private, holder, names=names)
        return Holder(self.folder, cert, private,
                      [holder.cert, *holder.above])

    def staple(self, holder, revoked=False, age=0):
        status = ocsp.OCSPCertStatus.GOOD
        if revoked:
            status = ocsp.OCSPCertStatus.REVOKED
        response = ocsp.OCSPResponseBuilder().add_response(
            cert=holder.cert, issuer=self.cert, algorithm=hashes.SHA1(),
            cert_status=status, this_update=NOW - (age + 1) * DAY,
            next_update=NOW + (1 - age) * DAY,
            revocation_time=NOW - 2 * DAY if revoked else None,
            revocation_reason=None,
        ).responder_id(ocsp.OCSPResponderEncoding.HASH, self.cert).sign(
            self.private, hashes.SHA256())
        return response.public_bytes(serialization.Encoding.DER)


def build(name, key, issuer, names=(), ca=False, begins=-2, ends=30,
          digest=None, in_name=True, subtrees=None, client_only=False,
          strict=True, must_staple=False):
    """begins and ends: days from now.  issuer None: signs itself.  in_name:
    the names are where they belong, else in the subject alone.  strict: all is
    in it that RFC 5280 demands."""
    signer = issuer.private if issuer else key
    builder = x509.CertificateBuilder().subject_name(common_name(name))
    builder = builder.issuer_name(
        issuer.cert.subject if issuer else common_name(name))
    builder = builder.public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(NOW + begins * DAY)
    builder = builder.not_valid_after(NOW + ends * DAY)
    builder = builder.add_extension(
        x509.BasicConstraints(ca, None), critical=True)
    builder = builder.add_extension(usage(ca), critical=True)
    builder = builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    if strict:
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(
                signer.public_key()), False)
    if names and in_name:
        builder = builder.add_extension(x509.SubjectAlternativeName(
            [alternative(n) for n in names]), False)
    if not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage(
            [ExtendedKeyUsageOID.CLIENT_AUTH if client_only else
             ExtendedKeyUsageOID.SERVER_AUTH]), False)
    if must_staple:
        builder = builder.add_extension(x509.TLSFeature(
            [x509.TLSFeatureType.status_request]), False)
    if subtrees:
        builder = builder.add_extension(x509.NameConstraints(
            [x509.DNSName(s) for s in subtrees], None), critical=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SHA-1 is weak
        return builder.sign(signer, digest or hashes.SHA256())


class Pki:
    def __init__(self):
        self.dir = new_dir("pki")

    def authority(self, name, issuer=None, **what):
        return Authority(self.dir, name, issuer, **what)

    def bundle(self, *roots):
        path = f"{self.dir}/bundle-{len(os.listdir(self.dir))}.pem"
        with open(path, "wb") as f:
            for root in roots:
                f.write(root.cert.public_bytes(PEM))
        return path

    def remove(self):
        remove_dir(self.dir)
