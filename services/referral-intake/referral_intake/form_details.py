"""What a referral may say besides: parts of the form that published forms ask for, every one of them optional.

None is a gate (a diagnosis, a plan, a report): what is not known is left out, and a person may add it later.
"""

import re
from datetime import date, time
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from frontdoor.events import Agency, ArrivedBy
from frontdoor.fields import Email, IsoDate, Name, Phone, Short, Text, Typed
from frontdoor.problems import Command
from referral_intake.reports import ReportKind

MOST = 100
"""Rows that any list of the form may have."""
Address = Annotated[list[Name], Field(max_length=MOST)]
Score = Annotated[int, Field(ge=0, le=60)]
Source = Literal["nhs", "private", "school", "council", "other", "not_known"]


def read_time(text: str) -> str:
    """Give a time of day as `HH:MM`."""
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise ValueError("Enter a time like 09:30 or 17:05")
    return text


def read_ods_code(text: str) -> str:
    """Give the code of a practice in capitals."""
    code = text.upper()
    if not re.fullmatch(r"[A-Z0-9]{3,12}", code):
        raise ValueError("Practice code must be 3 to 12 letters and numbers, like F81234")
    return code


Time = Annotated[Typed, AfterValidator(read_time)]
OdsCode = Annotated[Typed, AfterValidator(read_ods_code)]


class Diagnosis(Command):
    """A diagnosis that somebody has given: it changes no rank and no route."""

    name: Name
    source: Source | None = None
    by: Name | None = None
    on: IsoDate | None = None


class Medical(Command):
    """The child's health, as far as the referrer knows it; shown to health alone."""

    diagnoses: list[Diagnosis] = Field(default=[], max_length=MOST)
    history: Text | None = None
    birth: Text | None = None
    development: Text | None = None
    medication: Text | None = None
    allergies: Text | None = None
    hearing: Text | None = None
    hearing_checked_on: IsoDate | None = None
    vision: Text | None = None
    vision_checked_on: IsoDate | None = None
    eating_and_drinking: Text | None = None
    mobility: Text | None = None


class SettingDetail(Command):
    """How the child is doing at nursery, school or college."""

    admitted_on: IsoDate | None = None
    attends: Name | None = None
    attendance_percent: Annotated[int, Field(ge=0, le=100)] | None = None
    suspensions: Text | None = None
    attainment: Text | None = None
    class_teacher: Name | None = None
    contact: Name | None = None
    previous: list[Name] = Field(default=[], max_length=MOST)
    moving_to: Name | None = None
    pupil_premium: bool | None = None


class Screen(Command):
    """Scores of the Ages and Stages Questionnaire (ASQ-3): each domain from 0 to 60, none of them a diagnosis."""

    months: Annotated[int, Field(ge=1, le=66)] | None = None
    """Which questionnaire was used, by the age in months that it is made for."""
    communication: Score | None = None
    gross_motor: Score | None = None
    fine_motor: Score | None = None
    problem_solving: Score | None = None
    personal_social: Score | None = None


class EarlyReview(Command):
    """A review of a young child's development, such as the integrated review at 2 to 2½ years."""

    kind: Literal["integrated", "health", "setting", "not_done"] | None = None
    on: IsoDate | None = None
    asq: Screen | None = None
    outcome: Literal["on_track", "look_again", "refer"] | None = None
    note: Text | None = None


class HealthVisitor(Command):
    """The health visitor who is named for a child under five; told what happens where they can be reached."""

    name: Name
    organisation: Name | None = None
    email: Email | None = None
    phone: Phone | None = None


class HouseholdMember(Command):
    """Somebody who lives with the child, or a brother or sister elsewhere."""

    name: Name
    relationship: Short
    date_of_birth: IsoDate | None = None
    setting: Name | None = None
    lives_with_child: bool | None = None
    note: Text | None = None


