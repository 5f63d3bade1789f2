"""Pure-FTPd with one user of its own."""

import crypt  # pylint: disable=deprecated-module
import pathlib
import subprocess

from .ftp_server import PEERS, FtpServer


class PureFtpd(FtpServer):
    """Its user is nobody, and may do all there is to do."""

    def __init__(self, host="127.0.0.1", tls=None):
        super().__init__(host)
        self.more = []
        if tls is not None:
            self.more = ["-Y", "3", "-2", self.write("both.pem", "".join(
                pathlib.Path(each).read_text(encoding="ascii")
                for each in (tls.key, tls.pem)))]
        who = self.owner
        secret = crypt.crypt(self.password, crypt.METHOD_SHA512)
        path = self.write(
            "passwd", f"{self.user}:{secret}:{who.pw_uid}:{who.pw_gid}::"
            f"{self.root}/./:" + ":" * 11 + "\n")
        subprocess.run(
            [PEERS / "pureftpd/usr/bin/pure-pw", "mkdb", f"{self.dir}/users",
             "-f", path], check=True)

    def program(self):
        return [str(PEERS / "pureftpd/usr/sbin/pure-ftpd"),
                "-S", f"{self.host},{self.port}", "-l",
                f"puredb:{self.dir}/users", "-H", "-c", "200", "-C", "200",
                "-g", f"{self.dir}/pid", *self.more]
