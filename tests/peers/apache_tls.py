"""ApacheTls: peers.apache under TLS, for git by CGI over https.

    a = ApacheTls(cert).start(); a.url("/git/x", "www.example.test")
"""

from .apache import Apache


class ApacheTls(Apache):
    def __init__(self, cert):
        super().__init__()
        path = f"{self.dir}/conf"
        with open(path, encoding="ascii") as f:
            text = f.read()
        with open(path, "w", encoding="ascii") as f:
            f.write(
                "LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so\n"
                + text.replace("Protocols h2c http/1.1",
                               "Protocols h2 http/1.1")
                + f"SSLEngine on\nSSLCertificateFile {cert.pem}\n"
                f"SSLCertificateKeyFile {cert.key}\n")

    def url(self, path="/", host="www.example.test"):
        return f"https://{host}:{self.port}{path}"
