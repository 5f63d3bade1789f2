"""What is measured on the way to an origin: Sallyport, Squid alone and with
c-icap, e2guardian with clamd.  Debian's programs, those that would bring a
service or a user unpacked below tests/.peers (scripts/setup bench)."""

import os
import pathlib
import shutil
import subprocess

from bench_peers import Clamd, Gateway, Peer
from peers.common import free_port, offspring

PEERS = pathlib.Path(__file__).resolve().parent.parent / ".peers"
SQUID = PEERS / "squid/usr"
ICAP = PEERS / "c-icap"
GUARD = PEERS / "e2guardian"


class Origin(Peer):
    """Our own; also the row "direct".  cert, a Holder of peers.pki: under
    TLS."""

    name = "direct"

    def __init__(self, folder, build, cert=None):
        super().__init__(folder)
        self.build = build
        self.corpus = f"{folder}/web"
        self.tls = ["--cert", cert.pem, "--key", cert.key,
                    "--address", "0.0.0.0:0"] if cert else []

    def start(self):
        child = self.programs.run(
            f"{self.build}/tests/bench/b_origin", "--corpus", self.corpus,
            *self.tls, stdout=subprocess.PIPE)
        self.address = child.stdout.readline().decode().strip()


class WebGateway(Gateway):
    """Sallyport with the defaults but for addresses, folders, limits on
    sessions, and that the origin is on loopback."""

    def __init__(self, folder, build, database, changes=None):
        port = free_port()
        super().__init__(folder, build, database, {
            "listener mail-in": None,
            "listener web": {
                "protocol": "http", "address": f"127.0.0.1:{port}",
                "policy": "web", "direction": "outbound",
                "max_sessions": "5000", "max_sessions_per_client": "5000"},
            "policy web": {"malware": "block"},
            "http": {"deny_destinations": "169.254.0.0/16"},
            "smtp": None})
        self.gw.configure(changes or {})
        self.address = f"127.0.0.1:{port}"


SQUID_CONF = """\
http_port 127.0.0.1:{port} {bump}
workers 1
cache deny all
access_log stdio:{dir}/access.log
buffered_logs on
cache_log {dir}/cache.log
pid_filename {dir}/pid
coredump_dir {dir}
mime_table {usr}/share/squid/mime.conf
icon_directory {usr}/share/squid/icons
error_directory {usr}/share/squid/errors/templates
unlinkd_program {usr}/lib/squid/unlinkd
pinger_enable off
netdb_filename none
max_filedescriptors 16384
visible_hostname bench
http_access allow all
shutdown_lifetime 0 seconds
{more}
"""

# Previews and 204 as Debian's documentation of c-icap has them.
SQUID_ICAP = """\
icap_enable on
icap_preview_enable on
icap_preview_size 1024
icap_service_failure_limit -1
icap_service scan respmod_precache bypass=off icap://127.0.0.1:{icap}/avscan
adaptation_access scan allow all
"""


class Squid(Peer):
    """One worker, no cache of objects, no scan."""

    name = "Squid"
    bump = ""

    def __init__(self, folder):
        super().__init__(folder)
        self.child = None
        self.more = ""

    def start_squid(self, more=""):
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        shutil.chown(self.folder, "proxy", "proxy")
        with open(f"{self.folder}/conf", "w", encoding="ascii") as f:
            f.write(SQUID_CONF.format(port=port, dir=self.folder, usr=SQUID,
                                      bump=self.bump, more=self.more + more))
        self.child = self.programs.run(str(SQUID / "sbin/squid"), "-N", "-f",
                                       f"{self.folder}/conf")
        self.programs.until_listening(self.child, port)

    def start(self):
        self.start_squid()

    def roles(self):
        return {"gateway": [self.child.pid], "scan": []}


# Debian's, but for folders and addresses; as many threads as there are
# connections that wait; limits that let the corpus through.
ICAP_CONF = """\
PidFile {dir}/icap.pid
CommandsSocket {dir}/icap.ctl
Timeout 300
MaxKeepAliveRequests 100
KeepAliveTimeout 600
StartServers 3
MaxServers 10
MinSpareThreads 10
MaxSpareThreads 20
ThreadsPerChild 10
MaxRequestsPerChild 0
Port 127.0.0.1:{port}
TmpDir {dir}/tmp
MaxMemObject 131072
DebugLevel 0
Pipelining on
SupportBuggyClients off
ModulesDir {lib}
ServicesDir {lib}
TemplateDir {icap}/usr/share/c_icap/templates/
TemplateDefaultLanguage en
LoadMagicFile {icap}/etc/c-icap/c-icap.magic
ServerLog {dir}/icap-server.log
AccessLog {dir}/icap-access.log
Service antivirus_module virus_scan.so
ServiceAlias avscan virus_scan?allow204=on&sizelimit=off&mode=simple
virus_scan.ScanFileTypes TEXT DATA EXECUTABLE ARCHIVE GIF JPEG MSOFFICE
virus_scan.SendPercentData 5
virus_scan.StartSendPercentDataAfter 2M
virus_scan.MaxObjectSize 2000M
Module common clamav_mod.so
clamav_mod.MaxScanSize 2000M
clamav_mod.TmpDir {dir}/tmp
"""


