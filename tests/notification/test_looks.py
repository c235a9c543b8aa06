"""The demo's outbox in a real browser: whoever plays the provider sees the task arise, on any screen."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from frontdoor.testing import served

pytestmark = pytest.mark.browser
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic", "--no-first-run")


@pytest.fixture
def address(stage):
    """The service on a port of this machine."""
    with served(stage.app) as made:
        yield made


def look(page, width):
    assert [found["id"] for found in Axe().run(page).response["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [320, 1280])
def test_a_message_that_came_back_fits_the_screen_and_has_no_barrier(stage, family, address, chromium, width):
    family.is_known()
    stage.chores()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*QUIET])
        admin = {"Authorization": "Bearer demo-admin"}
        page = browser.new_context(viewport={"width": width, "height": 900}, extra_http_headers=admin).new_page()
        page.goto(f"{address}/messages")
        look(page, width)
        page.get_by_role("button", name="It came back").click()
        page.get_by_text("This was sent, and came back").wait_for()
        look(page, width)
        browser.close()
