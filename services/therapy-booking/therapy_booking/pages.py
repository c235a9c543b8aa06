"""Booking's pages: the coordinator's home, pools and blocks, the waiting list, and a child's place."""

import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeVar, get_args

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from frontdoor import answers
from frontdoor.calendars import local_date
from frontdoor.calls import Call, Route, may
from frontdoor.identifiers import normal_reference
from frontdoor.problems import Command
from frontdoor.web import FieldError, Form, Pages, field_errors
from frontdoor.web.wording import day_time, pence, words
from frontdoor.work import Refused, Work
from therapy_booking import commands, domain, handlers, store, supplies, tables


async def _sent(request: Request) -> Form:
    return Form.from_multidict(await request.form(), lists={"disciplines"}, booleans=ACCEPTS, labels=LABELS)


router = APIRouter(route_class=Route)
pages = Pages("therapy_booking")
Sent = Annotated[Form, Depends(_sent)]
Managing = Annotated[Call, may("supply.manage")]
Pooling = Annotated[Call, may("pool.manage")]
Commissioning = Annotated[Call, may("block.manage")]
Booking = Annotated[Call, may("booking.make")]
OfHealth = Annotated[Call, may("waiting.read", agency="health")]
Wish = TypeVar("Wish", bound=Command)
Context = dict[str, Any]

LABELS = {
    "first_date": "the date of the first session",
    "pence": "amount",
    "price_pence": "price",
    "reason_code": "reason",
    "contributions.*.pence": "amount",
}
MESSAGES = {
    "name:missing": "Enter a name",
    "name:string_too_long": "Enter a name of 200 characters or fewer",
    "kind": "Select what kind it is",
    "provider": "Select a provider",
    "therapist": "Select a therapist",
    "place": "Select a place",
    "term": "Select a term",
    "discipline": "Select speech and language or occupational therapy",
    "disciplines": "Select at least one therapy",
    "mode": "Select individual or group",
    "time": "Enter the local time in hours and minutes, like 09:30",
    "minutes": "Enter how long a session is, from 5 to 480 minutes",
    "weeks": "Enter how many sessions, from 1 to 52",
    "seats": "Enter how many children, from 1 to 100",
    "price_pence": "Enter the price in pounds, like 1,200 or 1,200.50",
    "contributions": "Enter at least one organisation, therapy and amount",
    "contributions.*.organisation": "Select an organisation",
    "contributions.*.discipline": "Select speech and language or occupational therapy",
    "contributions.*.pence": "Enter the amount in pounds, like 1,200 or 1,200.50",
    "reference": "Select a child",
    "block": "Select a block",
    "reason_code": "Select a reason",
}
ACCEPTS = frozenset({"accept_shorter", "accept_other_mode"})
MONEY = re.compile(r"[0-9]{1,9}(?:\.[0-9]{2})?")
ROWS_OF_MONEY = 6
MANY = 6
"""More than these are counted, not listed."""

# --- forms -----------------------------------------------------------------------------------------------------------


def _read(form: Form, model: type[Wish], **given: str | bool) -> tuple[Form, Wish | None]:
    """Make the wish that a form expresses, or the form with what is wrong beside its fields."""
    data = form.data() | given
    for row in (data, *(row for row in data.get("contributions", ()) if isinstance(row, dict))):
        row.update({name: _pence(row[name]) for name in ("pence", "price_pence") if name in row})
    if isinstance(data.get("time"), str) and re.fullmatch(r"[0-9]:[0-9]{2}", data["time"]):
        data["time"] = f"0{data['time']}"
    try:
        return form, model.model_validate_json(json.dumps(data), strict=False)
    except ValidationError as wrong:
        found = field_errors(wrong, MESSAGES, labels=LABELS, model=model)
        # A row that is wrong counts as none: what is wrong with it says enough.
        rows = {error.field.partition(".")[0] for error in found if "." in error.field}
        return form.with_errors(error for error in found if error.field not in rows), None


