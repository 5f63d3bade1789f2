"""An FTP server that goes wrong as a test asks for."""

import socket
import threading

ANSWERS = {"USER": "331 ?", "PASS": "230 ok", "TYPE": "200 ok",
           "REST": "350 ok", "PWD": '257 "/"', "PBSZ": "200 ok"}


class Half:
    """A server that behaves until a file is under way, then does what a test
    asks for: do(half, sock, verb); true: the session has ended.  tls: its side
    of that; without there is none.

    refuses  commands that are answered with 502
    more     replies to other commands
    said     all that it was told
    deleted  what was to be deleted"""

    home, user, password, host = "", "u", "p", "127.0.0.1"

    def __init__(self, do, tls=None):
        self.do = do
        self.tls = tls
        self.refuses = ()
        self.said = []
        self.deleted = []
        self.more = {}
        self.got = b""
        self.pasv = "({0},{1},{2})"
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.data = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                sock = self.listening.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,),
                             daemon=True).start()

    def connected(self):
        """The data connection, under TLS where the dialogue is."""
        data = self.data.accept()[0]
        if self.tls is not None:
            data = self.tls.wrap_socket(data, server_side=True)
        return data

    def reply_to(self, verb, arg):
        if verb in self.refuses:
            return "502 no"
        if verb == "PASV":
            self.data.close()  # with whoever came and was not wanted
            self.data = socket.create_server(("127.0.0.1", 0))
            port = self.data.getsockname()[1]
            return "227 " + self.pasv.format("127,0,0,1", port >> 8,
                                             port & 255)
        if verb == "DELE":
            self.deleted.append(arg)
            return "250 gone"
        if verb == "AUTH" and self.tls is not None:
            return "234 yes"
        if verb == "PROT" and self.tls is not None:
            return "200 yes"
        return {**ANSWERS, **self.more}.get(verb, "502 no")

    def serve(self, sock):
        try:
            self.talk(sock)
        except OSError:
            pass  # the gateway has left
        finally:
            sock.close()

    def talk(self, sock):
        sock.sendall(b"220-hello\r\n 220 not yet\r\n220 there\r\n")
        file = sock.makefile("rb")
        while line := file.readline().decode("latin-1").strip():
            self.said.append(line)
            verb, _, arg = line.partition(" ")
            if verb in ("RETR", "STOR", "LIST"):
                if self.do(self, sock, verb):
                    return
                continue
            reply = self.reply_to(verb, arg)
            sock.sendall(reply.encode() + b"\r\n")
            if reply.startswith("234") and self.tls is None:
                return
            if reply.startswith("234"):
                sock = self.tls.wrap_socket(sock, server_side=True)
                file = sock.makefile("rb")

    def remove(self):
        self.listening.close()
        self.data.close()
