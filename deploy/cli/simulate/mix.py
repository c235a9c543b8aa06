"""The mix of an invented year: how many referrals come when, and what becomes of them. Judged, not measured.

What real services publish is kept to: reasons for not accepting, blocks of six sessions, groups of up to six, places
that are given up again. Change a figure here and the year changes.
"""

ENGLAND = 2_000_000
"""Referrals a year in England."""
AUTHORITIES = 153
"""Authorities in England that have a front door each."""


SCALES = {"county": round(ENGLAND / AUTHORITIES), "england": 100_000}
"""Referrals that are simulated if nobody says how many: one authority's year, or one in twenty of England's."""

MONTHS = {9: 0.8, 10: 1.1, 11: 1.2, 12: 0.8, 1: 1.1, 2: 1.0, 3: 1.2, 4: 0.8, 5: 1.1, 6: 1.2, 7: 1.1, 8: 0.5}
"""How busy each month is, beside the others: schools write most of it."""
OUT_OF_TERM, WEEKEND = 0.4, 0.08
"""What is left of a day's referrals while schools are closed, and on Saturdays and Sundays."""
SPARE = 1.12
"""What triage and booking can do, beside what comes in a whole year: a backlog of autumn is gone by summer."""
IN_HOLIDAYS = {"health": 0.8, "education": 0.5, "care": 0.9}
"""What is left of a team while schools are closed."""

TWO_CONTACTS = 0.3
DECISIONS = {"accept": 72, "decline": 9, "return": 8, "hold": 6, "redirect": 5}
REASONS = {
    "decline": ("no_functional_impact", "universal_first", "in_line_with_learning", "known_to_service"),
    "return": ("evidence_missing", "incomplete"),
    "hold": ("awaiting_information", "consent_missing"),
    "redirect": ("better_met_elsewhere",),
}
PRIORITIES = {"routine": 70, "soon": 22, "urgent": 8}
THERAPY_AGREED = 0.6
"""Of what health accepts whose story asks for therapy: the others get advice or an assessment."""
IN_A_GROUP = 0.5
TAKEN_BACK = 0.01
"""Of decisions, within the day."""
ADDED_TO = 0.85
"""Of what was returned, by whoever sent it."""
CLOSED = 0.5
"""Of what was accepted without therapy, within three months."""
WITHDRAWN = 0.02
CANCELLED = 0.09
CANCEL_REASONS = {
    "family_request": 50,
    "child_unwell": 15,
    "moved_away": 12,
    "therapist_absent": 15,
    "no_longer_needed": 8,
}
OFFER_ACCEPTED = 0.7

WEEKS, MINUTES, GROUP = 6, 45, 5
PRICE = {"individual": 54_000, "group": 81_000}
"""Pence for a whole block."""
BLOCKS_A_POOL = 60
"""Blocks that one locality's pool pays for in a term."""
