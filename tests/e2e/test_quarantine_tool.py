"""`sallyport quarantine`: what is kept: seen, deleted, and let go by hand."""

import json
import os
import pathlib
import subprocess

import corpus_mail
import pytest
from peers.client import send
from peers.common import PATIENCE, until
from peers.origin import Origin, answer
from peers.sallyport import flat
from peers.web import curl, web_listener, web_port


@pytest.fixture(name="gw")
def one_gateway(gateway):
    web = web_listener()
    web["policy web"]["malware"] = "quarantine"
    return gateway({**web, "policy mail": {"malware": "quarantine"}})


def tool(gw, *words, config=None, **more):
    return subprocess.run(
        [f"{gw.build}/sallyport", "quarantine", *words, "--config",
         config or gw.path], check=False, capture_output=True, text=True,
        timeout=PATIENCE, **more)


def odd_mail():
    """Its subject poses as fields of the note, which stand behind it."""
    return corpus_mail.head(
        "eicar-odd", subject='","size":7,"because":{"what":"nothing"},"') \
        + b"\r\n" + corpus_mail.eicar() + b"\r\n"


def refused_mail(gw, kind="zip", mail=None):
    code, text = send(gw.port, mail or corpus_mail.infected(kind))
    assert code == 554
    return gw.event_of(text)


def refused_file(gw):
    origin = Origin({"/a%20b.com": answer(corpus_mail.eicar())}).start()
    try:
        got = curl(web_port(gw), f"http://127.0.0.1:{origin.port}/a%20b.com")
    finally:
        origin.remove()
    assert got.status == 403
    return gw.event_of(got.body.decode())


@pytest.mark.core
def test_list_and_show(gw):
    done = tool(gw, "list")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    mail, file = refused_mail(gw, mail=odd_mail()), refused_file(gw)

    done = tool(gw, "list")
    assert done.returncode == 0 and done.stderr == ""
    first, second = done.stdout.splitlines()
    what = mail["sallyport.because.what"]
    size = mail["file.size"]
    assert first.startswith(f"{mail['event.id']} 20")
    assert first.endswith(f"Z {size} smtp {what} <{corpus_mail.SENDER}> "
                          f"<{corpus_mail.RECIPIENT}>")
    assert second.split()[2:] == ["68", "http", what, file["url.original"]]

    done = tool(gw, "list", "--json")
    notes = [json.loads(line) for line in done.stdout.splitlines()]
    assert [flat(n)["event.id"] for n in notes] == [
        mail["event.id"], file["event.id"]]
    done = tool(gw, "show", mail["event.id"])
    assert json.loads(done.stdout) == notes[0]
    assert notes[0]["envelope"] == {"from": corpus_mail.SENDER,
                                    "to": [corpus_mail.RECIPIENT]}


@pytest.mark.core
def test_delete(gw):
    ids = [refused_mail(gw, kind)["event.id"] for kind in ("zip", "raw", "gz")]
    folder = pathlib.Path(gw.dir, "state/quarantine")
    (folder / "mine").touch()

    done = tool(gw, "delete", ids[0], ids[2])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(os.listdir(folder)) == [ids[1], f"{ids[1]}.json", "mine"]
    done = tool(gw, "delete", ids[0])
    assert done.returncode == 66 and "No such file" in done.stderr
    # one that has lost its note can be deleted, too
    (folder / f"{ids[1]}.json").unlink()
    assert tool(gw, "list").stdout == ""
    assert tool(gw, "delete", ids[1]).returncode == 0
    assert os.listdir(folder) == ["mine"]


@pytest.mark.core
@pytest.mark.parametrize("words", (
    (), ("list", "all"), ("show",), ("delete",), ("release", "x"),
    ("delete", "mine"), ("delete", "../quarantine/mine"), ("show", ".."),
    ("list", "--nonsense")), ids=" ".join)
def test_what_is_no_such_command(gw, words):
    (pathlib.Path(gw.dir, "state/quarantine") / "mine").touch()
    done = tool(gw, *words)
    assert done.returncode == 64, done
    assert done.stdout == "" and done.stderr
    assert os.listdir(f"{gw.dir}/state/quarantine") == ["mine"]


def test_no_folder_and_no_configuration(gw):
    other = pathlib.Path(gw.dir, "other.ini")
    other.write_text(pathlib.Path(gw.path).read_text("utf-8")
                     + "[quarantine]\npath = /nonexistent/q\n", "utf-8")
    done = tool(gw, "list", config=str(other))
    assert done.returncode == 66 and "/nonexistent/q" in done.stderr
    other.write_text("[nonsense]\n", "utf-8")
    assert tool(gw, "list", config=str(other)).returncode == 78


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another")
def test_only_its_user_may_look(gw):
    event = refused_mail(gw)
    done = tool(gw, "show", event["event.id"], user="nobody")
    assert done.returncode == 77 and done.stdout == ""
    assert "Permission denied" in done.stderr


def test_a_mail_is_let_go_by_hand(gw, sink):
    """As docs/quarantine.md has it: with its envelope, past the gateway."""
    event = refused_mail(gw)
    note = json.loads(tool(gw, "show", event["event.id"]).stdout)
    copy = f"{gw.dir}/state/quarantine/{event['event.id']}"
    words = [w for r in note["envelope"]["to"] for w in ("--mail-rcpt", r)]
    subprocess.run(
        ["curl", "-sS", f"smtp://127.0.0.1:{sink.port}", "--mail-from",
         note["envelope"]["from"], *words, "--upload-file", copy],
        check=True, timeout=PATIENCE)
    until("it has arrived", lambda: sink.mails)
    (mail,) = sink.mails
    assert mail.data == corpus_mail.infected("zip")
