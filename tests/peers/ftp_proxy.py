"""Other proxies that take user@host, for chains: SUSE's ftp-proxy and ProFTPD
with mod_proxy.  Neither looks at files."""

import os
import subprocess

from .common import (answers, free_port, kill, new_dir, offspring, remove_dir,
                     until)
from .ftp_server import PEERS

SUSE = """\
[-Global-]
ServerType standalone
Listen 127.0.0.1
Port {port}
DestinationTransferMode passive
ForkLimit 100000
LogDestination {dir}/log
LogLevel WRN
PidFile {dir}/pid
User nobody
Group nogroup
"""

# By itself it takes no port in a name.
SUSE_FORWARD = SUSE + """\
ForceMagicUser yes
UserNameRule ^[[:alnum:]]+([@:._-][[:alnum:]]+)*$
DestinationAddress 127.0.0.1
"""

MOD_PROXY = """\
ModulePath {peers}/modproxy/usr/lib/proftpd
LoadModule mod_tls.c
LoadModule mod_proxy.c
ServerName "proxy.example.net"
ServerType standalone
DefaultAddress 127.0.0.1
SocketBindTight on
Port {port}
UseIPv6 off
UseReverseDNS off
User nobody
Group nogroup
PidFile {dir}/pid
ScoreboardFile {dir}/scoreboard
DelayTable none
SystemLog {dir}/system.log
WtmpLog off
TransferLog none
RequireValidShell off
AllowOverwrite on
ProxyEngine on
ProxyTables {dir}/tables
ProxyDataTransferPolicy PASV
"""

MOD_PROXY_FORWARD = MOD_PROXY + """\
AllowStoreRestart on
AllowRetrieveRestart on
<Class all>
From 127.0.0.1
ProxyForwardEnabled on
</Class>
ProxyRole forward
ProxyForwardMethod user@host
"""

PROFTPD = PEERS / "proftpd/usr/sbin/proftpd"
SUSE_PROGRAM = PEERS / "ftpproxy/usr/sbin/ftp-proxy"


class FtpProxy:
    """A class of it has CONFIG and words()."""

    CONFIG = ""

    def __init__(self):
        self.dir = new_dir("proxy")
        self.port = free_port()
        self.path = f"{self.dir}/conf"
        self.child = None
        os.mkdir(f"{self.dir}/tables")
        with open(self.path, "w", encoding="ascii") as f:
            f.write(self.CONFIG.format(port=self.port, dir=self.dir,
                                       peers=PEERS))
        subprocess.run(["chown", "-R", "nobody:nogroup", self.dir],
                       check=False)

    def words(self):
        raise NotImplementedError

    def start(self):
        with open(f"{self.dir}/said", "ab") as log:
            # pylint: disable=R1732 # it lives until remove()
            self.child = subprocess.Popen(
                self.words(), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True)
        until(f"{type(self).__name__} listens",
              lambda: answers(self.port, "127.0.0.1"))
        return self

    def remove(self):
        if self.child is not None:
            for pid in [*offspring(self.child.pid), self.child.pid]:
                kill(pid)
            self.child.wait()
        remove_dir(self.dir)


class SuseProxy(FtpProxy):
    """ftp-proxy of the SUSE Proxy Suite."""

    CONFIG = SUSE_FORWARD

    def words(self):
        return [str(SUSE_PROGRAM), "-d", "-n", "-f", self.path]


class ModProxy(FtpProxy):
    """ProFTPD's mod_proxy as a forward proxy."""

    CONFIG = MOD_PROXY_FORWARD

    def words(self):
        return [str(PROFTPD), "-n", "-q", "-c", self.path]
