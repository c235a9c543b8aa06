"""Intake's tables. What its own events write to them is in `applied.py`."""

from datetime import date, datetime

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from frontdoor.database import DERIVED, KEPT, UtcDateTime, kept_until_erased


class Row(SQLModel, registry=registry()):
    """A row of one of intake's tables."""


# --- derived ----------------------------------------------------------------------------------------------------------


class Child(Row, table=True):
    """A child, as registered: `identity` seals the form's `child`."""

    __table_args__ = DERIVED
    child_id: str = Field(primary_key=True)
    area: str
    identity: str


class Contact(Row, table=True):
    """Somebody who is told what happens: `details` seals the form's contact."""

    __table_args__ = (Index("contact_reference", "area", "reference"), DERIVED)
    contact_id: str = Field(primary_key=True)
    area: str
    reference: str
    child_id: str
    channel: str
    language: str
    parental_responsibility: bool
    safe_to_contact: bool
    details: str


class Referral(Row, table=True):
    """A referral. `flags`, `support` and `contacts` are codes and ids with spaces between; `story` is sealed."""

    __table_args__ = (
        Index("referral_sender", "area", "sent_by", "received_at", "reference"),
        Index("referral_setting", "area", "setting", "received_at", "reference"),
        Index("referral_organisation", "area", "organisation", "received_at", "reference"),
        Index("referral_child", "area", "child_id"),
        DERIVED,
    )
    reference: str = Field(primary_key=True)
    area: str
    child_id: str
    kind: str
    status: str
    received_at: datetime = Field(sa_type=UtcDateTime)
    acknowledge_by: datetime = Field(sa_type=UtcDateTime)
    flags: str
    support: str
    contacts: str
    sent_by: str
    family_raised: bool
    organisation: str | None = None
    setting: str | None = None
    concern_raised_on: date
    story: str
    version: int
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawal: str | None = None


class ReferralAgency(Row, table=True):
    """An agency that a referral was sent to, and the rules that sent it (separated by spaces)."""

    __tablename__ = "referral_agency"
    __table_args__ = (Index("referral_agency_of", "area", "agency", "received_at", "reference"), DERIVED)
    reference: str = Field(primary_key=True)
    agency: str = Field(primary_key=True)
    area: str
    received_at: datetime = Field(sa_type=UtcDateTime)
    rules: str


class Progress(Row, table=True):
    """Where a referral stands with an agency, as triage has said."""

    __table_args__ = (Index("progress_agency", "area", "agency", "received_at", "reference"), DERIVED)
    reference: str = Field(primary_key=True)
    agency: str = Field(primary_key=True)
    area: str
    status: str
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    received_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SenderLink(Row, table=True):
    """The generation of the sender's link that opens, once it was renewed."""

    __tablename__ = "sender_link"
    __table_args__ = DERIVED
    reference: str = Field(primary_key=True)
    area: str
    generation: int


class PathwayVersion(Row, table=True):
    """Pathways that somebody adopted: `rules` is the event's own JSON."""

    __tablename__ = "pathway_version"
    __table_args__ = (Index("pathway_adopted", "area", "adopted_at"), DERIVED)
    version: str = Field(primary_key=True)
    area: str
    adopted_at: datetime = Field(sa_type=UtcDateTime)
    adopted_by: str
    note: str
    rules: str


class WaitingAssessment(Row, table=True):
    """A support that a child is too young for, and the first of the month on which it comes up again."""

    __tablename__ = "waiting_assessment"
    __table_args__ = (Index("waiting_ready", "is_ready", "ready_on"), DERIVED)
    reference: str = Field(primary_key=True)
    support: str = Field(primary_key=True)
    area: str
    child_id: str
    ready_on: date
    is_ready: bool = False


class Concern(Row, table=True):
    """A concern of a school's staff: `told` is sealed; `status` is logged, to_decide, referred or closed."""

    __table_args__ = (Index("concern_setting", "area", "setting", "logged_at"), DERIVED)
    concern: str = Field(primary_key=True)
    area: str
    child_id: str
    setting: str
    logged_by: str
    logged_at: datetime = Field(sa_type=UtcDateTime)
    raised_on: date
    area_of_need: str
    impact: str
    strategy_helped: bool | None = None
    status: str
    why: str | None = None
    reference: str | None = None
    told: str
    version: int


class Screening(Row, table=True):
    """What a setting found of one child in one half-term: `told` is sealed, `results` are by domain."""

    __table_args__ = (Index("screening_setting", "area", "setting", "recorded_at"), DERIVED)
    screening: str = Field(primary_key=True)
    area: str
    child_id: str
    setting: str
    half_term: str
    year: str
    results: dict[str, str] = Field(sa_type=JSON)
    recorded_by: str
    recorded_at: datetime = Field(sa_type=UtcDateTime)
    told: str


