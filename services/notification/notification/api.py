"""JSON for partner systems: what a family was told, and what became of it; and the provider's receipts."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Query
from pydantic import BaseModel

from frontdoor.access import Denied, Deny, Subject
from frontdoor.calls import Call, Route, may
from frontdoor.events import Instant
from frontdoor.identifiers import normal_reference
from frontdoor.problems import json_body
from notification import domain, handlers, store
from notification.commands import DeliveryReceipt

log = structlog.get_logger()

router = APIRouter(route_class=Route)


class NoticeShown(BaseModel):
    """One message to one person, about one event, by one channel."""

    notice: str
    event: str
    recipient: str
    channel: str
    status: str
    template: str
    created_at: Instant


@router.get("/api/notices", summary="What a referral's family was told, and what became of each message")
def list_notices(
    call: Annotated[Call, may("notice.read")],
    reference: Annotated[str, Query(max_length=20, description="The referral's reference.")],
) -> list[NoticeShown]:
    with call.work() as work:
        named = normal_reference(reference) or reference
        case = store.case(work.session, named)
        if case is None:
            # Its row in the audit costs the same time as that of a referral which is there and may not be seen.
            raise Denied(Deny(404, "unknown"), asked=("notice.read", normal_reference(reference) or ""))
        area = store.area_of(work.session, named)
        work.may("notice.read", _subject(case, area))
        return [_shown(row) for row in store.notices_of(work.session, area, named)]


@router.post("/api/notices/receipts", status_code=204, summary="What the provider says became of a message")
def note_receipt(
    call: Annotated[Call, may("notice.receipt")], receipt: Annotated[DeliveryReceipt, json_body(DeliveryReceipt)]
) -> None:
    """The bearer token is the installation's `receipts` secret. A receipt for no message of ours gets the same answer.

    Early, late, twice, in any order: what was delivered stays so, and what came back is a task for a person.
    """
    with call.work() as work:
        is_ours = handlers.note_receipt(work, receipt.reference, receipt.status)
    if not is_ours:  # and the answer does not say so
        log.warning("receipt_unknown", service=call.parts.service)


def _subject(case: domain.Case, area: str) -> Subject:
    return Subject(
        reference=case.reference,
        area=area,
        sent_by=case.sent_by,
        organisation=case.organisation,
        setting=case.setting,
        agencies=frozenset(case.agencies),
        family=frozenset(case.family),
    )


def _shown(row: store.Notice) -> NoticeShown:
    return NoticeShown(
        notice=row.notice,
        event=row.cause_type,
        recipient=row.recipient,
        channel=row.channel,
        status=row.status,
        template=row.template,
        created_at=row.created_at,
    )
