"""A child's own picture or voice, the review at two, and the health visitor who is named for a child under five."""

import io
import re
import wave
from dataclasses import replace
from html import unescape

import pytest

from frontdoor import files
from frontdoor.work import Refused
from referral_intake import reports, store, uploads

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x28\0\0\0\x1e\x08\x02\0\0\0\0\0\0\0"
NAMED = {"name": "Grace Adeyemi", "email": "grace.adeyemi@example.org"}


def recording():
    made = io.BytesIO()
    with wave.open(made, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(b"\x80" * 8000)
    return made.getvalue()


# --- what a child draws or says ---------------------------------------------------------------------------------------


def sent_with(intake, data, **said):
    upload = intake.stage.as_person("senco").post("/api/uploads", files={"file": ("mine", data)}).json()["upload"]
    report = {"kind": reports.CHILD_VOICE, "upload": upload, **said}
    return intake.sent(intake.form(reports=[report])), upload


@pytest.mark.parametrize(("data", "tag"), [(PNG, "img"), (recording(), "audio")])
def test_a_childs_picture_and_recording_are_shown_with_what_they_show_or_say(intake, data, tag):
    reference, upload = sent_with(intake, data, description="A house with a very small door")
    page = unescape(intake.get(f"/referrals/{reference}", "health-triager").text)
    shown = re.search(rf"<{tag} [^>]*{upload}[^>]*>", page)[0]
    assert f'src="/api/referrals/{reference}/evidence/{upload}"' in shown
    assert ('alt="A house with a very small door"' in shown) == (tag == "img")
    assert "A house with a very small door" in page


def test_a_picture_that_nobody_has_described_says_so_to_who_cannot_see_it(intake):
    reference, _ = sent_with(intake, PNG)
    assert 'alt="Picture by the child, not described"' in intake.get(f"/referrals/{reference}").text


def test_a_recording_is_served_as_what_it_is_and_to_nobody_else(intake):
    reference, upload = sent_with(intake, recording())
    answer = intake.get(f"/api/referrals/{reference}/evidence/{upload}", "education-triager")
    assert (answer.headers["content-type"], answer.content) == ("audio/wav", recording())
    assert intake.get(f"/api/referrals/{reference}/evidence/{upload}", "other-senco").status_code == 404


def test_what_a_child_says_stands_for_no_report(intake):
    reference, _ = sent_with(intake, PNG)
    assert "hearing" in intake.get(f"/api/referrals/{reference}").json()["evidence_missing"]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "page"), [(reports.CHILD_VOICE, "voice-0"), ("hearing", "report-0")])
def test_a_child_is_asked_for_no_accreditation(intake, kind, page):
    parent = intake.stage.as_person("parent")
    form = parent.post("/refer").headers["location"]
    sent = {"file": ("drawing", io.BytesIO(PNG))}
    answer = parent.post(f"{form}/evidence", data={"kind": kind, "upload": "yes"}, files=sent)
    assert answer.headers["location"] == f"{form}/{page}"
    asked = parent.get(answer.headers["location"]).text
    assert ("accreditation" in asked, "description" in asked) == (kind == "hearing", kind != "hearing")
    described = {"reports.0.description": "A house"} if kind == reports.CHILD_VOICE else {"reports.0.kind": kind}
    assert parent.post(f"{form}/{page}", data=described).headers["location"] == f"{form}/evidence"
    assert f'href="{form}/{page}"' in parent.get(f"{form}/evidence").text


@pytest.mark.parametrize("data", [PNG, recording()])
def test_the_scanner_that_looks_into_reports_looks_into_a_childs_file_too(intake, data):
    looked = []
    parts = replace(intake.stage.parts, scan=lambda seen: bool(looked.append(seen)))
    with pytest.raises(Refused) as refused:
        uploads.store_file(parts, "U-23456789", data)
    assert (looked, refused.value.sentence) == ([data], files.UNSAFE)


# --- the review at two, and the health visitor ------------------------------------------------------------------------


@pytest.mark.parametrize(("score", "taken"), [(0, True), (60, True), (61, False), (-5, False), ("15", False)])
def test_a_score_of_a_review_is_a_number_from_0_to_60(shared_intake, score, taken):
    review = {"kind": "integrated", "on": "2026-05-04", "asq": {"months": 24, "communication": score}}
    answer = shared_intake.send(shared_intake.form(early_review=review))
    assert (answer.status_code == 201) == taken
    assert taken or answer.json()["errors"][0]["field"] == "early_review.asq.communication"


def under_five(intake, **more):
    form = intake.form(child__date_of_birth="2023-05-02", child__nhs_number=None)
    form["child"] |= more
    return form


def test_a_named_health_visitor_of_a_child_under_five_is_told_and_their_record_names_them(intake):
    reference = intake.sent(under_five(intake, health_visitor=NAMED))
    shown = intake.get(f"/api/referrals/{reference}").json()
    told = [one for one in shown["contacts"] if one["relationship"] == "health visitor"]
    assert [(one["name"], one["channel"], one["email"]) for one in told] == [
        ("Grace Adeyemi", "email", "grace.adeyemi@example.org")
    ]
    assert shown["child"]["health_visitor"] == NAMED
    assert "no_health_visitor" not in shown["flags"]


@pytest.mark.parametrize("visitor", [{"name": "Grace Adeyemi"}, None])
def test_a_health_visitor_who_cannot_be_reached_is_told_nothing(intake, visitor):
    form = under_five(intake, **({"health_visitor": visitor} if visitor else {}))
    shown = intake.get(f"/api/referrals/{intake.sent(form)}").json()
    assert all(one["relationship"] != "health visitor" for one in shown["contacts"])
    assert ("no_health_visitor" in shown["flags"]) == (visitor is None)


def test_from_the_fifth_birthday_there_is_no_health_visitor_to_tell_and_no_gap(intake):
    shown = intake.get(f"/api/referrals/{intake.sent(intake.form(child__health_visitor=NAMED))}").json()
    assert all(one["relationship"] != "health visitor" for one in shown["contacts"])
    assert "no_health_visitor" not in shown["flags"]


def test_a_health_visitor_who_is_on_the_list_already_is_told_once(intake):
    contact = NAMED | {"relationship": "health visitor", "parental_responsibility": False, "channel": "email"}
    form = under_five(intake, health_visitor=NAMED)
    form["contacts"].append(contact)
    shown = intake.get(f"/api/referrals/{intake.sent(form)}").json()
    assert [one["email"] for one in shown["contacts"] if "email" in one].count("grace.adeyemi@example.org") == 1


def test_children_under_five_without_one_are_counted(intake):
    intake.sent(under_five(intake))
    intake.sent(under_five(intake, health_visitor=NAMED))
    with intake.stage.look() as session:
        assert store.backlog(session, "sample")["no_health_visitor"] == 1
