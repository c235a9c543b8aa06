"""What every page of the form promises in its fields and words: each box its own, each sentence a sentence."""

import re
from html.parser import HTMLParser

import pytest
from starlette.datastructures import MultiDict

from frontdoor.testing import NOW
from frontdoor.web import Form
from referral_intake.filled_form import Filled
from referral_intake.questions import Reader, questions

READERS = {
    "nurse": Reader(("health", "staff")),
    "parent": Reader(("parent", "family")),
    "young-person": Reader(("young_person", "family")),
}
SENTENCE = re.compile(
    r"(Enter|Select|Add) (the|a|an|your|their|who|what|how|yes|at|date|where) ?\S.*[^.]|.* must .*|Check the .*"
)


class Fields(HTMLParser):
    """The ids of a page, its controls and what each label says of which control."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.controls, self.labels, self._of = [], {}, {}, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if "id" in found:
            self.ids.append(found["id"])
        if tag in ("input", "select", "textarea"):
            self.controls[found.get("id")] = found
        if tag == "label":
            self._of = found["for"]

    def handle_data(self, data):
        if self._of:
            self.labels[self._of] = self.labels.get(self._of, "") + data.strip()

    def handle_endtag(self, tag):
        self._of = None if tag == "label" else self._of


def filled(intake, reader, values=None):
    some = {"contacts.0.language": "en", "contacts.1.language": "en", "needs": ["SLCN", "SEMH"]}
    return Filled(reader, intake.stage.parts.area, NOW, some if values is None else values)


def begin(client):
    form = client.post("/refer").headers["location"]
    client.post(f"{form}/people", data={"add": "yes"})
    client.post(f"{form}/needs", data={"needs": ["SLCN", "SEMH"]})
    return form


@pytest.mark.parametrize("person", READERS)
def test_every_id_on_a_page_is_there_once_and_every_label_has_its_own_box(shared_intake, person):
    client = shared_intake.stage.as_person(person)
    form = begin(client)
    for leaf in filled(shared_intake, READERS[person]).leaves:
        slug = leaf.slug.replace("-1", "-0") if person == "nurse" else leaf.slug
        for page in (client.get(f"{form}/{slug}"), client.post(f"{form}/{slug}", data={})):
            found = Fields(page.text)
            assert len(found.ids) == len(set(found.ids)), slug
            assert set(found.labels) <= set(found.controls), slug


def test_the_label_of_each_need_ticks_that_need(shared_intake):
    client = shared_intake.stage.as_person("senco")
    found = Fields(client.get(f"{begin(client)}/needs").text)
    said = {found.controls[at]["value"]: text for at, text in found.labels.items()}
    assert said == {code: text for group in questions().choices["needs"].values() for code, text in group.items()}
    assert found.controls["needs"]["value"] == "SLCN"


@pytest.mark.parametrize("person", READERS)
def test_whatever_is_left_empty_on_a_page_is_asked_for_in_a_sentence(shared_intake, person):
    whole = filled(shared_intake, READERS[person])
    for leaf in whole.leaves:
        for empty in leaf.questions:
            typed = [(one.name, "x") for one in leaf.questions if one is not empty and one.kind == "text"]
            wrong = whole.with_page(leaf, Form.from_multidict(MultiDict(typed))).wrong_on(leaf)
            said = wrong.error(empty.name)
            assert said is None or SENTENCE.fullmatch(said), (empty.name, said)


@pytest.mark.parametrize(("name", "said"), [
    ("do_not_contact.0", "Enter the name of the person who must not be contacted"),
    ("involved.1", "Enter the name of the person who is also involved"),
])  # fmt: skip
def test_a_person_without_a_name_is_asked_for_by_what_they_are(shared_intake, name, said):
    whole = filled(shared_intake, READERS["nurse"], {f"{name}.reason": "x", f"{name}.role": "x"})
    asked = next(leaf for leaf in whole.leaves if leaf.owns(f"{name}.name"))
    assert whole.wrong_on(asked).error(f"{name}.name") == said


def test_errors_stand_in_the_order_of_the_page(shared_intake):
    client = shared_intake.stage.as_person("senco")
    typed = {"referrer.name": "x" * 300, "referrer.email": "no", "referrer.phone": "no"}
    page = client.post(f"{begin(client)}/you", data=typed).text
    order = re.findall(r'<a href="#referrer-(\w+)"', page)
    assert order == ["name", "role", "email", "phone"]


def test_the_check_page_leads_to_a_field_that_is_there_even_of_a_date_nobody_typed(shared_intake):
    client = shared_intake.stage.as_person("senco")
    form = begin(client)
    page = client.post(f"{form}/check").text
    links = re.findall(rf'href="({form}/[^"#]+)#([^"]+)"', page)
    assert (f"{form}/consent?from=check", "consent-on-day") in links
    for where, anchor in links:
        found = Fields(client.get(where).text)
        assert anchor in {*found.controls, "contacts"}, (where, anchor)


def test_what_is_changed_is_named_with_its_abbreviation_in_capitals(shared_intake):
    client = shared_intake.stage.as_person("senco")
    form = begin(client)
    client.post(f"{form}/health", data={"child.nhs_number": "999 010 1000", "child.gp.name": "Dr Gull"})
    page = client.get(f"{form}/check").text
    assert all(f"> {name}</span>" in page for name in ("NHS number", "GP or GP practice", "postcode"))
