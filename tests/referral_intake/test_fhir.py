"""Partners who speak FHIR R4 send, read and take back the same referrals, by the same rules."""

import copy

import pytest
from fhir.resources.R4B.bundle import Bundle

from referral_intake import fhir

MESSAGE = {
    "resourceType": "Bundle",
    "type": "message",
    "identifier": {"system": "https://partner.example.org", "value": "7f6e"},
    "timestamp": "2026-11-17T10:00:00Z",
    "entry": [
        {
            "resource": {
                "resourceType": "MessageHeader",
                "id": "h1",
                "eventCoding": {"system": fhir.EVENTS, "code": "servicerequest-request"},
                "reason": {"coding": [{"system": fhir.REASONS, "code": "new"}]},
                "source": {"endpoint": "https://partner.example.org"},
            }
        },
        {
            "resource": {
                "resourceType": "ServiceRequest",
                "id": "s1",
                "status": "active",
                "intent": "order",
                "subject": {"reference": "Patient/p1"},
                "authoredOn": "2026-11-16",
                "reasonCode": [{"coding": [{"system": fhir.NEED, "code": "SLCN"}]}],
                "orderDetail": [{"coding": [{"system": fhir.SUPPORT, "code": "speech_and_language"}]}],
                "note": [{"text": "Strangers understand about half of what Wren says."}],
            }
        },
        {
            "resource": {
                "resourceType": "Patient",
                "id": "p1",
                "identifier": [{"system": fhir.NHS_NUMBER, "value": "9990123012"}],
                "name": [{"given": ["Wren"], "family": "Aldous"}],
                "birthDate": "2021-03-14",
                "gender": "female",
                "address": [{"line": ["1 Quay Lane"], "postalCode": "SS3 9ZZ"}],
            }
        },
        {
            "resource": {
                "resourceType": "RelatedPerson",
                "id": "r1",
                "patient": {"reference": "Patient/p1"},
                "name": [{"text": "Marian Aldous"}],
                "relationship": [{"text": "mother", "coding": [{"code": "MTH"}]}],
                "telecom": [{"system": "email", "value": "marian@example.org"}],
            }
        },
        {
            "resource": {
                "resourceType": "Consent",
                "id": "c1",
                "status": "active",
                "scope": {"coding": [{"code": "patient-privacy"}]},
                "category": [{"coding": [{"code": "DRC"}]}],
                "dateTime": "2026-11-10",
                "performer": [{"display": "Marian Aldous"}],
                "policyRule": {"coding": [{"code": "OPTIN"}]},
            }
        },
    ],
}
PATH = "/api/fhir/$process-message"


def message(**changed):
    """The message, with fields of its resources changed: `Patient__birthDate=…`; None takes a resource away."""
    made = copy.deepcopy(MESSAGE)
    for path, value in changed.items():
        kind, _, field = path.partition("__")
        entry = next(one for one in made["entry"] if one["resource"]["resourceType"] == kind)
        if field:
            entry["resource"][field] = value
        else:
            made["entry"].remove(entry)
    return made


def resource(bundle, kind):
    return next(one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == kind)


def test_a_message_becomes_a_referral_by_the_same_rules(intake):
    answer = intake.post(PATH, message(), "gp")
    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/fhir+json")
    bundle = answer.json()
    Bundle.model_validate(bundle)
    assert resource(bundle, "MessageHeader")["eventCoding"]["code"] == "servicerequest-response"
    event = intake.said("ReferralSubmitted")[0]
    assert resource(bundle, "ServiceRequest")["identifier"][0]["value"] == event.reference
    assert (event.agencies, event.sent_by) == (("education", "health"), "gp")
    shown = intake.get(f"/api/referrals/{event.reference}", "gp").json()
    assert shown["child"]["nhs_number"] == "9990123012"
    assert shown["contacts"][0] | {"contact": ""} == shown["contacts"][0] | {"contact": "", "channel": "email"}
    assert shown["consent"] == {"given": True, "by": "Marian Aldous", "on": "2026-11-10", "scopes": []}


