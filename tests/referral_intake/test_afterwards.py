"""What may follow a referral: additions, other contacts, taking it back; and how triage's answers show."""

import re

import pytest

from frontdoor.events import EntryAccepted, EntryClosed, EntryRedirected, LinkRenewed, ReferralQueued
from frontdoor.testing import NOW


def test_an_addition_is_shown_to_who_reads_the_referral(intake):
    reference = intake.sent()
    answer = intake.post(f"/api/referrals/{reference}/additions", {"text": "The hearing test was fine."})
    shown = intake.get(f"/api/referrals/{reference}", "health-triager").json()["additions"]
    assert answer.status_code == 201
    assert [(one["text"], one["added_by"]) for one in shown] == [("The hearing test was fine.", "senco")]


def test_an_addition_names_the_agencies_that_must_see_it(intake):
    reference = intake.sent()
    intake.post(f"/api/referrals/{reference}/additions", {"text": "More"})
    assert intake.said("ReferralAmended")[0].agencies == ("education", "health")


def test_a_referral_can_be_taken_back_once(intake):
    reference = intake.sent()
    first = intake.post(f"/api/referrals/{reference}/withdraw", {"reason": "Moved away"})
    again = intake.post(f"/api/referrals/{reference}/withdraw", {"reason": "Moved away"})
    assert first.json() == {"reference": reference, "status": "withdrawn"}
    assert (again.status_code, again.json()["code"]) == (409, "not_allowed")
    assert len(intake.said("ReferralWithdrawn")) == 1


def test_taking_it_back_twice_under_one_key_is_answered_once(intake):
    path = f"/api/referrals/{intake.sent()}/withdraw"
    first, again = (intake.post(path, {"reason": "Moved"}, key="a-key") for _ in range(2))
    assert first.json() == again.json()
    assert again.headers["idempotent-replay"] == "true"


def test_what_was_taken_back_shows_so_with_every_agency(intake):
    reference = intake.sent()
    intake.post(f"/api/referrals/{reference}/withdraw", {"reason": "Moved away"})
    shown = intake.get(f"/api/referrals/{reference}").json()
    assert (shown["status"], {entry["status"] for entry in shown["agencies"]}) == ("withdrawn", {"withdrawn"})


def test_nothing_is_added_to_what_was_taken_back(intake):
    reference = intake.sent()
    intake.post(f"/api/referrals/{reference}/withdraw", {"reason": "Moved away"})
    assert intake.post(f"/api/referrals/{reference}/additions", {"text": "More"}).status_code == 409


@pytest.mark.parametrize(("action", "body"), [("withdraw", {}), ("withdraw", {"reason": " "}), ("additions", {})])
def test_taking_back_and_adding_need_words(shared_intake, action, body):
    assert shared_intake.post(f"/api/referrals/{shared_intake.sent()}/{action}", body).status_code == 422


CONTACT = {"name": "Marian Aldous", "relationship": "mother", "parental_responsibility": True, "language": "en"}


def test_a_contact_of_the_same_name_is_changed_not_added(intake):
    reference = intake.sent()
    change = {"contacts": [{**CONTACT, "channel": "email", "email": "marian@example.org"}]}
    answer = intake.post(f"/api/referrals/{reference}/contacts", change)
    (changed,) = intake.said("ContactChanged")
    assert answer.json()["contacts"] == [{"contact": changed.contact_id, "channel": "email"}]
    assert [one["email"] for one in intake.get(f"/api/referrals/{reference}").json()["contacts"]] == [
        "marian@example.org"
    ]


def test_a_contact_is_changed_by_its_id(intake):
    reference = intake.sent()
    contact = intake.get(f"/api/referrals/{reference}").json()["contacts"][0]["contact"]
    intake.post(
        f"/api/referrals/{reference}/contacts",
        {**CONTACT, "name": "Marian Smith", "channel": "none", "contact": contact},
    )
    assert [event.contact_id for event in intake.said("ContactChanged")] == [contact]


def test_somebody_new_is_added(intake):
    reference = intake.sent()
    intake.post(f"/api/referrals/{reference}/contacts", [{**CONTACT, "name": "Gran Aldous", "channel": "none"}])
    assert len(intake.said("ContactAdded")) == 2


def test_another_referrals_contact_is_not_changed(intake):
    reference, other = intake.sent(), intake.sent()
    theirs = intake.get(f"/api/referrals/{other}").json()["contacts"][0]["contact"]
    change = {**CONTACT, "channel": "none", "contact": theirs}
    answer = intake.post(f"/api/referrals/{reference}/contacts", change)
    assert answer.json()["errors"][0]["field"] == "contacts.0.contact"


def test_who_was_not_to_be_told_is_not_told_because_their_telephone_changed(intake):
    reference = intake.sent(intake.form(do_not_contact=[{"name": "Marian Aldous"}]))
    intake.post(f"/api/referrals/{reference}/contacts", {**CONTACT, "channel": "sms", "phone": "07700 900777"})
    assert intake.said("ContactChanged")[0].safe_to_contact is False


