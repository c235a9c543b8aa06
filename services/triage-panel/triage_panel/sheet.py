"""What a triager reads of a form, in its own order: which part, under which heading, opened by which category.

The form is intake's, the words are those of whoever decides. A category is one of a sharing agreement's: who may not
see it gets no line of it. A field that is not named here is shown to nobody on this page; a test holds them together.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from frontdoor.web.wording import day, label_of, sentence, words

Categories = frozenset[str] | None
"""What a reader may see; None: everything."""
Row = tuple[str, list[str]]
CODES: Mapping[str, Mapping[str, str]] = {
    "sen_status": {"E": "EHC plan", "K": "SEN support", "N": "None"},
    "care_status": {"none": "Not looked after", "section_20": "Accommodated by agreement (section 20)",
                    "section_31": "Under a care order (section 31)", "other": "Another arrangement"},
    "child_protection": {"none": "No plan", "child_in_need": "Child in need plan"},
    "kind": {"integrated": "Integrated review at 2 to 2½ years", "health": "Health visitor’s review",
             "setting": "Progress check by the nursery", "not_done": "Not done yet",
             "child_voice": "The child’s picture or recording"},
    "outcome": {"on_track": "As expected", "look_again": "To be looked at again", "refer": "Referred because of it"},
    "decision": {"able": "Able to decide for themselves", "not_able": "Not able to decide for themselves yet"},
    "without_setting": {"home_educated": "Educated at home"},
    "asq": {"months": "Questionnaire in months"},
}  # fmt: skip
"""Name of a field → what its codes mean; what is not here says it by itself."""


@dataclass(frozen=True)
class Part:
    """A part of the form: its path (`child.` stands before what is the child's), its label, and who may see it."""

    path: str
    label: str
    category: str

    def of(self, form: Mapping[str, Any]) -> list[str]:
        """What was said of it, a line for each row."""
        value: Any = form
        for name in self.path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        return list(_lines(value, self.path.rpartition(".")[2]))


def _parts(category: str, **labels: str) -> tuple[Part, ...]:
    return tuple(Part(path.replace("__", "."), label, category) for path, label in labels.items())


TOP: tuple[Part, ...] = (
    *_parts("identity", child__known_as="Known as", child__previous_names="Earlier names", child__pronouns="Pronouns"),
    *_parts("identity", child__date_of_birth="Date of birth", child__expected_date="Expected",
            child__sex="Sex", child__nhs_number="NHS number", child__upn="UPN"),
    *_parts("identity", child__address="Address", child__postcode="Postcode"),
    *_parts("identity", child__language="Understands best", child__interpreter="Needs an interpreter or signer",
            child__access_needs="Helps at appointments"),
    *_parts("education", child__setting="School or setting", child__without_setting="Without a setting",
            child__year_group="Year group", child__taught_with_year="Taught with", child__sen_status="SEN status",
            child__sen_status_since="SEN status since", child__service_family="Armed forces family"),
    *_parts("health", child__gp="GP"),
    *_parts("identity", child__health_visitor="Health visitor"),
    *_parts("care", child__care_status="Looked after", child__responsible_authority="Responsible council",
            child__child_protection="Protection or support plan"),
)  # fmt: skip
"""The facts about the child, at the top of the page."""
SECTIONS: tuple[tuple[str, tuple[Part, ...]], ...] = (
    ("What the concern is", (
        *_parts("concern", concern="Concern", concern_raised_on="First raised", impact="What it keeps the child from"),
        *_parts("needs", hoped_for="Hoped for", urgent_because="Urgent because"),
    )),
    ("Voices", (
        *_parts("concern", child_voice="In the child’s own words", family_voice="In the family’s words",
                strengths="Strengths"),
    )),
    ("What has been tried", (
        *_parts("concern", tried="Tried"),
        *_parts("education", universal_offer="The setting’s own support"),
    )),
    ("Early years", (
        *_parts("evidence", early_review__kind="Review", early_review__on="When", early_review__asq="ASQ-3 scores",
                early_review__outcome="What came of it", early_review__note="Found"),
    )),
    ("Health", (
        *_parts("health", medical__diagnoses="Diagnoses", medical__history="Illnesses and operations",
                medical__birth="Pregnancy and birth", medical__development="Early development",
                medical__medication="Medicines", medical__allergies="Allergies", medical__hearing="Hearing",
                medical__hearing_checked_on="Hearing last checked", medical__vision="Sight",
                medical__vision_checked_on="Sight last checked", medical__eating_and_drinking="Eating and drinking",
                medical__mobility="Moving and equipment"),
    )),
    ("Nursery, school or college", (
        *_parts("education", setting_detail__class_teacher="Teacher or key person",
                setting_detail__contact="How to reach them", setting_detail__admitted_on="Joined on",
                setting_detail__attends="Days and hours", setting_detail__attendance_percent="Attendance in per cent",
                setting_detail__suspensions="Suspensions and part-time timetables",
                setting_detail__attainment="Learning", setting_detail__previous="Earlier settings",
                setting_detail__moving_to="Moving to", setting_detail__pupil_premium="Pupil premium or free meals"),
    )),
    ("Home and who is involved", (
        *_parts("contact", household="Lives with the child"),
        *_parts("concern", home_situation="At home", involved="Also involved", key_person="Key person"),
        *_parts("contact", do_not_contact="Do not share with or contact", visit_risk="Before a visit"),
    )),
    ("Reports and files", _parts("evidence", reports="Reports")),
    ("Consent and who sent it", (
        *_parts("status", consent="Consent", information_sharing="Sharing", competence="Young person’s own decision",
                referrer="Filled in by", discussed_with="Talked to", discussion_reference="Reference of that talk",
                previous_reference="Earlier referral", arrived="Reached us"),
    )),
)  # fmt: skip
"""What was written, section by section."""
WHERE_THEY_LIVE = frozenset({"child.address", "child.postcode"})


def facts(form: Mapping[str, Any], may_see: Categories) -> list[Row]:
    """The facts about the child that this reader may see, without those that nobody has given."""
    return list(_rows(TOP, form, may_see))


def sections(form: Mapping[str, Any], may_see: Categories) -> list[tuple[str, list[Row]]]:
    """What was written and this reader may see, by heading; a heading with nothing under it is left out."""
    found = [(heading, list(_rows(parts, form, may_see))) for heading, parts in SECTIONS]
    return [(heading, rows) for heading, rows in found if rows]


def _rows(parts: tuple[Part, ...], form: Mapping[str, Any], may_see: Categories) -> Iterator[Row]:
    child = form.get("child")
    hidden_home = isinstance(child, Mapping) and child.get("address_confidential") and not _sees(may_see, "care")
    for part in parts:
        hidden = part.path in WHERE_THEY_LIVE and hidden_home
        if _sees(may_see, part.category) and not hidden and (lines := part.of(form)):
            yield part.label, lines


def _sees(may_see: Categories, category: str) -> bool:
    return may_see is None or category in may_see


def _lines(value: Any, name: str) -> Iterator[str]:
    if value in (None, "", [], {}):
        return
    if isinstance(value, list):
        for one in value:
            yield from _lines(one, name)
    elif isinstance(value, Mapping):
        yield from [said] if (said := _row(value)) else []
    else:
        yield from (line.strip() for line in _told(value, name).splitlines() if line.strip())


_SPEAK_FOR_THEMSELVES = frozenset({"name", "role", "organisation", "kind", "title", "address", "practice"})
"""Fields of a row whose value needs no label."""
_NOT_TOLD = frozenset({"upload"})


def _row(row: Mapping[str, Any]) -> str:
    """One row of a list, or a small table, as one line: what it is first, then what else is known of it."""
    said = []
    for name, value in row.items():
        text = ", ".join(_lines(value, name))
        if text and name not in _NOT_TOLD:
            said.append(text if name in _SPEAK_FOR_THEMSELVES else f"{_label(name)}: {text}")
    return sentence("; ".join(said))


def _label(name: str) -> str:
    return CODES["asq"].get(name) or label_of(name, {})


def _told(value: Any, name: str) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    text = str(value)
    if name == "nhs_number":
        return f"{text[:3]} {text[3:6]} {text[6:]}"
    if known := CODES.get(name, {}).get(text):
        return known
    if name.endswith("_on") or name in {"on", "date_of_birth", "expected_date", "sen_status_since"}:
        return day(text)
    return words(text) if name in _CODED else text


_CODED = frozenset({"sex", "source", "universal_offer", "child_protection", "without_setting", "role", "not_with",
                    "method", "scopes", "care_status"})  # fmt: skip
"""Fields that hold codes, which are put in words."""
