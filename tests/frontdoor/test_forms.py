from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, EmailStr, Field, TypeAdapter, ValidationError, field_validator
from starlette.datastructures import FormData

from frontdoor.web.forms import FieldError, Form, field_errors


class Agency(StrEnum):
    HEALTH = "health"
    CARE = "care"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Child(Strict):
    given_name: Annotated[str, Field(max_length=10)]
    date_of_birth: date | None = None
    nhs_number: str | None = None

    @field_validator("nhs_number")
    @classmethod
    def _check(cls, number: str | None) -> str | None:
        if number != "9434765919":
            raise ValueError("Check the NHS number: it has 10 digits")
        return number


class ByEmail(Strict):
    channel: Literal["email"]
    email: EmailStr


class ByPhone(Strict):
    channel: Literal["phone"]
    phone: str


class Referral(Strict):
    child: Child
    contacts: Annotated[list[Annotated[ByEmail | ByPhone, Field(discriminator="channel")]], Field(min_length=1)]
    agency: Agency
    consent: bool
    support: list[str] = []
    weeks: int | date = 1


PHONE = {"channel": "phone", "phone": "07700 900123"}
GOOD = {"child": {"given_name": "Ada"}, "contacts": [PHONE], "agency": "care", "consent": True}


def sent(**fields: str | list[str]) -> FormData:
    pairs = {name.replace("__", "."): value for name, value in fields.items()}
    return FormData([(k, one) for k, v in pairs.items() for one in (v if isinstance(v, list) else [v])])


def typed_date(day: str, month: str, year: str) -> Form:
    names = [f"child.date_of_birth-{part}" for part in ("day", "month", "year")]
    return Form.from_multidict(FormData(list(zip(names, (day, month, year), strict=True))))


def found(data: object, **options: object) -> dict[str, str]:
    with pytest.raises(ValidationError) as raised:
        Referral.model_validate(data)
    return {error.field: error.message for error in field_errors(raised.value, **options)}  # type: ignore[arg-type]


def test_what_was_typed_is_kept_exactly_and_trimmed_only_for_the_model():
    form = Form.from_multidict(sent(child__given_name="  Ada \r\n"))
    assert form.value("child.given_name") == "  Ada \r\n"
    assert form.data() == {"child": {"given_name": "Ada"}}


def test_an_empty_field_is_absent():
    assert Form.from_multidict(sent(child__given_name="Ada", child__nhs_number="  ")).data() == {
        "child": {"given_name": "Ada"}
    }


def test_the_token_and_the_buttons_are_not_data():
    assert Form.from_multidict(sent(_action="remove", a="1")).data() == {"a": "1"}


def test_one_ticked_box_is_still_a_list():
    form = Form.from_multidict(sent(support="speech"), lists={"support"})
    assert form.data() == {"support": ["speech"]}
    assert Form.from_multidict(sent(support=["a", "b"])).all("support") == ["a", "b"]


def test_yes_and_no_become_booleans_and_no_answer_stays_no_answer():
    declared = {"consent.given", "contacts.*.parental_responsibility"}
    form = Form.from_multidict(sent(consent__given="no", contacts__0__parental_responsibility="yes"), booleans=declared)
    assert form.data() == {"consent": {"given": False}, "contacts": [{"parental_responsibility": True}]}
    assert Form.from_multidict(sent(), booleans=declared).data() == {}


def test_a_box_left_alone_is_false():
    form = Form.from_multidict(
        sent(contacts__0__name="Jo", contacts__1__name="Al", contacts__1__lives_with_child="yes"),
        ticks={"contacts.*.lives_with_child", "immediate_danger"},
    )
    assert form.data()["immediate_danger"] is False
    assert [row["lives_with_child"] for row in form.data()["contacts"]] == [False, True]


def test_an_empty_row_is_left_out_and_errors_still_find_their_row():
    form = Form.from_multidict(sent(contacts__0__name=" ", contacts__2__name="Jo"))
    assert form.data() == {"contacts": [{"name": "Jo"}]}
    assert form.with_errors([FieldError("contacts.0.phone", "Enter phone")]).error("contacts.2.phone") == "Enter phone"


def test_an_error_in_a_list_of_boxes_is_shown_beside_the_boxes():
    form = Form.from_multidict(sent(needs=["SLCN", "XXX"])).with_errors([FieldError("needs.1", "Select a need")])
    assert form.error("needs") == "Select a need"


def test_three_inputs_make_one_date():
    assert typed_date("7", " 03", "2019").data() == {"child": {"date_of_birth": "2019-03-07"}}
    assert typed_date("", "", "").data() == {}
    assert typed_date("", "", "").errors == ()


