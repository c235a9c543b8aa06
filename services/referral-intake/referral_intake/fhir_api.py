"""The same referrals for partners who speak FHIR: messages in, and one referral out. No decision is made here."""

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
from referral_intake.commands import ReferralForm

router = APIRouter(route_class=Route, tags=["FHIR"])
MEDIA_TYPE = "application/fhir+json"


class FhirBundle(BaseModel):
    """A FHIR R4 bundle of type message, as the Booking and Referral Standard has it."""

    model_config = ConfigDict(extra="allow")
    resourceType: Literal["Bundle"]  # noqa: N815  FHIR's own name


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


@router.post("/api/fhir/$process-message", summary="Send or take back a referral as a FHIR R4 message")
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


@router.get("/api/fhir/ServiceRequest/{reference}", summary="Show a referral as a FHIR R4 message")
def service_request(call: Annotated[Call, may("referral.read")], reference: str) -> Response:
    with call.work() as work:
        shown = handlers.show_referral(work, reference)
    return JSONResponse(fhir.to_bundle(shown, response=False), media_type=MEDIA_TYPE)


def _process(call: Call, sent: Any) -> Response:
    resources = fhir.check(sent)
    if fhir.reason_of(resources) == "delete":
        return call.once(lambda work: _take_back(work, fhir.reference_of(resources)), status=200, personal=True)
    token = fhir.message_id(sent, resources)
    form, child_id = validate(ReferralForm, fhir.to_form(resources)), short_id("C")
    return call.once(
        lambda work: _receive(work, token, form, child_id),
        personal=True,
        prepare=lambda: handlers.prepare_child(call.parts, form, child_id),
    )


def _receive(work: Work, token: str, form: ReferralForm, child_id: str) -> dict[str, Any]:
    receipt = handlers.receive_referral_once(work, token, form, child_id)
    return fhir.to_bundle(handlers.show_referral(work, receipt.reference), response=True)


def _take_back(work: Work, reference: str) -> dict[str, Any]:
    handlers.withdraw_referral(work, reference, "Taken back by the system that sent it")
    return fhir.to_bundle(handlers.show_referral(work, reference), response=True)


def _as_fhir(answer: Response) -> Response:
    answer.headers["Content-Type"] = MEDIA_TYPE
    return answer


def _outcome(problem: Problem) -> Response:
    return JSONResponse(fhir.outcome(problem), problem.status, media_type=MEDIA_TYPE)
