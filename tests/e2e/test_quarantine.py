"""What the policy answers with `quarantine`: refused everywhere, kept byte for
byte with its event; and what cannot be kept is refused all the same."""

import hashlib
import json
import os
import pathlib
import pwd
import stat
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import corpus_mail
import pytest
from peers.agents import QmailQueue
from peers.client import send
from peers.common import PATIENCE, free_port, new_dir, until
from peers.ftp_client import Client, refused
from peers.ftp_gateway import bad, noise, zipped
from peers.milter_mta import MilterMta
from peers.origin import Origin, answer
from peers.sallyport import USER, Sallyport, flat
from peers.vsftpd import Vsftpd
from peers.web import curl, web_listener, web_port

KEPT = {"malware": "quarantine"}
NOTE = {"event.id", "event.action", "sallyport.action", "sallyport.quarantine",
        "sallyport.because.what", "file.size", "file.hash.sha256",
        "network.protocol", "client.address", "rule.name"}


def changes(**more):
    files = free_port()
    web = web_listener()
    return {
        **web, "policy web": {**web["policy web"], **KEPT},
        "policy mail": KEPT, "policy files": KEPT,
        "listener files": {
            "protocol": "ftp", "address": f"127.0.0.1:{files}",
            "policy": "files"},
        "ftp": {"deny_destinations": "none", "server_ports": "1-65535",
                "passive_ports": "30000-32000"},
        "gateway": {"spool_memory": "64k"},
        **more}


def add_sockets(gw):
    """The listeners whose address lies in its folder."""
    gw.configure({
        f"listener {p}": {"protocol": p, "policy": "mail",
                          "address": f"unix:{gw.dir}/{p}.sock"}
        for p in ("local", "milter")})
    return gw


@pytest.fixture(scope="module", name="gw")
def one_gateway(build, module_cleanly):
    gw = add_sockets(Sallyport(build, changes()))
    module_cleanly(gw)
    yield gw.start()
    assert not gw.errors(), gw.errors()


@pytest.fixture(scope="module", name="server")
def one_server(module_cleanly):
    s = Vsftpd()
    module_cleanly(s)
    return s.start()


def folder(gw):
    return pathlib.Path(gw.sections.get("quarantine", {}).get(
        "path", f"{gw.dir}/state/quarantine"))


def listing(gw):
    return sorted(os.listdir(folder(gw)))


def large_mail():
    """Beyond spool_memory: it lies in a file."""
    return corpus_mail.attached(
        "eicar-large", zipped("eicar.com", corpus_mail.eicar())
        + noise(900_000), "big.zip")


MAILS = {"small": lambda: corpus_mail.infected("zip"), "large": large_mail}
FILES = {"small": lambda: bad("zip"),
         "large": lambda: bad("zip") + noise(900_000)}


# ---- at each door: (event, what was judged) ----


def by_smtp(gw, _, size):
    mail = MAILS[size]()
    code, text = send(gw.port, mail)
    assert code == 554 and text.startswith("5.7.1 Refused: malware"), text
    assert not gw.maildir()
    return gw.event_of(text), mail


def by_deliver(gw, _, size):
    mail = MAILS[size]().replace(b"\r\n", b"\n")
    box = f"{gw.dir}/box"
    done = subprocess.run(
        [f"{gw.build}/sallyport", "deliver", "-f", "a@example.org", "-d",
         "b@example.net", "--socket", f"{gw.dir}/local.sock", "--", "tee",
         box], input=mail, capture_output=True, check=False, timeout=PATIENCE)
    assert done.returncode == 77, done
    assert not done.stdout and not os.path.exists(box)
    return gw.event_of(done.stderr.decode()), mail


def by_qmail_queue(gw, _, size):
    mail = MAILS[size]().replace(b"\r\n", b"\n")
    way = QmailQueue(gw.build, f"{gw.dir}/local.sock")
    try:
        assert way.give(mail) == 31
        assert not way.kept()
    finally:
        way.remove()
    return gw.event_of(way.err.decode()), mail


def by_milter(gw, _, size):
    """An MTA that has no quarantine to offer."""
    mail = MAILS[size]()
    with MilterMta(f"{gw.dir}/milter.sock") as mta:
        mta.negotiate(6, actions=0x11).client().envelope()
        mta.message(mail)
        (letter, text), = mta.end()
    assert letter == "y" and text.startswith(b"554 5.7.1 Refused"), text
    return gw.event_of(text.decode()), mail


def by_download(gw, _, size):
    data = FILES[size]()
    with Origins({"/a.zip": answer(data)}) as o:
        got = curl(web_port(gw), o.url("/a.zip"))
    assert got.status == 403 and data not in got.body
    return gw.event_of(got.body.decode()), data


def by_upload(gw, _, size):
    data = FILES[size]()
    with Origins({"/up": answer(b"taken\n")}) as o:
        got = curl(web_port(gw), o.url("/up"), "-T", "-", stdin=data)
        assert got.status == 403 and not o.asked
    return gw.event_of(got.body.decode()), data


def files_port(gw):
    return int(gw.sections["listener files"]["address"].rpartition(":")[2])


