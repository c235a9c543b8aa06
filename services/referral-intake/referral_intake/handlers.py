"""What intake does when somebody asks or something is heard: validate, load, decide, append.

Reading is here too, where it shows a child's data: each answer leaves its audit row in the same transaction.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from frontdoor import access, files
from frontdoor.calendars import age_on, received_on
from frontdoor.events import (
    ChildRegistered,
    ContactAdded,
    ContactChanged,
    LinkRenewed,
    ProgressNoted,
    ReferralAmended,
    ReferralSubmitted,
    ReferralWithdrawn,
    instant,
)
from frontdoor.identifiers import FamilyLink, normal_reference, short_id
from frontdoor.identifiers import reference as new_reference
from frontdoor.problems import wrong_fields
from frontdoor.web import FieldError
from frontdoor.work import Parts, Refused, Work
from referral_intake import domain, identity, paper_rules, pathways, reports, store, tables, uploads, visibility
from referral_intake.commands import (
    Addition,
    ChangedContact,
    ChildSearch,
    Contact,
    ContactChange,
    ReferralForm,
    is_test_number,
    read_cursor,
)

ENDS = "This referral has been withdrawn, so nothing more can be done with it: make a new one"


class Receipt(BaseModel):
    """What the sender of a referral is told. `status_url` is the sender's own link, a path of this origin."""

    reference: str
    status: str
    agencies: list[str]
    received_at: str
    acknowledge_by: str
    status_url: str


# --- receiving --------------------------------------------------------------------------------------------------------


def check_form(form: ReferralForm, now: datetime) -> None:
    """Check what a form cannot know by itself: consent, and its days against today."""
    if not form.consent.given and form.kind == "request":
        sentence = "Get the consent of the family or the young person, then send the referral"
        raise Refused("consent_required", sentence, status=422, field="consent.given")
    if wrong := domain.wrong_days(form.days, received_on(now)):
        raise wrong_fields([FieldError(field, sentence) for field, sentence in wrong])


def received_at(form: ReferralForm, roles: frozenset[str], now: datetime) -> datetime:
    """Say when a referral was received: now, or when what is keyed in reached whoever keys it."""
    if form.arrived is None:
        return now
    if wrong := paper_rules.wrong_arrival(roles, form.arrived.on, received_on(now)):
        raise wrong_fields([FieldError("arrived.on", wrong)])
    return paper_rules.arrived_at(
        form.arrived.by, form.arrived.on, form.arrived.time, posted=form.arrived.posted, now=now
    )


def prepare_child(parts: Parts, form: ReferralForm, child_id: str) -> None:
    """Commit the child's data key before the transaction that uses it; not for a form that will be refused."""
    check_form(form, parts.clock())
    parts.keys.create(child_id, parts.clock())


def receive_referral_once(
    work: Work, token: str, form: ReferralForm, child_id: str, how: domain.FilledIn = domain.NOT_KNOWN
) -> Receipt:
    """Receive a form that carries a one-use token. Twice is harmless: the same token is the same referral."""
    reference = reference_of_token(work, token)
    known = store.find_referral(work.session, work.area.id, reference) if reference else None
    if known is not None:
        return _receipt(work, known, sorted(_standing(work, known.reference).rules))
    receipt = receive_referral(work, form, child_id, how)
    keep_token(work, token, receipt.reference)
    return receipt


def reference_of_token(work: Work, token: str) -> str | None:
    """Give the referral that what carries this token became or changed; nobody else sends it meanwhile."""
    claim_draft(work, token)
    return store.reference_of_token(work.session, work.actor.person, token)


def keep_token(work: Work, token: str, reference: str) -> None:
    """Remember that what carries this token has been taken."""
    store.keep_token(work.session, work.actor.person, token, reference)


def claim_draft(work: Work, draft: str) -> None:
    """Let nobody else change or send this draft meanwhile: two tabs lose nothing of each other's pages."""
    work.claim(_draft_name(draft))


def claim_drafts(work: Work, drafts: Sequence[str], forms: Sequence[ReferralForm]) -> None:
    """Claim at once all that sending these forms needs, so that two files with the same children never cross."""
    children = [name for form in forms for name in identity.names_of(work, _said_of_child(form))]
    work.claim(*map(_draft_name, drafts), *children)


def _draft_name(draft: str) -> str:
    return f"draft/{draft}"


