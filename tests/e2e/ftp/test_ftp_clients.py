"""Clients that people use, and the page."""

import os
import pathlib
import random
import subprocess

import pytest
from peers.certificate import Certificate
from peers.ftp_gateway import bad, noise, start
from peers.sallyport import Sallyport
from peers.vsftpd import Vsftpd

# ---- clients -------------------------------------------------------------------


def curl(*words):
    return subprocess.run(["curl", "-sS", "--max-time", "60", *words],
                          capture_output=True, check=False)


@pytest.mark.parametrize("way", ([], ["--disable-epsv"], ["-P", "-"],
                                 ["-P", "-", "--disable-eprt"]),
                         ids=("epsv", "pasv", "eprt", "port"))
def test_curl(gw, server, way, folder):
    data = noise(100_000)
    server.put("curl", data)
    server.put("curl-bad", bad("nested"))
    url = (f"ftp://{server.user}%40127.0.0.1%3A{server.port}:"
           f"{server.password.replace('@', '%40')}@127.0.0.1:{gw.port}/"
           f"{server.home}{'/' if server.home else ''}")
    assert curl(*way, url + "curl").stdout == data
    done = curl(*way, url + "curl-bad")
    assert done.returncode != 0 and not done.stdout
    assert curl(*way, "-r", "500-", url + "curl").stdout == data[500:]
    with open(f"{folder}/up", "wb") as f:
        f.write(data)
    assert curl(*way, "-T", f"{folder}/up", url).returncode == 0
    assert server.get("up") == data
    with open(f"{folder}/bad-up", "wb") as f:
        f.write(bad("zip"))
    assert curl(*way, "-T", f"{folder}/bad-up", url).returncode != 0
    assert server.get("bad-up") is None


def tree(folder, n):
    """n files in folders: {name: bytes}."""
    rng = random.Random(n)
    made = {}
    for i in range(n):
        name = f"d{i % 7}/e{i % 3}/file-{i}"
        made[name] = rng.randbytes(rng.randrange(0, 20_000))
        os.makedirs(f"{folder}/d{i % 7}/e{i % 3}", exist_ok=True)
        with open(f"{folder}/{name}", "wb") as f:
            f.write(made[name])
    return made


def lftp(gw, server, commands, tls=False):
    secure = ("set ftp:ssl-force yes; set ftp:ssl-protect-data yes; "
              "set ssl:verify-certificate no" if tls
              else "set ftp:ssl-allow no")
    script = ("set cmd:fail-exit yes; set net:max-retries 2; set ftp:use-feat "
              f"yes; {secure}; set ftp:sync-mode off; "
              f"open -u {server.user}@127.0.0.1:{server.port},"
              f"{server.password} -p {gw.port} 127.0.0.1; "
              f"cd /{server.home}; {commands}; exit")
    return subprocess.run(["lftp", "-c", script], capture_output=True,
                          check=False, text=True, timeout=200)


def mirror(gw, server, folder, n, tls=False):
    """A tree of n files up and down again; byte-identical."""
    os.mkdir(f"{folder}/here")
    made = tree(f"{folder}/here", n)
    up = lftp(gw, server, f"mirror -R --parallel=4 {folder}/here tree", tls)
    assert up.returncode == 0, up.stderr
    for name, data in made.items():
        assert server.get(f"tree/{name}") == data, name
    down = lftp(gw, server, f"mirror --parallel=4 tree {folder}/back", tls)
    assert down.returncode == 0, down.stderr
    for name, data in made.items():
        with open(f"{folder}/back/{name}", "rb") as f:
            assert f.read() == data, name


def test_lftp_mirrors_a_tree_both_ways(gw, server, folder):
    mirror(gw, server, folder, 100)


@pytest.mark.parametrize("tls", (False, True), ids=("clear", "tls"))
def test_lftp_mirrors_five_hundred_files_both_ways(build, cleanly, folder,
                                                   tls):
    more = {}
    cert = None
    if tls:
        cert = Certificate()
        cleanly(cert)
        more = {"tls": cert.options()}
    gw = start(build, more=more, server_tls="require" if tls else "off")
    cleanly(gw)
    server = Vsftpd(tls=cert)
    cleanly(server)
    server.start()
    mirror(gw, server, folder, 500, tls)
    if tls:
        assert all(e["tls.version"] == "1.3" for e in
                   gw.events(event__action="decision"))
    assert not gw.errors()


@pytest.mark.parametrize("way", ("-p", "-A"), ids=("passive", "active"))
def test_the_ftp_of_bsd(gw, server, folder, way):
    data = noise(100_000)
    server.put("down", data)
    server.put("down-bad", bad("zip"))
    for name, content in (("up", data), ("up-bad", bad("nested"))):
        with open(f"{folder}/{name}", "wb") as f:
            f.write(content)
    script = (f"user {server.user}@127.0.0.1:{server.port} {server.password}\n"
              f"cd /{server.home}\nbinary\nget down\nget down-bad\n"
              "put up\nput up-bad\nls\nquit\n")
    done = subprocess.run(
        ["tnftp", "-n", "-v", way, "127.0.0.1", str(gw.port)], input=script,
        capture_output=True, text=True, timeout=60, cwd=folder, check=False)
    assert done.stdout.count("550 Refused: malware") == 2, done.stdout
    with open(f"{folder}/down", "rb") as f:
        assert f.read() == data
    assert not os.path.exists(f"{folder}/down-bad")
    assert server.get("up") == data
    assert server.get("up-bad") is None


# ---- what the page says --------------------------------------------------------


def test_the_listener_of_the_page(build, cleanly):
    page = (pathlib.Path(__file__).parents[3] / "docs/ftp.md").read_text()
    gw = Sallyport(build)
    cleanly(gw)
    gw.write(page.split("```ini\n")[1].split("```")[0]
             + f"[engine clamav]\ndatabase = {gw.dir}/db\n")
    done = gw.run("--check")
    assert done.returncode == 0, done.stderr
