"""Clients that talk on the data connection of a download: nobody listens, and
the file is whole all the same."""

import socket
import time

from peers.common import PATIENCE
from peers.ftp_client import Wire
from peers.ftp_gateway import noise


def test_the_file_is_whole(gw, vsftpd):
    """More than has room at the client goes at once, and it reads later."""
    data = noise(100_000)
    vsftpd.put("file", data)
    w = Wire(gw.port).login(vsftpd)
    w.say("TYPE I")
    port = int(w.say("EPSV").split("|||")[1].split("|")[0])
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 10)
        sock.settimeout(PATIENCE)
        sock.connect(("127.0.0.1", port))
        sock.sendall(b"hello")
        assert w.say("RETR file").startswith("150 ")
        assert w.reply().startswith("226 ")
        sock.sendall(b"hello again")
        time.sleep(0.2)
        with sock.makefile("rb") as file:
            assert file.read() == data
    w.close()