def _said_of_child(form: ReferralForm) -> dict[str, Any]:
    return form.child.model_dump(mode="json", exclude_none=True)


def receive_referral(work: Work, form: ReferralForm, child_id: str, how: domain.FilledIn = domain.NOT_KNOWN) -> Receipt:
    """Receive a referral: the child, their contacts, then the referral itself, in one transaction.

    Twice is two referrals, each with its own child id: the Idempotency-Key or form token in front of this says what is
    the same. `prepare_child` has committed the child's key.
    """
    check_form(form, work.now)
    if is_test_number(form.child.nhs_number) and not work.parts.demo:
        sentence = "Check the NHS number: numbers that begin with 999 are only for tests"
        raise wrong_fields([FieldError("child.nhs_number", sentence)])
    uploads.take_evidence(work, child_id, form.evidence, [one.upload for one in form.reports])
    reference = new_reference()  # one that is taken is refused by the log, and another is drawn: `calls.Route`
    registered = _registered(work, form, child_id)
    people = form.everybody_to_tell(age_on(form.child.birth, work.today))
    contacts = [_added(work, form, contact, (reference, child_id)) for contact in people]
    event = _submitted(work, form, reference, registered, contacts, how)
    # All looking comes before all writing, which then goes in one round trip.
    identity.note_matches(work, child_id, _said_of_child(form))
    work.append(f"child/{child_id}", 0, registered)
    for contact in contacts:
        work.append(_contact_stream(contact.contact_id), 0, contact)
    work.append(f"referral/{reference}", 0, event)
    found_by = (form.child.names, form.child.date_of_birth, form.child.nhs_number)
    store.keep_search_hashes(work.session, work.area.id, child_id, domain.search_hashes(work.parts.secret, *found_by))
    return _receipt(work, event, list(event.agencies))


def _registered(work: Work, form: ReferralForm, child_id: str) -> ChildRegistered:
    said = _said_of_child(form)
    setting = work.area.setting(form.child.setting or "")
    return ChildRegistered(
        child_id=child_id, identity=work.keys.seal(child_id, said), setting=setting.id if setting else None
    )


def _added(work: Work, form: ReferralForm, contact: Contact, case: tuple[str, str]) -> ContactAdded:
    age = age_on(form.child.birth, work.today)
    told = form.may_be_told(contact, age, sent_by_young_person="young_person" in work.actor.roles)
    home = form.child.model_dump(include={"address", "postcode", "address_confidential"})
    return ContactAdded(**_contact_state(work, contact, case, short_id("K"), told=told, home=home))


def _receipt(work: Work, referral: ReferralSubmitted | tables.Referral, agencies: list[str]) -> Receipt:
    first_link = FamilyLink(referral.reference, domain.SENDERS_LINK, domain.FIRST_GENERATION)
    return Receipt(
        reference=referral.reference,
        status="received",
        agencies=agencies,
        received_at=instant(referral.received_at),
        acknowledge_by=instant(referral.acknowledge_by),
        status_url=work.parts.links.path(first_link),
    )


def _contact_state(
    work: Work, contact: Contact, case: tuple[str, str], contact_id: str, *, told: bool, home: dict[str, Any]
) -> dict[str, Any]:
    """Give the whole state of a contact, as both its events carry it. `case` is (reference, child id)."""
    reference, child_id = case
    plain = contact.model_dump(include={"channel", "language", "parental_responsibility"})
    details = work.keys.seal(child_id, contact.details(home))
    ids = {"contact_id": contact_id, "reference": reference, "child_id": child_id}
    return ids | plain | {"safe_to_contact": told, "details": details}


def _submitted(
    work: Work,
    form: ReferralForm,
    reference: str,
    registered: ChildRegistered,
    contacts: Sequence[ContactAdded],
    how: domain.FilledIn,
) -> ReferralSubmitted:
    area, actor, setting = work.area, work.actor, registered.setting
    standard = area.standards["acknowledge"]
    in_force = pathways.in_force(work)
    rules = domain.Rules(
        pathways=in_force.rules,
        pathways_version=in_force.version,
        acknowledge=(standard.limit, standard.unit, standard.version),
        calendar=area.calendar_of(setting),
    )
    sender = domain.Sender(actor.person, actor.organisation, actor.roles)
    noticed = form.noticed(
        work.today,
        setting_is_known=setting is not None,
        organisation_is_known=area.setting(form.referrer.organisation or "") is not None,
        in_area=area.inside(form.child.postcode),
    )
    received = received_at(form, actor.roles, work.now)
    case = {"reference": reference, "child_id": registered.child_id, "setting": setting, "received_at": received}
    sealed = {"story": work.keys.seal(registered.child_id, form.story())}
    made = {"form_minutes": how.minutes, "drafted_by": how.drafted_by}
    told = domain.contact_refs(contacts)
    return domain.submitted({**case, **form.facts(), **sealed, **made}, rules, sender, noticed, told)


