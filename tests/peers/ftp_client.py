"""FTP clients through the gateway: ftplib with the few things the tests ask
of it, and a bare control connection for what no client would say."""

import contextlib
import ftplib
import io
import socket

from .certificate import anybody
from .common import PATIENCE


class Files:
    """What is the same with TLS and without."""

    def log_in_at(self, server):
        """Through the gateway."""
        where = f"[{server.host}]" if ":" in server.host else server.host
        self.login(f"{server.user}@{where}:{server.port}", server.password)
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


class Client(Files, ftplib.FTP):
    """Logged in at server through the gateway at port."""

    def __init__(self, port, server=None, host="127.0.0.1"):
        super().__init__(timeout=PATIENCE)
        self.connect(host, port)
        if server is not None:
            self.log_in_at(server)


class SecureClient(Files, ftplib.FTP_TLS):
    """The same with AUTH TLS and PROT P; its data connections go on with the
    session of the control connection."""

    def __init__(self, port, server=None, host="127.0.0.1", context=None):
        super().__init__(timeout=PATIENCE, context=context or anybody())
        self.resumed = []
        self.connect(host, port)
        if server is not None:
            self.log_in_at(server)
            self.prot_p()

    def ntransfercmd(self, cmd, rest=None):
        conn, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if self._prot_p:
            conn = self.context.wrap_socket(conn, session=self.sock.session)
            self.resumed.append(conn.session_reused)
        return conn, size


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

    def start_tls(self, context=None):
        self.file.close()
        self.sock = (context or anybody()).wrap_socket(self.sock)
        self.file = self.sock.makefile("rb")

    def login(self, server):
        assert self.reply().startswith("220")
        return self.log_in(server)

    def log_in(self, server):
        assert self.say(f"USER {server.user}@{server.host}:{server.port}"
                        ).startswith("331")
        assert self.say(f"PASS {server.password}").startswith("230")
        if server.home:
            assert self.say(f"CWD {server.home}").startswith("250")
        return self

    def connect(self):
        """A data connection."""
        port = int(self.say("EPSV").split("|||")[1].split("|")[0])
        return socket.create_connection(("127.0.0.1", port), PATIENCE)

    def fetch(self, name):
        """What RETR gives, over a data connection in the clear."""
        with self.connect() as data:
            assert self.say(f"RETR {name}").startswith("150")
            got = data.makefile("rb").read()
        assert self.reply().startswith("226")
        return got

    def close(self):
        self.file.close()
        self.sock.close()
