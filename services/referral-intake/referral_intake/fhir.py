"""Referrals as FHIR R4 messages: a bundle becomes the form's own data, and a referral becomes a bundle.

Message names are those of NHS England's Booking and Referral Standard (BaRS): `servicerequest-request` and
`servicerequest-response`, with the reasons new, update and delete. What FHIR has no place for stands in extensions of
ours. UK Core's profiles are named on what goes out; whether it conforms to them is not checked. `fhir.resources` reads
and checks the resources; it comes with the extra `fhir`, and is imported only when used.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from frontdoor.problems import Problem, wrong_fields
from frontdoor.web import FieldError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

EVENTS = "https://fhir.nhs.uk/CodeSystem/message-events-bars"
REASONS = "https://fhir.nhs.uk/CodeSystem/message-reason-bars"
NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
UK_CORE = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-"
DEFINITION = "https://fhir.nhs.uk/MessageDefinition/bars-message-servicerequest-"
OURS = "https://frontdoor.example.org/fhir/"
UPN, REFERENCE, NEED, SUPPORT = f"{OURS}upn", f"{OURS}reference", f"{OURS}need", f"{OURS}support"
CHANNEL, RESPONSIBLE, RAISED = f"{OURS}channel", f"{OURS}parental-responsibility", f"{OURS}concern-raised-on"
SEX = {"female": "female", "male": "male", "other": "indeterminate", "unknown": "not_known"}
PARENTS = frozenset({"MTH", "FTH", "PRN", "NMTH", "NFTH", "ADOPTP"})
"""Codes of HL7's RoleCode that say that somebody is a parent."""
ROLES = frozenset(
    {"senco", "teacher", "health_visitor", "gp", "nurse", "midwife", "therapist", "social_worker", "other"}
)
Resource = Mapping[str, Any]
Reason = Literal["new", "update", "delete"]


def check(bundle: Any) -> dict[str, list[Resource]]:
    """Check a bundle against FHIR, and give its resources by type; a `Problem` says where it is wrong."""
    try:
        from fhir.resources.R4B.bundle import Bundle  # noqa: PLC0415  an extra: who has no partner with FHIR needs none
    except ImportError:
        raise Problem(501, "not_installed", "This installation does not speak FHIR: install the extra fhir.") from None
    from pydantic import ValidationError  # noqa: PLC0415

    try:
        Bundle.model_validate(bundle)
    except (ValidationError, ValueError, TypeError, KeyError, AttributeError) as wrong:
        places = wrong.errors()[:20] if isinstance(wrong, ValidationError) else []
        errors = [FieldError(_place(one), "This is not as FHIR R4 has it: correct or remove it") for one in places]
        raise Problem(422, "not_fhir", "The bundle is not as FHIR R4 has it: see errors.", errors=errors) from None
    if bundle.get("type") != "message":
        raise Problem(422, "not_taken", "Send a bundle of the type message: no other is taken here.")
    found: dict[str, list[Resource]] = {}
    for entry in bundle.get("entry") or []:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict):
            found.setdefault(str(resource.get("resourceType")), []).append(resource)
    return found


def _place(error: "ErrorDetails") -> str:
    """Name where a bundle is wrong. A field that FHIR does not know may be named for somebody: only what it is in."""
    known = error["loc"][:-1] if error["type"] == "extra_forbidden" else error["loc"]
    return ".".join(map(str, known))


def reason_of(resources: Mapping[str, list[Resource]]) -> Reason:
    """Say what a message wants; a `Problem` where it is no message that we take. BaRS takes back by an update."""
    header = _one(resources, "MessageHeader")
    event = header.get("eventCoding") or {}
    if event.get("code") != "servicerequest-request":
        raise Problem(422, "not_taken", "Send a servicerequest-request: no other message is taken here.")
    coded = [one.get("code") for one in (header.get("reason") or {}).get("coding") or []]
    reason = next(iter(coded), "new")
    if reason not in {"new", "update", "delete"}:
        raise Problem(422, "not_taken", "Give one of the reasons new, update and delete.")
    ended = _one(resources, "ServiceRequest").get("status") in {"revoked", "entered-in-error"}
    return (
        "delete" if reason == "delete" or (reason == "update" and ended) else "update" if reason == "update" else "new"
    )


def reference_of(resources: Mapping[str, list[Resource]]) -> str:
    """Give our reference of the referral that a message takes back."""
    return _identifier(_one(resources, "ServiceRequest"), REFERENCE) or ""


