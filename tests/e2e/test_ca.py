"""The CA and the signer: who can get at the key, what the leaves are, what
happens when the signer dies or its files are others."""

import glob
import json
import os
import re
import shutil
import signal
import ssl
import stat
import subprocess
import threading

import corpus_mail
import pytest
from inspection import House, Tunnel, read
from peers.client import send
from peers.common import PATIENCE, kill, sanitized, until
from peers.sallyport import USER, Sallyport

pytestmark = pytest.mark.core

ROOT = os.getuid() == 0


@pytest.fixture(scope="module", name="house")
def one_house(module_cleanly):
    return House(module_cleanly)


@pytest.fixture(scope="module", name="gw")
def one_gateway(build, house):
    gw = house.gateway(build)
    yield gw
    assert not gw.errors(), gw.errors()


def tool(build, *words):
    return subprocess.run([f"{build}/sallyport", "ca", *words], check=False,
                          capture_output=True, timeout=PATIENCE)


def openssl(*words, data=None):
    done = subprocess.run(["openssl", *words], input=data, check=False,
                          capture_output=True, timeout=PATIENCE)
    return done.returncode, (done.stdout + done.stderr).decode()


def leaf(house, gw, name):
    """The certificate that is shown for a name, as PEM."""
    with house.connect(gw, name) as c:
        return ssl.DER_cert_to_PEM_cert(c.raw.sock.getpeercert(True))


# ---- sallyport ca -------------------------------------------------------------


def test_create_show_export(build, folder):
    cert, key = f"{folder}/new/deep/ca.pem", f"{folder}/new/deep/ca.key"
    files = ("--cert", cert, "--key", key)
    made = tool(build, "create", "--name", "Büro CA", *files)
    assert made.returncode == 0, made.stderr
    assert stat.S_IMODE(os.stat(key).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(cert).st_mode) == 0o644
    assert os.stat(key).st_uid == os.getuid()

    _, said = openssl("x509", "-in", cert, "-noout", "-fingerprint",
                      "-sha256", "-subject", "-nameopt", "utf8")
    shown = tool(build, "show", "--cert", cert).stdout.decode()
    assert shown == made.stdout.decode()
    assert "subject  CN=Büro CA\n" in shown
    assert said.partition("=")[2].split()[0] in shown
    as_json = json.loads(tool(build, "show", "--json", "--cert", cert).stdout)
    assert as_json["subject"] == "CN=Büro CA"
    assert as_json["sha256"] in shown
    assert as_json["key"] == "EC P-256"

    assert tool(build, "export", "--cert", cert).stdout == read(cert)
    der = tool(build, "export", "--der", "--cert", cert).stdout
    assert ssl.DER_cert_to_PEM_cert(der).encode() == read(cert)
    assert openssl("verify", "-x509_strict", "-CAfile", cert, cert)[0] == 0
    assert openssl("pkey", "-in", key, "-check", "-noout")[0] == 0


def test_what_is_there_is_never_written_over(build, folder):
    cert, key = f"{folder}/ca.pem", f"{folder}/ca.key"
    files = ("--cert", cert, "--key", key)
    assert tool(build, "create", *files).returncode == 0
    before = read(cert), read(key)
    again = tool(build, "create", *files)
    assert again.returncode == 73
    assert b"is there already, and stays as it is" in again.stderr
    os.unlink(key)  # one of them is enough
    assert tool(build, "create", *files).returncode == 73
    assert not os.path.exists(key)
    assert read(cert) == before[0]
    os.rename(cert, f"{folder}/moved")
    os.symlink(f"{folder}/elsewhere", cert)
    assert tool(build, "create", *files).returncode == 73
    assert not os.path.exists(f"{folder}/elsewhere")
    assert not os.path.exists(key)


@pytest.mark.parametrize("words", [
    ("create", "--der"), ("show", "--key", "x"), ("export", "--json"),
    ("show", "more"), ("burn",), ()])
def test_words_that_are_none(build, words):
    done = tool(build, *words)
    assert done.returncode == 64
    assert b"usage: sallyport" in done.stderr