# --- afterwards -------------------------------------------------------------------------------------------------------


def withdraw_referral(work: Work, reference: str, reason: str) -> dict[str, Any]:
    """Take a referral back. Twice is refused: it has ended."""
    referral = _find_to_change(work, reference, "referral.withdraw")
    _require("ReferralWithdrawn", referral.status)
    event = ReferralWithdrawn(
        reference=referral.reference,
        child_id=referral.child_id,
        agencies=_standing(work, referral.reference).agencies,
        reason=work.keys.seal(referral.child_id, reason),
    )
    work.append(f"referral/{referral.reference}", referral.version, event)
    return {"reference": referral.reference, "status": "withdrawn"}


def add_to_referral(work: Work, reference: str, addition: Addition) -> dict[str, Any]:
    """Add to a referral. Twice is two additions: the Idempotency-Key in front of this says what is the same."""
    referral = _find_to_change(work, reference, "referral.add")
    _require("ReferralAmended", referral.status)
    uploads.take_evidence(work, referral.child_id, addition.evidence)
    event = ReferralAmended(
        reference=referral.reference,
        child_id=referral.child_id,
        agencies=_standing(work, referral.reference).agencies,
        text=work.keys.seal(referral.child_id, addition.text),
        evidence=tuple(addition.evidence),
    )
    work.append(f"referral/{referral.reference}", referral.version, event)
    return {"reference": referral.reference, "status": "added", "added_at": instant(work.now)}


def change_contacts(work: Work, reference: str, change: ContactChange) -> dict[str, Any]:
    """Change who is told what happens, and how. Twice is harmless: an event carries the whole new state."""
    referral = _find_to_change(work, reference, "referral.contacts")
    known = {row.contact_id: row for row in store.contacts_of(work.session, referral)}
    # Nobody changes them without the referral, which is claimed: none of these has to wait.
    work.claim(*(_contact_stream(contact_id) for contact_id in known))
    changed = []
    for at, contact in enumerate(change.contacts):
        row = known.get(_which_contact(work, known, contact, at) or "")
        contact_id = row.contact_id if row else short_id("K")
        told = _is_told(work, referral, contact, row)
        case, home = (referral.reference, referral.child_id), _identity(work, referral.child_id)
        state = _contact_state(work, contact, case, contact_id, told=told, home=home)
        event = ContactChanged(**state) if row else ContactAdded(**state)
        work.append(_contact_stream(contact_id), None if row else 0, event)
        changed.append({"contact": contact_id, "channel": contact.channel})
    return {"reference": referral.reference, "contacts": changed}


def _contact_stream(contact_id: str) -> str:
    return f"contact/{contact_id}"


def _which_contact(work: Work, known: dict[str, tables.Contact], contact: ChangedContact, at: int) -> str | None:
    """Find which of the referral's contacts is meant: by id, else by name; None: a new one."""
    if contact.contact is not None and contact.contact not in known:
        raise wrong_fields(
            [
                FieldError(
                    f"contacts.{at}.contact", "This is not a contact of this referral: leave the id out to add somebody"
                )
            ]
        )
    names = {contact_id: work.keys.unseal_or(row.details, {}).get("name", "") for contact_id, row in known.items()}
    return contact.contact or domain.same_person(contact.name, names)


def _is_told(work: Work, referral: tables.Referral, contact: Contact, row: tables.Contact | None) -> bool:
    """Say whether they may be told: as whoever changes it says, else as before; for somebody new, as on a form."""
    if store.is_adopted(work.session, referral.child_id):
        return False
    if contact.safe_to_contact is None and row is not None:
        return row.safe_to_contact
    child, story = _identity(work, referral.child_id), work.keys.unseal_or(referral.story, {})
    return domain.newcomer_may_be_told(
        contact.name, contact.safe_to_contact, child, story, work.today, work.actor.roles
    )


