"""The family's page in a real browser: readable on the smallest screen, by everybody, and fresh by itself."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from frontdoor import events
from frontdoor.testing import NOW

pytestmark = pytest.mark.browser
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic", "--no-first-run")


@pytest.fixture
def browse(chromium, server):
    """Open an address of the service in a window of this width."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*QUIET])

        def open_page(path, width=1280, **more):
            page = browser.new_context(viewport={"width": width, "height": 900}, **more).new_page()
            page.goto(f"http://127.0.0.1:{server.port}{path}")
            return page

        yield open_page
        browser.close()


@pytest.mark.parametrize("width", [320, 1280])
def test_the_family_page_fits_the_screen_and_has_no_barrier(told, browse, width):
    told.hears(*told.story())
    page = browse(told.link(), width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [found["id"] for found in Axe().run(page).response["violations"]] == []


def test_an_open_family_page_shows_a_new_step_by_itself(told, browse):
    told.hears(told.submitted(), told.queued())
    page = browse(told.link())
    page.wait_for_load_state("load")
    told.hears(told.entry(events.EntryAccepted, priority="soon"))
    page.get_by_text("The health team has said yes and will be in touch").wait_for(timeout=2500)


def test_without_scripts_a_link_refreshes_the_family_page(told, browse):
    told.hears(told.submitted(), told.queued())
    page = browse(told.link(), java_script_enabled=False)
    told.hears(told.entry(events.EntryAccepted, priority="soon"))
    page.get_by_role("link", name="Refresh this page").click()
    assert page.get_by_text("The health team has said yes and will be in touch").is_visible()


@pytest.mark.parametrize("width", [320, 1280])
def test_one_childs_record_with_two_referrals_fits_the_screen_and_has_no_barrier(stage, told, browse, width):
    stage.keys.create("C-2222222A", NOW)
    other = type(told)(stage, child_id="C-2222222A")
    told.hears(*told.story())
    other.hears(other.child(), other.submitted(sent_by="gp", referrer_role="gp"), other.queued())
    pair = {"link": "L-4MXKQ7PD", "child_id": told.child_id, "other_child_id": other.child_id}
    told.hears(("child-link/L-4MXKQ7PD", events.ChildrenLinked(**pair)))
    headers = {"Authorization": "Bearer demo-health-triager"}
    page = browse(f"/records/{told.reference}", width, extra_http_headers=headers)
    assert page.get_by_text(f"Referral {other.reference}").first.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [found["id"] for found in Axe().run(page).response["violations"]] == []