def test_files_stand_in_the_configuration(build, gateway):
    gw = gateway(start=False)
    gw.configure({"tls-inspection": {
        "ca_cert_file": f"{gw.dir}/ca/own.pem",
        "ca_key_file": f"{gw.dir}/ca/own.key"}})
    assert tool(build, "create", "--config", gw.path).returncode == 0
    shown = tool(build, "show", "--config", gw.path)
    assert b"Sallyport CA of " in shown.stdout
    gw.configure({"tls-inspection": {"enabled": "yes"}})
    assert gw.run("--check").returncode == 0


# ---- what --check says --------------------------------------------------------


def said_about(gw, **keys):
    """What --check says with these options of [tls-inspection]."""
    gw.configure({"tls-inspection": keys})
    done = gw.run("--check")
    return done.returncode, done.stderr.replace(gw.dir, "$")


def line_of(gw, key):
    with open(gw.path, encoding="utf-8") as f:
        return next(n for n, line in enumerate(f, 1) if line.startswith(key))


def test_check_says_what_is_wrong_and_where(build, house, gateway, folder):
    gw = gateway(start=False)
    other = house.pki.authority("Another")
    plain = house.mid.leaf("www.example.test")
    keyless = f"{folder}/keyless"
    shutil.copy(house.ca.pem, keyless)
    os.chmod(keyless, 0o600)
    good = {"enabled": "yes", "ca_cert_file": house.ca.pem,
            "ca_key_file": house.ca.key}
    assert said_about(gw, **good)[0] == 0
    wrong = [
        ("ca_cert_file", f"{folder}/none", "there is none: sallyport ca "
         "create"),
        ("ca_key_file", f"{folder}/none", "No such file or directory"),
        ("ca_key_file", other.key, "the key does not belong to the "
         "certificate"),
        ("ca_key_file", keyless, "no key in PEM form, or one with a "
         "password"),
        ("ca_cert_file", plain.pem, "not the certificate of a CA "
         "(basicConstraints CA:TRUE, keyUsage keyCertSign)"),
        ("ca_cert_file", house.ca.key, "no certificate in PEM form")]
    for key, path, words in wrong:
        status, said = said_about(gw, **{**good, key: path})
        where = f"{gw.path}:{line_of(gw, key)}: {key}: {path}: {words}\n"
        assert (status, said) == (78, where.replace(gw.dir, "$"))
    # and nothing starts with it
    assert gw.run().returncode == 78
    # what is not asked for is not looked at
    assert said_about(gw, enabled="no")[0] == 0
    assert not glob.glob(f"{build}/core*")


def test_an_old_ca_is_a_warning(house, gateway):
    gw = gateway(start=False)
    old = house.pki.authority("Old", begins=-30, ends=-2)
    soon = house.pki.authority("Soon", begins=-30, ends=9)
    for ca, words in ((old, "the CA expired on 20"),
                      (soon, "the CA expires on 20")):
        status, said = said_about(gw, enabled="yes", ca_cert_file=ca.pem,
                                  ca_key_file=ca.key)
        assert status == 0
        assert said.startswith("warning: $/sallyport.ini:")
        assert f"ca_cert_file: {ca.pem}: {words}" in said


@pytest.mark.skipif(not ROOT, reason="is about what root gives away")
def test_a_key_that_net_workers_could_read_is_refused(house, gateway,
                                                      folder):
    gw = gateway(start=False)
    key = f"{folder}/ca.key"
    ca = house.pki.authority("Long CA", ends=300)
    shutil.copy(ca.key, key)
    good = {"enabled": "yes", "ca_cert_file": ca.pem,
            "ca_key_file": key}
    for owner, group, mode, words in (
            ("root", "root", 0o600, None),
            ("root", "root", 0o640, None),
            ("root", "root", 0o604, "everybody can get at it: chmod 600"),
            ("root", "root", 0o602, "everybody can get at it: chmod 600"),
            (USER, "root", 0o600, "it belongs to [gateway] user, whom net "
             "workers run as: chown root"),
            ("root", USER, 0o640, "its group has [gateway] user, whom net "
             "workers run as: chmod 600")):
        shutil.chown(key, owner, group)
        os.chmod(key, mode)
        status, said = said_about(gw, **good)
        if words is None:
            assert (status, said) == (0, "")
        else:
            assert status == 78
            assert said.endswith(f"ca_key_file: {key}: {words}\n")


