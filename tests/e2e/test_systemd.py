"""The unit under a running systemd: no root, port 25, reload, a wrong
configuration, a child that dies, the end."""

import pathlib
import re
import shutil
import subprocess

import pytest

from corpus_mail import eicar
from peers.common import until
from peers.systemd import Systemd, why_not

CONFIG = """\
[gateway]
name = gw.example.org
max_sessions = 100
[listener mail-in]
protocol = smtp
address = 127.0.0.1:25
policy = mail
[smtp]
next_hop = maildir:/var/lib/sallyport/mail
[engine clamav]
type = clamav
[policy mail]
malware = quarantine
[log console]
format = text
output = stderr
events = blocked
[log events]
format = json
output = file:/var/log/sallyport/events.json
events = decisions
"""

CLIENT = """\
import smtplib, sys
c = smtplib.SMTP("127.0.0.1", 25, "client.example.org", timeout=30)
try:
    c.sendmail("a@example.org", ["b@example.net"],
               "Subject: a mail\\r\\n\\r\\n" + sys.stdin.read() + "\\r\\n")
    print("taken")
except smtplib.SMTPResponseException as e:
    print(e.smtp_code, e.smtp_error.decode())
"""

UNIT = "sallyport"


@pytest.fixture(name="machine", scope="module")
def a_machine(build, tmp_path_factory):
    reason = why_not()
    if reason:
        pytest.skip(f"no namespaces for a systemd: {reason}")
    dest = tmp_path_factory.mktemp("dest")
    subprocess.run(["make", "-s", "-C", str(build), "install",
                    f"DESTDIR={dest}"], check=True, capture_output=True)
    machine = Systemd()
    try:
        machine.start()
        machine.put(dest)
        machine.run("systemctl", "daemon-reload")
        yield machine
    finally:
        machine.remove()
        shutil.rmtree(dest)


def ini(machine):
    """Where the unit's configuration is: it was built for a prefix."""
    text = machine.run("sh", "-c", "ls /etc/sallyport/sallyport.ini "
                       "/usr/local/etc/sallyport/sallyport.ini 2>&-",
                       check=False).stdout
    return text.split()[-1]


def start(machine):
    machine.write(ini(machine), CONFIG)
    done = machine.run("systemctl", "start", UNIT, check=False)
    assert done.returncode == 0, machine.journal(UNIT)


def send(machine, text):
    return machine.run("/usr/bin/python3", "-c", CLIENT, given=text).stdout


def children(machine):
    text = machine.run("sh", "-c", "cat /sys/fs/cgroup/*/system.slice/"
                       "sallyport.service/cgroup.procs "
                       "/sys/fs/cgroup/system.slice/sallyport.service/"
                       "cgroup.procs 2>&-; true").stdout
    return sorted({int(pid) for pid in text.split()})


def status(machine, pid):
    lines = machine.run("cat", f"/proc/{pid}/status").stdout.splitlines()
    return {name: value.split() for name, value in
            (line.split(":", 1) for line in lines)}


def title(machine, pid):
    done = machine.run("cat", f"/proc/{pid}/cmdline", check=False)
    return done.stdout.strip("\0")


def test_it_serves_without_root(machine):
    start(machine)

    shown = machine.shows(UNIT, "ActiveState", "StatusText", "MainPID")
    assert shown["ActiveState"] == "active"
    assert shown["StatusText"] == "Serving"
    uid = machine.run("id", "-u", "_sallyport").stdout.strip()
    pids = children(machine)
    assert len(pids) >= 4
    for pid in pids:
        s = status(machine, pid)
        assert s["Uid"] == [uid] * 4, title(machine, pid)
        assert s["NoNewPrivs"] == ["1"]
        # at most CAP_NET_BIND_SERVICE
        assert int(s["CapEff"][0], 16) in (0, 1 << 10), title(machine, pid)
    assert send(machine, "hello") == "taken\n"
    assert send(machine, eicar().decode()).startswith("554 5.7.1 ")
    kept = machine.run("sh", "-c", "cat /var/lib/sallyport/mail/new/*").stdout
    assert kept.count("Subject:") == 1
    events = machine.run("cat", "/var/log/sallyport/events.json").stdout
    assert '"quarantine":"kept"' in events
    folder = "/var/lib/sallyport/quarantine"
    done = machine.run("stat", "-c", "%a %u", folder)
    assert done.stdout == f"700 {uid}\n"


