"""Apache: Debian's apache2 as an origin, with what nginx has not here: WebDAV,
brotli, lists of a folder, git by CGI, and h2c that it offers to everybody.

    a = Apache().start()      a.put("dav/x", bytes), a.url("/dav/x")
    a.dir + "/git"            bare repositories, at /git/
"""

import shutil

from .web_server import WebServer

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


class Apache(WebServer):
    FOLDERS = ("www", "www/gzip", "www/brotli", "www/dav", "lock", "git")

    def __init__(self):
        super().__init__()
        for name in ("www/dav", "lock", "git"):
            shutil.chown(f"{self.dir}/{name}", "www-data", "www-data")
        lines = [f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so"
                 for m in MODULES]
        self.write("conf", CONFIG.format(dir=self.dir, port=self.port,
                                         modules="\n".join(lines)))

    def program(self):
        return ["/usr/sbin/apache2", "-f", f"{self.dir}/conf", "-DFOREGROUND"]
