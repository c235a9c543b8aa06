"""What tests of the whole product need: all five services in this process, with a clock that is moved by hand."""

import json
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from httpx2 import Response
from starlette.testclient import TestClient

from all_in_one.assembly import assemble
from all_in_one.settings import Settings
from frontdoor.testing import MovedClock

Json = dict[str, Any]


class FrontDoor:
    """The whole product in this process, with a clock that is moved by hand."""

    def __init__(self, folder: Path, form: Json, **settings: Any) -> None:
        self.clock = MovedClock()
        _fill(folder)
        self.assembly = assemble(Settings(data=folder, **settings), self.clock)
        self.application = self.assembly.application()
        self.folder = folder
        self.form = form

    def as_person(self, person: str | None = None) -> TestClient:
        """Give a client signed in as a sample person."""
        headers = {"Authorization": f"Bearer demo-{person}"} if person else {}
        return TestClient(self.application, headers=headers, raise_server_exceptions=False)

    def settle(self) -> None:
        """Let everything arrive and be sent."""
        self.assembly.settle()

    def days_pass(self, days: int) -> None:
        """Move the clock and do what has become due."""
        self.clock.now += timedelta(days=days)
        self.settle()

    def refer(self, person: str = "senco", **changes: Any) -> Json:
        """Send a referral, settle, and give the answer."""
        answer = self.as_person(person).post("/api/referrals", json=self.form | changes)
        self.settle()
        return _made(answer)

    def decide(self, agency: str, reference: str, outcome: str, **more: Any) -> Response:
        """Let an agency's triager decide, settle, and give the answer."""
        path = f"/api/queues/{agency}/{reference}/decisions"
        answer = self.as_person(f"{agency}-triager").post(path, json={"outcome": outcome, **more})
        self.settle()
        return answer

    def queue(self, agency: str) -> dict[str, Json]:
        """Give an agency's open entries by reference."""
        answer = self.as_person(f"{agency}-triager").get(f"/api/queues/{agency}")
        return {entry["reference"]: entry for entry in answer.json()["entries"]}

    def commission(
        self, *, seats: int = 1, weeks: int = 6, discipline: str = "salt", price: int = 54_000
    ) -> tuple[str, str]:
        """Register whom and what it takes, open a pool, commission a block; give the block's id and the pool's."""
        coordinator = self.as_person("booking-coordinator")

        def post(path: str, **body: Any) -> Json:
            return _made(coordinator.post(path, json=body))

        provider = post("/api/providers", name="Harbour Therapies", kind="private")["provider"]
        therapist = post(
            "/api/therapists",
            name="Hollie Marsh",
            provider=provider,
            disciplines=[discipline],
            person=f"therapist-{discipline}",
        )["therapist"]
        place = post("/api/places", name="Harbour clinic, room 2", kind="clinic", postcode="SS1 9ZZ")["place"]
        shares = [
            {"organisation": organisation, "discipline": discipline, "pence": 100_000}
            for organisation in ("sample-council", "sample-icb")
        ]
        pool = post("/api/pools", name="Autumn therapies", term="2026-autumn", contributions=shares)["pool"]
        block = post(
            f"/api/pools/{pool}/blocks",
            provider=provider,
            therapist=therapist,
            discipline=discipline,
            mode="individual" if seats == 1 else "group",
            place=place,
            first_date="2026-11-30",
            time="09:30",
            minutes=45,
            weeks=weeks,
            seats=seats,
            price_pence=price,
        )
        self.settle()
        return block["block"], pool

    def waiting(self, reference: str, discipline: str = "salt") -> None:
        """Let health agree therapy for this referral."""
        therapy = {"discipline": discipline, "sessions": 6, "mode": "individual"}
        _made(self.decide("health", reference, "accept", therapy=therapy))

    def book(self, reference: str, block: str) -> Response:
        """Let the coordinator book a child on a block, settle, and give the answer."""
        body = {"reference": reference, "block": block}
        answer = self.as_person("booking-coordinator").post("/api/bookings", json=body)
        self.settle()
        return answer

    def messages(self) -> list[Json]:
        """Read what the demo channel has sent."""
        file = self.folder / "sent-messages.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _fill(folder: Path) -> None:
    """Put empty databases into an empty folder: migrating them anew for each test would take most of its time."""
    if not any(folder.glob("*.sqlite")):
        for name, content in _empty_folder().items():
            (folder / name).write_bytes(content)


@cache
def _empty_folder() -> dict[str, bytes]:
    with TemporaryDirectory() as folder:
        made = assemble(Settings(data=Path(folder)))
        for parts in made.parts.values():
            with parts.database.engine.connect() as connection:
                connection.exec_driver_sql("COMMIT")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.exec_driver_sql("BEGIN")
        made.close()
        return {file.name: file.read_bytes() for file in Path(folder).glob("*.sqlite")}


def _made(answer: Response) -> Json:
    if answer.status_code != 201:
        raise AssertionError(answer.text)
    made: Json = answer.json()
    return made