def message_id(bundle: Mapping[str, Any], resources: Mapping[str, list[Resource]]) -> str:
    """Give what names a message, so that the same one is the same referral."""
    header = _one(resources, "MessageHeader")
    named = (bundle.get("identifier") or {}).get("value") or header.get("id") or bundle.get("id")
    if not named:
        raise Problem(
            422, "not_taken", "Give the bundle an identifier, so that sending it again is not another referral."
        )
    return f"fhir-{str(named)[:100]}"


def to_form(resources: Mapping[str, list[Resource]]) -> dict[str, Any]:
    """Make the form's own data of a message; what it lacks, the form's rule book says."""
    request, patient = _one(resources, "ServiceRequest"), _one(resources, "Patient")
    raised = _extension(request, RAISED, "valueDate") or str(request.get("authoredOn") or "")[:10]
    form = {
        "child": _child(patient),
        "contacts": [_contact(person) for person in resources.get("RelatedPerson", [])],
        "referrer": _referrer(resources),
        "needs": _needs(request),
        "support": _codes(request.get("orderDetail"), SUPPORT),
        "concern": "\n".join(str(note.get("text") or "") for note in request.get("note") or []),
        "concern_raised_on": raised,
        "consent": _consent(resources),
        "immediate_danger": False,
    }
    return {name: value for name, value in form.items() if value not in ("", None)}


