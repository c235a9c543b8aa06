"""What is kept beside the referrals: found where it is surely about a child, and forgotten by itself after a time."""

import json

import pytest
from sqlalchemy import select, text

from frontdoor.seal import Erased
from referral_intake import leftovers
from referral_intake.matching import facts_of, facts_of_any, is_about
from referral_intake.tables import Alert, Draft, Upload, UploadOf

WREN = {"given_name": "Wren Ada", "family_name": "Aldous", "date_of_birth": "2021-03-14", "nhs_number": "9990123012"}


@pytest.mark.parametrize(
    ("said", "near", "about"),
    [
        ({"given_name": "WREN", "family_name": "Aldous", "date_of_birth": "2021-03-14"}, False, True),
        ({"given_name": "Wren", "family_name": "Aldous", "date_of_birth": "2021-03-15"}, True, False),
        ({"given_name": "Wren", "family_name": "Aldous"}, True, True),
        ({"given_name": "Wren", "family_name": "Aldous"}, False, False),
        ({"given_name": "Wren", "family_name": "Aldous", "date_of_birth": "in March"}, True, True),
        ({"given_name": "Wren", "family_name": "Aldous", "nhs_number": "999 012 3012"}, False, True),
        ({"given_name": "Robin Ada", "family_name": "Aldous", "date_of_birth": "2021-03-14"}, True, False),
        ({"given_name": "Wren", "family_name": "Aldous", "nhs_number": "9990101000"}, True, False),
        ({"family_name": "Aldous", "date_of_birth": "2021-03-14"}, True, False),
    ],
)
def test_only_what_is_surely_about_a_child_is_taken_for_theirs(said, near, about):
    assert is_about(facts_of_any(said), facts_of(WREN), near=near) is about


@pytest.mark.parametrize("said", [None, "Wren", [], {}, {"given_name": 7, "previous_names": "x"}])
def test_what_names_nobody_is_about_nobody(said):
    assert facts_of_any(said) is None


def begun(intake, person="senco", **typed):
    """Begin a form; its id."""
    client = intake.stage.as_person(person)
    form = client.post("/refer").headers["location"]
    for page, said in typed.items():
        assert client.post(f"{form}/{page}", data=said).status_code == 303
    return form.rpartition("/")[2]


def uploaded(intake, name="letter.txt"):
    file = (name, name.encode())
    return intake.stage.as_person("senco").post("/api/uploads", files={"file": file}).json()["upload"]


def there(intake, table):
    with intake.stage.look() as session:
        return set(session.connection().scalars(select(table.id)))


def test_a_form_that_nobody_goes_on_with_is_forgotten_with_its_key(intake):
    left, going_on = begun(intake), begun(intake)
    intake.stage.clock.forward(days=89)
    intake.stage.as_person("senco").post(f"/refer/{going_on}/danger", data={"immediate_danger": "no"})
    intake.stage.chores()
    assert there(intake, Draft) == {left, going_on}

    intake.stage.clock.forward(days=1)
    intake.stage.chores()

    assert there(intake, Draft) == {going_on}
    with pytest.raises(Erased):
        intake.stage.keys.seal(left, "x")


def test_a_file_that_no_referral_has_is_forgotten_and_evidence_never(intake):
    loose, evidence = uploaded(intake, "loose.txt"), uploaded(intake, "evidence.txt")
    reference = intake.sent(intake.form(evidence=[evidence]))
    intake.stage.clock.forward(days=91)
    form = begun(intake)
    intake.stage.chores()
    assert there(intake, Upload) == {loose, evidence}  # its sender may still put it into the form

    intake.stage.as_person("senco").post(f"/refer/{form}/delete")
    intake.stage.chores()

    assert there(intake, Upload) == {evidence}
    assert [file.name for file in (intake.stage.parts.folder / "uploads").iterdir() if file.name == loose] == []
    assert intake.get(f"/api/referrals/{reference}/evidence/{evidence}").content == b"evidence.txt"


def test_an_alert_is_kept_until_it_is_read_and_for_a_year_after(intake):
    read, unread = (
        intake.send(intake.form("immediate-danger", child__given_name=name)).json()["alert"] for name in ("Robin", "Jo")
    )
    intake.post(f"/api/alerts/{read}/read", {}, "care-triager")
    intake.stage.clock.forward(days=364)
    intake.stage.chores()
    assert there(intake, Alert) == {read, unread}

    intake.stage.clock.forward(days=1)
    intake.stage.chores()

    assert there(intake, Alert) == {unread}


def test_of_a_file_from_before_it_was_noted_the_referrals_that_name_it_say_whom_it_is_about(intake):
    first, added, loose = (uploaded(intake, f"{name}.txt") for name in ("first", "added", "loose"))
    reference = intake.sent(intake.form(evidence=[first]))
    intake.post(f"/api/referrals/{reference}/additions", {"text": "More", "evidence": [added]})
    child = intake.said("ChildRegistered")[0].child_id
    with intake.stage.parts.database.write() as session:
        session.connection().execute(text("delete from upload_of"))
        session.connection().execute(text("insert into upload_of (upload, child_id) select id, '' from upload"))

    leftovers.note_old_files(intake.stage.parts)

    with intake.stage.look() as session:
        assert sorted(session.connection().execute(select(UploadOf.upload, UploadOf.child_id))) == sorted(
            [(first, child), (added, child)]
        )
    intake.stage.clock.forward(days=91)
    intake.stage.chores()
    assert there(intake, Upload) == {first, added} - {loose}


def test_a_form_an_alert_and_a_file_of_referrals_that_name_the_child_are_found(intake):
    form = intake.form()
    child = form["child"]
    intake.sent(form)
    born = dict(zip(("year", "month", "day"), child["date_of_birth"].split("-"), strict=True))
    name = {f"child.{part}": child[part] for part in ("given_name", "family_name")}
    birth = {f"child.date_of_birth-{part}": number for part, number in born.items()}
    theirs = begun(intake, "teacher", danger={"immediate_danger": "no"}, name=name, birth=birth)
    begun(intake, "teacher", danger={"immediate_danger": "no"}, name=name | {"child.given_name": "Somebodyelse"})
    alert = intake.send(form | {"immediate_danger": True}, "teacher").json()["alert"]
    rows = [json.dumps({"name": "x", "data": {"child": child}})]
    with intake.stage.work("senco") as work:
        work.keys.create("D-BULKBULK", work.now)
        values = work.keys.seal("D-BULKBULK", {"_rows": rows})
        bulk = Draft(id="D-BULKBULK", area="sample", person="senco", values=values, page="bulk", updated_at=work.now)
        work.session.add(bulk)

    found = leftovers.written_about(intake.stage.parts, [intake.said("ChildRegistered")[0].child_id])

    assert found == {theirs, alert, "D-BULKBULK"}
    assert leftovers.unread_alerts(intake.stage.parts, found) == [alert]
