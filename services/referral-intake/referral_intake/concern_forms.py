"""What staff of a setting may say before there is a referral: a concern, and what a screening found."""

from typing import Any

from frontdoor.fields import IsoDate, Name, Short, Text
from frontdoor.problems import Command
from referral_intake import concern_rules, screening_rules


class ConcernedChild(Command):
    """Whom a concern is about."""

    given_name: Name
    family_name: Name
    date_of_birth: IsoDate | None = None


class ConcernForm(Command):
    """What somebody has noticed, how much it affects the child, and what they have tried."""

    child: ConcernedChild
    raised_on: IsoDate
    area: concern_rules.Area
    impact: concern_rules.Impact
    what: Text
    strategy: Text | None = None
    strategy_helped: bool | None = None

    def told(self) -> dict[str, Any]:
        """Give what is sealed of a concern."""
        return self.model_dump(mode="json", include={"child", "what", "strategy"}, exclude_none=True)


class DomainResults(Command):
    """A result for each of the four broad areas of need."""

    communication: screening_rules.Result
    cognition: screening_rules.Result
    emotional: screening_rules.Result
    physical: screening_rules.Result


class ScreeningForm(Command):
    """What a setting found of one child in one half-term."""

    child: ConcernedChild
    half_term: Short
    year: screening_rules.Year
    results: DomainResults
    note: Text | None = None

    def told(self) -> dict[str, Any]:
        """Give what is sealed of a screening."""
        return self.model_dump(mode="json", include={"child", "note"}, exclude_none=True)
