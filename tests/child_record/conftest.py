"""A referral as the other services tell of it, and the shared record alone on a stage."""

import signal
import socket
import threading
import time
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest
import uvicorn
from sqlalchemy import text

from child_record.app import service
from frontdoor import events
from frontdoor.events import ContactRef, Event, Need, Route, Session
from frontdoor.identifiers import FamilyLink, reference
from frontdoor.testing import NOW, Stage

SECRETS = ("Wilhelmina", "Thistlethwaite", "2019-03-27", "SLCN", "Emma Lindqvist", "Samphire Clinic", "stammer")
"""What is personal in the story below: a child, a need, a therapist, a place, somebody's words."""


@dataclass
class Told:
    """One referral, and what the services say of it."""

    stage: Stage
    reference: str = field(default_factory=reference)
    child_id: str = "C-4MXKQ7PD"
    now: datetime = NOW

    def sealed(self, value: object) -> str:
        return self.stage.keys.seal(self.child_id, value)

    def entry(self, said_as: type[Event], agency: str = "health", /, **more: object) -> tuple[str, Event]:
        said = {"reference": self.reference, "agency": agency, "child_id": self.child_id} | more
        return f"entry/{self.reference}/{agency}", said_as.model_validate(said)

    def child(self) -> tuple[str, Event]:
        identity = {"given_name": "Wilhelmina", "family_name": "Thistlethwaite", "date_of_birth": "2019-03-27"}
        noted = events.ChildRegistered(child_id=self.child_id, identity=self.sealed(identity))
        return f"child/{self.child_id}", noted

    def submitted(self, **more: object) -> tuple[str, Event]:
        said = {
            "reference": self.reference,
            "child_id": self.child_id,
            "kind": "request",
            "received_at": self.now,
            "acknowledge_by": self.now + timedelta(days=2),
            "routes": (Route(agency="education", rules=("SLCN",)), Route(agency="health", rules=("SLCN",))),
            "needs": (Need(code="SLCN", rank="primary"),),
            "support": (),
            "pathways_version": "1",
            "standard_version": "1",
            "calendar_version": "1",
            "referrer_role": "senco",
            "family_raised": False,
            "sent_by": "senco",
            "organisation": "sample-school",
            "setting": "sample-school",
            "out_of_area": False,
            "to_be_sorted": False,
            "contacts": (ContactRef(contact_id="K-4MXKQ7PD", parental_responsibility=True),),
            "concern_raised_on": date(2026, 11, 1),
            "consent_given": True,
            "consent_on": date(2026, 11, 1),
            "story": self.sealed("a stammer"),
        }
        return f"referral/{self.reference}", events.ReferralSubmitted.model_validate(said | more)

    def queued(self, agency: str = "health", **more: object) -> tuple[str, Event]:
        said = {
            "kind": "request",
            "received_at": self.now,
            "due_at": self.now + timedelta(days=14),
            "standard": "triage",
            "standard_version": "1",
            "calendar_version": "1",
            "priority": "routine",
            "needs": ("SLCN",),
            "support": (),
            "sent_by": "senco",
            "organisation": "sample-school",
            "setting": "sample-school",
            "out_of_area": False,
            "to_be_sorted": False,
            "story": self.sealed("a stammer"),
        }
        return self.entry(events.ReferralQueued, agency, **(said | more))

    def waiting(self) -> tuple[str, Event]:
        listed = events.WaitingListed(
            reference=self.reference,
            child_id=self.child_id,
            discipline="salt",
            sessions=6,
            mode="individual",
            priority="routine",
            received_at=self.now,
            offer_due=self.now + timedelta(weeks=6),
            standard_version="1",
            sent_by="senco",
            setting=None,
        )
        return f"waiting/{self.reference}/salt", listed

    def therapy(self) -> tuple[str, Event]:
        more = {"discipline": "salt", "sessions": 6, "mode": "individual", "priority": "routine"}
        return self.entry(events.TherapyAgreed, received_at=self.now, sent_by="senco", setting=None, **more)

    def booked(self, booking: str = "G-4MXKQ7PD", held_by: str = "therapist-salt") -> tuple[str, Event]:
        first = self.now + timedelta(days=9)
        made = events.BlockBooked(
            booking=booking,
            reference=self.reference,
            child_id=self.child_id,
            block="B-4MXKQ7PD",
            discipline="salt",
            seat=1,
            sessions=(Session(session="B-4MXKQ7PD-1", starts_at=first, ends_at=first + timedelta(hours=1)),),
            held_by=held_by,
        )
        return f"booking/{booking}", made

    def released(self, booking: str = "G-4MXKQ7PD", reason_code: str = "child_unwell") -> tuple[str, Event]:
        freed = events.PlaceReleased(
            booking=booking,
            reference=self.reference,
            child_id=self.child_id,
            block="B-4MXKQ7PD",
            discipline="salt",
            reason_code=reason_code,
        )
        return f"booking/{booking}", freed

    def offered(self) -> tuple[str, Event]:
        names = {"reference": self.reference, "child_id": self.child_id}
        return "offer/F-4MXKQ7PD", events.PlaceOffered(
            offer="F-4MXKQ7PD", block="B-4MXKQ7PD", discipline="salt", **names
        )

    def notice(self, kind: type[Event] = events.NoticeSent, **more: object) -> tuple[str, Event]:
        notice = f"N-{kind.__name__}"
        said = {"notice": notice, "reference": self.reference, "child_id": self.child_id} | more
        return f"notice/{notice}", kind.model_validate(said)

    def link(self, recipient: str = "sender", generation: int = 1) -> str:
        """The path of a family's page, as intake and notification write it."""
        return self.stage.parts.links.path(FamilyLink(self.reference, recipient, generation))

    def adopted(self) -> tuple[str, Event]:
        """The child lives on under another identity."""
        adoption = events.ChildAdopted(adoption="T-4MXKQ7PD", child_id=self.child_id, became=self.sealed("C-2222222A"))
        return "adoption/T-4MXKQ7PD", adoption

    def hears(self, *told: tuple[str, Event]) -> None:
        for stream, event in told:
            self.stage.hears(stream, event)

    def story(self) -> list[tuple[str, Event]]:
        """From the form to booked therapy."""
        return [
            self.submitted(),
            self.child(),
            self.queued("education"),
            self.queued("health"),
            self.entry(events.EntryClaimed, holder="somebody"),
            self.entry(events.EntryAccepted, priority="soon", therapy="salt"),
            self.therapy(),
            self.entry(
                events.StandardMet, standard="triage", due_at=self.now + timedelta(days=14), noticed_at=self.now
            ),
            self.entry(events.EntryDeclined, "education", reason_code="no_functional_impact"),
            self.waiting(),
            self.booked(),
            self.notice(),
        ]


