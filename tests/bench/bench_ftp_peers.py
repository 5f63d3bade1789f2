"""What is measured on the way to an FTP server: Sallyport, ProFTPD's
mod_proxy, SUSE's ftp-proxy; each for one server, passive on both sides."""

import os
import shutil

from bench_peers import Gateway, Peer
from peers import ftp_proxy
from peers.common import free_port, offspring
from peers.vsftpd import Vsftpd

PROFTPD, SUSE = ftp_proxy.PROFTPD, ftp_proxy.SUSE_PROGRAM


class Server(Peer):
    """vsftpd, whose files lie in memory; also the row "direct"."""

    name = "direct"

    def __init__(self, folder):
        super().__init__(folder)
        self.ftp = Vsftpd()
        self.user, self.password = self.ftp.user, self.ftp.password

    def start(self):
        for name in ("down", "up"):
            path = self.ftp.root / name
            path.mkdir()
            os.chown(path, self.ftp.owner.pw_uid, self.ftp.owner.pw_gid)
        self.ftp.start()
        self.address = f"127.0.0.1:{self.ftp.port}"

    def stop(self):
        self.ftp.remove()
        super().stop()


class FtpGateway(Gateway):
    """Sallyport with the defaults but for addresses, folders, limits on
    sessions, that the server is on loopback, and that an upload's reply may
    take as long as the scan of 1 GB does."""

    def __init__(self, folder, build, database, server):
        port = free_port()
        super().__init__(folder, build, database, {
            "listener mail-in": None,
            "smtp": None,
            "listener files": {
                "protocol": "ftp", "address": f"127.0.0.1:{port}",
                "policy": "files", "max_sessions": "1000",
                "max_sessions_per_client": "1000"},
            "policy files": {"malware": "block"},
            "ftp": {"mode": "reverse", "default_server": server,
                    "deny_destinations": "169.254.0.0/16",
                    "upload_reply_within": "0",
                    "passive_ports": "30000-32700"}})
        self.address = f"127.0.0.1:{port}"


MODPROXY_CONF = ftp_proxy.MOD_PROXY + """\
MaxInstances 400
ProxyRole reverse
ProxyReverseConnectPolicy RoundRobin
ProxyReverseServers ftp://{server}
"""


class ModProxy(Peer):
    """ProFTPD with mod_proxy: does not look."""

    name = "ProFTPD mod_proxy"

    def __init__(self, folder, server):
        super().__init__(folder)
        self.server = server
        self.child = None

    def start(self):
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        os.mkdir(f"{self.folder}/tables")
        shutil.chown(f"{self.folder}/tables", "nobody", "nogroup")
        path = f"{self.folder}/conf"
        with open(path, "w", encoding="ascii") as f:
            f.write(MODPROXY_CONF.format(port=port, dir=self.folder,
                                         peers=ftp_proxy.PEERS,
                                         server=self.server))
        self.child = self.programs.run(str(PROFTPD), "-n", "-q", "-c", path)
        self.programs.until_listening(self.child, port)

    def roles(self):
        return {"gateway": [self.child.pid, *offspring(self.child.pid)],
                "scan": []}


SUSE_CONF = ftp_proxy.SUSE + """\
DestinationAddress {host}
DestinationPort {server_port}
MaxClients 400
"""


class Suse(Peer):
    """SUSE's ftp-proxy: does not look."""

    name = "SUSE ftp-proxy"

    def __init__(self, folder, server):
        super().__init__(folder)
        self.server = server
        self.child = None

    def start(self):
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        host, _, server_port = self.server.rpartition(":")
        path = f"{self.folder}/conf"
        shutil.chown(self.folder, "nobody", "nogroup")
        with open(path, "w", encoding="ascii") as f:
            f.write(SUSE_CONF.format(port=port, host=host, dir=self.folder,
                                     server_port=server_port))
        self.child = self.programs.run(str(SUSE), "-d", "-n", "-f", path)
        self.programs.until_listening(self.child, port)

    def roles(self):
        return {"gateway": [self.child.pid, *offspring(self.child.pid)],
                "scan": []}