def what_is_new(resources: Mapping[str, list[Resource]], shown: Mapping[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """Give what an update adds to a referral as its sender sees it: a text, and the contacts as they are now.

    A `Problem` names what an update cannot change: it must not be lost without anybody being told.
    """
    request = _one(resources, "ServiceRequest")
    child = _child(next(iter(resources.get("Patient", [])), {}))
    wrong = [f"child.{name}" for name, value in child.items() if shown.get("child", {}).get(name) != value]
    asked = {"needs": [one["code"] for one in _needs(request)], "support": _codes(request.get("orderDetail"), SUPPORT)}
    known = {"needs": [one["code"] for one in shown.get("needs", [])], "support": list(shown.get("support", []))}
    wrong += [name for name, codes in asked.items() if codes and codes != known[name]]
    if wrong:
        raise wrong_fields([FieldError(name, UNCHANGING) for name in wrong], "not_taken")
    before = {str(shown.get("concern")), *(str(one["text"]) for one in shown.get("additions", []))}
    notes = [str(note.get("text") or "") for note in request.get("note") or []]
    return "\n".join(note for note in notes if note and note not in before), _changed_contacts(resources, shown)


UNCHANGING = "An update cannot change this: say it in a note, or take the referral back and send another"


def _changed_contacts(resources: Mapping[str, list[Resource]], shown: Mapping[str, Any]) -> list[dict[str, Any]]:
    known = {str(one["contact"]): one for one in shown.get("contacts", [])}
    by_name = {one.get("name"): one for one in known.values()}
    found = []
    for person in resources.get("RelatedPerson", []):
        said = _contact(person)
        before = known.get(str(person.get("id"))) or by_name.get(said["name"]) or {}
        now = _now(person, said, before)
        found += [now] if now != before else []
    return found


def _now(person: Resource, said: dict[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Give a contact as it is after an update: what the message does not say stays as it was."""
    if not before:
        return said
    related = _first(person.get("relationship"))
    unsaid = set() if related.get("text") or related.get("coding") else {"relationship"}
    if not related.get("coding") and _extension(person, RESPONSIBLE, "valueBoolean") is None:
        unsaid.add("parental_responsibility")
    replaced = {"email", "phone"} if person.get("telecom") else set()
    now = {name: value for name, value in before.items() if name not in replaced}
    now |= {name: value for name, value in said.items() if name not in unsaid | {"channel"}}
    needed = {"email": "email", "sms": "phone"}.get(str(before.get("channel")))
    still_reached = needed is None or now.get(needed)
    if _extension(person, CHANNEL, "valueCode") or not still_reached:
        now["channel"] = said["channel"]
    return now


def _child(patient: Resource) -> dict[str, Any]:
    name = _first(patient.get("name"))
    address = _first(patient.get("address"))
    spoken = _first(patient.get("communication")).get("language") or {}
    gp = _first(patient.get("generalPractitioner")).get("display")
    return _known({
        "given_name": " ".join(name.get("given") or []),
        "family_name": name.get("family"),
        "date_of_birth": patient.get("birthDate"),
        "sex": SEX.get(str(patient.get("gender"))),
        "postcode": address.get("postalCode"),
        "address": list(address.get("line") or []),
        "nhs_number": _identifier(patient, NHS_NUMBER),
        "upn": _identifier(patient, UPN),
        "language": spoken.get("text") or _first(spoken.get("coding")).get("code"),
        "gp": {"name": gp} if gp else None,
    })  # fmt: skip


def _contact(person: Resource) -> dict[str, Any]:
    telecom = {one.get("system"): one.get("value") for one in person.get("telecom") or []}
    related = _first(person.get("relationship"))
    codes = {one.get("code") for one in related.get("coding") or []}
    said = _extension(person, RESPONSIBLE, "valueBoolean")
    reached = "email" if telecom.get("email") else "phone" if telecom.get("phone") else "none"
    name = _first(person.get("name"))
    words = name.get("text") or " ".join([*(name.get("given") or []), str(name.get("family") or "")]).strip()
    return _known({
        "name": words,
        "relationship": related.get("text") or _first(related.get("coding")).get("display") or "not said",
        "parental_responsibility": bool(codes & PARENTS) if said is None else said,
        "channel": _extension(person, CHANNEL, "valueCode") or reached,
        "email": telecom.get("email"),
        "phone": telecom.get("phone"),
        "postcode": _first(person.get("address")).get("postalCode"),
        "address": list(_first(person.get("address")).get("line") or []),
    })  # fmt: skip


def _referrer(resources: Mapping[str, list[Resource]]) -> dict[str, Any]:
    practitioner = next(iter(resources.get("Practitioner", [])), {})
    role = next(iter(resources.get("PractitionerRole", [])), {})
    organisation = next(iter(resources.get("Organization", [])), {})
    name = _first(practitioner.get("name"))
    code = next((code for one in role.get("code") or [] for code in [_first(one.get("coding")).get("code")]), "other")
    telecom = {one.get("system"): one.get("value") for one in practitioner.get("telecom") or []}
    return _known({
        "role": code if code in ROLES else "other",
        "name": name.get("text") or " ".join([*(name.get("given") or []), str(name.get("family") or "")]).strip(),
        "organisation": organisation.get("name"),
        "email": telecom.get("email"),
        "phone": telecom.get("phone"),
    })  # fmt: skip


def _needs(request: Resource) -> list[dict[str, str]]:
    codes = _codes(request.get("reasonCode"), NEED)
    return [{"code": code, "rank": "secondary" if at else "primary"} for at, code in enumerate(codes)]


def _consent(resources: Mapping[str, list[Resource]]) -> dict[str, Any]:
    consent = next(iter(resources.get("Consent", [])), None)
    if consent is None:
        return {}
    denied = (consent.get("provision") or {}).get("type") == "deny"
    by = _first(consent.get("performer")).get("display")
    given = consent.get("status") == "active" and not denied
    return _known({"given": given, "by": by, "on": str(consent.get("dateTime") or "")[:10]})


# --- out --------------------------------------------------------------------------------------------------------------


def to_bundle(shown: Mapping[str, Any], *, response: bool) -> dict[str, Any]:
    """Make a message of a referral as its reader may see it: the answer to a request, or the request itself."""
    reference = str(shown["reference"])
    event = "servicerequest-response" if response else "servicerequest-request"
    header = {
        "resourceType": "MessageHeader",
        "id": f"header-{reference}",
        "eventCoding": {"system": EVENTS, "code": event},
        "source": {"endpoint": OURS},
        "reason": {"coding": [{"system": REASONS, "code": "new"}]},
        "focus": [{"reference": f"ServiceRequest/{reference}"}],
        "definition": f"{DEFINITION}{'response' if response else 'request'}-referral",
    }
    if response:
        header["response"] = {"identifier": reference, "code": "ok"}
    resources = [header, _service_request(shown)]
    if shown.get("child"):
        resources.append(_patient(shown["child"], reference))
    resources += [_related(one, reference) for one in shown.get("contacts", [])]
    entries = [{"fullUrl": f"{OURS}{one['resourceType']}/{one['id']}", "resource": one} for one in resources]
    return {"resourceType": "Bundle", "type": "message", "timestamp": shown["received_at"], "entry": entries}


def _service_request(shown: Mapping[str, Any]) -> dict[str, Any]:
    reference = str(shown["reference"])
    ended = {"withdrawn": "revoked", "closed": "completed"}
    reasons = [{"coding": [{"system": NEED, "code": one["code"]}]} for one in shown.get("needs", [])]
    asked = [{"coding": [{"system": SUPPORT, "code": code}]} for code in shown.get("support", [])]
    raised = shown.get("concern_raised_on")
    return _known({
        "resourceType": "ServiceRequest",
        "meta": {"profile": [f"{UK_CORE}ServiceRequest"]},
        "id": reference,
        "identifier": [{"system": REFERENCE, "value": reference}],
        "status": ended.get(str(shown["status"]), "active"),
        "intent": "order",
        "subject": {"reference": f"Patient/patient-{reference}"},
        "authoredOn": shown["received_at"],
        "reasonCode": reasons,
        "orderDetail": asked,
        "note": [{"text": shown["concern"]}] if shown.get("concern") else None,
        "extension": [{"url": RAISED, "valueDate": raised}] if raised else None,
    })  # fmt: skip


def _patient(child: Mapping[str, Any], reference: str) -> dict[str, Any]:
    numbers = ((NHS_NUMBER, child.get("nhs_number")), (UPN, child.get("upn")))
    genders = {ours: theirs for theirs, ours in SEX.items()}
    home = _known({"line": list(child.get("address") or []), "postalCode": child.get("postcode")})
    return _known({
        "resourceType": "Patient",
        "meta": {"profile": [f"{UK_CORE}Patient"]},
        "id": f"patient-{reference}",
        "identifier": [{"system": system, "value": value} for system, value in numbers if value],
        "name": [{"given": [child.get("given_name")], "family": child.get("family_name")}],
        "birthDate": child.get("date_of_birth"),
        "gender": genders.get(str(child.get("sex"))),
        "address": [home] if home else None,
    })  # fmt: skip


def _related(contact: Mapping[str, Any], reference: str) -> dict[str, Any]:
    ways = (("email", contact.get("email")), ("phone", contact.get("phone")))
    said = [{"url": RESPONSIBLE, "valueBoolean": bool(contact.get("parental_responsibility"))}]
    said += [{"url": CHANNEL, "valueCode": contact["channel"]}] if contact.get("channel") else []
    return _known({
        "resourceType": "RelatedPerson",
        "meta": {"profile": [f"{UK_CORE}RelatedPerson"]},
        "id": str(contact["contact"]),
        "patient": {"reference": f"Patient/patient-{reference}"},
        "name": [{"text": contact.get("name") or "Name erased"}],
        "relationship": [{"text": contact["relationship"]}] if contact.get("relationship") else None,
        "telecom": [{"system": system, "value": value} for system, value in ways if value],
        "extension": said,
    })  # fmt: skip


def outcome(problem: Problem) -> dict[str, Any]:
    """Say what is wrong as FHIR does; never what was sent."""
    errors = problem.errors or [FieldError("", problem.title)]
    codes = {401: "login", 403: "forbidden", 404: "not-found", 409: "conflict", 413: "too-long"}
    issues = [
        _known({
            "severity": "error",
            "code": codes.get(problem.status, "invalid"),
            "details": {"coding": [{"system": f"{OURS}problem", "code": problem.code}]},
            "diagnostics": error.message,
            "expression": [error.field] if error.field else None,
        })
        for error in errors
    ]  # fmt: skip
    profile = {"profile": [f"{UK_CORE}OperationOutcome"]}
    return {"resourceType": "OperationOutcome", "meta": profile, "issue": issues}


# --- reading ----------------------------------------------------------------------------------------------------------


def _one(resources: Mapping[str, list[Resource]], kind: str) -> Resource:
    found = resources.get(kind, [])
    if len(found) != 1:
        raise Problem(422, "not_taken", f"The message must hold one {kind}, not {len(found)}.")
    return found[0]


def _first(items: Any) -> Mapping[str, Any]:
    first = next(iter(items), None) if isinstance(items, list) else None
    return first if isinstance(first, dict) else {}


def _identifier(resource: Resource, system: str) -> str | None:
    return next((one.get("value") for one in resource.get("identifier") or [] if one.get("system") == system), None)


def _extension(resource: Resource, url: str, value: str) -> Any:
    return next((one.get(value) for one in resource.get("extension") or [] if one.get("url") == url), None)


def _codes(concepts: Any, system: str) -> list[str]:
    listed: Iterable[Any] = concepts if isinstance(concepts, list) else []
    coded = (coding for one in listed for coding in one.get("coding") or [])
    return [str(one.get("code")) for one in coded if one.get("system") == system]


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", [])}