@pytest.mark.skipif(not ROOT, reason="needs root to be another user")
def test_without_root_it_says_that_net_workers_could(house, gateway, folder):
    gw = gateway(start=False)
    key = f"{folder}/ca.key"
    ca = house.pki.authority("Long CA", ends=300)
    shutil.copy(ca.key, key)
    shutil.chown(key, USER, USER)
    gw.configure({"tls-inspection": {
        "enabled": "yes", "ca_cert_file": ca.pem, "ca_key_file": key}})
    done = subprocess.run(
        [f"{gw.build}/sallyportd", "--config", gw.path, "--check"],
        check=False, capture_output=True, text=True, user=USER, group=USER,
        extra_groups=(), timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        f"warning: {gw.path}:[0-9]+: ca_key_file: {key}: net workers run as "
        "the same user and could read it; they cannot where root starts "
        "sallyportd\n", done.stderr)


# ---- leaves -------------------------------------------------------------------


def test_a_leaf_is_what_it_is_to_be(house, gw, folder):
    pem = leaf(house, gw, "www.example.test")
    path = f"{folder}/leaf.pem"
    with open(path, "w", encoding="ascii") as f:
        f.write(pem)
    assert openssl("verify", "-x509_strict", "-purpose", "sslserver",
                   "-auth_level", "2", "-verify_hostname",
                   "www.example.test", "-CAfile", house.ca.pem, path)[0] == 0
    _, text = openssl("x509", "-in", path, "-noout", "-text")
    assert re.search(r"Subject Alternative Name: \n +DNS:www\.example\.test\n",
                     text)
    assert "Subject: CN = www.example.test\n" in text
    assert "NIST CURVE: P-256" in text
    assert "TLS Web Server Authentication\n" in text
    assert re.search(r"Key Usage: critical\n +Digital Signature\n", text)
    assert re.search(r"Basic Constraints: critical\n +CA:FALSE\n", text)
    assert "Authority Key Identifier" in text
    assert "Subject Key Identifier" in text
    week = 7 * 24 * 3600
    assert openssl("x509", "-in", path, "-checkend",
                   str(week - 600))[0] == 0
    assert openssl("x509", "-in", path, "-checkend", str(week + 1))[0] == 1


def test_an_address_stands_as_an_address(house, gw):
    _, text = openssl("x509", "-noout", "-text",
                      data=leaf(house, gw, "127.0.0.1").encode())
    assert re.search(r"Alternative Name: \n +IP Address:127\.0\.0\.1\n", text)
    assert "DNS:" not in text


def test_many_at_a_time_get_the_same_one(house, gw):
    """From both net workers: it is made once."""
    got = []
    barrier = threading.Barrier(12)

    def ask():
        barrier.wait()
        got.append(leaf(house, gw, "cdn.example.test"))

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(PATIENCE)
    assert len(got) == 12
    assert len(set(got)) == 1
    gw.says('leaf made name="cdn.example.test"')
    assert gw.stderr().count('leaf made name="cdn.example.test"') == 1


def test_each_leaf_has_its_own_key(house, gw):
    keys = {openssl("x509", "-noout", "-pubkey",
                    data=leaf(house, gw, name).encode())[1]
            for name in ("www.example.test", "cdn.example.test")}
    assert len(keys) == 2


# ---- who can get at the key ---------------------------------------------------


def secrets_of(path):
    """The private number itself, and the base64 of the file."""
    _, text = openssl("pkey", "-in", path, "-noout", "-text")
    digits = re.search(r"priv:\n([0-9a-f: \n]+)pub:", text).group(1)
    number = bytes.fromhex(re.sub(r"[^0-9a-f]", "", digits))[-32:]
    lines = read(path).split(b"\n")
    return [number, number[::-1], lines[2] if len(lines) > 3 else lines[1]]


