"""The form, filled in by invented people for invented children."""

import random
from datetime import date, timedelta
from typing import Any

from cli import invented
from cli.simulate import mix

Story = dict[str, Any]
WITHOUT_NUMBER = frozenset({"parent", "teacher"})
"""Who does not know a child's NHS number."""


def nhs_number(child: int) -> str | None:
    """Give an invented child a number of the range that is never issued (999 …); None where it has no check digit."""
    body = f"999{child % 1_000_000:06d}"
    check = -sum(int(digit) * weight for digit, weight in zip(body, range(10, 1, -1), strict=True)) % 11
    return None if check == 10 else f"{body}{check}"


class Forms:
    """A pile of forms: each call fills in the next one."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.filled = 0

    def fill(self, today: date) -> tuple[str, Story, dict[str, Any]]:
        """Fill one in: who sends it (a sign-in), the child's story, and the form as JSON takes it."""
        chance = self._chance
        self.filled += 1
        person, role = chance.choice(invented.REFERRERS)
        story: Story = chance.choice(invented.STORIES)
        family = chance.choice(invented.FAMILY_NAMES)
        contacts = [self._contact(family) for _ in range(1 + (chance.random() < mix.TWO_CONTACTS))]
        return (
            person,
            story,
            {
                "child": self._child(person, story, family, today),
                "contacts": contacts,
                "referrer": {"role": role},
                "needs": [
                    {"code": code, "rank": "secondary" if at else "primary"} for at, code in enumerate(story["needs"])
                ],
                "support": story["support"],
                "concern": story["concern"],
                "concern_raised_on": (today - timedelta(days=chance.randint(5, 90))).isoformat(),
                "tried": story["tried"],
                "strengths": story["strengths"],
                "child_voice": story["child_voice"],
                "consent": {
                    "given": True,
                    "by": contacts[0]["name"],
                    "on": (today - timedelta(days=chance.randint(0, 9))).isoformat(),
                },
                "immediate_danger": False,
            },
        )

    def _child(self, person: str, story: Story, family: str, today: date) -> dict[str, Any]:
        chance = self._chance
        youngest = 2 if "NYK" in story["needs"] else 4
        birth = today - timedelta(days=365 * chance.randint(youngest, youngest + 8) + chance.randrange(365))
        child = {
            "given_name": chance.choice(invented.GIVEN_NAMES),
            "family_name": family,
            "date_of_birth": birth.isoformat(),
            "postcode": chance.choice(invented.DISTRICTS),
        }
        number = nhs_number(self.filled)
        if number and person not in WITHOUT_NUMBER:
            child["nhs_number"] = number
        if person in invented.SETTINGS:
            child["setting"] = invented.SETTINGS[person]
        return child

    def _contact(self, family: str) -> dict[str, Any]:
        chance = self._chance
        given = chance.choice(invented.GIVEN_NAMES)
        return {
            "name": f"{given} {family}",
            "relationship": chance.choice(("mother", "father", "grandmother", "guardian")),
            "parental_responsibility": True,
            "channel": chance.choice(("sms", "sms", "email", "email", "phone", "letter")),
            "language": chance.choice(invented.LANGUAGES),
            "phone": f"07700 900{self.filled % 1000:03d}",
            "email": f"{given.lower()}.{self.filled}@example.org",
        }
