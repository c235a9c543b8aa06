"""What people may ask of intake: the form's one rule book, with the sentences they read where something is wrong.

Rules that need today's date, the area or the sender's own uploads are in `domain.py` and `handlers.py`.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from nhs_number.validate import calculate_checksum
from pydantic import AfterValidator, Field, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError
from stdnum.gb import upn as upn_number

from frontdoor.calendars import age_on
from frontdoor.events import Agency, Channel, Kind, read_instant
from frontdoor.fields import Email, IsoDate, Name, Phone, Postcode, Short, Text, Typed
from frontdoor.identifiers import normal_reference
from frontdoor.problems import Command, wrong_fields
from frontdoor.web import FieldError
from referral_intake.domain import (
    CONTACT_SCOPES,
    DECIDES_ALONE,
    HEALTH_VISITOR,
    SELF,
    UNDER_FIVE,
    Days,
    NeedCode,
    Noticed,
    ReferrerRole,
    distinct_needs,
    may_be_told,
    mixes_scripts,
    search_words,
)
from referral_intake.form_details import MOST, Address, Details, DoNotContact, HealthVisitor, Involved, Practice

_UPN = re.compile(r"[A-HJ-NP-RT-Z][0-9]{11}[0-9A-HJ-NP-RT-Z]")


# --- numbers and codes ------------------------------------------------------------------------------------------------


def read_nhs_number(text: str) -> str:
    """Give the ten digits of an NHS number, however it is spaced; `ValueError` says what is wrong with it."""
    digits = re.sub(r"[\s\u2010-\u2015-]", "", text)
    if not re.fullmatch(r"[0-9]*", digits):
        raise ValueError("Check the NHS number: it must be made of the numbers 0 to 9")
    if len(digits) != 10:
        raise ValueError("Check the NHS number: it must have 10 digits")
    if len(set(digits)) == 1:
        raise ValueError("Check the NHS number: it cannot be the same digit ten times")
    if calculate_checksum(digits[:9]) != int(digits[9]):
        raise ValueError("Check the NHS number: the last digit does not match")
    return digits


def read_upn(text: str) -> str:
    """Give a UPN in capitals; a temporary one ends in a letter. Only its check letter is checked."""
    number = re.sub(r"\s", "", text).upper()
    if not _UPN.fullmatch(number):
        raise ValueError("UPN must be a letter and then 12 characters, like A123456789012")
    if upn_number.calc_check_digit(number[1:]) != number[0]:
        raise ValueError("Check the UPN: the first letter does not match")
    return number


def read_language(text: str) -> str:
    """Give a language's code (BCP 47), such as `en`, `pl` or `pt-BR`."""
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", text):
        raise ValueError("Language must be a language code, like en or pl")
    return text


def read_support(code: str) -> str:
    """Give the code of a kind of support."""
    if not re.fullmatch(r"[a-z_]{1,60}", code):
        raise ValueError("Support must be a code of small letters and underscores, like speech_and_language")
    return code


def is_test_number(nhs_number: str | None) -> bool:
    """Say whether an NHS number is of the range that is never issued, and kept for tests and demonstrations."""
    return nhs_number is not None and nhs_number.startswith("999")


NhsNumber = Annotated[Typed, AfterValidator(read_nhs_number)]
Upn = Annotated[Typed, AfterValidator(read_upn)]
Language = Annotated[Typed, AfterValidator(read_language)]
SupportCode = Annotated[Typed, AfterValidator(read_support)]


# --- the form ---------------------------------------------------------------------------------------------------------


def wrong(model: str, *fields: tuple[str, str]) -> ValidationError:
    """Say that fields of a model are wrong: (dotted path inside it, sentence)."""
    return ValidationError.from_exception_data(
        model,
        [
            InitErrorDetails(type=PydanticCustomError("rule", sentence), loc=_location(path), input=None)
            for path, sentence in fields
        ],
    )


def _location(path: str) -> tuple[int | str, ...]:
    return tuple(int(part) if part.isdecimal() else part for part in path.split("."))


