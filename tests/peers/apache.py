"""Apache: Debian's apache2 as an origin, with what nginx has not here: WebDAV,
brotli, lists of a folder, git by CGI, and h2c that it offers to everybody.

    a = Apache().start()      a.put("dav/x", bytes), a.url("/dav/x")
    a.dir + "/git"            bare repositories, at /git/
"""

import os
import shutil
import subprocess

from .common import answers, free_port, kill, new_dir, remove_dir, until

MODULES = ("mpm_event authz_core authn_core mime dir alias autoindex filter "
           "deflate brotli headers dav dav_fs cgid env setenvif http2").split()

CONFIG = """\
{modules}
ServerRoot {dir}
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile {dir}/pid
ErrorLog {dir}/error.log
ScriptSock {dir}/cgisock
Mutex file:{dir} default
User www-data
Group www-data
StartServers 1
Protocols h2c http/1.1
TypesConfig /dev/null
AddType text/plain .txt
DavLockDB {dir}/lock/db
DocumentRoot {dir}/www
<Directory {dir}/www>
    Options +Indexes
    Require all granted
</Directory>
<Location /gzip>
    SetOutputFilter DEFLATE
</Location>
<Location /brotli>
    SetOutputFilter BROTLI_COMPRESS
</Location>
<Location /dav>
    Dav On
</Location>
SetEnv GIT_PROJECT_ROOT {dir}/git
SetEnv GIT_HTTP_EXPORT_ALL 1
SetEnv REMOTE_USER anybody
ScriptAlias /git/ /usr/lib/git-core/git-http-backend/
<Directory /usr/lib/git-core>
    Options +ExecCGI
    Require all granted
</Directory>
"""


class Apache:
    """start() and remove()."""

    def __init__(self):
        self.dir = new_dir("apache")
        self.port = free_port()
        self.child = None
        for name in ("www", "www/gzip", "www/brotli", "www/dav", "lock", "git"):
            os.mkdir(f"{self.dir}/{name}")
        for name in ("www/dav", "lock", "git"):
            shutil.chown(f"{self.dir}/{name}", "www-data", "www-data")
        lines = [f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so"
                 for m in MODULES]
        with open(f"{self.dir}/conf", "w", encoding="ascii") as f:
            f.write(CONFIG.format(dir=self.dir, port=self.port,
                                  modules="\n".join(lines)))

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def put(self, name, data):
        with open(f"{self.dir}/www/{name}", "wb") as f:
            f.write(data)

    def get(self, name):
        with open(f"{self.dir}/www/{name}", "rb") as f:
            return f.read()

    def has(self, name):
        return os.path.exists(f"{self.dir}/www/{name}")

    def start(self):
        # pylint: disable=R1732 # it lives until remove()
        self.child = subprocess.Popen(
            ["/usr/sbin/apache2", "-f", f"{self.dir}/conf", "-DFOREGROUND"],
            stdin=subprocess.DEVNULL, start_new_session=True)
        until("apache answers", lambda: answers(self.port))
        return self

    def remove(self):
        if self.child is not None:
            self.child.terminate()
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                kill(self.child.pid)
                self.child.wait()
        remove_dir(self.dir)
