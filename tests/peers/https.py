"""HttpsOrigin: peers.origin under TLS.

    o = HttpsOrigin(cert.serves(), {"/a": answer(b"text")}).start()
    o.url("/a") o.asked o.names (whom clients wanted) o.versions o.resumed
"""

import contextlib
import ssl
import threading

from .common import PATIENCE
from .origin import Connection, Origin


class HttpsOrigin(Origin):
    def __init__(self, context, answers=None):
        super().__init__(answers)
        self.context = context
        self.counting = threading.Lock()
        self.names, self.versions, self.ciphers = [], [], []
        self.failed, self.resumed = [], []
        context.sni_callback = self.named

    def named(self, _sock, name, _context):
        self.names.append(name)

    def url(self, path="/", host="127.0.0.1"):
        return f"https://{host}:{self.port}{path}"

    def talk(self, sock):
        try:
            sock = self.context.wrap_socket(sock, server_side=True)
        except (OSError, ssl.SSLError) as e:
            self.failed.append(str(e))
            with contextlib.suppress(OSError):
                sock.close()
            return
        self.versions.append(sock.version())
        self.ciphers.append(sock.cipher()[0])
        self.resumed.append(sock.session_reused)
        with self.counting:
            c = Connection(self, sock, len(self.connections) + 1)
            self.connections.append(c)
        c.serve()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.settimeout(PATIENCE)
            threading.Thread(target=self.talk, args=(sock,),
                             daemon=True).start()