def memory_of(pid):
    """What can be read of a process, piece by piece."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as f:
        areas = [line.split()[0] for line in f if " r" in line[:40]]
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for area in areas:
            begin, end = (int(n, 16) for n in area.split("-"))
            while begin < end:
                size = min(end - begin, 1 << 24)
                try:
                    mem.seek(begin)
                    yield mem.read(size)
                except (OSError, ValueError, OverflowError):
                    pass
                begin += size


def has_secret(pid, secrets):
    return any(s in piece for piece in memory_of(pid) for s in secrets)


@pytest.mark.skipif(not ROOT, reason="reads the memory of others")
def test_no_other_process_has_the_key(build, house, gw):
    """Not even of the parent, that has read the configuration twice."""
    if sanitized(build):
        pytest.skip("terabytes of shadow")
    leaf(house, gw, "www.example.test")
    gw.reload()
    leaf(house, gw, "www.example.test")
    secrets = secrets_of(house.ca.key)
    signer = gw.role("signer")
    assert has_secret(signer, secrets)  # else nothing is shown
    family = set(gw.family()) - {signer}
    assert len(family) >= 6
    for pid in family:
        assert not has_secret(pid, secrets), gw.family()[pid]
        for fd in glob.glob(f"/proc/{pid}/fd/*"):
            try:
                assert os.readlink(fd) != house.ca.key
            except FileNotFoundError:
                pass


PROBE = """
import os, sys
signer, key = sys.argv[1:]
for path in (key, f"/proc/{signer}/mem", f"/proc/{signer}/maps",
             f"/proc/{signer}/fd", f"/proc/{signer}/environ"):
    try:
        os.listdir(path) if path.endswith("fd") else open(path, "rb").read(1)
        print("read", path)
    except PermissionError:
        pass
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
PTRACE_SEIZE = 0x4206
if libc.ptrace(PTRACE_SEIZE, int(signer), 0, 0) == 0:
    print("traced")
elif ctypes.get_errno() != 1:
    print("errno", ctypes.get_errno())
