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


class Vsftpd(FtpServer):
    """It has no IPv6 and IPv4 at once unless both are one."""

    user, password = "anonymous", "bob@example.org"
    runs_as = "daemon"  # vsftpd wants a user with a home
    home = "pub"  # and a root that this user cannot write to

    def __init__(self, host="127.0.0.1", more=""):
        super().__init__(host)
        v6 = ":" in host
        (self.top.parent / "empty").mkdir()
        self.config = self.write("vsftpd.conf", CONFIG.format(
            v4="NO" if v6 else "YES", v6="YES" if v6 else "NO",
            address_key="listen_address6" if v6 else "listen_address",
            host=host, port=self.port, top=self.top, dir=self.dir,
            more=more))

    def program(self):
        return [str(PEERS / "vsftpd/usr/sbin/vsftpd"), self.config]
