"""Which kinds of report there are, which of them would be useful for a support, and which are not there."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel

ReportKind = Literal[
    "educational_psychology",
    "speech_and_language",
    "occupational_therapy",
    "physiotherapy",
    "paediatric",
    "mental_health",
    "hearing",
    "vision",
    "developmental_check",
    "school_baseline",
    "support_plan",
    "one_page_profile",
    "family_views",
    "signed_consent",
    "child_voice",
    "other",
]
CHILD_VOICE = "child_voice"
"""What a child has drawn or said themselves: no report, and nobody else's words."""
USEFUL: Mapping[str, tuple[ReportKind, ...]] = {
    "speech_and_language": ("hearing", "school_baseline"),
    "occupational_therapy": ("school_baseline",),
    "paediatrics": ("developmental_check", "hearing", "vision"),
    "educational_psychology": ("school_baseline", "support_plan"),
    "ehc_needs_assessment": ("family_views", "educational_psychology", "support_plan", "school_baseline"),
}
"""What is useful to have for each support; a request is never held up for it. Source: local default."""


class File(BaseModel):
    """A file of a referral: `says` is what a child's picture shows or recording says; None where it is no child's."""

    upload: str
    name: str
    kind: str
    says: str | None = None


def uploads_in(form: Mapping[str, Any]) -> list[str]:
    """Name the files that a form, or what was sealed of one, has as evidence and in its reports."""
    listed = (form.get("evidence"), form.get("reports"))
    evidence, reports = (said if isinstance(said, list) else [] for said in listed)
    named = [*evidence, *(one.get("upload") for one in reports if isinstance(one, dict))]
    return [one for one in named if isinstance(one, str)]


def evidence_missing(support: Iterable[str], reports: Iterable[Mapping[str, Any]]) -> list[str]:
    """Name the kinds of report that would be useful and are not there, each once.

    A private report counts as any other once it says by which accreditation its author may write it; a setting's own
    baseline is a kind of its own, so it never stands for a specialist's advice.
    """
    there = {one.get("kind") for one in reports if one.get("source") != "private" or one.get("accreditation")}
    return [
        kind for kind in dict.fromkeys(kind for code in support for kind in USEFUL.get(code, ())) if kind not in there
    ]
