"""Nginx: Debian's nginx as an origin, with files, gzip, ranges and PUT."""

import os
import subprocess

from .common import answers, free_port, kill, new_dir, remove_dir, until

CONFIG = """\
daemon off;
worker_processes 1;
pid {dir}/pid;
error_log {dir}/error.log;
user www-data;
events {{ worker_connections 512; }}
http {{
    access_log {dir}/access.log;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    client_max_body_size 2g;
    types {{ text/plain txt; text/html html; text/javascript js;
             image/png png; }}
    default_type application/octet-stream;
    gzip_types text/plain;
    gzip_min_length 10;
    server {{
        listen 127.0.0.1:{port};
        root {dir}/www;
        location / {{ }}
        location /gzip/ {{ alias {dir}/www/; gzip on; }}
        location /up/ {{ dav_methods PUT; create_full_put_path on; }}
    }}
}}
"""


class Nginx:
    """start() and remove(); put(name, bytes) makes a file."""

    def __init__(self):
        self.dir = new_dir("nginx")
        self.port = free_port()
        self.child = None
        os.mkdir(f"{self.dir}/www")
        os.mkdir(f"{self.dir}/www/up")
        os.chmod(f"{self.dir}/www/up", 0o777)
        with open(f"{self.dir}/conf", "w", encoding="ascii") as f:
            f.write(CONFIG.format(dir=self.dir, port=self.port))

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
            ["/usr/sbin/nginx", "-c", f"{self.dir}/conf", "-e",
             f"{self.dir}/error.log"], stdin=subprocess.DEVNULL,
            start_new_session=True)
        until("nginx answers", lambda: answers(self.port))
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
