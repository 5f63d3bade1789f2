"""The README's four steps, its own lines word for word but for the ports."""

import pathlib
import re

import corpus_mail
from peers.client import connect
from peers.common import until

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"


def block(number):
    """The code block of one of the four steps."""
    text = README.read_text(encoding="utf-8")
    text = text[text.index("\n## In front of your Postfix in four steps"):]
    step = text[text.index(f"\n{number}. "):text.index(f"\n{number + 1}. ")]
    lines = re.search(r"```\n(.*?)```", step, re.DOTALL)[1].splitlines()
    return [line.strip() for line in lines if line.strip()]


def with_values(shipped, lines):
    """The shipped file, these keys of these sections set to these values."""
    wanted, section = {}, None
    for line in lines:
        if line.startswith("["):
            section = line
        else:
            key, _, value = line.partition(" = ")
            wanted[section, key] = value
    out, section = [], None
    for line in shipped.splitlines():
        if line.startswith("["):
            section = line
        key = line.lstrip(";").partition(" = ")[0]
        value = wanted.pop((section, key), None)
        out.append(line if value is None else f"{key} = {value}")
    assert not wanted, f"the shipped file has no {wanted}"
    return "\n".join(out) + "\n"


def try_it(port, recipient, mail):
    c = connect(port)
    c.mail(corpus_mail.SENDER)
    code, text = c.rcpt(recipient)
    if code == 250:
        code, text = c.data(mail)
    return code, text.decode()


def test_in_front_of_your_postfix(gateway, postfix, build):
    (service,) = block(2)
    assert "127.0.0.1:5000" in service
    mta = postfix(start=False,
                  settings="virtual_mailbox_domains = example.net\n")
    mta.add("", service.replace(" y ", " n ").replace(
        "127.0.0.1:5000", f"127.0.0.1:{mta.port}") + "\n")
    mta.start()

    gw = gateway(start=False)
    shipped = (build / "sallyport.ini").read_text(encoding="utf-8")
    ports = {"0.0.0.0:25, [::]:25": f"0.0.0.0:{gw.port}, [::]:{gw.port}",
             "127.0.0.1:5000": f"127.0.0.1:{mta.port}"}
    lines = block(3)
    for theirs, ours in ports.items():
        assert any(theirs in line for line in lines)
        lines = [line.replace(theirs, ours) for line in lines]
    gw.write(with_values(shipped, lines).replace(
        "127.0.0.1:10025", f"127.0.0.1:{gw.port + 1}"))
    gw.env |= {"SALLYPORT_GATEWAY__STATE_DIR": f"{gw.dir}/state",
               "SALLYPORT_GATEWAY__RUNTIME_DIR": f"{gw.dir}/run",
               "SALLYPORT_GATEWAY__SPOOL_DIR": f"{gw.dir}/state/spool",
               "SALLYPORT_GATEWAY__MAX_SESSIONS": "1000",
               "SALLYPORT_ENGINE_CLAMAV__DATABASE": f"{gw.dir}/db"}
    gw.start()

    mail = corpus_mail.plain("four-steps")
    assert try_it(gw.port, "bob@example.net", mail)[0] == 250
    until("it is in the mailbox", lambda: mta.count() == 1)
    assert mta.mails()[0].endswith(mail.replace(b"\r\n", b"\n"))
    assert try_it(gw.port, "bob@example.net",
                  corpus_mail.infected("zip"))[0] == 554
    # nobody is trusted for coming from the gateway
    code, text = try_it(gw.port, "victim@elsewhere.example", mail)
    assert code >= 400 and "elay access denied" in text, (code, text)
    assert mta.count() == 1
    until("both have their events", lambda: gw.stderr().count("outcome") == 2)
