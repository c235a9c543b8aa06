"""A family and its referral, as intake and triage would tell of them, and a provider that fails as real ones do."""

from collections import Counter
from datetime import date, timedelta

import pytest

from frontdoor.events import (
    ContactAdded,
    ContactChanged,
    ContactRef,
    EntryDeclined,
    Need,
    ReferralQueued,
    ReferralSubmitted,
    Route,
)
from frontdoor.testing import NOW, Stage
from notification import channels, handlers
from notification.app import service

REFERENCE = "R7K2-9QF4Q"
CHILD = "C-4MXKQ7PD"
MUM, DAD = "K-2AAAAAAA", "K-3CCCCCCC"
CANARY = "ZZCANARY"


class Family:
    """One child's referral on a stage; what is personal in it is full of canaries."""

    def __init__(self, stage):
        self.stage = stage
        stage.keys.create(CHILD, NOW)

    def seal(self, value):
        return self.stage.keys.seal(CHILD, value)

    def contact(self, contact_id=MUM, channel="sms", safe=True, kind=ContactAdded, **details):
        ways = {"email": "zoe@example.org", "phone": "07700 900501", "address": ["1 Quay", "Saltmarsh"]}
        told = {"name": f"{CANARY} Parent", "postcode": "SM1 2AB", **ways, **details}
        return kind(
            contact_id=contact_id,
            reference=REFERENCE,
            child_id=CHILD,
            channel=channel,
            language="pl",
            parental_responsibility=True,
            safe_to_contact=safe,
            details=self.seal(told),
        )

    def has_contact(self, contact_id=MUM, channel="sms", **more):
        return self.stage.hears(f"contact/{contact_id}", self.contact(contact_id, channel, **more))

    def changes_contact(self, contact_id=MUM, channel="sms", **more):
        return self.stage.hears(f"contact/{contact_id}", self.contact(contact_id, channel, kind=ContactChanged, **more))

    def submission(self, contacts=(MUM,), agencies=("education", "health"), **more):
        told = {"kind": "request", "referrer_role": "senco", "sent_by": "senco", "organisation": "sample-school"}
        told |= {"family_raised": False} | more
        return ReferralSubmitted(
            reference=REFERENCE,
            child_id=CHILD,
            received_at=NOW,
            acknowledge_by=NOW + timedelta(days=2),
            routes=tuple(Route(agency=agency, rules=("needs:SLCN",)) for agency in agencies),
            needs=(Need(code="SLCN", rank="primary"),),
            support=("speech_and_language",),
            pathways_version="1",
            standard_version="1",
            calendar_version="1",
            setting="sample-school",
            out_of_area=False,
            to_be_sorted=False,
            contacts=tuple(ContactRef(contact_id=contact, parental_responsibility=True) for contact in contacts),
            concern_raised_on=date(2026, 9, 1),
            consent_given=True,
            consent_on=date(2026, 9, 1),
            story=self.seal({"concern": f"{CANARY} cannot say much"}),
            **told,
        )

    def submits(self, contacts=(MUM,), **more):
        return self.stage.hears(f"referral/{REFERENCE}", self.submission(contacts, **more))

    def queued(self, agency, days=14, **more):
        return ReferralQueued(
            reference=REFERENCE,
            agency=agency,
            child_id=CHILD,
            kind="request",
            received_at=NOW,
            due_at=NOW + timedelta(days=days),
            standard="triage",
            standard_version="1",
            calendar_version="1",
            priority="routine",
            needs=("SLCN",),
            support=(),
            sent_by="senco",
            organisation="sample-school",
            setting="sample-school",
            out_of_area=False,
            to_be_sorted=False,
            story=self.seal({}),
            **more,
        )

    def queues(self, agency, **more):
        return self.stage.hears(f"entry/{REFERENCE}/{agency}", self.queued(agency, **more))

    def step(self, kind, agency="health", **more):
        return kind(reference=REFERENCE, agency=agency, child_id=CHILD, comment=self.seal(CANARY), **more)

    def hears(self, kind, agency="health", **more):
        return self.stage.hears(f"entry/{REFERENCE}/{agency}", self.step(kind, agency, **more))

    def declines(self, agency="health", reason_code="incomplete"):
        return self.hears(EntryDeclined, agency, reason_code=reason_code)

    def is_known(self, *contacts, agencies=("education", "health"), **more):
        """A referral that was received and queued, with its contacts: (contact id, channel) pairs."""
        for contact, channel in contacts or [(MUM, "sms")]:
            self.has_contact(contact, channel)
        submitted = self.submits(tuple(contact for contact, _ in contacts or [(MUM, "sms")]), agencies=agencies, **more)
        for agency in agencies:
            self.queues(agency)
        return submitted

    def notices(self, person="auditor"):
        return self.stage.as_person(person).get("/api/notices", params={"reference": REFERENCE}).json()

    def statuses(self):
        return [notice["status"] for notice in self.notices()]

    def outbox(self):
        return channels.sent_messages(self.stage.parts.folder, None, 100).messages[::-1]


class Killed(BaseException):
    """The process ends here."""


class Provider:
    """Takes messages, fails as told, and keeps a ledger of what it accepted.

    `answers` are given one after the other: an answer, or an exception to raise, before or after the message is taken.
    """

    def __init__(self, *answers):
        self.answers, self.ledger, self.seen = list(answers), Counter(), []
        self.asked, self.knows = [], None

    def send(self, message):
        self.seen.append(message)
        answer = self.answers.pop(0) if self.answers else "accepted"
        after = isinstance(answer, tuple)
        trouble = answer[0] if after else answer
        if after or answer == "accepted":
            self.ledger[message.notice] += 1
        if isinstance(trouble, BaseException):
            raise trouble
        return trouble

    def look_up(self, notice):
        self.asked.append(notice)
        if isinstance(self.knows, Exception):
            raise self.knows
        return self.knows or ("found" if self.ledger[notice] else "absent")


@pytest.fixture
def stage(tmp_path):
    return Stage(service, tmp_path)


@pytest.fixture
def family(stage):
    return Family(stage)


@pytest.fixture
def provider():
    """Make a provider that gives these answers first."""
    return Provider


@pytest.fixture
def killed():
    return Killed


@pytest.fixture
def send(stage):
    """Let the sender do a round with a provider."""
    return lambda channel: handlers.send_notices(stage.parts, channel)
