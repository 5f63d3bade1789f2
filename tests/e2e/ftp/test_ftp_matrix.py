"""Every client with every server: what is clean arrives, what is not never
does, raw, in a zip, in a zip in a zip, or in halves; up and down, in the clear
and over TLS on both sides, active and passive, IPv4 and IPv6 and mixed."""

import itertools
import os

import pytest
from peers.ftp_gateway import BAD, SERVERS, bad, noise
from peers.ftp_programs import PROGRAMS, Job, can, curl

HOSTS = ("127.0.0.1", "::1")
HALF = 30


@pytest.fixture(scope="module", name="gw")
def one_with_tls(tls_gw):
    return tls_gw


@pytest.fixture(scope="module", name="servers", params=SERVERS,
                ids=lambda c: c.__name__)
def one_kind_of_server(request, module_cleanly, cert):
    """{(host, tls): server}"""
    found = {}
    for host, tls in itertools.product(HOSTS, (False, True)):
        s = found[host, tls] = request.param(host, tls=cert if tls else None)
        module_cleanly(s)
        s.start()
    return found


def prepare(server, folder):
    """Files on both sides."""
    os.mkdir(folder)
    clean = noise(70_000)
    files = {"up": clean, **{f"up-{kind}": bad(kind) for kind in BAD},
             "half-up": bad("raw")}
    for name, data in files.items():
        with open(f"{folder}/{name}", "wb") as f:
            f.write(data)
        (server.root / name).unlink(missing_ok=True)
    server.put("down", clean)
    server.put("half-down", bad("raw"))
    server.put("half-up", bad("raw")[:HALF])
    for kind in BAD:
        server.put(f"down-{kind}", bad(kind))


def wrong(server, folder):
    """What is not as it has to be."""
    clean = noise(70_000)
    found = []
    got = f"{folder}/got-down"
    if not os.path.exists(got):
        found.append("nothing came down")
    else:
        with open(got, "rb") as f:
            found += [] if f.read() == clean else ["another file came down"]
    found += [] if server.get("up") == clean else ["it did not go up"]
    for kind in BAD:
        got = f"{folder}/got-down-{kind}"
        if os.path.exists(got) and os.path.getsize(got):
            found.append(f"{kind} came down")
        if server.get(f"up-{kind}") is not None:
            found.append(f"{kind} went up")
    got = f"{folder}/got-half-down"
    if os.path.exists(got) and os.path.getsize(got) > HALF:
        found.append("a half came down")
    if server.get("half-up") != bad("raw")[:HALF]:
        found.append("a half went up")
    return found


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_every_way(gw, servers, program, folder):
    failed = {}
    decided = len(gw.events(event__action="decision"))
    ways = [way for way in itertools.product(
        (False, True), (False, True), HOSTS, HOSTS)
        if can(program, *way[:2])]
    if program is curl:  # a session for each file costs its time
        ways = [(tls, active, HOSTS[not active], HOSTS[active])
                for tls, active, here, there in ways if here == there]
        ways = sorted(set(ways))
    for i, (tls, active, here, there) in enumerate(ways):
        server = servers[there, tls]
        prepare(server, f"{folder}/{i}")
        said = program(Job(
            host=here, port=gw.port, server=server, tls=tls, active=active,
            folder=f"{folder}/{i}", get=["down", *(f"down-{k}" for k in BAD)],
            put=["up", *(f"up-{k}" for k in BAD)],
            get_rest=("half-down", HALF), put_rest=("half-up", HALF)))
        found = wrong(server, f"{folder}/{i}")
        if found:
            failed[tls, active, here, there] = [*found, said]
    assert not failed, failed
    # and every file was looked at: none of them was merely lost
    decisions = gw.events(event__action="decision")[decided:]
    refused = [e for e in decisions if e["sallyport.verdict"] == "malware"]
    assert len(refused) >= len(ways) * 8  # lftp tries one of them again
    assert len(decisions) - len(refused) == len(ways) * 2
