"""A booking desk on a stage: supply, money and children, in the fewest words."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from frontdoor import events
from frontdoor.identifiers import reference
from frontdoor.testing import NOW, Stage
from therapy_booking.app import service

ICB, COUNCIL = "sample-icb", "sample-council"


@dataclass
class Desk:
    """The booking coordinator's desk: what is asked here is asked through the API."""

    stage: Stage
    days: Any = field(default_factory=count)

    open: ExitStack = field(default_factory=ExitStack)
    clients: dict[str | None, Any] = field(default_factory=dict)

    def ask(self, method, path, body=None, person="booking-coordinator", **headers):
        if person not in self.clients:
            self.clients[person] = self.open.enter_context(self.stage.as_person(person))
        return self.clients[person].request(method, path, json=body, headers=headers)

    def made(self, path, body):
        answer = self.ask("POST", path, body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def provider(self, name="Clear Words", kind="private"):
        return self.made("/api/providers", {"name": name, "kind": kind})["provider"]

    def therapist(self, provider, disciplines=("salt",), person="therapist-salt"):
        body = {"name": "Emma Lindqvist", "provider": provider, "disciplines": list(disciplines)}
        return self.made("/api/therapists", body | ({"person": person} if person else {}))["therapist"]

    def place(self, kind="clinic"):
        where = {} if kind == "home" else {"postcode": "NN16 8AA"}
        return self.made("/api/places", {"name": "Room 2", "kind": kind} | where)["place"]

    def pool(self, *parts, term="2026-autumn"):
        parts = parts or ((ICB, "salt", 600_000), (COUNCIL, "salt", 400_000), (ICB, "ot", 500_000))
        named = ("organisation", "discipline", "pence")
        contributions = [dict(zip(named, part, strict=True)) for part in parts]
        return self.made("/api/pools", {"name": "Autumn", "term": term, "contributions": contributions})["pool"]

    def supply(self, **pool):
        """A provider, its therapist of both disciplines, a room and a pool."""
        provider = self.provider()
        therapist = self.therapist(provider, ("salt", "ot"))
        return SimpleNamespace(provider=provider, therapist=therapist, place=self.place(), pool=self.pool(**pool))

    def order(self, supply, **changed):
        wish = {
            "provider": supply.provider,
            "therapist": supply.therapist,
            "discipline": "salt",
            "mode": "group",
            "place": supply.place,
            "first_date": "2026-11-25",
            "time": "09:30",
            "minutes": 45,
            "weeks": 6,
            "seats": 2,
            "price_pence": 60_000,
        }
        return wish | changed

    def block(self, supply, **changed):
        """Commission a block; unless told, each at another time of the same Wednesday."""
        changed = {"time": f"{8 + next(self.days)}:00".zfill(5)} | changed
        return self.made(f"/api/pools/{supply.pool}/blocks", self.order(supply, **changed))["block"]

    def child(self, discipline="salt", at=None, **changed):
        """Let health agree therapy for a new child; give its reference."""
        ref = at or reference()
        agreed = {
            "reference": ref,
            "agency": "health",
            "child_id": f"C-{ref[-5:]}",
            "discipline": discipline,
            "sessions": 6,
            "mode": "group",
            "priority": "routine",
            "received_at": NOW,
            "sent_by": "senco",
            "setting": "sample-school",
            "family": ("parent",),
        }
        self.stage.hears(f"entry/{ref}/health", events.TherapyAgreed(**agreed | changed))
        return ref

    def book(self, ref, block, person="booking-coordinator", **more):
        return self.ask("POST", "/api/bookings", {"reference": ref, "block": block} | more, person)

    def booked(self, ref, block):
        return self.made("/api/bookings", {"reference": ref, "block": block})["booking"]

    def cancel(self, booking, reason="family_request", person="booking-coordinator"):
        return self.ask("POST", f"/api/bookings/{booking}/cancel", {"reason_code": reason}, person)

    def line(self, discipline="salt", person="booking-coordinator"):
        answer = self.ask("GET", f"/api/waiting-list?discipline={discipline}", None, person)
        assert answer.status_code == 200, answer.text
        return answer.json()["entries"]

    def waiting(self, discipline="salt"):
        return [entry["reference"] for entry in self.line(discipline)]

    def faults(self):
        answer = self.ask("GET", "/api/verify/bookings", None, "admin").json()
        return {name: found for name, found in answer.items() if name != "checked" and found}


@pytest.fixture
def desk(tmp_path):
    desk = Desk(Stage(service, tmp_path))
    with desk.open:
        yield desk


@pytest.fixture(scope="module")
def shared_desk(tmp_path_factory):
    """One desk for tests that leave nothing behind that another would see."""
    desk = Desk(Stage(service, tmp_path_factory.mktemp("desk")))
    with desk.open:
        yield desk


@pytest.fixture(scope="module")
def shared_supply(shared_desk):
    return shared_desk.supply()


@pytest.fixture
def supply(desk):
    return desk.supply()
