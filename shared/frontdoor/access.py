"""Who may see and do what: one table, one pure decision, one audit row for each answer.

Deny by default. Every route and every event handler that shows or changes a child's data asks `decide`; the table below
is the contract's last section in code, and a test walks it against every route of every service.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Column, Index, MetaData, String, Table
from sqlmodel import Session

from frontdoor.areas import Agreement, Person
from frontdoor.calendars import local_date
from frontdoor.database import BigId, UtcDateTime, never_changed
from frontdoor.rows import insert_last

Scope = Literal["any", "own_agency"]


@dataclass(frozen=True)
class Actor:
    """Who asks. `person` is the sign-in's stable id; roles and organisation come from its claims."""

    person: str
    name: str
    roles: frozenset[str]
    area: str
    organisation: str | None = None
    agency: str | None = None

    @property
    def is_signed_in(self) -> bool:
        """Whether anybody is signed in at all."""
        return bool(self.roles)


ANYBODY = Actor(person="anybody", name="", roles=frozenset(), area="")


def of_person(person: Person) -> Actor:
    """Make the actor of a sample person."""
    return Actor(person.person, person.name, person.roles, person.area, person.organisation, person.agency)


def machine(service: str, area: str) -> Actor:
    """Make the actor of a service that works by itself: on an event, or because something is due."""
    return Actor(person=f"service:{service}", name=service, roles=frozenset({"service"}), area=area)


INSIDE = "inside"
"""The role of a service that calls another: it may what names this role, and nothing that anybody signed in may."""


def inside(service: str, area: str) -> Actor:
    """Make the actor of a service of this installation that calls another."""
    return Actor(person=f"service:{service}", name=service, roles=frozenset({INSIDE}), area=area)


PROVIDER = "message_provider"
"""The role of the provider that messages are handed to: it may what names this role, and nothing else either."""
MACHINES = frozenset({INSIDE, PROVIDER})


def provider(area: str) -> Actor:
    """Make the actor of the provider that messages are handed to, when it calls us."""
    return Actor(person="service:message-provider", name="message provider", roles=frozenset({PROVIDER}), area=area)


@dataclass(frozen=True)
class Subject:
    """What is known of the referral that somebody asks for: facts that the asking service has heard."""

    reference: str
    area: str
    sent_by: str
    organisation: str | None = None
    setting: str | None = None
    agencies: frozenset[str] = frozenset()
    family: frozenset[str] = frozenset()
    therapists: frozenset[str] = frozenset()


Relation = Callable[[Actor, Subject], bool]
RELATIONS: dict[str, Relation] = {
    "sender": lambda actor, subject: actor.person == subject.sent_by,
    "family": lambda actor, subject: actor.person in subject.family,
    "triager": lambda actor, subject: "triager" in actor.roles and actor.agency in subject.agencies,
    "agency": lambda actor, subject: actor.agency is not None and actor.agency in subject.agencies,
    "school": lambda actor, subject: (
        "senco" in actor.roles
        and actor.organisation is not None
        and actor.organisation in {subject.setting, subject.organisation}
    ),
    "caseload": lambda actor, subject: "therapist" in actor.roles and actor.person in subject.therapists,
    "panel": lambda actor, subject: (
        "panel_chair" in actor.roles or ("panel_member" in actor.roles and actor.agency in subject.agencies)
    ),
    "coordinator": lambda actor, _subject: "booking_coordinator" in actor.roles,
    "auditor": lambda actor, _subject: "auditor" in actor.roles,
}
NEEDS_AGREEMENT = frozenset({"triager", "panel", "agency", "caseload", "coordinator"})
"""Relations by which somebody sees what another organisation wrote: only under an agreement in force."""


@dataclass(frozen=True)
class Permission:
    """One row of the table.

    `roles` may call at all (None: anybody signed in; empty: nobody); `relations` are the ways to stand to the child, of
    which one must hold; `otherwise` is the status for everybody else, `hidden` makes it 404 for those who may not
    even know that the referral is there. `purpose` is looked up in the sharing agreements.
    """

    roles: Mapping[str, Scope] | None
    relations: tuple[str, ...] = ()
    otherwise: int = 403
    hidden: bool = False
    purpose: str = "triage"


