"""The same referrals for partners who speak FHIR: messages in, and one referral out. No decision is made here."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from python_multipart.multipart import parse_options_header

from frontdoor.calls import Call, Route, may
from frontdoor.identifiers import short_id
from frontdoor.problems import MAX_BODY, Problem, parse_json, validate
from frontdoor.web import FieldError
from frontdoor.work import Refused, Work
from referral_intake import fhir, handlers
from referral_intake.commands import Addition, ContactChange, ReferralForm

router = APIRouter(route_class=Route, tags=["FHIR"])
MEDIA_TYPE = "application/fhir+json"


class FhirBundle(BaseModel):
    """A FHIR R4 bundle of type message, as the Booking and Referral Standard has it."""

    model_config = ConfigDict(extra="allow")
    resourceType: Literal["Bundle"]  # noqa: N815  FHIR's own name


class FhirAnswer(JSONResponse):
    """An answer as FHIR has it."""

    media_type = MEDIA_TYPE


class FhirOutcome(BaseModel):
    """A FHIR R4 OperationOutcome: what is wrong, and where."""

    model_config = ConfigDict(extra="allow")
    resourceType: Literal["OperationOutcome"]  # noqa: N815  FHIR's own name
    issue: list[dict[str, Any]]


_ANSWERS: dict[int | str, dict[str, Any]] = {201: {"model": FhirBundle}, 200: {"model": FhirBundle}}
_WRONG = {400, 403, 404, 409, 413, 415, 422, 501}
_ANSWERS |= {status: {"model": FhirOutcome} for status in _WRONG}


async def _read(request: Request) -> Any:
    kind, _ = parse_options_header(request.headers.get("content-type", ""))
    if kind.lower() not in {b"application/fhir+json", b"application/json"}:
        raise Problem(415, "not_json", "Send the bundle as application/fhir+json, in UTF-8.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Problem(413, "too_large", "The body must be 1 MiB or less.")
    request.state.sent = parse_json(body)
    return request.state.sent


def _raw_bundle(sent: Annotated[Any, Depends(_read)]) -> Any:
    return sent


_raw_bundle.body_model = FhirBundle  # type: ignore[attr-defined]


@router.post(
    "/api/fhir/$process-message",
    response_class=FhirAnswer,
    responses=_ANSWERS,
    summary="Send, add to or take back a referral as a FHIR R4 message",
)
def process_message(
    call: Annotated[Call, may("referral.submit")], sent: Annotated[Any, Depends(_raw_bundle)]
) -> Response:
    try:
        return _as_fhir(_process(call, sent))
    except Problem as problem:
        return _outcome(problem)
    except Refused as refused:
        errors = [FieldError(refused.field, refused.sentence)] if refused.field else []
        return _outcome(Problem(refused.status, refused.code, refused.sentence, errors=errors))


@router.get(
    "/api/fhir/ServiceRequest/{reference}",
    response_class=FhirAnswer,
    response_model=FhirBundle,
    summary="Show a referral as a FHIR R4 message",
)
def service_request(call: Annotated[Call, may("referral.read")], reference: str) -> Response:
    with call.work() as work:
        shown = handlers.show_referral(work, reference)
    return FhirAnswer(fhir.to_bundle(shown, response=False))


def _process(call: Call, sent: Any) -> Response:
    resources = fhir.check(sent)
    reason = fhir.reason_of(resources)
    if reason == "delete":
        return call.once(lambda work: _take_back(work, fhir.reference_of(resources)), status=200, personal=True)
    token = fhir.message_id(sent, resources)
    if reason == "update":
        return call.once(lambda work: _update(work, f"{token}/update", resources), status=200, personal=True)
    form, child_id = validate(ReferralForm, fhir.to_form(resources)), short_id("C")
    return call.once(
        lambda work: _receive(work, token, form, child_id),
        personal=True,
        prepare=lambda: handlers.prepare_child(call.parts, form, child_id),
    )


def _receive(work: Work, token: str, form: ReferralForm, child_id: str) -> dict[str, Any]:
    receipt = handlers.receive_referral_once(work, token, form, child_id)
    return fhir.to_bundle(handlers.show_referral(work, receipt.reference), response=True)


def _update(work: Work, token: str, resources: Mapping[str, list[fhir.Resource]]) -> dict[str, Any]:
    """Add what is new, and change the contacts that changed. Twice is harmless: a message is taken once."""
    known = handlers.reference_of_token(work, token)
    shown = handlers.show_referral(work, fhir.reference_of(resources))
    reference = str(shown["reference"])
    if known is None:
        text, contacts = fhir.what_is_new(resources, shown)
        if contacts:
            handlers.change_contacts(work, reference, validate(ContactChange, {"contacts": contacts}))
        if text:
            handlers.add_to_referral(work, reference, validate(Addition, {"text": text}))
        handlers.keep_token(work, token, reference)
    return fhir.to_bundle(handlers.show_referral(work, reference), response=True)


def _take_back(work: Work, reference: str) -> dict[str, Any]:
    handlers.withdraw_referral(work, reference, "Taken back by the system that sent it")
    return fhir.to_bundle(handlers.show_referral(work, reference), response=True)


def _as_fhir(answer: Response) -> Response:
    answer.headers["Content-Type"] = MEDIA_TYPE
    return answer


def _outcome(problem: Problem) -> Response:
    return FhirAnswer(fhir.outcome(problem), problem.status)
