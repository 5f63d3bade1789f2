"""Mail that is there before the scan is."""

import corpus_mail
import pytest
from peers import agents
from peers.common import until


@pytest.mark.core
def test_a_mail_that_waits_for_the_first_scan_worker_is_judged(house, way_of):
    """The socket is there before the signatures are loaded."""
    gw = house()
    way = way_of(agents.Deliver, gw)

    def reached():
        status = way.give(corpus_mail.plain())
        return b"sallyportd at " not in way.err and [status]

    for _ in range(8):
        gw.stop()
        gw.launch()
        assert until("it listens", reached) == [0], way.err
        gw.wait_ready()
    assert len(way.kept()) == 8
