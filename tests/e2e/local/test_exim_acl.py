"""Exim's ACL with `sallyport deliver` for a scanner: what it cannot say yes
or no to is one for later."""

import corpus_mail
import pytest
from peers import agents
from peers.client import send
from peers.local_mail import SMALL


@pytest.mark.parametrize("action", ["discard", "tempfail"])
def test_neither_yes_nor_no_is_later(house, way_of, action):
    mta = way_of(agents.EximScanner, house(
        {"policy mail": {"malware": action}})).mta

    assert send(mta.port, corpus_mail.infected("zip"))[0] == 451
    assert send(mta.port, SMALL)[0] == 250


def test_without_a_gateway_it_is_later(house, way_of):
    gw = house()
    mta = way_of(agents.EximScanner, gw).mta
    gw.stop()

    assert send(mta.port, SMALL)[0] == 451
    gw.start()
    assert send(mta.port, SMALL)[0] == 250
