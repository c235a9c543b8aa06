import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from jinja2 import ChoiceLoader, DictLoader
from markupsafe import Markup
from starlette.datastructures import FormData

import frontdoor.web
from frontdoor.web import FieldError, Form, Pages, error_page, mount_static, static, wording

WEB = Path(frontdoor.web.__file__).parent
NASTY = '"><script>alert(1)</script>'
DATE = "child.date_of_birth"

PAGE = """
{% extends "base.html" %}
{% set title = "The child" %}
{% set back_href = "/back" %}
{% block content %}
{{ ui.error_summary(form, {"contacts": "contacts.0.name"}) }}
<form method="post" data-once>
{{ ui.text(form, "child.name", "Name", "As on the certificate", width=20, autocomplete="off", spellcheck=False) }}
{{ ui.textarea(form, "concern", "Concern") }}
{{ ui.date(form, "child.date_of_birth", "Date of birth", "For example, 27 3 2019") }}
{{ ui.radios(form, "kind", "Kind", [("a", "First"), "or", {"value": "b", "text": "Second", "hint": "Rare"}]) }}
{{ ui.yes_no(form, "consent.given", "Consent") }}
{{ ui.checkboxes(form, "support", "Support", [("x", "Speech"), ("y", "Movement")]) }}
{{ ui.tick(form, "sure", "I am sure") }}
{{ ui.select(form, "contacts.0.channel", "Channel", [("email", "Email"), ("sms", "Text message")]) }}
{{ ui.text(form, "contacts.0.name", "Contact") }}
{{ ui.submit("Continue") }}
</form>
{{ ui.timeline([{"at": due, "what": nasty, "by": nasty}]) }}
{{ ui.steps([{"agency": "health", "what": nasty, "when": due, "due_at": due, "clock": "overdue"}]) }}
{{ ui.empty("Nothing waits", nasty) }}
{{ ui.data_table("Queue", ["Reference", {"text": "Days", "numeric": True}], [[ui.reference("R7K2-9QF4X"), nasty]]) }}
{{ ui.status_tag("on_hold") }} {{ ui.clock_tag("due_soon", due) }} {{ ui.confirmation("Sent", "Your reference", "R7") }}
{% endblock %}
"""

TYPED = [
    ("child.name", NASTY),
    ("concern", "a </textarea>\n   b"),
    (f"{DATE}-day", "31"),
    (f"{DATE}-month", "2"),
    (f"{DATE}-year", "2019"),
    ("kind", "b"),
    ("consent.given", "no"),
    ("support", "y"),
    ("contacts.0.channel", "sms"),
    ("contacts.0.name", ""),
]
WRONG = ["child.name", "concern", "kind", "consent.given", "support", "sure", "contacts", "contacts.0.channel"]


