"""Squid: Debian's squid-openssl (unpacked, tests/.peers/squid) as somebody
else's proxy, which asks for user and password.

    s = Squid(["www.example.test"]).start()     s.port s.USER s.PASSWORD
    s.lines()     of its access.log, without times
"""

import pathlib
import shutil
import subprocess

from .web_server import WebServer

USR = pathlib.Path(__file__).resolve().parents[1] / ".peers/squid/usr"

CONFIG = """\
http_port 127.0.0.1:{port}
workers 1
cache deny all
logformat short %>Hs %rm %ru %un
access_log stdio:{dir}/access.log short
cache_log {dir}/cache.log
pid_filename {dir}/pid
coredump_dir {dir}
hosts_file {dir}/hosts
mime_table {usr}/share/squid/mime.conf
icon_directory {usr}/share/squid/icons
error_directory {usr}/share/squid/errors/templates
unlinkd_program {usr}/lib/squid/unlinkd
pinger_enable off
netdb_filename none
max_filedescriptors 4096
visible_hostname squid.example.test
auth_param basic program {usr}/lib/squid/basic_ncsa_auth {dir}/users
auth_param basic children 1
acl who proxy_auth REQUIRED
acl never dstdomain never.example.test
http_access deny never
http_access allow who
http_access deny all
shutdown_lifetime 0 seconds
"""


class Squid(WebServer):
    FOLDERS = ()
    USER, PASSWORD = "gw", "s3cret"

    def __init__(self, names):
        super().__init__()
        shutil.chown(self.dir, "proxy", "proxy")
        self.write("hosts", "".join(f"127.0.0.1 {n}\n" for n in names))
        secret = subprocess.run(
            ["openssl", "passwd", "-6", self.PASSWORD], check=True,
            capture_output=True, text=True).stdout
        self.write("users", f"{self.USER}:{secret}")
        self.write("conf", CONFIG.format(dir=self.dir, port=self.port,
                                         usr=USR))

    def lines(self):
        with open(f"{self.dir}/access.log", encoding="ascii") as f:
            return f.read().splitlines()

    def program(self):
        return [USR / "sbin/squid", "-N", "-f", f"{self.dir}/conf"]
