"""The form in a real browser: by keyboard alone, at 320 pixels, and as axe sees it."""

import socket
import threading
import time

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from frontdoor.testing import Stage
from referral_intake.app import service

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic", "--no-first-run"]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
CONTINUE = "Save and continue"
PARENT = [
    ("danger", [("No", " ")]),
    ("name", [("First name", "Robin"), ("Last name", "Fairweather")]),
    ("birth", [("Day", "1"), ("Month", "5"), ("Year", "2019")]),
    ("home", [("Postcode", "SS1 1AA")]),
    ("health", []),
    ("more", []),
    ("about-you", [("Who are you to your child?", "mother"), ("Yes", " ")]),
    ("reach-you", []),
    ("people", []),
    ("not-to-tell", []),
    ("setting", []),
    ("concern", [("In your own words", "He cannot bear noise.")]),
    ("needs", [("Getting on with others, or coping with change", " ")]),
    ("support", []),
    ("tried", []),
    ("strengths", []),
    ("consent", [("Yes", " ")]),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    stage = Stage(service, tmp_path_factory.mktemp("browser"))
    free = socket.socket()
    free.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(stage.app, log_level="warning"))
    thread = threading.Thread(target=server.run, args=([free],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{free.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture(scope="module")
def browser(chromium):
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 320, "height": 700})
    yield context.new_page()
    context.close()


def focused(page):
    """What a screen reader would call the thing that has the focus."""
    return page.evaluate(
        """() => { const at = document.activeElement
          const label = at.labels && at.labels[0]
          return (label || at).innerText.trim().replace(' (optional)', '') }"""
    )


def tab_to(page, name):
    """Press Tab until something of this name has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if focused(page) == name:
            return
    pytest.fail(f"the keyboard does not reach {name!r} on {page.url}")


def press_on(page, name):
    tab_to(page, name)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def look(page):
    """Nothing for axe to find, and nothing wider than the screen."""
    found = Axe().run(page, options=RULES).response["violations"]
    assert not found, (page.url, [(one["id"], one["nodes"][0]["html"]) for one in found])
    assert page.evaluate("document.documentElement.scrollWidth") <= 320, page.url


def sign_in(page, address, name):
    page.goto(f"{address}/sign-in?next=/refer")
    look(page)
    page.get_by_label(name, exact=True).focus()
    page.keyboard.press("Space")
    press_on(page, "Sign in")


def answer(page, questions):
    for label, typed in questions:
        field = page.get_by_label(label, exact=True).first
        if typed != " ":
            tab_to(page, label)
            page.keyboard.type(typed)
            continue
        field.focus()
        page.keyboard.press("Space")
        assert field.is_checked(), label


def test_a_parent_sends_the_form_by_keyboard_alone_on_a_small_screen(page, address):
    sign_in(page, address, "Dawn Fairweather")
    look(page)
    press_on(page, "Start now")
    look(page)
    form = page.url
    for slug, questions in PARENT:
        if not page.url.endswith(f"/{slug}"):
            page.goto(f"{form}/{slug}")
        look(page)
        answer(page, questions)
        press_on(page, CONTINUE)
    press_on(page, "Check your answers and send")
    look(page)
    press_on(page, "Send the referral")
    look(page)
    assert "Referral sent" in page.inner_text("h1")
    press_on(page, "Open the referral")
    look(page)


def test_the_error_summary_has_the_focus_and_leads_to_the_field(page, address):
    sign_in(page, address, "Priya Raman")
    press_on(page, "Start now")
    form = page.url
    for slug in ("danger", "birth", "needs", "people"):
        page.goto(f"{form}/{slug}")
        press_on(page, CONTINUE)
        assert page.title().startswith("Error: ")
        assert "There is a problem" in focused(page)
        look(page)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.tagName") in ("INPUT", "BUTTON")


def test_the_form_works_without_scripts(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/sign-in?next=/refer")
    page.get_by_label("Priya Raman", exact=True).check()
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Start now").click()
    page.get_by_role("link", name="The child").click()
    page.get_by_label("First name").fill("Maisie")
    page.get_by_label("Last name").fill("Thorne")
    page.get_by_role("button", name=CONTINUE).click()
    assert page.get_by_role("heading", level=1).inner_text() == "When was the child born?"
    context.close()
