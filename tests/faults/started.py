"""A service as its `__main__` starts it, but odd: `python -m tests.faults.started notification --clock 7200`.

`--clock SECONDS`: all its clocks are wrong by so much. `--provider URL`: it sends through `provider.py`.
`--later-release`: what it says has fields that this release does not know.
"""

import argparse
import time
from datetime import timedelta
from importlib import import_module

import httpx2

from frontdoor import alone, event_log
from frontdoor.app import wall_clock


def main():
    """Start it."""
    words = argparse.ArgumentParser()
    words.add_argument("package")
    words.add_argument("--clock", type=float, default=0.0)
    words.add_argument("--provider")
    words.add_argument("--later-release", action="store_true")
    wanted = words.parse_args()
    app, settings = import_module(f"{wanted.package}.app"), import_module(f"{wanted.package}.settings")
    right = time.time
    time.time = lambda: right() + wanted.clock
    if wanted.provider:
        channel = Provider(wanted.provider)
        app.demo_channel = lambda _folder: channel
    if wanted.later_release:
        speak_later()
    off_by = timedelta(seconds=wanted.clock)
    alone.main(settings.Settings, lambda read: alone.create_app(app.service, read, clock=lambda: wall_clock() + off_by))


def speak_later():
    """Let every event have one more field, as those of a later minor release may."""
    todays = event_log.envelope_of

    def with_more(record):
        envelope = todays(record)
        return envelope | {"data": envelope["data"] | {"added_later": ["something"]}}

    event_log.envelope_of = with_more


ANSWERS = {200: "accepted", 429: "busy", 400: "refused", 401: "broken"}
KNOWN = {200: "found", 404: "absent", 501: "unknown"}


class Provider:
    """A channel to the provider of the tests, over HTTP."""

    def __init__(self, address):
        self._client = httpx2.Client(base_url=address, timeout=2)

    def send(self, message):
        """Hand a message over."""
        return ANSWERS[self._client.post("/", json=message.__dict__).status_code]

    def look_up(self, notice):
        """Ask whether it has it."""
        return KNOWN[self._client.get(f"/{notice}").status_code]


if __name__ == "__main__":
    main()
