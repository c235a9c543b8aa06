"""I14: nothing that leaves a service, and no name that a thing is given, says who a child is.

Identities are unsealed a page at a time, beside what is looked at; they are compared, and never shown.
"""

import asyncio
import re
from calendar import day_name, month_abbr, month_name
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

from aiokafka.errors import KafkaError
from sqlalchemy import select
from sqlmodel import Session

from all_in_one.assembly import Assembly
from cli.composed import Composed
from cli.invariants.finding import Finding
from cli.invariants.relaying import scan
from cli.invariants.walks import pages, rows
from frontdoor.areas import Area
from frontdoor.delivery import parking
from frontdoor.envelope import Undecodable, decode
from frontdoor.events import AGENCIES
from frontdoor.identifiers import ALPHABET
from frontdoor.seal import KeyMissing
from frontdoor.work import Parts
from notification import channels, store, wording

LAST_KEYS = 2_000
"""Keys that are looked at of each partition."""
_NUMBERED = (
    rf"R[{ALPHABET}]{{3}}-[{ALPHABET}]{{5}}|[A-Z]-[{ALPHABET}]{{8}}|[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}"
)
_TERM = r"20[0-9]{2}-(autumn|spring|summer)"
_WORD = re.compile(r"\w+")
_LINK = re.compile(r"https?://\S+")
_GAPS = re.compile(r"(?<=[0-9])[ -](?=[0-9])")
_PLAIN = re.compile(r"[\w.]*", re.ASCII)
NOTICE = store.log.metadata.tables["notice"]
Sayings = Sequence[tuple[str, str, str]]
"""(reference to name it by, child id, text)"""


def nothing_personal_outside(assembly: Assembly) -> Finding:
    """I14: no message, notice, parked summary, stream's name or Kafka key holds a child's name, number or birthday."""
    finding = Finding("I14 nothing personal outside")
    for name, parts in assembly.parts.items():
        _look_at_names(name, parts, assembly.area, finding)
        _look_at_parked(assembly, name, parts, finding)
    for some in pages(channels.ledger(assembly.folder)):
        _compare(assembly, _messages(assembly, some), finding)
    with assembly.parts["notification"].database.read() as session:
        for notices in pages(
            rows(session, select(NOTICE.c.notice, NOTICE.c.child_id, NOTICE.c.template, NOTICE.c.facts))
        ):
            said = [
                (f"notice {row.notice}", row.child_id, f"{row.template} {list(row.facts.values())}") for row in notices
            ]
            _compare(assembly, said, finding)
    _look_at_keys(assembly, finding)
    return finding


# --- names of things: of known forms, none of which can hold anything about a person ----------------------------------


def _look_at_names(name: str, parts: Parts, area: Area, finding: Finding) -> None:
    table = parts.log.table.c
    form = _form(area)
    with parts.database.read() as session:
        for row in rows(session, select(table.id, table.stream).where(table.version == 1)):
            finding.checked += 1
            if not form.fullmatch(row.stream):
                finding.fault(f"the stream of {name} log {row.id}")  # what it is called may be what must not be shown


def _form(area: Area) -> re.Pattern[str]:
    codes = sorted({*AGENCIES, "salt", "ot", "sender", *area.organisations}, key=len, reverse=True)
    part = f"({_NUMBERED}|{_TERM}|{'|'.join(map(re.escape, codes))})"
    return re.compile(rf"[a-z]+(-[a-z]+)*(/{part})+")


def _look_at_keys(assembly: Assembly, finding: Finding) -> None:
    """A key is the name of its event's stream, nothing else."""
    if not isinstance(assembly, Composed):
        return
    try:
        scans = asyncio.run(scan(assembly.brokers, list(assembly.parts), assembly.secret, LAST_KEYS))
    except (KafkaError, OSError) as away:
        finding.remarks.append(f"keys not looked at: Kafka does not answer ({type(away).__name__})")
        return
    for seen in scans:
        finding.checked += seen.checked
        finding.fault_each(f"the key in {where}" for where in seen.keys_astray)


# --- texts, each beside the child that it is about --------------------------------------------------------------------