class SquidIcap(Squid):
    """With c-icap and virus_scan.  It knows one folder of signatures only,
    so ours is mounted over that one, for it alone."""

    name = "Squid + c-icap"

    def __init__(self, folder, database):
        super().__init__(folder)
        self.database = database
        self.icap = None

    def start(self):
        port = free_port()
        os.mkdir(f"{self.folder}/tmp", 0o700)
        with open(f"{self.folder}/icap.conf", "w", encoding="ascii") as f:
            f.write(ICAP_CONF.format(
                dir=self.folder, icap=ICAP, port=port,
                lib=ICAP / "usr/lib/x86_64-linux-gnu/c_icap"))
        self.icap = self.programs.run(
            "unshare", "-m", "sh", "-c",
            f"mount --bind {self.database} /var/lib/clamav && "
            f"exec {ICAP}/usr/bin/c-icap -N -f {self.folder}/icap.conf")
        self.programs.until_listening(self.icap, port, 120)
        self.start_squid(SQUID_ICAP.format(icap=port))

    def roles(self):
        return {"gateway": [self.child.pid],
                "scan": [self.icap.pid, *offspring(self.icap.pid)]}


def _guard_conf(folder):
    """Debian's configuration, ours its paths; returns its place."""
    conf = f"{folder}/conf"
    shutil.copytree(GUARD / "etc/e2guardian", conf)
    for path, _, names in os.walk(conf):
        for name in names:
            file = f"{path}/{name}"
            with open(file, encoding="latin-1") as f:
                text = f.read()
            text = text.replace("/etc/e2guardian", conf)
            text = text.replace("/usr/share/e2guardian/languages",
                                f"{conf}/languages")
            text = text.replace("/usr/share/e2guardian",
                                f"{GUARD}/usr/share/e2guardian")
            with open(file, "w", encoding="latin-1") as f:
                f.write(text)
    return conf


class Guardian(Peer):
    """e2guardian before clamd, whose own cache is on; phrases and lists as
    Debian has them would block words: they are off."""

    name = "e2guardian + clamd"

    def __init__(self, folder, database):
        super().__init__(folder)
        self.clamd = Clamd(self.programs, self.folder, database, cache=True)
        self.child = None

    def settings(self, port):
        """{key: line} of e2guardian.conf."""
        conf = f"{self.folder}/conf"
        return {
            "filterip": "filterip = 127.0.0.1",
            "filterports": f"filterports = {port}",
            "nodaemon": "nodaemon = on",
            "daemonuser": "daemonuser = 'root'",
            "daemongroup": "daemongroup = 'root'",
            "loglocation": f"loglocation = '{self.folder}/access.log'",
            "pidfilename": f"pidfilename = '{self.folder}/pid'",
            "filecachedir": f"filecachedir = '{self.folder}/tmp'",
            "httpworkers": "httpworkers = 1100",
            "maxcontentfiltersize": "maxcontentfiltersize = 2048",
            "maxcontentfilecachescansize":
                "maxcontentfilecachescansize = 200000",
            "weightedphrasemode": "weightedphrasemode = 0",
            "ipcfilename": f"ipcfilename = '{self.folder}/ipc'",
            "urlipcfilename": f"urlipcfilename = '{self.folder}/urlipc'",
            "ipipcfilename": f"ipipcfilename = '{self.folder}/ipipc'",
            "contentscanner":
                f"contentscanner = '{conf}/contentscanners/clamdscan.conf'",
        }

    def write_conf(self, port):
        conf = _guard_conf(self.folder)
        with open(f"{conf}/contentscanners/clamdscan.conf", "a",
                  encoding="ascii") as f:
            f.write(f"\nclamdudsfile = '{self.clamd.path}'\n")
        wanted = self.settings(port)
        with open(f"{conf}/e2guardian.conf", encoding="latin-1") as f:
            lines = [line for line in f
                     if line.strip("# ").split("=")[0].strip() not in wanted]
        with open(f"{conf}/e2guardian.conf", "w", encoding="latin-1") as f:
            f.writelines(lines)
            f.write("\n" + "\n".join(wanted.values()) + "\n")
        with open(f"{conf}/e2guardianf1.conf", "a", encoding="ascii") as f:
            f.write("\ndisablecontentscan = off\n")
        return conf

    def start(self):
        self.clamd.start()
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        conf = self.write_conf(port)
        self.child = self.programs.run(str(GUARD / "usr/sbin/e2guardian"),
                                       "-N", "-c",
                                       f"{conf}/e2guardian.conf")
        self.programs.until_listening(self.child, port)

    def roles(self):
        return {"gateway": [self.child.pid],
                "scan": [self.clamd.child.pid]}


BUMP = ("ssl-bump generate-host-certificates=on "
        "dynamic_cert_mem_cache_size=4MB cert={ca.pem} key={ca.key}")
SQUID_BUMP = """\
sslcrtd_program {usr}/lib/squid/security_file_certgen -s {dir}/leaves -M 4MB
sslcrtd_children 4 startup=2
tls_outgoing_options cafile={trusted}
acl step1 at_step SslBump1
ssl_bump peek step1
ssl_bump bump all
"""


def _bump(squid, ca, trusted):
    """Has it look into TLS, with leaves of ca."""
    squid.bump = BUMP.format(ca=ca)
    squid.more = SQUID_BUMP.format(usr=SQUID, dir=squid.folder,
                                   trusted=trusted)
    subprocess.run(
        [f"{SQUID}/lib/squid/security_file_certgen", "-c", "-s",
         f"{squid.folder}/leaves", "-M", "4MB"], check=True,
        stdout=subprocess.DEVNULL)
    subprocess.run(["chown", "-R", "proxy:proxy", squid.folder], check=True)


class SquidBump(Squid):
    """Inside TLS, no scan."""

    name = "Squid bump"

    def __init__(self, folder, ca, trusted):
        super().__init__(folder)
        _bump(self, ca, trusted)

    def roles(self):
        return {"gateway": [self.child.pid, *offspring(self.child.pid)],
                "scan": []}


class SquidBumpIcap(SquidIcap):
    """Inside TLS, with c-icap and virus_scan."""

    name = "Squid bump + c-icap"

    def __init__(self, folder, database, ca, trusted):
        super().__init__(folder, database)
        _bump(self, ca, trusted)
