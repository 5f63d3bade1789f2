"""What the tests with real mail servers share beside tests/conftest.py."""

import pytest
from peers.milter_place import Place
from peers.sendmail import Sendmail


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
