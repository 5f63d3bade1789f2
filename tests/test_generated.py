"""What is made from the option table: sallyport.ini and the manual pages."""

import re
import subprocess

import pytest

PAGES = ["sallyport.1", "sallyport.ini.5", "sallyportd.8"]


def daemon(build, *words):
    done = subprocess.run([str(build / "sallyportd"), *words], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, env={})
    return done.returncode, done.stdout


def changed(build, config):
    """The lines of --dump-config --changed, without origins."""
    status, text = daemon(build, "--config", str(config), "--dump-config",
                          "--changed")
    assert status == 0, text
    return [re.sub(r"  ; .*", "", line) for line in text.splitlines() if line]


def runtime_dir(build):
    """Where configure has said it is."""
    return re.search(r'RUNTIMEDIR "(.*)"',
                     (build / "config.h").read_text()).group(1)


@pytest.mark.parametrize("page", PAGES)
def test_page_is_clean(build, page):
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning",
                           str(build / page)], check=False,
                          stdout=subprocess.PIPE, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("page", PAGES)
def test_page_is_filled_in(build, page):
    assert not re.search(r"@\w+@", (build / page).read_text())


def test_shipped_configuration_is_good(build):
    status, text = daemon(build, "--config", str(build / "sallyport.ini"),
                          "--check")
    assert status == 0, text


def test_shipped_configuration_is_the_defaults_but_for_examples(build):
    assert changed(build, build / "sallyport.ini") == [
        "[listener mail-in]",
        "protocol = smtp",
        "address = 127.0.0.1:2525, [::1]:2525",
        "policy = mail",
        "[listener mail-out]",
        "protocol = smtp",
        "address = 127.0.0.1:10025",
        "policy = mail",
        "direction = outbound",
        "next_hop = smtp:127.0.0.1:5001",
        "[listener milter]",
        "protocol = milter",
        f"address = unix:{runtime_dir(build)}/milter.sock",
        "policy = mail",
        "enabled = no",
        "[listener local]",
        "protocol = local",
        f"address = unix:{runtime_dir(build)}/local.sock",
        "policy = mail",
        "enabled = no",
        "[listener web]",
        "protocol = http",
        "address = 127.0.0.1:3128, [::1]:3128",
        "policy = web",
        "direction = outbound",
        "allow_from = 127.0.0.0/8, ::1",
        "enabled = no",
        "[listener files]",
        "protocol = ftp",
        "address = 127.0.0.1:2121, [::1]:2121",
        "policy = files",
        "direction = outbound",
        "allow_from = 127.0.0.0/8, ::1",
        "enabled = no",
        "[engine clamav]",
        "[policy mail]",
        "encrypted = tag",
        "[policy web]",
        "failed = block",
        "[policy files]",
        "[log console]",
        "events = decisions",
    ]


def test_every_default_that_is_shown_is_one(build, tmp_path):
    """Taking the ";" away from each key changes nothing."""
    shipped = (build / "sallyport.ini").read_text()
    given = shipped.partition("# ---- rule")[0]
    # an example that has no section to stand in: [route example.org]
    given = re.sub(r"(?m)^;\[.*\n(;.*\n)*", "", given)
    given, n = re.subn(r"(?m)^;(\w+ = )(?=.)", r"\1", given)
    assert n > 40
    rest = shipped[shipped.index("# ---- rule"):]
    (tmp_path / "all.ini").write_text(given + rest)
    assert changed(build, tmp_path / "all.ini") == changed(
        build, build / "sallyport.ini")


def test_all_errors_in_one_run_and_78(build, tmp_path):
    config = tmp_path / "bad.ini"
    config.write_text("[engine clamav]\n[scan]\nmax_dept = 3\ntimeout = 5\n"
                      "[smpt]\n")
    status, text = daemon(build, "--config", str(config), "--check")
    assert status == 78
    assert text == (
        f'{config}:3: [scan] has no key "max_dept"; '
        'did you mean "max_depth"?\n'
        f'{config}:5: no section is called [smpt]; did you mean "smtp"?\n'
        f'{config}:4: timeout: 5 needs a unit: ms, s, m, h or d\n')
