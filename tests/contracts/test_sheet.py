"""What triage shows of a form: every field has its place there or a reason why not, and the same category opens it."""

import typing

import pytest
from pydantic import BaseModel

from frontdoor.areas import areas_folder, load_area
from referral_intake import visibility
from referral_intake.commands import ReferralForm
from triage_panel import sheet

NOT_SHOWN = {
    "immediate_danger": "such a form is an alert, never a referral",
    "kind": "stands at the top of the page",
    "needs": "stands at the top of the page",
    "support": "stands at the top of the page",
    "contacts": "the people topic is not heard by triage: the page leads to them",
    "evidence": "the files are a list of their own",
    "child.given_name": "the heading",
    "child.family_name": "the heading",
    "child.address_confidential": "a flag, which says so without the address",
    "child.date_of_birth_estimated": "a flag",
    "child.ethnicity": "shown to nobody who decides about one child",
}
SPLIT = {"child", "medical", "setting_detail", "early_review"}
"""Parts of the form of which each field is a line of its own."""


def fields(model, inside=""):
    """The dotted paths of a form down to what triage shows as one line."""
    for name, field in model.model_fields.items():
        below = [one for one in (field.annotation, *typing.get_args(field.annotation)) if isinstance(one, type)]
        nested = next((one for one in below if issubclass(one, BaseModel)), None)
        if not inside and name in SPLIT:
            yield from fields(nested, f"{name}.")
        else:
            yield f"{inside}{name}"


FIELDS = list(fields(ReferralForm))
PARTS = [*sheet.TOP, *(part for _, parts in sheet.SECTIONS for part in parts)]


def test_every_field_of_a_form_is_shown_to_triage_or_left_out_for_a_reason():
    shown = {part.path for part in PARTS}
    assert set(FIELDS) - shown == set(NOT_SHOWN), "Give it a place on the sheet, or say here why it has none."
    assert shown <= set(FIELDS)


@pytest.mark.parametrize("part", PARTS, ids=[part.path for part in PARTS])
def test_the_same_category_opens_a_field_in_intake_and_in_triage(part):
    top, _, field = part.path.partition(".")
    tables = [visibility.PARTS_OF_CHILD, visibility.PARTS] if top == "child" else [visibility.PARTS]
    opens = next(
        name
        for table in tables
        for name, parts in table.items()
        if (field if table is not tables[-1] else top) in parts
    )
    setting = part.path == "child.setting"
    assert part.category == ("education" if setting else opens)


def test_an_area_can_open_each_category_that_the_sheet_names():
    area = load_area(areas_folder() / "sample")
    opened = {name for one in area.agreements for agency in ("health", "education", "care")
              for name in one.purposes["triage"].categories_of(agency)}  # fmt: skip
    assert {part.category for part in PARTS} <= opened
