"""What the pages about mail show is what the gateway takes and what was
measured: their blocks of configuration, and the table of an absent milter."""

import pathlib
import re

import pytest
from test_milter_away import POSTFIX_TABLE, SENDMAIL_TABLE

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


def page(name):
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def sections_of(block):
    """{section: {key: value}} of what an operator would write."""
    found, section = {}, None
    for line in block.splitlines():
        line = line.partition(";")[0].strip()
        if line.startswith("["):
            section = found.setdefault(line[1:-1], {})
        elif line:
            key, _, value = line.partition(" = ")
            section[key] = value
    return found


@pytest.mark.core
@pytest.mark.parametrize("name", ["mail", "milter", "local"])
def test_each_block_of_configuration_is_taken(gateway, name):
    blocks = re.findall(r"```ini\n(.*?)```", page(name), re.DOTALL)
    assert blocks
    before = {}
    for block in blocks:
        shown = sections_of(block)
        for section, keys in shown.items():  # a later one says what differs
            before[section] = {**before.get(section, {}), **keys}
        said = gateway({s: before[s] for s in shown}, start=False).run(
            "--check")
        assert said.returncode == 0, f"{block}\n{said.stderr}"


def rows():
    """{setting: cells} of the table in docs/milter.md."""
    text = page("milter").partition("## When Sallyport is not there")[2]
    table = [line.split(" | ") for line in text.splitlines()
             if line.startswith(("| Postfix", "| Sendmail"))]
    return {cells[0].removeprefix("| "): cells[1:] for cells in table}


def row(setting):
    (cells,) = [cells for name, cells in rows().items()
                if name.startswith(setting)]
    return cells


@pytest.mark.core
def test_the_table_of_an_absent_milter_is_the_one_that_is_run():
    measured = {f"Postfix `= {action}`": row for action, row
                in POSTFIX_TABLE.items() if action != "tempfail"}
    measured["Postfix `milter_default_action = tempfail`"] = \
        POSTFIX_TABLE["tempfail"]
    measured.update({f"Sendmail `{flag}`": row for flag, row
                     in SENDMAIL_TABLE.items() if flag})
    measured["Sendmail, no `F=`"] = SENDMAIL_TABLE[""]
    assert len(measured) == len(rows())
    for setting, (*heard, where) in measured.items():
        *cells, mail = row(setting)
        for cell, (code, text) in zip(cells, heard, strict=True):
            wanted = f"{code} {text.split()[0]}"
            if code == 250:
                wanted = "250"
            elif not re.match(r"\d\.\d\.\d", text):
                wanted = f"{code}, no greeting"
            assert cell.startswith(wanted), (setting, cell)
        last = {4: "client tries again", 5: "refused"}.get(
            heard[-1][0] // 100, {"delivered": "**delivered unscanned**",
                                  "held": "unscanned in the hold"}.get(where))
        assert mail.startswith(last), setting