def test_what_goes_out_comes_in_again_the_same(intake):
    reference = intake.sent(intake.form(child__sex="female"))
    bundle = intake.get(f"/api/fhir/ServiceRequest/{reference}", "senco").json()
    Bundle.model_validate(bundle)
    again = fhir.to_form(fhir.check(bundle))
    shown = intake.get(f"/api/referrals/{reference}").json()
    for name in ("given_name", "family_name", "date_of_birth", "postcode", "nhs_number", "upn", "sex"):
        assert again["child"][name] == shown["child"][name]
    assert again["needs"] == shown["needs"]
    assert (again["support"], again["concern"]) == (shown["support"], shown["concern"])
    assert again["concern_raised_on"] == shown["concern_raised_on"]
    assert again["contacts"][0]["channel"] == shown["contacts"][0]["channel"]


def test_the_same_message_again_is_the_same_referral(intake):
    first, second = (intake.post(PATH, message(), "gp").json() for _ in range(2))
    assert resource(first, "ServiceRequest")["id"] == resource(second, "ServiceRequest")["id"]
    assert len(intake.said("ReferralSubmitted")) == 1


def test_a_message_takes_its_referral_back(intake):
    reference = resource(intake.post(PATH, message(), "gp").json(), "ServiceRequest")["id"]
    header = {"reason": {"coding": [{"code": "delete"}]}}
    gone = message(
        MessageHeader__reason=header["reason"],
        ServiceRequest__identifier=[{"system": fhir.REFERENCE, "value": reference}],
        ServiceRequest__status="revoked",
    )
    assert intake.post(PATH, gone, "health-visitor").status_code == 404
    answer = intake.post(PATH, gone, "gp")
    assert (answer.status_code, resource(answer.json(), "ServiceRequest")["status"]) == (200, "revoked")
    assert intake.said("ReferralWithdrawn")


def update(intake, person="gp", identifier="7f6f", **changed):
    """A message that says more of the one referral there is."""
    changed.setdefault("MessageHeader__reason", {"coding": [{"code": "update"}]})
    reference = intake.said("ReferralSubmitted")[0].reference
    made = message(ServiceRequest__identifier=[{"system": fhir.REFERENCE, "value": reference}], **changed)
    return intake.post(PATH, made | {"identifier": {"value": identifier}}, person)


@pytest.fixture
def told(intake):
    """Intake with the message's referral in it."""
    assert intake.post(PATH, message(), "gp").status_code == 201
    return intake


