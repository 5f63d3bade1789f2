"""Forward: for programs that know of no proxy: who connects here is connected
to a host by a proxy's CONNECT.

    f = Forward(web_port(gw), "www.example.test:443").start(); f.port
"""

import contextlib
import socket
import threading

from .common import PATIENCE
from .web import Raw


class Forward:
    def __init__(self, proxy, target):
        self.proxy, self.target = proxy, target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def start(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,),
                                 daemon=True).start()

    def serve(self, client):
        with client, contextlib.suppress(OSError), Raw(self.proxy) as c:
            client.settimeout(PATIENCE)
            c.send(f"CONNECT {self.target} HTTP/1.1\r\n"
                   f"Host: {self.target}\r\n\r\n".encode())
            if b" 200 " not in c.head().split(b"\r\n")[0]:
                return
            up = threading.Thread(target=self.carry, daemon=True,
                                  args=(client.recv, c.sock))
            up.start()
            self.carry(c.file.read1, client)
            up.join(PATIENCE)

    def carry(self, read, to):
        with contextlib.suppress(OSError):
            while data := read(65536):
                to.sendall(data)
        with contextlib.suppress(OSError):
            to.shutdown(socket.SHUT_WR)

    def remove(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