def queued(reference, agency):
    return ReferralQueued(
        reference=reference, agency=agency, child_id="C-22222222", kind="request", received_at=NOW, due_at=NOW,
        standard="triage", standard_version="1", calendar_version="1", priority="routine", needs=(), support=(),
        sent_by="senco", organisation=None, setting=None, out_of_area=False, to_be_sorted=False,
        story="s1.C-22222222.AAAA",
    )  # fmt: skip


def standing(intake, reference):
    shown = intake.get(f"/api/referrals/{reference}").json()
    return shown["status"], {entry["agency"]: entry["status"] for entry in shown["agencies"]}


def test_until_triage_has_said_so_no_agency_has_a_due_date(intake):
    shown = intake.get(f"/api/referrals/{intake.sent()}").json()
    assert {(entry["status"], entry["due_at"]) for entry in shown["agencies"]} == {("queued", None)}


def test_what_triage_says_shows_with_each_agency(intake):
    reference = intake.sent()
    intake.stage.hears(f"entry/{reference}/health", queued(reference, "health"))
    fields = {"reference": reference, "agency": "health", "child_id": "C-22222222"}
    intake.stage.hears(f"entry/{reference}/health", EntryAccepted(priority="routine", **fields))
    shown = intake.get(f"/api/referrals/{reference}").json()["agencies"]
    assert [(entry["status"], entry["due_at"]) for entry in shown] == [
        ("queued", None),
        ("accepted", "2026-11-18T09:30:00.000000Z"),
    ]


def test_what_is_heard_twice_is_noted_once(intake):
    reference = intake.sent()
    intake.stage.hears_again(*intake.stage.hears(f"entry/{reference}/health", queued(reference, "health")))
    assert len(intake.said("ProgressNoted")) == 1


def test_an_agency_that_it_was_passed_to_may_read_it(intake):
    reference = intake.sent()
    fields = {"reference": reference, "agency": "health", "child_id": "C-22222222", "reason_code": "other"}
    intake.stage.hears(f"entry/{reference}/health", queued(reference, "health"))
    intake.stage.hears(f"entry/{reference}/health", EntryRedirected(redirect_to="care", **fields))
    intake.stage.hears(f"entry/{reference}/care", queued(reference, "care"))
    assert standing(intake, reference)[1] == {"care": "queued", "education": "queued", "health": "redirected"}
    assert intake.get(f"/api/referrals/{reference}", "care-triager").status_code == 200
    assert len(intake.get("/api/referrals", "care-triager").json()["referrals"]) == 1


def test_a_referral_is_closed_when_every_agency_has_closed_it(intake):
    reference = intake.sent()
    for agency in ("health", "education"):
        fields = {"reference": reference, "agency": agency, "child_id": "C-22222222", "reason_code": "need_met"}
        intake.stage.hears(f"entry/{reference}/{agency}", queued(reference, agency), EntryClosed(**fields))
    assert standing(intake, reference) == ("closed", {"education": "closed", "health": "closed"})


def renews(intake, reference, generation, recipient="sender", told_by="link"):
    """Let the record renew a link; `told_by` is another stream where news must not be in order."""
    renewed = LinkRenewed(reference=reference, recipient=recipient, generation=generation)
    return intake.stage.hears(f"{told_by}/{reference}/{recipient}", renewed)


def links(intake, reference):
    """Each family link on the pages of a referral, as (recipient, generation)."""
    pages = [intake.get(f"/referrals/{reference}{page}").text for page in ("", "/received")]
    return [found for page in pages for found in re.findall(rf"/family/{reference}\.([^.]+)\.(\d+)\.", page)]


def test_after_a_renewal_the_pages_of_a_referral_show_the_senders_link_that_opens(intake):
    reference, other = intake.sent(), intake.sent()
    renews(intake, reference, 2)
    assert links(intake, reference) == [("sender", "2")] * 2
    assert links(intake, other) == [("sender", "1")] * 2


def test_a_contacts_renewed_link_is_not_the_senders(intake):
    reference = intake.sent()
    renews(intake, reference, 2, recipient="K-2AAAAAAA")
    assert links(intake, reference) == [("sender", "1")] * 2
    assert intake.said("SenderLinkNoted") == []


def test_of_renewals_out_of_order_and_twice_the_latest_holds_and_is_noted_once(intake):
    reference = intake.sent()
    latest = renews(intake, reference, 3)
    intake.stage.hears_again(*latest)
    renews(intake, reference, 2, told_by="late")
    renews(intake, reference, 3, told_by="again")
    assert links(intake, reference) == [("sender", "3")] * 2
    assert [noted.generation for noted in intake.said("SenderLinkNoted")] == [3]