class ChildLink(Row, table=True):
    """Whether two children are one, as a person has said: linked, unlinked or apart."""

    __tablename__ = "child_link"
    __table_args__ = (Index("child_link_child", "child_id"), Index("child_link_other", "other_child_id"), DERIVED)
    link: str = Field(primary_key=True)
    area: str
    child_id: str
    other_child_id: str
    status: str
    version: int


class Adoption(Row, table=True):
    """A child who lives on under another identity, which stands in the event alone, sealed."""

    __table_args__ = (Index("adoption_child", "child_id"), DERIVED)
    adoption: str = Field(primary_key=True)
    area: str
    child_id: str


class ReferralAddition(Row, table=True):
    """Something added to a referral: `text` is sealed; `evidence` are ids of uploads, separated by spaces."""

    __tablename__ = "addition"
    __table_args__ = DERIVED
    reference: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    area: str
    added_at: datetime = Field(sa_type=UtcDateTime)
    added_by: str
    text: str
    evidence: str


# --- kept -------------------------------------------------------------------------------------------------------------


class Draft(Row, table=True):
    """A form that somebody has begun: `values` is sealed with the draft's own key; `page` is where they were.

    `handed_to` is the school whose SENCO it was passed to and has not been taken up by; `drafted_by` who began it for
    the one who has it now.
    """

    __table_args__ = (
        Index("draft_person", "person", "updated_at"),
        Index("draft_handed_to", "area", "handed_to"),
        kept_until_erased("id"),
    )
    id: str = Field(primary_key=True)
    area: str
    person: str
    values: str
    page: str
    updated_at: datetime = Field(sa_type=UtcDateTime)
    active_seconds: int = 0
    drafted_by: str | None = None
    handed_to: str | None = None


class Upload(Row, table=True):
    """A file that somebody sent: `name` is sealed with the upload's own key, as is the file in the data folder."""

    __table_args__ = kept_until_erased("id")
    id: str = Field(primary_key=True)
    area: str
    person: str
    name: str
    kind: str
    digest: str | None = None
    uploaded_at: datetime = Field(sa_type=UtcDateTime)


NOT_NOTED = ""
"""In place of a child's id: a file from before it was noted whom one is about."""


class UploadOf(Row, table=True):
    """A child whom a file is about: erased with the last of them."""

    __tablename__ = "upload_of"
    __table_args__ = (Index("upload_of_child", "child_id"), kept_until_erased("child_id", "upload"))
    upload: str = Field(primary_key=True)
    child_id: str = Field(primary_key=True)


class Alert(Row, table=True):
    """Immediate danger: `sent` seals what was sent with the alert's own key. Never a referral."""

    __table_args__ = (Index("alert_received", "area", "received_at"), kept_until_erased("id"))
    id: str = Field(primary_key=True)
    area: str
    sent_by: str
    digest: str
    sent: str
    received_at: datetime = Field(sa_type=UtcDateTime)
    read_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    read_by: str | None = None
    escalated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class FormToken(Row, table=True):
    """A form that was sent, and the referral that it became: the same form is never two."""

    __tablename__ = "form_token"
    __table_args__ = KEPT
    person: str = Field(primary_key=True)
    token: str = Field(primary_key=True)
    reference: str


class SearchHash(Row, table=True):
    """A keyed hash of one thing by which a child can be found. Erasing a child empties its rows."""

    __tablename__ = "search_hash"
    __table_args__ = (Index("search_child", "child_id"), kept_until_erased("child_id"))
    area: str = Field(primary_key=True)
    hash: str = Field(primary_key=True)
    child_id: str = Field(primary_key=True)


class MatchKey(Row, table=True):
    """A keyed hash of what the same child would have in common with another form. Erasing a child empties its rows."""

    __tablename__ = "match_key"
    __table_args__ = (Index("match_child", "child_id"), kept_until_erased("child_id"))
    area: str = Field(primary_key=True)
    hash: str = Field(primary_key=True)
    child_id: str = Field(primary_key=True)


class ConcernKey(Row, table=True):
    """A keyed hash by which a school's concerns about one child are found together; erasing the child empties it."""

    __tablename__ = "concern_key"
    __table_args__ = (Index("concern_hash", "hash"), kept_until_erased("child_id"))
    concern: str = Field(primary_key=True)
    hash: str
    child_id: str


class PossibleMatch(Row, table=True):
    """Two children who may be one: a task for a person. `why` are codes with spaces between."""

    __tablename__ = "possible_match"
    __table_args__ = (
        UniqueConstraint("earlier", "later"),
        Index("possible_match_open", "area", "decided_at", "found_at"),
        kept_until_erased("earlier", "later"),
    )
    id: str = Field(primary_key=True)
    area: str
    earlier: str
    later: str
    strength: str
    why: str
    found_at: datetime = Field(sa_type=UtcDateTime)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decided_by: str | None = None
    link: str | None = None