def note_progress(work: Work, noted: ProgressNoted) -> None:
    """Note where a referral stands with an agency. Twice is harmless: what is known already is not said again."""
    stream = progress_stream(noted.reference)
    work.claim(stream)
    known = store.progress_with(work.session, noted.reference, noted.agency)
    if known is None or known.status != noted.status or noted.due_at not in {None, known.due_at}:
        work.append(stream, None, noted)


def progress_stream(reference: str) -> str:
    """Name the stream in which is noted where a referral stands."""
    return f"progress/{reference}"


def note_link(work: Work, renewed: LinkRenewed) -> None:
    """Note which link of the sender's opens. Twice, or late, is harmless: only a later one than known is noted."""
    stream = f"link-noted/{renewed.reference}"
    work.claim(stream)
    if noted := domain.link_noted(renewed, store.link_generation(work.session, renewed.reference)):
        work.append(stream, None, noted)


def _require(event_type: str, status: str) -> None:
    try:
        domain.require(event_type, status, ENDS)
    except domain.NotAllowed as not_allowed:
        raise Refused(not_allowed.code, not_allowed.sentence) from None


def _standing(work: Work, reference: str) -> domain.Standing:
    return store.standings_of(work.session, [reference])[reference]


def unknown(action: str, reference: str) -> access.Denied:
    """Answer for a stranger's referral, with its row in the audit: nobody learns which references there are."""
    return access.Denied(access.Deny(404, "unknown"), asked=(action, reference))


def _find(work: Work, reference: str, action: str) -> tuple[tables.Referral, access.Allow]:
    """Find a referral on which the actor may do this; the audit row is left."""
    known = normal_reference(reference) or ""
    referral = store.find_referral(work.session, work.area.id, known)
    if referral is None:
        raise unknown(action, known)
    subject = store.subject_of(referral, _standing(work, referral.reference).agencies)
    return referral, work.may(action, subject)


def _find_to_change(work: Work, reference: str, action: str) -> tables.Referral:
    """Find a referral that nobody else changes meanwhile."""
    work.claim(f"referral/{normal_reference(reference) or ''}")
    return _find(work, reference, action)[0]


# --- reading ----------------------------------------------------------------------------------------------------------


def show_referral(work: Work, reference: str) -> dict[str, Any]:
    """Show a referral as far as the reader may see it."""
    referral, answer = _find(work, reference, "referral.read")
    story = work.keys.unseal_or(referral.story, {})
    shown = {
        **_summary(referral, _standing(work, referral.reference)),
        "child": _identity(work, referral.child_id),
        "contacts": [_contact_answer(work, row) for row in store.contacts_of(work.session, referral)],
        **story,
        "needs": story.get("needs", []),
        "support": referral.support.split(),
        "waits": store.waits_of(work.session, referral.reference),
        "evidence_missing": reports.evidence_missing(referral.support.split(), story.get("reports", [])),
        "concern_raised_on": referral.concern_raised_on.isoformat(),
        "withdrawal": work.keys.unseal_or(referral.withdrawal, None),
        "additions": [_addition_answer(work, row) for row in store.additions_to(work.session, referral.reference)],
    }
    seen = visibility.visible(shown, answer.categories)
    return seen | {"linked": identity.linked_to(work, referral.child_id)} if answer.relation == "triager" else seen


def list_referrals(work: Work, *, mine: bool, setting: str | None, cursor: str | None) -> dict[str, Any]:
    """List the referrals that the reader may see, the latest first: their own, of a setting, or all of them."""
    actor = work.actor
    known = work.area.setting(setting) if setting else None
    if actor.area != work.area.id or (setting and known is None):
        return {"referrals": [], "next": None}
    by = visibility.relations(actor.person, actor.organisation, actor.agency, () if mine else actor.roles)
    rows = store.find_referrals(work.session, work.area.id, by, known.id if known else None, read_cursor(cursor))
    page = rows[: store.PAGE]
    last = f"{instant(page[-1].received_at)}|{page[-1].reference}" if len(rows) > store.PAGE else None
    allowed = _allowed(work, "referral.read", "referral.list", page)
    standings = store.standings_of(work.session, [row.reference for row in allowed])
    return {"referrals": [_summary(row, standings[row.reference]) for row in allowed], "next": last}


