"""The same journey by hand: triage decides, the coordinator books, and the family's open page moves on by itself."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from frontdoor.testing import served

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic", "--no-first-run"]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def address(front_door):
    """The front door on a port of this machine, carrying and sending by itself."""
    with served(front_door.application, lifespan="auto", timeout_graceful_shutdown=2) as made:
        yield made


@pytest.fixture
def browser(chromium):
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        launched.close()


def signed_in(browser, address, person, width=1280):
    """Open a window of its own for a sample person."""
    page = browser.new_context(viewport={"width": width, "height": 900}, base_url=address).new_page()
    page.goto("/sign-in")
    page.locator(f'input[value="{person}"]').check()
    page.get_by_role("button", name="Sign in").click()
    return page


def look(page):
    """Nothing for axe to find, and nothing wider than the screen."""
    found = Axe().run(page, options=RULES).response["violations"]
    assert not found, (page.url, [(one["id"], one["nodes"][0]["html"]) for one in found])
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), page.url


@pytest.mark.parametrize("width", [1280, 320])
def test_a_family_watches_its_referral_be_accepted_and_booked(front_door, address, browser, width):
    block, _ = front_door.commission()
    sent = front_door.refer()
    reference = sent["reference"]

    family = browser.new_context(viewport={"width": width, "height": 900}, base_url=address).new_page()
    family.goto(sent["status_url"])
    look(family)

    triager = signed_in(browser, address, "health-triager", width)
    triager.goto(f"/queues/health/{reference}")
    look(triager)
    triager.get_by_label("Accept").check()
    triager.get_by_label("Therapy agreed").select_option("salt")
    triager.get_by_label("Number of sessions").fill("6")
    triager.get_by_label("Alone or in a group").select_option("individual")
    triager.get_by_role("button", name="Decide").click()
    look(triager)
    expect(family.locator("#steps")).to_contain_text("waiting list", ignore_case=True)

    coordinator = signed_in(browser, address, "booking-coordinator", width)
    coordinator.goto(f"/booking/blocks/{block}")
    look(coordinator)
    coordinator.locator(f'input[value="{reference}"]').check()
    coordinator.get_by_role("button", name="Book", exact=True).click()
    expect(coordinator.get_by_text(reference).first).to_be_visible()
    look(coordinator)
    expect(family.locator("#steps")).to_contain_text("booked", ignore_case=True)
    look(family)

    triager.goto(f"/records/{reference}")
    look(triager)
    expect(triager.get_by_role("main")).to_contain_text("booked", ignore_case=True)
    messages = signed_in(browser, address, "senco", width)
    messages.goto("/messages")
    look(messages)
    assert "Wren" not in messages.get_by_role("main").inner_text()
