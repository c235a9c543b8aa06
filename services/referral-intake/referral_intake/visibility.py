"""Who may see which part of a referral: categories of a sharing agreement, and the parts that each opens."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

PARTS: dict[str, tuple[str, ...]] = {
    "identity": ("child",),
    "contact": ("contacts", "do_not_contact", "household", "visit_risk"),
    "needs": ("needs", "support", "waits", "hoped_for", "urgent_because"),
    "health": ("medical",),
    "education": ("setting_detail", "universal_offer"),
    "concern": (
        "impact",
        "key_person",
        "home_situation",
        "concern",
        "concern_raised_on",
        "tried",
        "strengths",
        "child_voice",
        "family_voice",
        "involved",
        "additions",
    ),
    "evidence": ("evidence", "reports", "evidence_missing", "early_review"),
    "status": (
        "consent",
        "referrer",
        "previous_reference",
        "withdrawal",
        "information_sharing",
        "competence",
        "arrived",
        "discussed_with",
        "discussion_reference",
    ),
}
"""Category of a sharing agreement → parts of the answer that it opens."""
PARTS_OF_CHILD: dict[str, tuple[str, ...]] = {
    "health": ("gp",),
    "education": (
        "sen_status",
        "sen_status_since",
        "year_group",
        "taught_with_year",
        "without_setting",
        "service_family",
    ),
    "care": ("care_status", "responsible_authority", "child_protection"),
    # For counting whether everybody is treated fairly: no agreement opens it to who decides about one child.
    "monitoring": ("ethnicity",),
}
"""Category → fields of `child` that need it besides `identity`."""
WHERE_THEY_LIVE = ("address", "postcode")


@dataclass(frozen=True)
class Relations:
    """The ways in which somebody may stand to referrals; what is None does not hold for them."""

    person: str | None = None
    school: str | None = None
    agency: str | None = None


def relations(person: str, organisation: str | None, agency: str | None, roles: Collection[str]) -> Relations:
    """Say how somebody in these roles stands to referrals: by their own, a senco's school, a triager's agency."""
    return Relations(person, organisation if "senco" in roles else None, agency if "triager" in roles else None)


def visible(answer: Mapping[str, Any], categories: frozenset[str] | None) -> dict[str, Any]:
    """Keep of an answer what somebody's categories open (None: everything)."""
    if categories is None:
        return dict(answer)
    hidden = {part for name, parts in PARTS.items() if name not in categories for part in parts}
    shown = {name: value for name, value in answer.items() if name not in hidden}
    if "child" in shown:
        closed = {part for name, parts in PARTS_OF_CHILD.items() if name not in categories for part in parts}
        if shown["child"].get("address_confidential") and "care" not in categories:
            closed |= set(WHERE_THEY_LIVE)
        shown["child"] = {name: value for name, value in shown["child"].items() if name not in closed}
    return shown