def _any(*roles: str) -> dict[str, Scope]:
    return dict.fromkeys(roles, "any")


PUBLIC = "public"
REFERRERS = _any(
    "senco",
    "teacher",
    "health_visitor",
    "gp",
    "nurse",
    "midwife",
    "social_worker",
    "parent",
    "young_person",
    "therapist",
    "triager",
)
READERS = ("sender", "triager", "school", "family")
SUPPLIERS = _any("booking_coordinator")
WHO_MAY: dict[str, Permission] = {
    "referral.submit": Permission(REFERRERS),
    "concern.log": Permission(_any("senco", "teacher")),
    "concern.read": Permission(_any("senco", "teacher"), ("sender", "school"), otherwise=404),
    "referral.bulk": Permission(_any("senco")),
    "referral.read": Permission(None, READERS, otherwise=404),
    "referral.add": Permission(None, READERS, otherwise=404),
    "referral.withdraw": Permission(None, ("sender", "school", "family"), hidden=True),
    "referral.contacts": Permission(None, ("sender", "family", "triager"), hidden=True),
    "referral.list": Permission(None),
    "alert.read": Permission({"triager": "own_agency"}),
    "pathways.read": Permission(None),
    "pathways.manage": Permission(_any("admin")),
    "child.link": Permission(_any("triager"), ("triager",)),
    "child.search": Permission(_any("triager", "social_worker", "nurse"), ("agency",)),
    "queue.read": Permission(
        {"triager": "own_agency", "panel_chair": "any", "panel_member": "own_agency"}, ("triager", "panel")
    ),
    "queue.decide": Permission({"triager": "own_agency"}, ("triager",)),
    "pool.manage": Permission(_any("booking_coordinator", "panel_chair"), purpose="booking"),
    "supply.manage": Permission(SUPPLIERS, purpose="booking"),
    "block.manage": Permission(_any("booking_coordinator", "provider_manager"), purpose="booking"),
    "waiting.read": Permission(
        {"booking_coordinator": "any", "therapist": "any", "triager": "own_agency"},
        ("coordinator", "triager", "caseload"),
        purpose="booking",
    ),
    "booking.make": Permission(SUPPLIERS, ("coordinator",), purpose="booking"),
    "booking.cancel": Permission(None, ("coordinator", "family", "caseload"), hidden=True, purpose="booking"),
    "booking.read": Permission(None, ("coordinator", "family", "caseload"), otherwise=404, purpose="booking"),
    "offer.accept": Permission(None, ("coordinator", "family"), hidden=True, purpose="booking"),
    "notice.read": Permission(None, ("auditor", "triager", "family"), otherwise=404, purpose="notification"),
    "timeline.read": Permission(
        None, ("family", "triager", "caseload", "school", "sender"), otherwise=404, purpose="record"
    ),
    "record.list": Permission(None, purpose="record"),
    "link.renew": Permission(None, ("triager", "sender"), hidden=True, purpose="record"),
    "notice.receipt": Permission(_any(PROVIDER), purpose="notification"),
    "messages.demo": Permission(roles=None, purpose="notification"),
    "notice.tasks": Permission(_any("admin", "auditor"), purpose="notification"),
    "notice.settle": Permission(_any("admin"), purpose="notification"),
    "operations.read": Permission(_any("admin", INSIDE)),
    "stream.replay": Permission(_any(INSIDE)),
}


@dataclass(frozen=True)
class Allow:
    """Yes: by which relation, for which categories of data (None: all), under which agreement."""

    relation: str
    categories: frozenset[str] | None = None
    agreement: str | None = None


@dataclass(frozen=True)
class Deny:
    """No: with the HTTP status to answer, and why, for the audit."""

    status: int
    why: str


class Denied(Exception):
    """You may not do this."""

    def __init__(self, answer: Deny, asked: tuple[str, str] | None = None) -> None:
        """`asked` is (action, reference) where it was a child's data that was asked for: the audit keeps it."""
        super().__init__(self.__doc__)
        self.answer = answer
        self.asked = asked
        self.status = answer.status