def _pence(typed: Any) -> Any:
    plain = re.sub(r"[£,\s]", "", str(typed))
    if not MONEY.fullmatch(plain):
        return "not an amount"
    pounds, _, rest = plain.partition(".")
    return int(pounds) * 100 + int(rest or 0)


def _once(call: Call, form: Form, do: Callable[[Work], Context]) -> Context:
    """Do what a form asks; the same form sent twice, as by a double click, has it done once."""
    key = f"{form.value('_token')[:64]}-{answers.digest(dict(form.values), call.parts.secret)}"
    kept = answers.Answers(call.parts.log.metadata, call.actor.person, call.request.url.path, key)
    with call.work() as work:
        if found := kept.find(work.session, "", work.now):
            return found[0]
        done = do(work)
        kept.keep(work, "", 303, done, None)
        return done


def _send(
    call: Call, form: Form, model: type[Wish], do: Callable[[Work, Wish], Context], **given: str | bool
) -> tuple[Form, Context | None]:
    """Carry a form through: what was done, or None and the form with what is wrong."""
    form, wish = _read(form, model, **given)
    if wish is None:
        return form, None
    try:
        return form, _once(call, form, lambda work: do(work, wish))
    except Refused as no:
        return form.with_errors([_refusal(call, form, no)]), None


FIELDS = {"too_short": "accept_shorter", "other_mode": "accept_other_mode"}


def _refusal(call: Call, form: Form, no: Refused) -> FieldError:
    """Say what was refused in a page's words: names, dates and pounds, where programs get codes."""
    chosen = next((name for name in ("reference", "block") if name in form.values), "")
    field, said = no.field or FIELDS.get(no.code, chosen), no.sentence
    when = _listed([day_time(at) for at in no.more.get("clashes", ())])
    if no.code == "over_budget" and (left := no.more["left"]):
        known = call.parts.area.organisations
        each = [f"{known[part['organisation']].name} has {pence(part['left'])}" for part in left]
        said = f"The price is more than is left in this pool for this therapy: {_listed(each)}"
    elif no.code == "full":
        said = "This block is full: choose another"
    elif no.code == "clash" and no.more["busy"] == "child":
        said = f"The child has another booking on {when}: choose another block"
    elif no.code == "clash":
        with call.work() as work:
            named = (
                handlers.there(work, tables.Therapist, form.value("therapist")).name
                if no.more["busy"] == "therapist"
                else handlers.there(work, tables.Place, form.value("place")).name
            )
        said = f"{named} is busy on {when}: choose another day or time"
    return FieldError(field, said)