class Report(Command):
    """A report or assessment: what it is, who wrote it, when, for whom; `upload` where its file was sent."""

    kind: ReportKind
    title: Name | None = None
    author: Name | None = None
    author_role: Name | None = None
    accreditation: Name | None = None
    on: IsoDate | None = None
    source: Source | None = None
    upload: Short | None = None
    description: Text | None = None
    """What a picture shows or a recording says, for who cannot see or hear it."""


class InformationSharing(Command):
    """What the family was told of who sees the referral, apart from whether they agree to it."""

    explained: bool | None = None
    explained_on: IsoDate | None = None
    objection: Text | None = None
    not_with: list[Agency] = Field(default=[], max_length=3)


class Competence(Command):
    """Whether a young person was found able to decide this for themselves: one decision, by one person, on one day."""

    decision: Literal["able", "not_able"]
    assessed_by: Name
    on: IsoDate
    note: Text | None = None


class Arrived(Command):
    """How and when something that staff key in reached them, where it was not this form."""

    by: ArrivedBy
    on: IsoDate
    at: Time | None = None
    """Local time of day; without it, in office hours."""
    posted: bool = False
    """By post: `on` is the day on the postmark, not the day on which it was delivered."""

    @model_validator(mode="after")
    def _only_post_is_posted(self) -> Self:
        if self.posted and self.by != "post":
            raise ValueError("Only something sent by post has a date on which it was posted")
        return self

    @property
    def time(self) -> time | None:
        """The time of day."""
        return time.fromisoformat(self.at) if self.at else None


class Practice(Command):
    """The child's GP, and the practice."""

    name: Name
    ods_code: OdsCode | None = None
    practice: Name | None = None
    address: Address | None = None
    phone: Phone | None = None


class Involved(Command):
    """Somebody who works with the family already."""

    role: Name
    name: Name
    organisation: Name | None = None
    contact: Name | None = None
    last_seen: Name | None = None


class DoNotContact(Command):
    """Somebody who must not be told."""

    name: Name
    reason: Text | None = None


class Details(Command):
    """What a referral may say besides, as fields of the form."""

    impact: Text | None = None
    hoped_for: Text | None = None
    urgent_because: Text | None = None
    home_situation: Text | None = None
    universal_offer: list[Annotated[Typed, Field(pattern=r"^[a-z_]{1,60}$")]] = Field(default=[], max_length=MOST)
    household: list[HouseholdMember] = Field(default=[], max_length=MOST)
    medical: Medical | None = None
    setting_detail: SettingDetail | None = None
    early_review: EarlyReview | None = None
    reports: list[Report] = Field(default=[], max_length=MOST)
    visit_risk: Text | None = None
    key_person: Name | None = None
    """Who will carry out at home, or in the setting, what a therapist recommends."""
    discussed_with: Name | None = None
    discussion_reference: Short | None = None
    information_sharing: InformationSharing | None = None
    competence: Competence | None = None
    arrived: Arrived | None = None

    @property
    def days_besides(self) -> list[tuple[str, date]]:
        """Every day here that cannot lie in the future, with its path."""
        named: list[tuple[str, date | None]] = [
            *((f"household.{at}.date_of_birth", one.date_of_birth) for at, one in enumerate(self.household)),
            *((f"reports.{at}.on", one.on) for at, one in enumerate(self.reports)),
        ]
        if self.medical:
            named += [(f"medical.diagnoses.{at}.on", one.on) for at, one in enumerate(self.medical.diagnoses)]
            named.append(("medical.hearing_checked_on", self.medical.hearing_checked_on))
            named.append(("medical.vision_checked_on", self.medical.vision_checked_on))
        if self.early_review:
            named.append(("early_review.on", self.early_review.on))
        if self.information_sharing:
            named.append(("information_sharing.explained_on", self.information_sharing.explained_on))
        if self.competence:
            named.append(("competence.on", self.competence.on))
        if self.arrived:
            named.append(("arrived.on", self.arrived.on))
        return [(path, day) for path, day in named if day is not None]
