"""Fixtures of all tests: a Chromium that is there, and a whole front door in this process."""

import os
import shutil

import pytest


@pytest.fixture(scope="session")
def chromium():
    """The path of a Chromium that is there; without one, a browser test is left out, or fails where it must run."""
    known = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("FRONTDOOR_CHROMIUM") or next(filter(None, map(shutil.which, known)), None)
    if path is None and "browser" in os.environ.get("FRONTDOOR_REQUIRE", ""):
        pytest.fail("Browser tests must run here, and there is no Chromium.")
    if path is None:
        pytest.skip("There is no Chromium: browser tests are left out.")
    return path