@pytest.mark.parametrize(
    ("day", "month", "year", "message", "part"),
    [
        ("31", "2", "2019", "Date of birth must be a real date", "day"),
        ("3", "13", "2019", "Date of birth must be a real date: check the month", "month"),
        ("3", "", "2019", "Date of birth must include a month", "month"),
        ("3", "4", "19", "Year in date of birth must have 4 numbers", "year"),
        ("x", "4", "2019", "Date of birth must be a real date: check the day", "day"),
        ("٣", "4", "2019", "Date of birth must be a real date: check the day", "day"),
    ],
)
def test_a_date_that_does_not_exist_says_which_part_is_wrong(day, month, year, message, part):
    form = typed_date(day, month, year)
    assert form.error("child.date_of_birth") == message
    assert form.anchor("child.date_of_birth") == f"child-date_of_birth-{part}"
    assert form.data() == {}
    assert form.value("child.date_of_birth-year") == year


def test_a_wrong_date_is_not_also_called_missing():
    form = typed_date("31", "2", "2019").with_errors([FieldError("child.date_of_birth", "Enter date of birth")])
    assert [error.message for error in form.errors] == ["Date of birth must be a real date"]


def test_an_error_about_a_group_leads_to_its_first_field():
    form = Form.from_multidict(sent(child__given_name="Ada"))
    assert form.anchor("child") == "child-given_name"
    assert form.anchor("needs") == "needs"


def test_a_form_filled_in_beforehand_gives_the_same_data_back():
    data = {"name": "Ada", "born": date(2019, 3, 7), "support": ["a"], "contacts": [{"name": "Jo"}], "gone": None}
    form = Form.of(data, lists={"support"})
    assert form.value("born-month") == "3"
    assert form.data() == {"name": "Ada", "born": "2019-03-07", "support": ["a"], "contacts": [{"name": "Jo"}]}


def test_names_made_to_hurt_do_no_harm():
    names = ["a", "a.b", "." * 50, "x." * 5000, "contacts.999999999.name", "contacts.1x.name", ""]
    assert Form.from_multidict(FormData([(name, "1") for name in names])).data()["a"] == "1"


def test_each_error_says_its_field_and_what_to_do():
    assert found(
        {
            "child": {"given_name": "Bartholomew", "nhs_number": "123"},
            "contacts": [{"channel": "email"}, {"channel": "email", "email": "no"}],
            "agency": "police",
            "colour": "red",
        },
        model=Referral,
    ) == {
        "child.given_name": "Given name must be 10 characters or fewer",
        "child.nhs_number": "Check the NHS number: it has 10 digits",
        "contacts.0.email": "Enter email",
        "contacts.1.email": "Enter an email address in the correct format, like name@example.org",
        "agency": "Agency must be one of: health, care",
        "consent": "Select consent",
        "colour": "This field is not known: remove it",
    }


def test_parts_that_pydantic_adds_are_not_in_the_path():
    wrong = GOOD | {"weeks": "never"}
    assert list(found(wrong)) == list(found(wrong, model=Referral)) == ["weeks"]


def test_a_service_may_say_it_in_its_own_words():
    messages = {"consent:missing": "Select yes if there is consent", "contacts.*.phone": "Enter a phone number"}
    data = {**GOOD, "contacts": [{"channel": "phone"}]}
    del data["consent"]
    assert found(data, messages=messages, model=Referral) == {
        "contacts.0.phone": "Enter a phone number",
        "consent": "Select yes if there is consent",
    }
    named = found({**GOOD, "child": {}}, labels={"child.given_name": "the child's first name"})
    assert named == {"child.given_name": "Enter the child's first name"}


def test_no_message_repeats_what_was_sent():
    secret = "Secret-9f3"
    tries = [
        {"child": {"given_name": secret * 5, "date_of_birth": secret}, "contacts": secret, "agency": secret},
        {"child": secret, "contacts": [{"channel": secret}], "consent": secret, "weeks": secret},
    ]
    for data in tries:
        assert all(secret not in message for message in found(data).values())


def test_every_kind_of_error_has_a_sentence():
    wrong = [(int, "x"), (float, "x"), (Annotated[int, Field(ge=3)], 1), (Annotated[str, Field(min_length=2)], "a")]
    wrong += [(bool, "x"), (list[int], "x"), (dict[str, int], "x"), (Annotated[str, Field(pattern="^a$")], "b")]
    for type_, value in wrong:
        with pytest.raises(ValidationError) as raised:
            TypeAdapter(type_).validate_python(value)
        (error,) = field_errors(raised.value)
        assert error.message
        assert "{" not in error.message
        assert error.field == ""


def test_errors_of_a_request_lose_the_word_body():
    raised = RequestValidationError([{"type": "missing", "loc": ("body", "child", "name"), "msg": "", "input": {}}])
    assert field_errors(raised) == [FieldError("child.name", "Enter name")]