class Child(Command):
    """Who the referral is about; a child not born yet has an expected date instead of a date of birth."""

    given_name: Name
    family_name: Name
    postcode: Postcode
    date_of_birth: IsoDate | None = None
    expected_date: IsoDate | None = None
    nhs_number: NhsNumber | None = None
    upn: Upn | None = None
    setting: Name | None = None
    sex: Literal["female", "male", "indeterminate", "not_known"] | None = None
    known_as: Name | None = None
    previous_names: list[Name] = Field(default=[], max_length=MOST)
    address: Address = Field(default=[])
    language: Name | None = None
    interpreter: bool | None = None
    ethnicity: Name | None = None
    gp: Practice | None = None
    care_status: Literal["none", "section_20", "section_31", "other"] | None = None
    responsible_authority: Name | None = None
    child_protection: (
        Literal["none", "early_help_plan", "child_in_need", "child_protection_plan", "not_known"] | None
    ) = None
    sen_status: Literal["E", "K", "N"] | None = None
    date_of_birth_estimated: bool | None = None
    sen_status_since: IsoDate | None = None
    year_group: Short | None = None
    taught_with_year: Short | None = None
    access_needs: Text | None = None
    pronouns: Short | None = None
    without_setting: Literal["home_educated", "not_in_education", "too_young"] | None = None
    health_visitor: HealthVisitor | None = None
    service_family: bool | None = None
    """A parent serves, or has served, in the armed forces."""
    address_confidential: bool | None = None
    """Nobody but who sent it and the care team may learn where the child lives."""

    @model_validator(mode="after")
    def _has_one_date(self) -> Self:
        if self.date_of_birth is None and self.expected_date is None:
            sentence = "Enter the date of birth, or the expected date of a baby who is not born yet"
            raise wrong("Child", ("date_of_birth", sentence))
        if self.date_of_birth is not None and self.expected_date is not None:
            raise wrong("Child", ("expected_date", "Enter a date of birth or an expected date, not both"))
        return self

    @property
    def birth(self) -> date:
        """The date of birth, or the expected one."""
        birth = self.date_of_birth or self.expected_date
        assert birth is not None  # noqa: S101  the model has made sure
        return birth

    @property
    def full_name(self) -> str:
        """Given and family name."""
        return f"{self.given_name} {self.family_name}"

    @property
    def names(self) -> str:
        """Every name that the child can be found by."""
        return " ".join([self.full_name, self.known_as or "", *self.previous_names])


class Contact(Command):
    """Somebody to be told what happens: an adult, or the young person."""

    name: Name
    relationship: Short
    parental_responsibility: bool
    channel: Channel
    language: Language = "en"
    email: Email | None = None
    phone: Phone | None = None
    address: Address = Field(default=[])
    postcode: Postcode | None = None
    lives_with_child: bool | None = None
    interpreter: bool | None = None
    safe_to_contact: bool | None = None
    note: Text | None = None
    other_phone: Phone | None = None
    best_time: Name | None = None
    date_of_birth: IsoDate | None = None
    parental_responsibility_note: Text | None = None
    """By what they have it, and what limits it, such as a court order."""

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.channel == "email" and self.email is None:
            raise wrong("Contact", ("email", "Enter an email address, or choose another way to contact them"))
        if self.channel == "sms" and self.phone is None:
            raise wrong("Contact", ("phone", "Enter a telephone number, or choose another way to contact them"))
        return self

    def details(self, home: Mapping[str, Any]) -> dict[str, Any]:
        """Give what is sealed of a contact; who wants letters and gave no address is written to at the child's home.

        An address that must stay confidential is nobody's but theirs who are said to live there.
        """
        details = self.model_dump(mode="json", exclude_none=True, exclude={"contact"})
        lives_there = self.lives_with_child is True or not (
            home.get("address_confidential") or self.lives_with_child is False
        )
        if self.channel == "letter" and not self.address and lives_there and home.get("address"):
            details |= {"address": list(home["address"]), "postcode": home.get("postcode")}
        return details


class Referrer(Command):
    """In which capacity somebody refers; it need not be the sign-in's."""

    role: ReferrerRole
    organisation: Name | None = None
    name: Name | None = None
    phone: Phone | None = None
    email: Email | None = None
    job_title: Name | None = None
    registration: Short | None = None
    address: Address | None = None
    postcode: Postcode | None = None
    known_since: Short | None = None
    own_reference: Short | None = None