def by_retr(gw, server, size):
    data = FILES[size]()
    server.put("bad.zip", data)
    with Client(files_port(gw), server) as c, refused() as said:
        c.fetch("bad.zip")
    assert said[0].startswith("550 Refused: malware"), said
    return gw.event_of(said[0]), data


def by_stor(gw, server, size):
    data = FILES[size]()
    with Client(files_port(gw), server) as c, refused() as said:
        c.send("up.zip", data)
    assert said[0].startswith("550 Refused: malware"), said
    assert not server.get("up.zip")
    return gw.event_of(said[0]), data


class Origins(Origin):
    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.remove()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"


DOORS = {f.__name__[3:]: f for f in (
    by_smtp, by_deliver, by_qmail_queue, by_milter, by_download, by_upload,
    by_retr, by_stor)}


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.mark.core
@pytest.mark.parametrize("size", FILES)
@pytest.mark.parametrize("door", DOORS)
def test_it_is_refused_and_kept(gw, server, door, size):
    event, data = DOORS[door](gw, server, size)

    assert event["sallyport.action"] == "quarantine"
    assert event["sallyport.quarantine"] == "kept"
    outcome = until("its end", lambda: gw.events(
        event__id=event["event.id"], event__action="outcome"))[0]
    assert outcome["sallyport.result"] == "refused"
    copy = folder(gw) / event["event.id"]
    assert copy.read_bytes() == data
    assert hashlib.sha256(data).hexdigest() == event["file.hash.sha256"]
    note = json.loads(copy.with_suffix(".json").read_text("utf-8"))
    envelope = note.pop("envelope", None)
    note = flat(note)
    assert set(note) == set(event) and NOTE <= set(note)
    assert {k: v for k, v in note.items() if k != "@timestamp"} \
        == {k: v for k, v in event.items() if k != "@timestamp"}
    if event["event.category"] == ["email"]:
        assert envelope == {"from": event["email.from.address"][0],
                            "to": event["email.to.address"]}
    else:
        assert envelope is None
    for path in (copy, copy.with_suffix(".json")):
        assert mode_of(path) == 0o600
        assert path.owner() == USER or os.getuid() != 0
    assert mode_of(folder(gw)) == 0o700


def test_all_recipients_are_in_the_note(gw):
    """The event names the first of them alone."""
    rcpts = [f"{'r' * 50}{n}@example.net" for n in range(200)]
    code, text = send(gw.port, corpus_mail.infected("raw"), recipients=rcpts)
    assert code == 554

    event = gw.event_of(text)
    assert len(event["email.to.address"]) < 200
    note = folder(gw) / f"{event['event.id']}.json"
    envelope = json.loads(note.read_text("utf-8"))["envelope"]
    assert envelope == {"from": corpus_mail.SENDER, "to": rcpts}


def test_only_what_the_policy_says_is_kept(gw):
    before = listing(gw)
    assert send(gw.port, corpus_mail.plain("clean"))[0] == 250
    mail = corpus_mail.attached("locked", corpus_mail.encrypted_zip(), "a.zip")
    assert send(gw.port, mail)[0] == 250
    assert listing(gw) == before


# ---- what cannot be kept ----


def not_kept(gw, mail=None, left=()):
    """Refused, and why it was not kept."""
    code, text = send(gw.port, mail or corpus_mail.infected("zip"))
    assert code == 554 and text.startswith("5.7.1 Refused: malware"), text
    event = gw.event_of(text)
    assert event["sallyport.action"] == "quarantine"
    assert not gw.maildir()
    if os.path.isdir(folder(gw)):
        assert listing(gw) == sorted(left)
    why = event["sallyport.quarantine"]
    line = f"quarantine not kept why={why} id={event['event.id']} "
    gw.says(line)
    return why


def how_of(gw, mail=None):
    """What the event says of the copy."""
    code, text = send(gw.port, mail or corpus_mail.infected("zip"))
    assert code == 554, text
    return gw.event_of(text)["sallyport.quarantine"]


def limited(gateway, where=None, **keys):
    path = {} if where is None else {"path": where}
    return gateway({"policy mail": KEPT, "quarantine": {**path, **keys}})


@pytest.mark.core
def test_max_size(gateway):
    gw = limited(gateway, max_size="20k")
    code, text = send(gw.port, corpus_mail.infected("zip"))
    assert code == 554
    event = gw.event_of(text)
    assert event["sallyport.quarantine"] == "kept"
    first = [event["event.id"], event["event.id"] + ".json"]

    assert not_kept(gw, corpus_mail.attached(
        "eicar-20k", zipped("eicar.com", corpus_mail.eicar()) + noise(20_000),
        "a.zip"), first) == "max_size"
    assert gw.count("quarantine_total") == {
        "kept": {"smtp": 1}, "max_size": {"smtp": 1}}
    # what an operator deletes makes room once it was looked
    for name in first:
        os.unlink(folder(gw) / name)
    gw.configure({"quarantine": {"max_size": "21k"}})
    gw.reload()
    until("there is room", lambda: how_of(gw) == "kept")


