"""A gateway for delivery agents, the agents, and the tool."""

import os
import subprocess

import pytest
from peers.common import PATIENCE


@pytest.fixture(name="house")
def a_gateway_for_agents(gateway):
    """house(changes): a gateway that listens at a socket of ours."""
    def make(changes=None, **words):
        gw = gateway(start=False)
        gw.configure({"listener local": {
            "protocol": "local", "address": f"unix:{gw.dir}/local.sock",
            "policy": "mail"}})
        gw.configure(changes or {})
        gw.socket = f"{gw.dir}/local.sock"
        return gw.start(**words)
    return make


@pytest.fixture(name="way_of")
def ways(build, cleanly):
    """way_of(class, gateway or socket): one of peers/agents."""
    def make(kind, gw, **words):
        way = kind(build, getattr(gw, "socket", gw), **words)
        cleanly(way)
        return way
    return make


@pytest.fixture(name="run")
def runner(build):
    """run(words, stdin): the tool, to its end."""
    def make(*words, stdin=b"", env=None, **more):
        return subprocess.run(
            [f"{build}/sallyport", *words], input=stdin, check=False,
            capture_output=True, timeout=PATIENCE,
            env={"PATH": os.environ["PATH"], **(env or {})}, **more)
    return make