def _messages(assembly: Assembly, messages: list[dict[str, Any]]) -> Sayings:
    notices = {message["notice"] for message in messages}
    with assembly.parts["notification"].database.read() as session:
        found = session.connection().execute(
            select(NOTICE.c.notice, NOTICE.c.child_id).where(NOTICE.c.notice.in_(notices))
        )
        children = {row.notice: row.child_id for row in found}
    return [
        (f"message {message['notice']}", children[message["notice"]], f"{message['subject']}\n{message['text']}")
        for message in messages
        if message["notice"] in children
    ]


def _look_at_parked(assembly: Assembly, name: str, parts: Parts, finding: Finding) -> None:
    table = parking.of(parts.log.metadata).table
    wanted = select(table).where(table.c.state == "open", table.c.stream != "?").order_by(table.c.id)
    with parts.database.read() as session:
        for some in pages(rows(session, wanted)):
            finding.fault_each(f"{name} parked {row.id}" for row in some if not _PLAIN.fullmatch(row.error or ""))
            said = [
                (f"{name} parked {row.id}", child, f"{row.stream} {row.type} {row.error} {row.waits_stream}")
                for row in some
                if (child := _child_of(row.payload))
            ]
            _compare(assembly, said, finding)


def _child_of(payload: bytes) -> str | None:
    try:
        return decode(payload).data.get("child_id")
    except Undecodable:
        return None


def _compare(assembly: Assembly, sayings: Sayings, finding: Finding) -> None:
    """Count the texts that say who their child is."""
    finding.checked += len(sayings)
    known = _identities(assembly, {child for _, child, _ in sayings})
    finding.fault_each(where for where, child, text in sayings if child in known and gives_away(text, known[child]))


def _identities(assembly: Assembly, children: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """Unseal who these children are; those that were erased are nobody any more."""
    intake = assembly.parts["referral-intake"]
    with intake.database.read() as session:
        sealed = dict(_sealed(session, intake, [f"child/{child}" for child in children]))
    found = {}
    for child, identity in sealed.items():
        try:
            found[child] = intake.keys.unseal_or(identity, {})
        except KeyMissing:
            continue  # a fault of its own: I24
    return found


def _sealed(session: Session, intake: Parts, streams: list[str]) -> Iterator[tuple[str, str]]:
    table = intake.log.table.c
    wanted = select(table.payload).where(table.stream.in_(streams)).order_by(table.stream, table.version)
    for payload in session.connection().scalars(wanted):
        data = decode(payload).data
        if "identity" in data:
            yield data["child_id"], data["identity"]


def gives_away(text: str, child: Mapping[str, Any]) -> bool:
    """Say whether a text holds this child's name, NHS number or date of birth.

    A name that is also a word of our own sentences (May, Will), or a letter, counts only beside the other one.
    """
    plain = _LINK.sub(" ", text)
    words = _WORD.findall(plain.casefold())
    names = [_WORD.findall(str(child.get(part) or "").casefold()) for part in ("given_name", "family_name")]
    telling = [name for name in names if any(len(word) > 1 for word in set(name) - _our_words())]
    if any(_stands(name, words) for name in [*telling, [*names[0], *names[1]]]):
        return True
    number = re.sub(r"[^0-9]", "", str(child.get("nhs_number") or ""))
    if number and number in _GAPS.sub("", plain):
        return True
    return any(written.casefold() in plain.casefold() for written in _birthdays(str(child.get("date_of_birth") or "")))


def _stands(name: list[str], words: list[str]) -> bool:
    return bool(name) and any(words[at : at + len(name)] == name for at in range(len(words)))


def _birthdays(iso: str) -> list[str]:
    try:
        born = date.fromisoformat(iso)
    except ValueError:
        return []
    months = (month_name[born.month], month_abbr[born.month])
    return [
        iso,
        f"{born:%d/%m/%Y}",
        f"{born.day}/{born.month}/{born.year}",
        *(f"{born.day} {m} {born.year}" for m in months),
    ]


@cache
def _our_words() -> frozenset[str]:
    said = " ".join([str(wording.english()), *AGENCIES, *day_name, *month_name, *month_abbr])
    return frozenset(_WORD.findall(said.casefold()))
