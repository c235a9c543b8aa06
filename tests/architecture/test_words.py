"""What no file of the repository says."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MACHINE = re.compile(r"(?<![\w.~-])/(?:Users|work|farm)/\w")
EMAIL = re.compile(r"[\w.+'-]+@((?:[\w-]+\.)+[a-zA-Z]{2,})\b")
OURS_TO_USE = re.compile(r"(?:[\w-]+\.)*example\.org")


@pytest.fixture(scope="module")
def lines(tracked):
    """Every line of text that we wrote, as (`file:line`, text): not the lock, and not what others publish."""
    written = []
    for path in tracked:
        if path.name == "uv.lock" or "static" in path.parts:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        name = path.relative_to(ROOT).as_posix()
        written += [(f"{name}:{number}", line) for number, line in enumerate(text.splitlines(), 1)]
    return written


def test_no_file_knows_the_machine_it_was_written_on(lines):
    knowing = [where for where, line in lines if MACHINE.search(line)]
    assert not knowing, f"A path that holds on one machine only means nothing to the next reader: {knowing}"


def test_only_the_lock_says_where_packages_come_from(lines):
    hosts = set(re.findall(r"https?://([^/\"]+)", (ROOT / "uv.lock").read_text(encoding="utf-8")))
    naming = [where for where, line in lines if any(host in line for host in hosts)]
    assert not naming, f"Where packages come from is the installer's setting; only uv.lock names a host: {naming}"


def test_everybody_invented_writes_from_example_org(lines):
    strangers = [
        f"{where} {match[0]}"
        for where, line in lines
        for match in EMAIL.finditer(line)
        if not OURS_TO_USE.fullmatch(match[1])
    ]
    assert not strangers, f"An invented address must reach nobody: only example.org is kept for that: {strangers}"