class Tags(HTMLParser):
    """Every start tag of a page, as (name, attributes)."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.seen if name == tag]

    def ids(self) -> dict[str | None, str]:
        return {attributes["id"]: tag for tag, attributes in self.seen if "id" in attributes}


@pytest.fixture(scope="module")
def form():
    filled = Form.from_multidict(FormData(TYPED), lists={"support"})
    return filled.with_errors(FieldError(name, f"Check {name}") for name in WRONG)


@pytest.fixture(scope="module")
def client(form):
    app = FastAPI()
    mount_static(app)
    pages = Pages("frontdoor.web")
    assert pages.environment.loader
    pages.environment.loader = ChoiceLoader([DictLoader({"page.html": PAGE}), pages.environment.loader])

    @app.get("/page")
    def page(request: Request):
        request.state.actor = SimpleNamespace(name=f"Amina {NASTY}", person="senco")
        request.state.nav = [{"href": "/queue", "text": "Queue", "current": True}]
        request.state.demo = True
        return pages.render(request, "page.html", form=form, due=date(2026, 3, 12), nasty=NASTY)

    @app.get("/empty")
    def empty(request: Request):
        return pages.render(request, "page.html", form=Form(), due=None, nasty="")

    @app.get("/error/{status}")
    def error(request: Request, status: int):
        return error_page(request, status, code="A1")

    return TestClient(app)


@pytest.fixture(scope="module")
def html(client):
    return client.get("/page").text


@pytest.fixture(scope="module")
def tags(html):
    return Tags(html)


def by_name(tags: Tags, tag: str, name: str) -> list[dict[str, str | None]]:
    return [attributes for attributes in tags.all(tag) if attributes.get("name") == name]


def test_what_was_typed_is_shown_again_beside_its_error(tags, html):
    assert by_name(tags, "input", "child.name")[0]["value"] == NASTY
    assert [box.get("value") for box in by_name(tags, "input", "support") if "checked" in box] == ["y"]
    assert [box.get("value") for box in by_name(tags, "input", "consent.given") if "checked" in box] == ["no"]
    assert [one["value"] for one in tags.all("option") if "selected" in one] == ["sms"]
    assert [by_name(tags, "input", f"{DATE}-{p}")[0]["value"] for p in ("day", "month", "year")] == ["31", "2", "2019"]
    assert "a &lt;/textarea&gt;\n   b</textarea>" in html
    assert by_name(tags, "input", "child.name")[0]["aria-describedby"] == "child-name-hint child-name-error"


def test_every_link_of_the_error_summary_leads_to_a_field(tags, form):
    links = [a["href"] for a in tags.all("a") if str(a.get("href")).startswith("#") and a["href"] != "#main-content"]
    assert len(links) == len(form.errors)
    assert {tags.ids()[link.removeprefix("#")] for link in links} <= {"input", "select", "textarea"}
    assert "#child-date_of_birth-day" in links


def test_no_id_is_used_twice(tags):
    ids = [attributes["id"] for _, attributes in tags.seen if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_nothing_that_was_typed_becomes_markup(html):
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def test_signing_out_is_a_form_of_every_page(tags):
    assert [one["action"] for one in tags.all("form") if "action" in one] == ["/sign-out"]


def test_the_title_says_first_that_something_is_wrong(client, html):
    assert "<title>Error: The child – Front Door</title>" in html
    assert "<title>The child – Front Door</title>" in client.get("/empty").text


def test_the_page_says_that_its_people_are_invented_only_in_the_demonstration(client, html):
    assert "Invented people only – not a real service" in html
    assert "Invented people" not in client.get("/empty").text


def test_a_page_without_a_person_offers_to_sign_in(client):
    page = client.get("/empty").text
    assert 'href="/sign-in"' in page
    assert "Sign out" not in page


def test_pages_are_not_kept_by_shared_computers(client):
    assert client.get("/page").headers["cache-control"] == "no-store"


def test_a_status_is_words_and_not_only_a_colour(html):
    assert re.search(r"govuk-tag--orange\">\s*On hold", html)
    assert re.search(r"Due soon\s*</strong>\s*<span class=\"fd-clock__due\">due <time", html)


def test_a_table_stays_a_table_where_rows_are_shown_as_cards(tags):
    table = next(one for one in tags.all("table"))
    assert table["role"] == "table"
    assert {one.get("role") for one in tags.all("th")} == {"columnheader", "rowheader"}


@pytest.mark.parametrize("status", [400, 403, 404, 409, 418, 500, 503])
def test_every_error_page_says_what_to_do_now(client, status):
    answer = client.get(f"/error/{status}")
    assert answer.status_code == status
    assert "<h1" in answer.text
    assert "A1" in answer.text
    assert 'href="/"' in answer.text


def test_nothing_in_a_page_needs_more_than_self(client):
    for path in ("/page", "/empty", "/error/500"):
        page = client.get(path).text
        tags = Tags(page)
        assert not tags.all("style")
        assert all("src" in script for script in tags.all("script"))
        for tag, attributes in tags.seen:
            assert not [name for name in attributes if name == "style" or name.startswith("on")], tag
        assert not re.search(r"javascript:|data:", page)


def test_no_browser_is_sent_to_a_third_party(html):
    for attributes in (attributes for _, attributes in Tags(html).seen):
        for name in ("src", "href", "action", "srcset", "poster", "data-live"):
            assert not str(attributes.get(name, "")).startswith(("http:", "https:", "//"))
    for file in [*WEB.glob("static/*.css"), *WEB.glob("static/*.js")]:
        text = file.read_text()
        assert "url(" not in text, file
        assert "@import" not in text, file
        assert not re.search(r"(?:import|fetch|EventSource|sourceMappingURL)[(=\s]*['\"]?https?:", text), file


def test_none_of_gov_uks_branding_is_here(html):
    names = {file.name for file in WEB.rglob("*") if file.is_file()}
    assert {name for name in names if "static" in name or name.endswith((".woff", ".woff2", ".ico", ".png"))} == set()
    for text in [html, *(file.read_text() for file in WEB.glob("static/*"))]:
        assert not re.search(r"GDS Transport|@font-face|crest|crown|logotype|GOV\.UK - ", text, re.IGNORECASE)


def test_a_static_file_is_kept_for_a_year_under_its_versioned_address(client):
    answer = client.get(static("frontdoor.css"))
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert client.get("/static/frontdoor.css").headers["cache-control"] == "public, max-age=3600"
    again = client.get(static("frontdoor.css"), headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert client.get("/static/none.css").status_code == 404


def test_every_static_file_a_page_asks_for_is_there(client, tags):
    asked = [str(one.get("src") or one.get("href")) for name in ("script", "link") for one in tags.all(name)]
    assert {client.get(address).status_code for address in asked} == {200}
    assert len(asked) == 5


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (date(2026, 3, 12), "Thursday 12 March 2026"),
        (datetime(2026, 7, 1, 8, 30, tzinfo=UTC), "Wednesday 1 July 2026 at 9:30am"),
        (datetime(2026, 7, 1, 23, 0, tzinfo=UTC), "Thursday 2 July 2026 at midnight"),
        (datetime(2026, 1, 1, 12, 0), "Thursday 1 January 2026 at midday"),
        ("2026-01-01T15:00:00Z", "Thursday 1 January 2026 at 3pm"),
        ("2026-03-12", "Thursday 12 March 2026"),
        ("soon", "soon"),
        (None, ""),
    ],
)
def test_times_are_said_as_they_are_in_london(value, said):
    assert wording.day_time(value) == said


def test_money_and_codes_are_said_in_plain_words():
    assert [wording.pence(p) for p in (123450, 5, -100, None)] == ["£1,234.50", "£0.05", "-£1.00", ""]
    assert wording.words("gp_not_registered") == "GP not registered"
    assert wording.words("on_hold") == "On hold"
    assert wording.short_day(date(2026, 3, 2)) == "2 Mar 2026"


def test_the_macros_answer_with_markup_so_that_they_can_stand_in_one_another():
    ui = Pages("frontdoor.web").environment.globals["ui"]
    assert isinstance(ui.status_tag("queued"), Markup)
