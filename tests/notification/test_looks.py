"""The demo's outbox in a real browser: whoever plays the provider sees the task arise, on any screen."""

import socket
import threading
import time

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

pytestmark = pytest.mark.browser
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic", "--no-first-run")


@pytest.fixture
def address(stage):
    """The service on a port of this machine."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(stage.app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=10)


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