def _listed(parts: list[str]) -> str:
    shown = parts if len(parts) <= MANY else [*parts[:MANY], f"{len(parts) - MANY} more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _show(call: Call, template: str, form: Form, **context: Any) -> Response:
    token = secrets.token_urlsafe(16)
    return pages.render(call.request, template, 422 if form.errors else 200, form=form, token=token, **context)


def _go(address: str) -> Response:
    return RedirectResponse(address, 303)


def _said(call: Call, sentences: Mapping[str, str]) -> str | None:
    """Give the sentence about what was done just now, as the address names it."""
    return sentences.get(call.request.query_params.get("done", ""))


def _options(rows: Iterable[Any], key: str, more: Callable[[Any], str] = lambda _row: "") -> list[tuple[str, str]]:
    return [(getattr(row, key), f"{row.name}{more(row)}") for row in rows]


def _names(work: Work, child_ids: Iterable[str | None]) -> dict[str | None, str]:
    """Give children's names by child id, where they are known, shared and not erased."""
    sealed = store.identities(work.session, (child_id for child_id in child_ids if child_id))
    found = {child_id: work.keys.unseal_or(identity, {}) for child_id, identity in sealed.items()}
    return {key: f"{who.get('given_name', '')} {who.get('family_name', '')}".strip() for key, who in found.items()}


def _coordinates(call: Call) -> bool:
    return "booking_coordinator" in call.actor.roles


# --- the coordinator's home, and what is registered ------------------------------------------------------------------

REGISTERED = {
    "provider": "The provider is registered.",
    "therapist": "The therapist is registered.",
    "place": "The place is registered.",
}


@router.get("/booking")
def home(call: Pooling) -> Response:
    """Pools with what is left in them, blocks with places left, and what can be registered."""
    with call.work() as work:
        listed = [supplies.show_pool(work, row.pool) for row in store.pools(work.session, work.area.id)]
        free = [
            found for code in ("salt", "ot") for found in store.with_places(work.session, work.area.id, code, work.now)
        ]
        supply = _supply(work)
    listed = [pool | {"term": _term(pool["term"])} for pool in listed]
    done = _said(call, REGISTERED)
    return _show(call, "home.html", Form(), pools=listed, free=free, supply=supply, done=done, runs=_coordinates(call))


def _supply(work: Work) -> Context:
    session, area = work.session, work.area.id
    return {
        "providers": store.supplies(session, tables.Provider, area),
        "therapists": store.supplies(session, tables.Therapist, area),
        "places": store.supplies(session, tables.Place, area),
    }


@router.get("/booking/providers/new")
def new_provider(call: Managing) -> Response:
    """The form of a provider."""
    return _show(call, "provider.html", Form())


@router.post("/booking/providers/new")
def post_provider(call: Managing, form: Sent) -> Response:
    """Register it."""
    form, made = _send(call, form, commands.RegisterProvider, supplies.register_provider)
    return _go("/booking?done=provider") if made else _show(call, "provider.html", form)


@router.get("/booking/therapists/new")
def new_therapist(call: Managing) -> Response:
    """The form of a therapist."""
    return _therapist_page(call, Form())


@router.post("/booking/therapists/new")
def post_therapist(call: Managing, form: Sent) -> Response:
    """Register them."""
    form, made = _send(call, form, commands.RegisterTherapist, supplies.register_therapist)
    return _go("/booking?done=therapist") if made else _therapist_page(call, form)


def _therapist_page(call: Call, form: Form) -> Response:
    with call.look() as session:
        providers = _options(store.supplies(session, tables.Provider, call.parts.area.id), "provider")
    return _show(call, "therapist.html", form, providers=providers)


@router.get("/booking/places/new")
def new_place(call: Managing) -> Response:
    """The form of a place."""
    return _show(call, "place.html", Form())


@router.post("/booking/places/new")
def post_place(call: Managing, form: Sent) -> Response:
    """Register it."""
    form, made = _send(call, form, commands.RegisterPlace, supplies.register_place)
    return _go("/booking?done=place") if made else _show(call, "place.html", form)


# --- pools and blocks ------------------------------------------------------------------------------------------------


@router.get("/booking/pools/new")
def new_pool(call: Pooling) -> Response:
    """The form of a pool."""
    return _new_pool_page(call, Form())


@router.post("/booking/pools/new")
def post_pool(call: Pooling, form: Sent) -> Response:
    """Open it."""
    form, made = _send(call, form, commands.OpenPool, supplies.open_pool)
    return _go(f"/booking/pools/{made['pool']}") if made else _new_pool_page(call, form)


def _new_pool_page(call: Call, form: Form) -> Response:
    area = call.parts.area
    paying = [(row.id, row.name) for row in area.organisations.values() if row.area == area.id]
    terms = [(term.id, _term(term.id)) for term in area.terms]
    return _show(call, "open-pool.html", form, organisations=paying, terms=terms, rows=ROWS_OF_MONEY)


def _term(term_id: str) -> str:
    year, _, season = term_id.partition("-")
    return f"{season.capitalize()} {year}"


@router.get("/booking/pools/{pool}")
def get_pool(call: Pooling, pool: str) -> Response:
    """What is left in a pool, its blocks, and the form to commission another."""
    return _pool_page(call, pool, Form())


@router.post("/booking/pools/{pool}")
def post_block(call: Commissioning, pool: str, form: Sent) -> Response:
    """Show when the sessions would be, or commission the block."""
    form, plan = _laid_out(call, pool, form)
    if form.value("_do") == "preview" or form.errors:
        return _pool_page(call, pool, form, plan)
    form, made = _send(
        call, form, commands.CommissionBlock, lambda work, wish: handlers.commission_block(work, pool, wish)
    )
    return _go(f"/booking/blocks/{made['block']}?done=commissioned") if made else _pool_page(call, pool, form, plan)


def _laid_out(call: Call, pool: str, form: Form) -> tuple[Form, Context]:
    """Lay out the dates of a form; where they may be a slip, it is wrong until they are ticked as they were shown."""
    form, wish = _read(form, commands.CommissionBlock)
    if wish is None:
        return form, {}
    try:
        with call.work() as work:
            planned = handlers.lay_out(work, pool, wish)
            doubt = domain.doubt(local_date(planned[0].starts_at), work.today)
    except Refused as no:
        return form.with_errors([_refusal(call, form, no)]), {}
    plan = {"planned": planned, "doubt": doubt, "dates": f"{planned[0].starts_at.isoformat()}/{len(planned)}"}
    if doubt and (form.value("_dates"), form.value("_sure")) != (plan["dates"], "yes"):
        form = replace(form, values={name: typed for name, typed in form.values.items() if name != "_sure"})
        if form.value("_do") != "preview":
            form = form.with_errors([FieldError("_sure", f"{doubt}: look at the dates, and say that they are right")])
    return form, plan


def _pool_page(call: Call, pool: str, form: Form, plan: Context | None = None) -> Response:
    with call.work() as work:
        shown, supply = supplies.show_pool(work, pool), _supply(work)
        blocks = handlers.show_blocks(work, pool)
    named = {row.provider: row.name for row in supply["providers"]}
    context = {
        "pool": shown,
        "term": _term(shown["term"]),
        "blocks": blocks,
        **(plan or {}),
        "organisation": {key: row.name for key, row in call.parts.area.organisations.items()},
        "providers": _options(supply["providers"], "provider"),
        "therapists": _options(supply["therapists"], "therapist", lambda row: f" ({named.get(row.provider, '')})"),
        "places": _options(supply["places"], "place", lambda row: f" ({words(row.kind).lower()})"),
        "runs": _coordinates(call),
    }
    return _show(call, "pool.html", form, **context)


DONE_AT_BLOCK = {
    "commissioned": "The block is commissioned and charged to its pool.",
    "booked": "The child is booked into every session to come.",
}


@router.get("/booking/blocks/{block}")
def get_block(call: Booking, block: str) -> Response:
    """A block's seats, who has them, and the next child."""
    return _block_page(call, block, Form())


@router.post("/booking/blocks/{block}")
def post_block_booking(call: Booking, block: str, form: Sent) -> Response:
    """Book a child from the waiting list."""
    form, made = _book(call, form, block=block)
    return _go(f"/booking/blocks/{block}?done=booked") if made else _block_page(call, block, form)


def _book(call: Call, form: Form, **given: str) -> tuple[Form, Context | None]:
    """Book as a form asks: in another mode than was agreed only where that is ticked."""
    other_mode = form.value("accept_other_mode") == "yes"
    return _send(call, form, commands.Book, handlers.book, accept_other_mode=other_mode, **given)


def _block_page(call: Call, block: str, form: Form) -> Response:
    with call.work() as work:
        row = handlers.there(work, tables.Block, block)
        seated, line = handlers.who_is_in(work, row), handlers.waiting_list(work, row.discipline)[:20]
        offers = store.offers(work.session, row.area, block=block)
        context = {
            "shown": handlers.show_block(work, row),
            "therapist": handlers.there(work, tables.Therapist, row.therapist).name,
            "place": handlers.there(work, tables.Place, row.place).name,
            "names": _names(work, [child for _, _, child in seated] + [found.child_id for found in line]),
            "modes": domain.MODES,
        }
    return _show(
        call, "block.html", form, seated=seated, line=line, offers=offers, done=_said(call, DONE_AT_BLOCK), **context
    )


# --- the waiting list, bookings and offers ---------------------------------------------------------------------------


@router.get("/booking/waiting-list")
def get_waiting_list(call: OfHealth, discipline: Annotated[Literal["salt", "ot"], Query()] = "salt") -> Response:
    """Who waits, in order, and why."""
    with call.work() as work:
        line = handlers.waiting_list(work, discipline)
        names = _names(work, (found.child_id for found in line[:100]))
    runs = _coordinates(call)
    context = {"line": line[:100], "more": len(line) - 100, "names": names, "runs": runs}
    return _show(call, "waiting-list.html", Form(), discipline=discipline, **context)


@router.get("/booking/waiting-list/{reference}/{discipline}")
def choose_block(call: Booking, reference: str, discipline: str) -> Response:
    """The blocks that fit a child."""
    return _choice_page(call, reference, discipline, Form())


@router.post("/booking/waiting-list/{reference}/{discipline}")
def post_booking(call: Booking, reference: str, discipline: str, form: Sent) -> Response:
    """Book the child into the block chosen."""
    form, made = _book(call, form, reference=reference)
    return _go(f"/booking/bookings/{made['booking']}") if made else _choice_page(call, reference, discipline, form)


def _choice_page(call: Call, reference: str, discipline: str, form: Form) -> Response:
    with call.work() as work:
        asked = "booking.make", normal_reference(reference) or ""
        waiting = handlers.there(work, tables.Waiting, (reference, discipline), asked)
        answer = work.may("booking.make", handlers.subject_of(waiting, frozenset()))
        wait = store.as_wait(waiting)
        fitting = list(handlers.fitting_blocks(work, wait))
        short = list(handlers.fitting_blocks(work, wait, shorter=True)) if not fitting else []
        rows = [handlers.there(work, tables.Block, found.block) for found in (*fitting, *short)]
        where = {row.block: handlers.there(work, tables.Place, row.place).name for row in rows}
        names = _names(work, [waiting.child_id] if handlers.shares_names(answer) else [])
        why = domain.why(wait, work.now)
    choices = [_choice(found, where[found.block], wait) for found in (*fitting, *short)]
    context = {"wait": wait, "why": why, "choices": choices, "short": bool(short), "name": names.get(waiting.child_id)}
    context |= {"other_mode": any(found.mode != wait.mode for found in (*fitting, *short)), "modes": domain.MODES}
    return _show(call, "choose-block.html", form, **context)


def _choice(found: domain.Supply, place: str, wait: domain.Wait) -> Mapping[str, str]:
    left = f"{len(found.free)} {'place' if len(found.free) == 1 else 'places'} left"
    but = "" if found.mode == wait.mode else f", but agreed {domain.MODES[wait.mode]}"
    hint = f"{place}. {words(found.mode)}{but}. {len(found.to_come)} sessions to come, {left}."
    return {"value": found.block, "text": f"From {day_time(found.to_come[0].starts_at)}", "hint": hint}


@router.get("/booking/bookings/{booking}")
def get_booking(call: Annotated[Call, may("booking.read")], booking: str) -> Response:
    """A child's place: its sessions, and the form to give it up."""
    return _booking_page(call, booking, Form())


@router.post("/booking/bookings/{booking}")
def post_cancellation(call: Annotated[Call, may("booking.cancel")], booking: str, form: Sent) -> Response:
    """Give it up."""
    form, made = _send(call, form, commands.Cancel, lambda work, wish: handlers.cancel(work, booking, wish))
    return _go(f"/booking/bookings/{booking}?done=cancelled") if made else _booking_page(call, booking, form)


def _booking_page(call: Call, booking: str, form: Form) -> Response:
    with call.work() as work:
        shown, child = handlers.show_booking(work, booking)
        name = _names(work, [child]).get(child)
    reasons = [(code, words(code)) for code in get_args(commands.Reason)]
    return _show(call, "booking.html", form, shown=shown, name=name, reasons=reasons, runs=_coordinates(call))


@router.post("/booking/offers/{offer}")
def post_acceptance(call: Annotated[Call, may("offer.accept")], offer: str, form: Sent) -> Response:
    """Take up an offered place."""
    made = _once(call, form, lambda work: handlers.accept_offer(work, offer))
    return _go(f"/booking/bookings/{made['booking']}")