def test_it_reloads(machine):
    start(machine)
    machine.write(ini(machine), CONFIG.replace(
        "gw.example.org", "other.example.org"))

    machine.run("systemctl", "reload", UNIT)

    until("it has reloaded",
          lambda: "parent reloaded" in machine.journal(UNIT))
    until("its net workers have, too", lambda: all(
        "by other.example.org" in send_and_read(machine) for _ in range(4)))


def send_and_read(machine):
    machine.run("sh", "-c", "rm -f /var/lib/sallyport/mail/new/*")
    assert send(machine, "hello again") == "taken\n"
    return machine.run("sh", "-c", "cat /var/lib/sallyport/mail/new/*").stdout


def test_a_child_that_dies_comes_back(machine):
    start(machine)
    net = [p for p in children(machine) if "net 1" in title(machine, p)]

    machine.run("kill", "-9", str(net[0]))

    until("another one is there", lambda: any(
        "net 1" in title(machine, p) for p in children(machine)
        if p != net[0]))
    assert send(machine, "hello") == "taken\n"
    assert machine.shows(UNIT, "NRestarts")["NRestarts"] == "0"


def test_it_ends_when_told(machine):
    start(machine)

    machine.run("systemctl", "stop", UNIT)

    shown = machine.shows(UNIT, "ActiveState", "Result")
    assert shown == {"ActiveState": "inactive", "Result": "success"}
    assert not children(machine)


def test_a_wrong_configuration_is_not_tried_again(machine):
    machine.write(ini(machine), "[smpt]\nnext_hop = smtp:127.0.0.1:5000\n")

    done = machine.run("systemctl", "start", UNIT, check=False)

    assert done.returncode != 0
    until("it has given up", lambda: machine.shows(
        UNIT, "ActiveState")["ActiveState"] == "failed")
    shown = machine.shows(UNIT, "NRestarts", "ExecMainStatus")
    assert shown == {"NRestarts": "0", "ExecMainStatus": "78"}
    until("it says why", lambda: 'sallyport.ini:1: ' in machine.journal(UNIT))
    machine.run("systemctl", "reset-failed", UNIT)


PROBE = """\
import sys
try:
    open(sys.argv[1]).read()
    print("read it")
except PermissionError:
    print("not for us")
"""


def drop_in(build):
    """The one that docs/ca.md prints, for where this build belongs."""
    text = (pathlib.Path(__file__).parents[2] / "docs/ca.md").read_text()
    block = re.search(r"\n\n((?:    .*\n)*    ExecStart=!.*\n(?:    .*\n)*)\n",
                      text).group(1)
    sbin = re.search("^ExecStart=(.*)/sallyportd$",
                     (build / "sallyport.service").read_text(), re.M).group(1)
    return block.replace("    ", "").replace("/usr/sbin", sbin)


def test_with_the_drop_in_the_ca_key_is_for_root_alone(machine, build):
    machine.run("mkdir", "-p", f"/etc/systemd/system/{UNIT}.service.d")
    machine.write(f"/etc/systemd/system/{UNIT}.service.d/inspection.conf",
                  drop_in(build))
    machine.write(ini(machine), CONFIG + "[tls-inspection]\nenabled = yes\n")
    machine.run("systemctl", "daemon-reload")
    key = ini(machine).replace("sallyport.ini", "ca/ca.key")
    machine.run("sh", "-c", "$(ls /usr/local/bin/sallyport /usr/bin/sallyport "
                "2>&-) ca create")

    done = machine.run("systemctl", "start", UNIT, check=False)
    assert done.returncode == 0, machine.journal(UNIT)

    uid = machine.run("id", "-u", "_sallyport").stdout.strip()
    titles = {title(machine, p): status(machine, p) for p in children(machine)}
    assert len(titles) >= 5
    for name, s in titles.items():
        root = not name.startswith("sallyportd: ")
        assert s["Uid"] == ["0" if root else uid] * 4, name
        assert root or int(s["CapEff"][0], 16) == 0, name
    assert titles["sallyportd: signer"]["Seccomp"] == ["2"]
    assert "warning" not in machine.journal(UNIT)
    for user, words in (("root", "read it\n"), ("_sallyport", "not for us\n")):
        assert machine.run("setpriv", f"--reuid={user}", "--clear-groups",
                           "/usr/bin/python3", "-c", PROBE,
                           key).stdout == words
    assert send(machine, "hello") == "taken\n"
    machine.run("pkill", "-9", "-x", "signer")
    until("another signer is there", lambda: machine.journal(UNIT).count(
        "signer ready") == 2)
    machine.run("systemctl", "stop", UNIT)
    assert machine.shows(UNIT, "Result") == {"Result": "success"}
