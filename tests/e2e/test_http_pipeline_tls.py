"""Requests behind one another inside TLS, to an origin under TLS."""

import pytest
from corpus_mail import eicar
from inspection import House, last
from peers.origin import answer
from test_http_pipeline import body, more

pytestmark = pytest.mark.core


def test_requests_inside_are_under_way_together(build, cleanly):
    house = House(cleanly)
    gw = house.gateway(build, {"http2": "no"}, {"gateway": {"workers": "1"}})
    good = house.good
    host = f"www.example.test:{good.port}"

    def first(connection):
        heads = [connection.request, *more(connection, 2)]
        for head in heads:
            connection.send(answer(eicar() if head.target == "/x"
                                   else body(head.target)).data)
        return True

    good.answers.update({"/warm": answer(b"warm"), "/a": first})
    with house.connect(gw) as c:
        assert c.ask("GET", "/warm", host).body == b"warm"
        c.raw.send(b"".join(f"GET {p} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
                            for p in ("/a", "/x", "/b")))
        assert c.raw.answer().body == body("/a")
        assert c.raw.answer().status == 403
        assert c.raw.answer().body == body("/b")
    assert [r.target for r in good.asked] == ["/warm", "/a", "/x", "/b"]
    assert {r.connection for r in good.asked} == {1}
    event = last(gw, f"https://{host}/b")
    assert event["sallyport.next_hop_tls.version"] in ("1.2", "1.3")
