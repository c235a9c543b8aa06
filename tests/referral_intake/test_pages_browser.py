"""The form in a real browser: by keyboard alone, at 320 pixels, and as axe sees it."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright
from tests.referral_intake.test_bulk import ROW, file_of

from frontdoor.testing import Stage, served
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
    with served(stage.app) as made:
        yield made


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
    page.get_by_role("link", name="The child", exact=True).click()
    page.get_by_label("First name").fill("Maisie")
    page.get_by_label("Last name").fill("Thorne")
    page.get_by_role("button", name=CONTINUE).click()
    assert page.get_by_role("heading", level=1).inner_text() == "When was the child born?"
    context.close()


CONCERN = (
    "In class about half of what Maisie says is understood by adults who do not know her. She is starting to give up "
    "and point. It affects her phonics group and her friendships."
)
SALT = [
    ("danger", [("No", " ")]),
    ("name", [("First name", "Maisie"), ("Last name", "Thorne")]),
    ("birth", [("Day", "14"), ("Month", "2"), ("Year", "2021")]),
    ("home", [("Postcode", "SS2 9ZZ")]),
    ("health", [("NHS number", "9990101000")]),
    ("more", []),
    ("people", "Add a person"),
    ("person-0", [("Their name", "Dawn Thorne"), ("Who are they to the child?", "mother"), ("Yes", " ")]),
    ("reach-0", [("Text message", " "), ("Their telephone number", "07700900101")]),
    ("people", []),
    ("not-to-tell", []),
    ("setting", []),
    ("concern", [
        ("What do you see", CONCERN),
        ("Day", "22"), ("Month", "9"), ("Year", "2026"),
    ]),
    ("needs", [("Speech, language and communication", " ")]),
    ("support", [("Speech and language therapy", " ")]),
    ("tried", [("Small groups", " "), ("What has been tried so far?", "WellComm screen, small group 3 times a week.")]),
    ("strengths", [("What is the child good at, and what do they enjoy?", "Keen, sociable, loves drawing."),
                   ("What does the child say about it, in their own words?", "I say it and they say what.")]),
    ("consent", [("Yes", " "), ("Who was asked?", "Dawn Thorne"), ("Day", "6"), ("Month", "10"), ("Year", "2026")]),
    ("sharing", []),
]  # fmt: skip
"""A typical referral for speech and language therapy, as a SENCO who knows the form sends it."""
KEY, POINT, HOME, THINK = 0.2, 1.1, 0.4, 1.35
"""Seconds of the keystroke-level model (Card, Moran and Newell 1983): an average typist's key, to point and click, to
move a hand between mouse and keyboard, to think of what comes next (once a page)."""


def test_a_practised_senco_sends_a_typical_referral_with_fewer_than_40_fields_in_under_4_minutes(browser, address):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(f"{address}/sign-in?next=/refer")
    page.get_by_label("Priya Raman", exact=True).check()
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Start now").click()
    form, touched, seconds, clicks = page.url.rpartition("/")[0], 0, POINT, 1
    form = page.url if page.url.rpartition("/")[2].startswith("D-") else form
    for slug, questions in SALT:
        if not page.url.endswith(f"/{slug}"):
            page.goto(f"{form}/{slug}")
            clicks, seconds = clicks + 1, seconds + POINT  # the task list leads on
        if questions == "Add a person":
            page.get_by_role("button", name=questions).click()
            clicks, seconds = clicks + 1, seconds + POINT + THINK
            continue
        for label, typed in questions:
            touched += 1
            field = page.get_by_label(label, exact=True).or_(page.get_by_label(f"{label} (optional)", exact=True)).first
            if typed == " ":
                field.check()
                clicks, seconds = clicks + 1, seconds + POINT
            else:
                field.fill(typed)
                seconds += KEY * (len(typed) + 1)
        page.get_by_role("button", name=CONTINUE).click()
        clicks, seconds = clicks + 1, seconds + POINT + HOME + THINK
        assert page.locator(".govuk-error-summary").count() == 0, page.inner_text(".govuk-error-summary")
    page.goto(f"{form}/check")
    page.get_by_role("button", name="Send the referral").click()
    clicks, seconds = clicks + 2, seconds + 2 * POINT + THINK
    assert "Referral sent" in page.inner_text("h1")
    context.close()
    print(f"{touched} fields, {clicks} clicks, {seconds:.0f} seconds")
    assert touched < 40, touched
    assert seconds < 4 * 60, (round(seconds), clicks)


def test_every_page_of_the_form_passes_axe_at_320_pixels_for_a_senco_and_a_health_visitor(page, address):
    for name in ("Priya Raman", "Grace Adeyemi"):
        sign_in(page, address, name)
        press_on(page, "Start now")
        form = page.url
        page.goto(f"{form}/people")
        press_on(page, "Add a person")
        page.goto(form)
        look(page)
        links = [link.get_attribute("href") for link in page.locator(".govuk-task-list__link").all()]
        for link in [
            *links,
            *(f"{form}/{slug}" for slug in ("person-0", "reach-0", "people", "not-to-tell", "sharing")),
        ]:
            page.goto(link if link.startswith("http") else f"{address}{link}")
            look(page)
        for kind in ("hearing", "child_voice"):
            page.goto(f"{form}/evidence")
            page.get_by_label("What is it?").select_option(kind)
            file = {"name": "a.txt", "mimeType": "text/plain", "buffer": f"{name} {kind}".encode()}
            page.get_by_label("File").set_input_files(file)
            page.get_by_role("button", name="Upload the file").click()
            assert page.url.endswith(("/report-0", "/voice-1"))
            look(page)
        page.goto(f"{form}/evidence")
        look(page)
        page.goto(f"{address}/sign-in")
        page.request.post(f"{address}/sign-out")


def test_what_becomes_of_a_file_of_referrals_passes_axe_at_320_pixels(page, address):
    page.goto(f"{address}/sign-in?next=/refer/bulk")
    page.get_by_label("Priya Raman", exact=True).check()
    page.get_by_role("button", name="Sign in").click()
    files = (
        b"no file of ours",
        file_of(ROW | {"Postcode": "Saltmarsh", "Date of birth": "31/2/2021"}, ROW | {"Needs": ""}),
        file_of(ROW, ROW | {"First name": "Anneliese-Wilhelmina", "Last name": "Featherstonehaugh-Cholmondeley"}),
    )
    for data in files:
        page.goto(f"{address}/refer/bulk")
        page.locator("input[type=checkbox]").check()
        page.locator("input[type=file]").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": data})
        page.locator("main form button").last.click()
        look(page)
    with page.expect_navigation():
        page.locator("main form button").last.click()
    look(page)
    assert page.locator("h1").inner_text().startswith("2 referrals")


@pytest.mark.parametrize(("name", "pages"), [
    ("Alex Winter", ["/pathways", "/pathways/change"]),
    ("Priya Raman", ["/concerns", "/concerns/new", "/refer/bulk", "/screening", "/screening/new"]),
    ("Ruth Okafor", ["/matches", "/links/L-22222222/unlink", "/referrals/R222-22222/adopted"]),
])  # fmt: skip
def test_the_pages_of_staff_pass_axe_at_320_pixels(page, address, name, pages):
    page.goto(f"{address}/sign-in?next=/")
    page.get_by_label(name, exact=True).check()
    page.get_by_role("button", name="Sign in").click()
    for path in pages:
        page.goto(f"{address}{path}")
        look(page)


def test_the_preview_of_a_file_leads_from_each_error_to_its_row_by_keyboard(page, address):
    page.goto(f"{address}/sign-in?next=/refer/bulk")
    page.get_by_label("Priya Raman", exact=True).check()
    page.get_by_role("button", name="Sign in").click()
    rows = b"First name,Last name,Postcode\r\nWren,Aldous,x\r\nRobin,Aldous,y\r\n"
    page.get_by_label("CSV file").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": rows})
    page.get_by_label("None of these children is in danger now").check()
    page.get_by_role("button", name="Check the file").click()
    look(page)
    assert "There is a problem" in focused(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "row-3"