print("probed as", os.getuid())
"""


@pytest.mark.skipif(not ROOT, reason="needs root to be another user")
def test_who_runs_as_the_net_workers_gets_at_nothing(gw, house):
    """Code in a net worker would have just this: its user."""
    signer = gw.role("signer")
    done = subprocess.run(
        ["/usr/bin/python3", "-c", PROBE, str(signer), house.ca.key],
        check=False, capture_output=True, text=True, user=USER, group=USER,
        extra_groups=(), timeout=PATIENCE)
    assert re.fullmatch(r"probed as [1-9][0-9]*\n", done.stdout), done
    with open(f"/proc/{signer}/status", encoding="ascii") as f:
        uid = re.search(r"Uid:\t(\d+)", f.read()).group(1)
    assert f"probed as {uid}\n" == done.stdout  # the same user, that is


def test_the_signer_is_jailed(gw):
    pid = gw.role("signer")
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f
                      if ":\t" in line)
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert int(status["CapEff"], 16) == 0
    if ROOT:
        assert "0" not in status["Uid"].split()
        names = {os.readlink(fd).partition(":")[0]
                 for fd in glob.glob(f"/proc/{pid}/fd/*")}
        assert names <= {"/dev/null", f"{gw.dir}/stderr", "socket"}


# ---- it dies ------------------------------------------------------------------


def test_a_killed_signer_comes_back(house, gw):
    old = gw.role("signer")
    kill(old)
    until("another signer", lambda: gw.roles().get("signer", old) != old)
    # kept leaves are there all the same, and others are made again
    assert "CN=" not in leaf(house, gw, "www.example.test")
    assert leaf(house, gw, "pinned.example.test")
    gw.says('child died name="signer"')


def test_who_asks_meanwhile_waits_for_the_next_one(build, house):
    gw = house.gateway(build)
    old = gw.role("signer")
    os.kill(old, signal.SIGSTOP)
    got = []
    asks = [threading.Thread(
        target=lambda name=name: got.append(leaf(house, gw, name)))
        for name in ("www.example.test", "cdn.example.test")]
    for t in asks:
        t.start()
    # they are on their way to the one that stands still
    until("both ask", lambda: len(waiting_at(old)) > 0)
    kill(old)
    for t in asks:
        t.join(PATIENCE)
    assert len(got) == 2
    assert gw.role("signer") != old
    assert not gw.errors(), gw.errors()


def test_a_signer_that_cannot_start_is_tried_again(build, folder):
    """What needs none of it goes on meanwhile."""
    ca = [f"{folder}/ca.pem", f"{folder}/ca.key"]
    assert tool(build, "create", "--cert", ca[0], "--key",
                ca[1]).returncode == 0
    gw = Sallyport(build, {"tls-inspection": {
        "enabled": "yes", "ca_cert_file": ca[0], "ca_key_file": ca[1]}})
    try:
        gw.start()
        os.rename(ca[1], f"{folder}/away")
        kill(gw.role("signer"))
        until("it backs off",
              lambda: 'crash loop name="signer"' in gw.stderr())
        assert re.search(r"error signer .*/sallyport\.ini:\d+: ca_key_file: "
                         f"{ca[1]}: No such file or directory", gw.stderr())
        assert send(gw.port, corpus_mail.plain("no signer"))[0] == 250
        os.rename(f"{folder}/away", ca[1])
        until("it is ready again",
              lambda: gw.stderr().count("signer ready") >= 2)
        assert gw.stop() == 0
    except AssertionError:
        print(gw.stderr()[-6000:])
        raise
    finally:
        gw.remove()


def waiting_at(pid):
    """Sockets of a process with bytes that it has not read."""
    inodes = {os.readlink(fd)[8:-1] for fd in glob.glob(f"/proc/{pid}/fd/*")
              if os.readlink(fd).startswith("socket:")}
    done = subprocess.run(["ss", "-xnH"], check=True, capture_output=True,
                          text=True)
    rows = [line.split() for line in done.stdout.splitlines()]
    return [r for r in rows if r[5] in inodes and int(r[2]) > 0]


# ---- other files --------------------------------------------------------------


def issuer(house, gw, ca):
    with Tunnel(gw, f"www.example.test:{house.good.port}") as c:
        c.secure(ssl.create_default_context(cafile=ca.pem), "www.example.test")
        return c.issuer()


def test_hup_takes_another_ca(build, house):
    other = house.pki.authority("Another CA")
    gw = house.gateway(build)
    assert issuer(house, gw, house.ca) == "Gateway CA"
    old = gw.role("signer")
    gw.reload()
    assert gw.role("signer") == old  # nothing has changed
    gw.configure({"tls-inspection": {"ca_cert_file": other.pem,
                                     "ca_key_file": other.key}})
    gw.reload()

    def shown():
        try:
            return issuer(house, gw, other) == "Another CA"
        except ssl.SSLCertVerificationError:
            return False
    until("each net worker has the other one", lambda: all(
        shown() for _ in range(4)))
    assert gw.role("signer") != old
    # a wrong one changes nothing
    gw.configure({"tls-inspection": {"ca_key_file": house.ca.key}})
    gw.reload()
    gw.says("the key does not belong to the certificate")
    assert issuer(house, gw, other) == "Another CA"
    # off: the signer goes
    gw.configure({"tls-inspection": {"enabled": "no"}})
    gw.reload()
    until("it is gone", lambda: "signer" not in gw.roles())
    assert gw.stop() == 0


def test_term_leaves_no_signer(build, house):
    gw = house.gateway(build)
    signer = gw.role("signer")
    gw.signal(signal.SIGTERM)
    assert gw.child.wait(PATIENCE) == 0
    until("the signer is gone", lambda: not os.path.exists(f"/proc/{signer}"))
