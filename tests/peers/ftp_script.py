"""An FTP server with files in memory that says what a scene has it say.

    s = Script()
    s.files      {name: bytes}
    s.replies    {verb: [the next replies]}, each for one time
    s.said       all that it was told"""

from .ftp_half import Half


class Script(Half):
    """Without a script it behaves."""

    def __init__(self, tls=None):
        super().__init__(self.move, tls)
        self.files = {}
        self.replies = {}
        self.rest = 0

    def fresh(self):
        """For the next scene."""
        self.files.clear()
        self.replies.clear()
        self.said.clear()
        self.deleted.clear()

    def scripted(self, verb):
        waiting = self.replies.get(verb)
        return waiting.pop(0).replace(" | ", "\r\n") if waiting else None

    def reply_to(self, verb, arg):
        if verb == "REST":
            self.rest = int(arg)
        said = self.scripted(verb)
        if said is not None:
            return said
        if verb == "SIZE" and arg in self.files:
            return f"213 {len(self.files[arg])}"
        if verb == "DELE":
            self.files.pop(arg, None)
        return super().reply_to(verb, arg)

    def move(self, half, sock, verb):
        """RETR or STOR, the last thing that was said."""
        name = next(s for s in reversed(self.said)
                    if s.startswith(verb)).partition(" ")[2]
        rest, self.rest = self.rest, 0
        said = self.scripted(verb)
        if said is None and verb == "RETR" and name not in self.files:
            said = "550 no such file"
        if said is not None:
            sock.sendall(said.encode() + b"\r\n")
            return
        sock.sendall(b"150 ok\r\n")
        data = self.connected()
        if verb == "RETR":
            data.sendall(self.files[name][rest:])
        else:
            got = bytearray()
            while piece := data.recv(65536):
                got += piece
            self.files[name] = self.files.get(name, b"")[:rest] + bytes(got)
        if self.tls is not None:
            data = data.unwrap()
        data.close()
        sock.sendall(b"226 done\r\n")
