"""NginxTls: peers.nginx under TLS, with HTTP/2 for whoever asks for it.

    n = NginxTls(cert).start(); n.url("/a", "www.example.test")
"""

from .nginx import Nginx


class NginxTls(Nginx):
    def __init__(self, cert):
        super().__init__()
        path = f"{self.dir}/conf"
        with open(path, encoding="ascii") as f:
            text = f.read()
        plain = f"listen 127.0.0.1:{self.port};"
        assert plain in text
        with open(path, "w", encoding="ascii") as f:
            f.write(text.replace(
                plain, f"listen 127.0.0.1:{self.port} ssl http2;\n"
                f"ssl_certificate {cert.pem}; ssl_certificate_key {cert.key};"))

    def url(self, path="/", host="www.example.test"):
        return f"https://{host}:{self.port}{path}"
