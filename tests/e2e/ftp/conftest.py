"""What the tests of files share: a gateway, and servers in the clear."""

import pytest
from peers.certificate import Certificate
from peers.ftp_gateway import SERVERS, start
from peers.vsftpd import Vsftpd


@pytest.fixture(scope="module", name="gw")
def one_gateway(build, module_cleanly):
    """One for all tests that need nothing special of it."""
    gw = start(build)
    module_cleanly(gw)
    yield gw
    assert not gw.errors(), gw.errors()


@pytest.fixture(scope="module", name="cert")
def certificate(module_cleanly):
    c = Certificate()
    module_cleanly(c)
    return c


@pytest.fixture(scope="module", name="tls_gw")
def one_gateway_with_tls(build, module_cleanly, cert):
    """The same, and clients may say AUTH TLS."""
    gw = start(build, more={"tls": cert.options()})
    module_cleanly(gw)
    yield gw
    assert not gw.errors(), gw.errors()


@pytest.fixture(scope="module", name="server", params=SERVERS,
                ids=lambda c: c.__name__)
def each_server(request, module_cleanly):
    s = request.param()
    module_cleanly(s)
    return s.start()


@pytest.fixture(scope="module", name="vsftpd")
def one_server(module_cleanly):
    s = Vsftpd()
    module_cleanly(s)
    return s.start()
