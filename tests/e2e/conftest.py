"""What the tests with real peers share beside tests/conftest.py."""

import pytest
from peers.milter_place import Place
from peers.nginx import Nginx
from peers.origin import Origin
from peers.sallyport import Sallyport
from peers.sendmail import Sendmail
from peers.web import web_listener


@pytest.fixture
def place(cleanly):
    p = Place()
    cleanly(p)
    return p


@pytest.fixture
def filtering(gateway, place):
    """filtering(changes): a gateway with a listener for MTAs."""
    def make(changes=None, **keys):
        return gateway({"listener milter": {
            "protocol": "milter", "address": place.addresses(),
            "policy": "mail", "max_sessions_per_client": "1000", **keys},
            **(changes or {})})
    return make


@pytest.fixture
def sendmail(cleanly, sink):
    """sendmail(milter): one that passes on to the sink."""
    def make(milter):
        s = Sendmail(("127.0.0.1", sink.port), milter)
        cleanly(s)
        return s.start()
    return make


@pytest.fixture(scope="module", name="web")
def one_for_all(build, module_cleanly):
    """A web proxy for all tests of a file that need no other settings."""
    gw = Sallyport(build, web_listener())
    module_cleanly(gw)
    yield gw.start()
    assert not gw.errors(), gw.errors()


@pytest.fixture(name="origin")
def an_origin(cleanly):
    """origin({path: answer}): one that was started; see peers/origin."""
    def make(answers):
        o = Origin(answers)
        cleanly(o)
        return o.start()
    return make


@pytest.fixture(name="nginx")
def an_nginx(cleanly):
    n = Nginx()
    cleanly(n)
    return n.start()
