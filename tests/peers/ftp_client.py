"""FTP clients through the gateway: ftplib with the few things the tests ask
of it, and a bare control connection for what no client would say."""

import contextlib
import ftplib
import io
import socket

from .common import PATIENCE


class Client(ftplib.FTP):
    """Logged in at server through the gateway at port."""

    def __init__(self, port, server=None, host="127.0.0.1"):
        super().__init__(timeout=PATIENCE)
        self.connect(host, port)
        if server is not None:
            where = f"[{server.host}]" if ":" in server.host else server.host
            self.login(f"{server.user}@{where}:{server.port}",
                       server.password)
            if server.home:
                self.cwd(server.home)

    def fetch(self, name, rest=None):
        """What RETR gives."""
        got = bytearray()
        self.retrbinary(f"RETR {name}", got.extend, rest=rest)
        return bytes(got)

    def send(self, name, data, rest=None, verb="STOR"):
        """The last reply to STOR."""
        return self.storbinary(f"{verb} {name}", io.BytesIO(data), rest=rest)


@contextlib.contextmanager
def refused():
    """Collects the reply of a command that is refused."""
    said = []
    try:
        yield said
    except ftplib.Error as e:
        said.append(str(e))
    else:
        raise AssertionError("it was not refused")


class Wire:
    """A control connection, line by line."""

    def __init__(self, port, host="127.0.0.1"):
        self.sock = socket.create_connection((host, port), PATIENCE)
        self.file = self.sock.makefile("rb")

    def reply(self):
        """One whole reply, as text."""
        lines = [self.file.readline().decode("latin-1")]
        if lines[0][3:4] == "-":
            while not lines[-1].startswith(lines[0][:3] + " "):
                lines.append(self.file.readline().decode("latin-1"))
                assert lines[-1], lines
        return "".join(lines)

    def say(self, line):
        """Says it and returns the reply."""
        raw = line if isinstance(line, bytes) else line.encode()
        self.sock.sendall(raw + b"\r\n")
        return self.reply()

    def login(self, server):
        assert self.reply().startswith("220")
        assert self.say(f"USER {server.user}@{server.host}:{server.port}"
                        ).startswith("331")
        assert self.say(f"PASS {server.password}").startswith("230")
        if server.home:
            assert self.say(f"CWD {server.home}").startswith("250")
        return self

    def close(self):
        self.file.close()
        self.sock.close()
