"""vsftpd, whose anonymous user may do all that there is to do."""

from .ftp_server import PEERS, FtpServer

CONFIG = """\
listen={v4}
listen_ipv6={v6}
{address_key}={host}
listen_port={port}
background=NO
anonymous_enable=YES
local_enable=NO
write_enable=YES
anon_root={top}
anon_upload_enable=YES
anon_mkdir_write_enable=YES
anon_other_write_enable=YES
anon_umask=022
ftp_username=daemon
nopriv_user=nobody
secure_chroot_dir={dir}/empty
seccomp_sandbox=NO
port_enable=YES
connect_from_port_20=NO
ascii_upload_enable=YES
ascii_download_enable=YES
xferlog_enable=NO
max_per_ip=0
{more}
"""


# The strictest there is: no file without TLS, none over a connection that does
# not go on with the session of the control connection.
TLS = """\
ssl_enable=YES
allow_anon_ssl=YES
force_anon_data_ssl=YES
force_anon_logins_ssl=YES
require_ssl_reuse=YES
ssl_ciphers=HIGH
strict_ssl_read_eof=YES
rsa_cert_file={pem}
rsa_private_key_file={key}
"""


class Vsftpd(FtpServer):
    """It has no IPv6 and IPv4 at once unless both are one."""

    user, password = "anonymous", "bob@example.org"
    runs_as = "daemon"  # vsftpd wants a user with a home
    home = "pub"  # and a root that this user cannot write to

    def __init__(self, host="127.0.0.1", more="", tls=None, port=None):
        super().__init__(host, port)
        if tls is not None:
            more += TLS.format(pem=tls.pem, key=tls.key)
        v6 = ":" in host
        (self.top.parent / "empty").mkdir()
        self.config = self.write("vsftpd.conf", CONFIG.format(
            v4="NO" if v6 else "YES", v6="YES" if v6 else "NO",
            address_key="listen_address6" if v6 else "listen_address",
            host=host, port=self.port, top=self.top, dir=self.dir,
            more=more))

    def program(self):
        return [str(PEERS / "vsftpd/usr/sbin/vsftpd"), self.config]