def test_a_count_survives_a_net_worker(gateway):
    """What lies there from before a start counts, too."""
    gw = limited(gateway, max_size="40k")
    assert how_of(gw, corpus_mail.attached("eicar-30k", zipped(
        "eicar.com", corpus_mail.eicar()) + noise(20_000), "a.zip")) == "kept"
    gw.stop()
    gw.notified.clear()
    gw.start()
    # of these three would have room without the first
    big = corpus_mail.attached("eicar-12k", zipped(
        "eicar.com", corpus_mail.eicar()) + noise(7_500), "a.zip")
    # at most one more comes before it has counted
    until("it has counted", lambda: how_of(gw, big) == "max_size")
    assert len(listing(gw)) in (2, 4)


def test_a_full_disk(gateway):
    path = pathlib.Path(new_dir("small"))
    if os.system(f"mount -t tmpfs -o size=64k,mode=0700,uid="
                 f"{pwd.getpwnam(USER).pw_uid} none {path}") != 0:
        path.rmdir()
        pytest.skip("no mount(2) here")
    try:
        gw = limited(gateway, where=str(path))
        gw.configure({"gateway": {"spool_min_free": "0"}})
        gw.reload()
        assert not_kept(gw, large_mail()) == "no_space"
        gw.configure({"gateway": {"spool_min_free": "50%"}})
        gw.reload()
        (path / "filler").write_bytes(bytes(40_000))
        assert how_of(gw) == "spool_min_free"
        gw.stop()
    finally:
        assert os.system(f"umount {path}") == 0
        path.rmdir()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can take it away")
def test_a_folder_that_is_not_ours(gateway):
    gw = limited(gateway)
    os.chown(folder(gw), 0, 0)
    assert not_kept(gw) == "error"
    gw.says('error="Permission denied"')
    # and one that is gone is made again
    os.rmdir(folder(gw))
    assert how_of(gw) == "kept"
    assert mode_of(folder(gw)) == 0o700


def test_what_is_refused_by_its_address_is_not_there_to_be_kept(gateway):
    web = web_listener()
    web["policy web"].update(blocked_urls="127.0.0.1*",
                             on_blocked="quarantine")
    gw = gateway(web)
    got = curl(web_port(gw), f"http://127.0.0.1:{free_port()}/x")
    assert got.status == 403
    event = gw.event_of(got.body.decode())
    assert event["sallyport.quarantine"] == "not_whole"
    assert listing(gw) == []


def test_no_folder_no_start(gateway):
    gw = gateway({"policy mail": KEPT}, start=False)
    gw.configure({"quarantine": {"path": f"{gw.path}/under-a-file"}})
    done = gw.run()
    assert done.returncode == 71, done
    assert "under-a-file" in done.stderr


def test_no_folder_no_reload(gateway):
    """A bad configuration keeps the old one."""
    gw = limited(gateway)
    old = folder(gw)
    gw.configure({"quarantine": {"path": f"{gw.path}/under-a-file"}})
    gw.reload()
    assert "reload refused" in gw.stderr()
    assert how_of(gw) == "kept"
    assert len(os.listdir(old)) == 2


# ---- how long, and where ----


def test_max_age(gateway):
    gw = limited(gateway, max_age="1d")
    ids = [gw.event_of(send(gw.port, corpus_mail.infected(k))[1])["event.id"]
           for k in ("zip", "raw")]
    mine = folder(gw) / "notes of mine"
    mine.write_text("", "utf-8")
    part = folder(gw) / f"{ids[1][:-1]}0.json.part"
    part.write_text("", "utf-8")
    old = time.time() - 90_000
    for path in (folder(gw) / ids[0], folder(gw) / f"{ids[0]}.json", mine,
                 part):
        os.utime(path, (old, old))
    gw.reload()
    until("the old one is deleted", lambda: listing(gw) == sorted(
        ["notes of mine", ids[1], f"{ids[1]}.json"]))
    assert "quarantine max_age deleted=1 left=1 " in until(
        "it says so", lambda: "max_age deleted" in gw.stderr()
        and gw.stderr())


def test_another_path_by_hup(gateway):
    gw = limited(gateway)
    assert how_of(gw) == "kept"
    old = listing(gw)
    gw.configure({"quarantine": {"path": f"{gw.dir}/state/other/deep"}})
    gw.reload()
    assert how_of(gw) == "kept"
    assert len(listing(gw)) == 2 and mode_of(folder(gw)) == 0o700
    assert sorted(os.listdir(f"{gw.dir}/state/quarantine")) == old


def test_many_at_once(gateway):
    """Every copy is its own."""
    gw = limited(gateway)
    names = [f"many-{n}" for n in range(40)]
    mails = [corpus_mail.INFECTED["zip"](n) for n in names]
    with ThreadPoolExecutor(20) as clients:
        said = list(clients.map(lambda m: send(gw.port, m), mails))
    assert {code for code, _ in said} == {554}
    for name, (_, text) in zip(names, said):
        event = gw.event_of(text)
        assert event["sallyport.quarantine"] == "kept"
        copy = (folder(gw) / event["event.id"]).read_bytes()
        assert corpus_mail.name_of(copy) == name
    assert len(listing(gw)) == 2 * len(names)