def test_an_update_adds_what_is_new_and_is_taken_once(told):
    notes = MESSAGE["entry"][1]["resource"]["note"] + [{"text": "She has had a hearing test since."}]
    answers = [update(told, ServiceRequest__note=notes) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    Bundle.model_validate(answers[0].json())
    reference = resource(answers[0].json(), "ServiceRequest")["id"]
    added = told.get(f"/api/referrals/{reference}", "gp").json()["additions"]
    assert [one["text"] for one in added] == ["She has had a hearing test since."]
    assert told.said("ContactChanged") == []


def test_an_update_changes_how_somebody_is_reached(told):
    telecom = [{"system": "phone", "value": "07700 900601"}]
    assert update(told, RelatedPerson__telecom=telecom).status_code == 200
    reference = told.said("ReferralSubmitted")[0].reference
    [contact] = told.get(f"/api/referrals/{reference}", "gp").json()["contacts"]
    assert (contact["name"], contact["channel"], contact["phone"]) == ("Marian Aldous", "phone", "+44 7700 900601")
    assert told.said("ReferralAmended") == []


def test_what_an_update_does_not_say_of_a_contact_stays_as_it_was(told):
    update(told, RelatedPerson__relationship=[{"text": "mum"}], RelatedPerson__telecom=[])
    reference = told.said("ReferralSubmitted")[0].reference
    [contact] = told.get(f"/api/referrals/{reference}", "gp").json()["contacts"]
    assert (contact["relationship"], contact["parental_responsibility"]) == ("mum", True)
    assert (contact["channel"], contact["email"]) == ("email", "marian@example.org")


def test_what_an_update_cannot_change_is_refused_and_not_lost_in_silence(told):
    answer = update(told, Patient__birthDate="2021-03-15")
    [issue] = answer.json()["issue"]
    assert (answer.status_code, issue["expression"]) == (422, ["child.date_of_birth"])
    assert "take the referral back" in issue["diagnostics"]


def test_an_update_that_ends_the_request_takes_it_back(told):
    assert update(told, ServiceRequest__status="revoked").status_code == 200
    assert told.said("ReferralWithdrawn")


def test_an_update_of_a_strangers_referral_finds_nothing(told):
    assert update(told, "health-visitor").status_code == 404


def test_an_update_without_anything_new_changes_nothing(told):
    assert update(told).status_code == 200
    assert told.said("ReferralAmended") == told.said("ContactChanged") == []


def test_what_goes_out_names_the_profiles_of_uk_core(told):
    bundle = told.get(f"/api/fhir/ServiceRequest/{told.said('ReferralSubmitted')[0].reference}", "gp").json()
    named = {one["resource"]["resourceType"]: one["resource"].get("meta") for one in bundle["entry"]}
    for kind in ("ServiceRequest", "Patient", "RelatedPerson"):
        assert named[kind] == {"profile": [f"https://fhir.hl7.org.uk/StructureDefinition/UKCore-{kind}"]}


@pytest.mark.parametrize(("wrong", "status", "where"), [
    (message(Patient__birthDate="2026-13-01"), 422, None),
    (message(Patient__birthDate="2027-01-01"), 422, "child.date_of_birth"),
    (message(Patient__identifier=[{"system": fhir.NHS_NUMBER, "value": "9990123013"}]), 422, "child.nhs_number"),
    (message(ServiceRequest__reasonCode=[]), 422, None),
    (message(Consent=None), 422, "consent.given"),
    (message(Consent__status="rejected"), 422, "consent.given"),
    (message(Patient=None), 422, None),
    (message(MessageHeader__eventCoding={"code": "booking-request"}), 422, None),
    (message(MessageHeader__reason={"coding": [{"code": "merge"}]}), 422, None),
    (message() | {"type": "document"}, 422, None),
    (message() | {"Wren Aldous": 1}, 422, None),
    (message(Patient__Aldous="Wren"), 422, None),
    (message(RelatedPerson=None), 422, "contacts"),
    ({"resourceType": "Patient"}, 422, None),
    ({"resourceType": "Bundle", "type": "message", "entry": [{"resource": "x"}]}, 422, None),
    ([], 422, None),
    ({"resourceType": "Bundle", "type": "message", "entry": 5}, 422, None),
])  # fmt: skip
def test_a_message_that_is_wrong_is_answered_as_fhir_does_and_never_repeated(intake, wrong, status, where):
    answer = intake.post(PATH, wrong, "gp")
    said = answer.json()
    assert (answer.status_code, said["resourceType"]) == (status, "OperationOutcome")
    assert where is None or where in [place for one in said["issue"] for place in one.get("expression", [])]
    assert not any(word in answer.text for word in ("Wren", "Aldous", "999012301"))
    assert intake.said("ReferralSubmitted") == []


def test_a_stranger_reads_nothing(intake):
    reference = intake.sent()
    assert intake.get(f"/api/fhir/ServiceRequest/{reference}", "other-senco").status_code == 404
    assert intake.post(PATH, message(), "auditor").status_code == 403


def test_a_triager_sees_by_fhir_no_more_than_elsewhere(intake):
    reference = intake.sent(intake.form(child__address=["1 Safe House"], child__address_confidential=True))
    bundle = intake.get(f"/api/fhir/ServiceRequest/{reference}", "health-triager").text
    assert "Safe House" not in bundle


def test_a_body_that_is_no_fhir_is_refused(intake):
    client = intake.stage.as_person("gp")
    assert client.post(PATH, content=b"<Bundle/>", headers={"Content-Type": "application/fhir+xml"}).status_code == 415
