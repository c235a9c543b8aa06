"""What published forms ask for and ours has, counted label by label; and how much of ours is put before each person."""

import typing
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from frontdoor.access import of_person
from frontdoor.areas import areas_folder, load_area
from frontdoor.testing import NOW
from frontdoor.web.wording import starred
from referral_intake.commands import ReferralForm
from referral_intake.filled_form import Filled
from referral_intake.questions import questions, reader_of

AREA = load_area(areas_folder() / "sample")


@cache
def published():
    file = Path(__file__).parent / "published_forms.yaml"
    return yaml.safe_load(file.read_text(encoding="utf-8"))


MEANINGS = published()["meanings"]
FIELDS = sorted({field for said in MEANINGS.values() if isinstance(said, list) for field in said})


def share(labels):
    """The share of these labels whose meaning has a field of its own or is supplied: (number of labels, share)."""
    counted = Counter(labels)
    without = sum(many for code, many in counted.items() if "left_out" in MEANINGS[code])
    return counted.total(), 1 - without / counted.total()


def test_of_the_labels_on_25_published_forms_95_in_100_have_a_field_or_are_supplied():
    forms = published()["forms"]
    labels, covered = share(code for form in forms for code in form["labels"])
    print(f"{len(forms)} forms, {labels} labels, {len(MEANINGS)} meanings, {covered:.1%}")
    assert len(forms) == 25
    assert covered >= 0.95


def test_of_the_636_labels_that_were_counted_before_95_in_100_have_too():
    survey = published()["survey"]
    counted = Counter(survey["counted"])
    without = sum(many for code, many in counted.items() if "left_out" in MEANINGS[code])
    assert counted.total() < survey["labels"]
    assert 1 - without / survey["labels"] >= 0.95


def test_no_published_form_asks_for_much_that_ours_has_not():
    shares = {form["form"]: share(form["labels"])[1] for form in published()["forms"]}
    assert min(shares.values()) >= 0.8, min(shares, key=shares.get)


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_is_in_the_rule_book_and_asked_on_a_page(field):
    model = ReferralForm
    for part in (part for part in starred(field).split(".") if part != "*"):
        assert part in model.model_fields, field
        model = inside(model.model_fields[part].annotation) or model
    asked = {starred(one.name) for section in questions().sections for page in section.pages for one in page.questions}
    asked |= {name.removesuffix(".*") for name in asked}
    assert starred(field) in asked


def inside(annotation):
    """The model inside a field's type, through lists and what may be left out."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in typing.get_args(annotation) if (found := inside(part))), None)


def test_every_meaning_is_met_on_a_form_and_what_is_left_out_has_a_reason():
    met = {code for form in published()["forms"] for code in form["labels"]} | set(published()["survey"]["counted"])
    assert met == set(MEANINGS)
    assert all(said.get("left_out") or said.get("supplied") for said in MEANINGS.values() if isinstance(said, dict))


# --- how much is put before whom --------------------------------------------------------------------------------------

BORN = {"teacher": 2019, "senco": 2021, "gp": 2022, "health-visitor": 2024, "social-worker": 2014, "parent": 2019}
SHOWN = {
    # person: (fields on the main way, fields behind "More, if you have it", each page to be opened)
    "parent": (40, 24),
    "gp": (53, 60),
    "health-visitor": (56, 74),
    "senco": (57, 72),
    "teacher": (57, 68),
    "social-worker": (56, 69),
}


@pytest.mark.parametrize("person", SHOWN)
def test_nobody_is_shown_more_fields_than_this(person):
    main, more = shown(person)
    print(person, main, more)
    assert (main <= SHOWN[person][0], more <= SHOWN[person][1]) == (True, True), (main, more)


def shown(person):
    """Fields of the form as one person is shown it, with one person to tell and one report: (main way, the rest)."""
    born = {
        "child.date_of_birth-day": "2",
        "child.date_of_birth-month": "5",
        "child.date_of_birth-year": str(BORN[person]),
    }
    row = {} if person == "parent" else {"contacts.0.name": "Anna", "contacts.0.channel": "sms"}
    filled = Filled(reader_of(of_person(AREA.people[person])), AREA, NOW, born | row | {"reports.0.kind": "hearing"})
    names = [(leaf.optional, asked.name) for leaf in filled.leaves for asked in leaf.questions]
    return len({name for optional, name in names if not optional}), len({name for optional, name in names if optional})


def test_a_school_is_not_asked_of_a_ten_year_old_what_concerns_a_toddler():
    slugs = {year: {leaf.slug for leaf in form_of("senco", year).leaves} for year in (2016, 2023, 2010)}
    assert {"early-review", "health-visitor"} & slugs[2016] == set()
    assert {"early-review", "health-visitor"} <= slugs[2023]
    assert ("competence" in slugs[2010], "competence" in slugs[2023]) == (True, False)


def test_what_was_filled_in_for_another_age_is_not_sent_once_the_date_is_put_right():
    scores = {"early_review.outcome": "refer", "child.health_visitor.name": "Grace"}
    young, old = (form_of("health-visitor", year, **scores).data() for year in (2023, 2013))
    assert (young["early_review"], young["child"]["health_visitor"]) == ({"outcome": "refer"}, {"name": "Grace"})
    assert "early_review" not in old
    assert "health_visitor" not in old["child"]


def form_of(person, year, **typed):
    born = {"child.date_of_birth-day": "2", "child.date_of_birth-month": "5", "child.date_of_birth-year": str(year)}
    return Filled(reader_of(of_person(AREA.people[person])), AREA, NOW, born | typed)