class NeedOnForm(Command):
    """A need, as the form has it."""

    code: NeedCode
    rank: Literal["primary", "secondary"]
    detail: Text | None = None


class Consent(Command):
    """Whether the family, or the young person, agrees."""

    given: bool
    by: Name
    on: IsoDate
    method: Name | None = None
    scopes: list[Name] = Field(default=[], max_length=MOST)
    not_given_reason: Text | None = None
    taken_by: Name | None = None
    copy_parents: bool | None = None


class ReferralForm(Details):
    """The referral form, as `POST /api/referrals` takes it and the pages fill it in."""

    kind: Kind = "request"
    child: Child
    contacts: list[Contact] = Field(min_length=1, max_length=MOST)
    referrer: Referrer
    needs: list[NeedOnForm] = Field(min_length=1, max_length=MOST)
    support: list[SupportCode] = Field(default=[], max_length=MOST)
    concern: Text
    concern_raised_on: IsoDate
    tried: list[Text] = Field(default=[], max_length=MOST)
    strengths: Text | None = None
    child_voice: Text | None = None
    family_voice: Text | None = None
    involved: list[Involved] = Field(default=[], max_length=MOST)
    previous_reference: Short | None = None
    do_not_contact: list[DoNotContact] = Field(default=[], max_length=MOST)
    evidence: list[Short] = Field(default=[], max_length=MOST)
    consent: Consent
    immediate_danger: bool

    @model_validator(mode="after")
    def _has_one_primary_need(self) -> Self:
        primary = [at for at, need in enumerate(self.needs) if need.rank == "primary"]
        if len(primary) > 1:
            raise wrong("ReferralForm", (f"needs.{primary[1]}.rank", "Only one need can be the primary need"))
        return self

    @property
    def days(self) -> Days:
        """The days on the form."""
        besides = [*self.days_besides, ("child.sen_status_since", self.child.sen_status_since)]
        born = [(f"contacts.{at}.date_of_birth", one.date_of_birth) for at, one in enumerate(self.contacts)]
        return Days(
            birth=self.child.birth,
            is_expected=self.child.date_of_birth is None,
            consent_on=self.consent.on,
            concern_raised_on=self.concern_raised_on,
            not_in_future=tuple((path, day) for path, day in (*besides, *born) if day is not None),
        )

    def everybody_to_tell(self, age: int) -> list[Contact]:
        """Everybody to be told: the people on the form, and for a child under five their named health visitor."""
        visitor = self.child.health_visitor
        if visitor is None or age >= UNDER_FIVE or not (visitor.email or visitor.phone):
            return self.contacts
        reached = {one.email for one in self.contacts if one.email} | {one.phone for one in self.contacts if one.phone}
        if reached & {visitor.email, visitor.phone}:
            return self.contacts
        told = Contact(
            name=visitor.name,
            relationship=HEALTH_VISITOR,
            parental_responsibility=False,
            channel="email" if visitor.email else "phone",
            email=visitor.email,
            phone=visitor.phone,
        )
        return [*self.contacts, told]

    def may_be_told(self, contact: Contact, age: int, sent_by_young_person: bool) -> bool:
        """Say whether a contact may be told what happens, as the form has it. `age` is the child's, in years."""
        own = search_words(self.child.full_name)
        agreed = any(scope.casefold() in CONTACT_SCOPES for scope in self.consent.scopes)
        agreed = agreed or self.consent.copy_parents is True
        themselves = contact.relationship.casefold() in SELF or search_words(contact.name) == own
        if age >= DECIDES_ALONE and self.consent.copy_parents is False and not themselves:
            return False
        sent_it = sent_by_young_person and self.referrer.role == "young_person"
        return may_be_told(
            age,
            themselves=themselves,
            chosen_by_adult=sent_it or (agreed and search_words(self.consent.by) == own),
            named_not_to=search_words(contact.name) in {search_words(one.name) for one in self.do_not_contact},
            said_safe=contact.safe_to_contact,
        )

    def noticed(self, today: date, *, setting_is_known: bool, organisation_is_known: bool, in_area: bool) -> Noticed:
        """Say what a person should look at."""
        sharing = self.information_sharing
        return Noticed(
            age=age_on(self.child.birth, today),
            birth=self.child.birth,
            today=today,
            has_health_visitor=self.child.health_visitor is not None,
            has_parental_responsibility=any(contact.parental_responsibility for contact in self.contacts),
            unmatched_setting=self.child.setting is not None and not setting_is_known,
            unmatched_organisation=self.referrer.organisation is not None and not organisation_is_known,
            out_of_area=not in_area,
            birth_date_estimated=bool(self.child.date_of_birth_estimated),
            not_born_yet=self.child.date_of_birth is None,
            confidential_address=bool(self.child.address_confidential),
            temporary_upn=self.child.upn is not None and self.child.upn[-1].isalpha(),
            mixed_scripts=mixes_scripts(self.child.names),
            sharing_objection=bool(sharing and (sharing.objection or sharing.not_with)),
        )

    def facts(self) -> dict[str, Any]:
        """Give what a referral's event says in clear, as it stands on the form."""
        return {
            "kind": self.kind,
            "needs": distinct_needs((need.code, need.rank) for need in self.needs),
            "support": tuple(dict.fromkeys(self.support)),
            "referrer_role": self.referrer.role,
            "concern_raised_on": self.concern_raised_on,
            "consent_given": self.consent.given,
            "consent_on": self.consent.on,
            "previous_reference": normal_reference(self.previous_reference or ""),
            "arrived_by": self.arrived.by if self.arrived else None,
        }

    def story(self) -> dict[str, Any]:
        """Give what is sealed in the referral's own event: all but who the child and the contacts are."""
        left_out = {"child", "contacts", "immediate_danger"}
        return self.model_dump(mode="json", exclude_none=True, exclude=left_out)


