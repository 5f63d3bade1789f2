"""ProFTPD with one user of its own."""

import crypt  # pylint: disable=deprecated-module

from .ftp_server import PEERS, FtpServer

TLS = """\
ModulePath {modules}
LoadModule mod_tls.c
TLSEngine on
TLSRequired on
TLSProtocol {protocol}
TLSECCertificateFile {pem}
TLSECCertificateKeyFile {key}
"""
CONFIG = """\
ServerName "files.example.net"
ServerType standalone
DefaultAddress {host}
SocketBindTight on
Port {port}
UseIPv6 on
UseReverseDNS off
User nobody
Group nogroup
PidFile {dir}/pid
ScoreboardFile {dir}/scoreboard
DelayTable none
SystemLog {dir}/system.log
WtmpLog off
AuthOrder mod_auth_file.c
AuthUserFile {dir}/passwd
RequireValidShell off
DefaultRoot ~
AllowOverwrite on
AllowStoreRestart on
AllowRetrieveRestart on
Umask 022
MaxInstances 100
"""


class ProFtpd(FtpServer):
    """Its user is nobody, and may do all there is to do."""

    def __init__(self, host="127.0.0.1", more="", tls=None,
                 protocol="TLSv1.2 TLSv1.3", port=None):
        super().__init__(host, port)
        if tls is not None:
            more += TLS.format(
                pem=tls.pem, key=tls.key, protocol=protocol,
                modules=PEERS / "proftpd-crypto/usr/lib/proftpd")
        who = self.owner
        secret = crypt.crypt(self.password, crypt.METHOD_SHA256)
        self.write("passwd", f"{self.user}:{secret}:{who.pw_uid}:"
                   f"{who.pw_gid}::{self.root}:/bin/false\n")
        self.config = self.write("proftpd.conf", CONFIG.format(
            host=host, port=self.port, dir=self.dir) + more)

    def program(self):
        return [str(PEERS / "proftpd/usr/sbin/proftpd"), "-n", "-q",
                "-c", self.config]