@pytest.fixture
def stage(tmp_path):
    made = Stage(service, tmp_path)
    yield made
    made.parts.database.dispose()


@pytest.fixture
def told(stage):
    """A referral of which nothing has been heard yet; its child has a key."""
    made = Told(stage)
    stage.keys.create(made.child_id, NOW)
    return made


@pytest.fixture
def timeline(stage, told):
    """What somebody gets when they ask for the referral's timeline."""
    return lambda person: stage.as_person(person).get(f"/api/records/{told.reference}/timeline")


@pytest.fixture
def audit(stage):
    """Who asked for what, and what the answer was, in order."""

    def read():
        with stage.look() as session:
            return session.connection().execute(text("select * from audit order by id")).mappings().all()

    return read


@pytest.fixture
def canaries():
    """Words that no bare link may ever show."""
    return SECRETS


@pytest.fixture
def server(stage):
    """The service behind a real server, in a thread, its signals caught as in a process of its own."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        made = uvicorn.Server(uvicorn.Config(stage.app, log_level="error", lifespan="off"))
        made.port = listening.getsockname()[1]
        thread = threading.Thread(target=made.run, kwargs={"sockets": [listening]})
        before = signal.signal(signal.SIGTERM, made.handle_exit)
        thread.start()
        made.thread = thread
        while not made.started:
            time.sleep(0.01)
        yield made
        made.should_exit = True
        thread.join(timeout=10)
        signal.signal(signal.SIGTERM, before)
