"""A router between a client and a server, each in a network of its own:

    net = Network()
    net.run(net.CLIENT, "curl", ...)    a program there, to its end
    net.words(net.ROUTER)               what stands before a program's words
    net.filter(rules)                   the router's nftables

The client is 10.99.1.2 and fd99:1::2, the router 10.99.1.1 and 10.99.2.1, the
server 10.99.2.2 and fd99:2::2."""

import os
import subprocess

import pytest

from .common import PATIENCE


class Network:
    """Three network namespaces and the wires between them."""

    CLIENT, ROUTER, SERVER = "client", "router", "server"

    def __init__(self):
        self.made = []
        if os.getuid() != 0:
            pytest.skip("needs root")
        for name in (self.CLIENT, self.ROUTER, self.SERVER):
            done = subprocess.run(["ip", "netns", "add", self.name(name)],
                                  capture_output=True, check=False)
            if done.returncode != 0:
                self.remove()
                pytest.skip("needs networks of its own: "
                            + done.stderr.decode(errors="replace"))
            self.made.append(name)
        try:
            self.wire()
        except BaseException:
            self.remove()
            raise

    @staticmethod
    def name(who):
        return f"sallyport-{os.getpid()}-{who}"

    def words(self, who):
        return ["ip", "netns", "exec", self.name(who)]

    def run(self, who, *words, **more):
        """A program there, to its end."""
        return subprocess.run([*self.words(who), *words], timeout=2 * PATIENCE,
                              capture_output=True, check=False, **more)

    def wire(self):
        for number, who in ((1, self.CLIENT), (2, self.SERVER)):
            self.must(self.ROUTER, f"ip link add to{number} type veth peer "
                      f"name home netns {self.name(who)}")
            self.must(self.ROUTER, f"ip addr add 10.99.{number}.1/24 "
                      f"dev to{number}")
            self.must(self.ROUTER, f"ip addr add fd99:{number}::1/64 "
                      f"dev to{number} nodad")
            self.must(self.ROUTER, f"ip link set to{number} up")
            self.must(who, f"ip addr add 10.99.{number}.2/24 dev home")
            self.must(who, f"ip addr add fd99:{number}::2/64 dev home nodad")
            self.must(who, "ip link set home up")
            self.must(who, f"ip route add default via 10.99.{number}.1")
            self.must(who, f"ip -6 route add default via fd99:{number}::1")
        for who in self.made:
            self.must(who, "ip link set lo up")
        self.must(self.ROUTER, "sysctl -qw net.ipv4.ip_forward=1")
        self.must(self.ROUTER, "sysctl -qw net.ipv6.conf.all.forwarding=1")

    def must(self, who, line, **more):
        done = self.run(who, *line.split(), text=True, **more)
        assert done.returncode == 0, (line, done.stderr)

    def filter(self, rules):
        self.must(self.ROUTER, "/usr/sbin/nft -f -", input=rules)

    def remove(self):
        for name in self.made:
            subprocess.run(["ip", "netns", "del", self.name(name)],
                           check=False)
        self.made = []
