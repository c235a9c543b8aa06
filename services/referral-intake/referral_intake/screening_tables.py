"""The table of screenings, and how an event changes it."""

from datetime import datetime

from sqlalchemy import JSON, Index
from sqlmodel import Field, Session

from frontdoor.database import DERIVED, UtcDateTime
from frontdoor.event_log import Recorded
from frontdoor.events import ScreeningRecorded
from referral_intake.row import Row


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


def apply_screening(session: Session, recorded: Recorded, event: ScreeningRecorded) -> None:
    """Keep what a screening found."""
    session.add(Screening(area=recorded.area, recorded_at=recorded.time, **event.model_dump()))
