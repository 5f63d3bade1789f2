"""What the tests of files have in common: a gateway with one listener for
them, and files that are clean and that are not."""

import io
import random
import zipfile

import corpus_mail

from .common import free_port
from .proftpd import ProFtpd
from .pureftpd import PureFtpd
from .sallyport import Sallyport
from .vsftpd import Vsftpd

SERVERS = (Vsftpd, ProFtpd, PureFtpd)


def files(port, listener=None, **keys):
    """Changes for a gateway with one listener for files."""
    return {
        "listener mail-in": None,
        "listener files": {
            "protocol": "ftp",
            "address": f"127.0.0.1:{port}, [::1]:{port}",
            "policy": "mail",
            "max_sessions_per_client": "1000",
            **(listener or {}),
        },
        "ftp": {"deny_destinations": "none", "server_ports": "1-65535",
                "passive_ports": "30000-32000", **keys},
    }


def start(build, listener=None, more=None, **keys):
    """A gateway for files; its port is gw.port.  listener: keys of that
    section; more: other sections; keys: those of [ftp]."""
    port = free_port()
    gw = Sallyport(build, {**files(port, listener, **keys), **(more or {})})
    gw.port = port
    try:
        return gw.start()
    except BaseException:
        gw.remove()
        raise


def zipped(name, data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(name, data)
    return out.getvalue()


def bad(kind):
    """The test virus, as it is or in something."""
    raw = corpus_mail.eicar()
    if kind == "raw":
        return raw
    if kind == "zip":
        return zipped("eicar.com", raw)
    return zipped("inner.zip", zipped("eicar.com", raw))


BAD = ("raw", "zip", "nested")


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)
