"""Pure-FTPd with one user of its own."""

import crypt  # pylint: disable=deprecated-module
import subprocess

from .ftp_server import PEERS, FtpServer


class PureFtpd(FtpServer):
    """Its user is nobody, and may do all there is to do."""

    def __init__(self, host="127.0.0.1"):
        super().__init__(host)
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
                "-g", f"{self.dir}/pid"]
