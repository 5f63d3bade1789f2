"""How often the gateway speaks: a small file costs a client one packet with
its bytes and their end, and one with both replies; a large one's 150 is not
kept back for that."""

import socket
import struct

from peers.common import PATIENCE
from peers.ftp_client import Wire
from peers.ftp_gateway import noise

SEGS_IN, DATA_SEGS_IN = 140, 152  # in struct tcp_info of linux/tcp.h


def came(sock, offset):
    """Packets that this end has got so far."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)
    return struct.unpack_from("I", info, offset)[0]


def test_a_small_file_takes_two_packets(gw, vsftpd):
    """TCP says some things twice on a slow machine: the least counts."""
    data = noise(1000)
    vsftpd.put("small", data)
    w = Wire(gw.port).login(vsftpd)
    w.say("TYPE I")
    replies, parts = [], []
    for _ in range(10):
        with w.connect() as sock:
            had = came(w.sock, DATA_SEGS_IN)
            assert w.say("RETR small").startswith("150 ")
            assert w.reply().startswith("226 ")
            assert sock.recv(2000) == data
            assert sock.recv(2000) == b""
            replies.append(came(w.sock, DATA_SEGS_IN) - had)
            parts.append(came(sock, SEGS_IN) - 1)  # the first is a SYN
    assert (min(replies), min(parts)) == (1, 1), (replies, parts)
    w.close()


def test_a_large_file_has_its_150_first(gw, vsftpd):
    """Its client reads nothing before that."""
    data = noise(30_000_000)
    vsftpd.put("large", data)
    w = Wire(gw.port).login(vsftpd)
    w.say("TYPE I")
    with w.connect() as sock:
        sock.settimeout(PATIENCE)
        assert w.say("RETR large").startswith("150 ")
        assert sock.makefile("rb").read() == data
    assert w.reply().startswith("226")
    w.close()
