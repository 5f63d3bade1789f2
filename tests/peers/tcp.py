"""A server that speaks what a test likes, and no HTTP."""

import socket
import threading


class TcpPeer:
    """speak(sock) has a thread for each connection."""

    def __init__(self, speak):
        self.speak = speak
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.speak, args=(sock,),
                             daemon=True).start()

    def remove(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