def _allowed(work: Work, action: str, listed: str, rows: Sequence[tables.Referral]) -> list[tables.Referral]:
    """Keep the referrals that the actor may do this to, and leave one audit row for all that are `listed`."""
    standings = store.standings_of(work.session, [row.reference for row in rows])
    found, by = [], access.Allow("nobody")
    for row in rows:
        subject = store.subject_of(row, standings[row.reference].agencies)
        answer = access.decide(work.actor, action, subject, work.area.agreements, work.now)
        if isinstance(answer, access.Allow):
            found.append(row)
            by = answer
    work.shown(listed, [row.reference for row in found], by)
    return found


def _summary(row: tables.Referral, stands: domain.Standing) -> dict[str, Any]:
    """Say where a referral stands, without anything about the child."""
    status, agencies = domain.standing(row.status, stands)
    return {
        "reference": row.reference,
        "status": status,
        "kind": row.kind,
        "received_at": instant(row.received_at),
        "acknowledge_by": instant(row.acknowledge_by),
        "agencies": agencies,
        "flags": row.flags.split(),
    }


def _identity(work: Work, child_id: str) -> dict[str, Any]:
    child = store.child_of(work.session, child_id)
    known: dict[str, Any] = work.keys.unseal_or(child.identity if child else None, {})
    return known


def _contact_answer(work: Work, row: tables.Contact) -> dict[str, Any]:
    details = work.keys.unseal_or(row.details, {})
    return {"contact": row.contact_id, **details, "safe_to_contact": row.safe_to_contact}


def _addition_answer(work: Work, row: tables.ReferralAddition) -> dict[str, Any]:
    return {
        "text": work.keys.unseal_or(row.text, None),
        "evidence": row.evidence.split(),
        "added_at": instant(row.added_at),
        "added_by": row.added_by,
    }


def files_of(work: Work, shown: Mapping[str, Any]) -> list[reports.File]:
    """Name the files of a referral that has been shown, in the form's order."""
    rows = store.find_uploads(work.session, _uploads_of(shown))
    voices = {one.get("upload"): one.get("description") or "" for one in shown.get("reports", [])
              if one["kind"] == reports.CHILD_VOICE}  # fmt: skip
    return [
        reports.File(
            upload=one, name=work.keys.unseal_or(rows[one].name, "file"), kind=rows[one].kind, says=voices.get(one)
        )
        for one in _uploads_of(shown)
        if one in rows
    ]


def _uploads_of(shown: Mapping[str, Any]) -> list[str]:
    added = [one for addition in shown.get("additions", []) for one in addition["evidence"]]
    reports = [one["upload"] for one in shown.get("reports", []) if one.get("upload")]
    return list(dict.fromkeys([*shown.get("evidence", []), *reports, *added]))


def show_evidence(work: Work, reference: str, upload_id: str) -> tuple[bytes, str, str]:
    """Show a file of a referral to who may see its evidence: (bytes, media type, name)."""
    shown = show_referral(work, reference)
    row = store.find_uploads(work.session, [upload_id]).get(upload_id)
    if row is None or upload_id not in _uploads_of(shown):
        raise unknown("referral.read", shown["reference"])
    data = files.read(work.parts.folder / files.FOLDER, work.keys, row.id)
    return data, row.kind, work.keys.unseal_or(row.name, "file")


# --- finding a child --------------------------------------------------------------------------------------------------


def search_children(work: Work, ask: ChildSearch) -> dict[str, Any]:
    """Find children by what is known of them, among those with a referral in the searcher's reach."""
    wanted = domain.search_hashes(work.parts.secret, ask.name or "", ask.date_of_birth, ask.nhs_number)
    found = store.find_children(work.session, work.area.id, wanted)
    rows = store.referrals_of_children(work.session, work.area.id, found)
    children: dict[str, list[str]] = {}
    for row in _allowed(work, "child.search", "child.search", rows):
        children.setdefault(row.child_id, []).append(row.reference)
    return {"children": [{"references": said} | _names(work, child_id) for child_id, said in children.items()]}


def _names(work: Work, child_id: str) -> dict[str, Any]:
    known = _identity(work, child_id)
    return {name: known.get(name) for name in ("given_name", "family_name", "date_of_birth")}