class NotSignedIn(Exception):
    """Sign in first."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def permit(actor: Actor, action: str, area: str, agency: str | None = None) -> None:
    """Check that the actor's role may call at all; raises `NotSignedIn` or `Denied`.

    `agency` is the one that the address names: a role that is limited to its own agency must match it.
    """
    if action == PUBLIC:
        return
    permission = WHO_MAY[action]
    if not actor.is_signed_in:
        raise NotSignedIn
    if permission.roles is None:
        if actor.roles & MACHINES:
            raise Denied(Deny(permission.otherwise, "role"))
        return
    scopes = [scope for role, scope in permission.roles.items() if role in actor.roles]
    if actor.area != area or not scopes:
        raise Denied(Deny(permission.otherwise, "role"))
    if agency is not None and "any" not in scopes and actor.agency != agency:
        raise Denied(Deny(permission.otherwise, "agency"))


def decide(actor: Actor, action: str, subject: Subject, agreements: Sequence[Agreement], now: datetime) -> Allow | Deny:
    """Decide whether the actor may do this to this child's data: area, role, relation, agreement, in that order."""
    permission = WHO_MAY[action]
    refusal = Deny(_status(actor, permission, subject), "relation")
    if actor.area != subject.area:
        return Deny(404 if permission.hidden else permission.otherwise, "area")
    if permission.roles is not None and not actor.roles & permission.roles.keys():
        return Deny(permission.otherwise, "role")
    why = "relation"
    for name in permission.relations:
        if not RELATIONS[name](actor, subject):
            continue
        if name not in NEEDS_AGREEMENT:
            return Allow(name)
        shared = _agreement(actor, permission.purpose, agreements, now)
        if shared is not None:
            return Allow(name, shared.purposes[permission.purpose].categories_of(actor.agency), shared.id)
        why = "agreement"
    return Deny(refusal.status, why)


def _status(actor: Actor, permission: Permission, subject: Subject) -> int:
    if not permission.hidden:
        return permission.otherwise
    knows = any(RELATIONS[name](actor, subject) for name in (*READERS, "caseload"))
    return permission.otherwise if knows else 404


def _agreement(actor: Actor, purpose: str, agreements: Sequence[Agreement], now: datetime) -> Agreement | None:
    day = local_date(now)
    for agreement in agreements:
        if actor.organisation in agreement.parties and purpose in agreement.purposes and agreement.in_force(day):
            return agreement
    return None


# --- the audit -------------------------------------------------------------------------------------------------------


def define(metadata: MetaData) -> None:
    """Add the audit table to a service's metadata."""
    audit = Table(
        "audit",
        metadata,
        Column("id", BigId, primary_key=True, autoincrement=True),
        Column("area", String, nullable=False),
        Column("at", UtcDateTime, nullable=False),
        Column("person", String, nullable=False),
        Column("organisation", String, nullable=True),
        Column("action", String, nullable=False),
        Column("purpose", String, nullable=False),
        Column("answer", String, nullable=False),
        Column("relation", String, nullable=True),
        Column("agreement", String, nullable=True),
        Column("references", String, nullable=False),
        info={"kind": "kept"},
    )
    Index("audit_person", audit.c.area, audit.c.person, audit.c.at)
    never_changed(audit)


def leave_audit_row(
    session: Session,
    table: Table,
    actor: Actor,
    action: str,
    references: Sequence[str],
    answer: Allow | Deny,
    now: datetime,
) -> None:
    """Write who asked for what, of which referrals, and what the answer was, in the caller's transaction."""
    allowed = answer if isinstance(answer, Allow) else None
    row = {
        "area": actor.area,
        "at": now,
        "person": actor.person,
        "organisation": actor.organisation,
        "action": action,
        "purpose": WHO_MAY[action].purpose,
        "answer": f"deny:{answer.why}" if isinstance(answer, Deny) else "allow",
        "relation": allowed.relation if allowed else None,
        "agreement": allowed.agreement if allowed else None,
        "references": json.dumps(list(references)),
    }
    insert_last(session, table, [row])
