"""Nginx: Debian's nginx as an origin, with files, gzip, ranges and PUT."""

import os

from .web_server import WebServer

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


class Nginx(WebServer):
    FOLDERS = ("www", "www/up")

    def __init__(self):
        super().__init__()
        os.chmod(f"{self.dir}/www/up", 0o777)
        self.write("conf", CONFIG.format(dir=self.dir, port=self.port))

    def program(self):
        return ["/usr/sbin/nginx", "-c", f"{self.dir}/conf", "-e",
                f"{self.dir}/error.log"]