# --- afterwards -------------------------------------------------------------------------------------------------------


class Withdrawal(Command):
    """Why a referral is taken back."""

    reason: Text


class Addition(Command):
    """What somebody adds to a referral."""

    text: Text
    evidence: list[Short] = Field(default=[], max_length=MOST)


class ChangedContact(Contact):
    """A contact as it is from now on. `contact` is its id; without one it is found by its name, or added."""

    contact: Short | None = None


class NewIdentity(Command):
    """A child has another identity now: the reference of a referral made under it."""

    new_reference: Short


class ContactChange(Command):
    """Who is told what happens, and how, from now on; whoever is not listed stays as they were."""

    contacts: list[ChangedContact] = Field(min_length=1, max_length=MOST)


def read_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    """Read where a page of a list ended: `<received at>|<reference>`; None for the first page."""
    if not cursor:
        return None
    at, _, reference = cursor.partition("|")
    try:
        received_at = read_instant(at)
    except ValueError:
        received_at = None
    if received_at is None or normal_reference(reference) != reference:
        raise wrong_fields([FieldError("cursor", "Use the cursor that the last page gave as next")])
    return received_at, reference


Agencies = Annotated[list[Agency], Field(min_length=1, max_length=3)]
Table = Annotated[dict[SupportCode, Agencies], Field(max_length=MOST)]


class SupportAge(Command):
    """From which age a support is given, and which supports start meanwhile."""

    from_age: Annotated[int, Field(ge=1, le=24)]
    interim: list[SupportCode] = Field(default=[], max_length=MOST)


class PathwayChange(Command):
    """Pathways as somebody wants them: whole, and which version they were made from."""

    based_on: Short
    support: Table
    needs: Annotated[dict[NeedCode, Agencies], Field(max_length=MOST)]
    catch_all: Agencies
    minimum_ages: dict[SupportCode, SupportAge] = Field(default={}, max_length=MOST)
    note: Text


class SameChild(Command):
    """Whether two children are one."""

    same: bool


class ChildSearch(Command):
    """Who somebody looks for; what is given must all match."""

    name: Name | None = None
    date_of_birth: IsoDate | None = None
    nhs_number: NhsNumber | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if self.name is None and self.date_of_birth is None and self.nhs_number is None:
            raise wrong("ChildSearch", ("name", "Enter a name, a date of birth or an NHS number"))
        return self
