"""What Pydantic found wrong, in plain English, for pages and for the JSON API alike; never repeats what was sent."""

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal, Protocol, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from frontdoor.web.wording import label_of, sentence, starred

Location = tuple[int | str, ...]
AT_MOST = 100
"""Mistakes that are reported at once: nobody reads more, and a body of nothing but mistakes must not keep us busy."""


class HasErrors(Protocol):
    """What Pydantic's ValidationError and FastAPI's RequestValidationError have in common."""

    def errors(self) -> Sequence[Any]: ...


@dataclass(frozen=True)
class FieldError:
    """One thing wrong: `field` is a dotted path ("child.nhs_number", "contacts.0.name", "" for the whole form)."""

    field: str
    message: str


def field_errors(
    exc: ValidationError | HasErrors,
    messages: Mapping[str, str] | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    model: Any = None,
) -> list[FieldError]:
    """What is wrong, one message a field, in the model's order.

    `messages` replaces the words: keys are a path ("child.given_name", "contacts.*.name") or a path and Pydantic's
    error type ("needs:missing"). `labels` names fields that their last path part names badly. With `model` (the model
    or type that was validated) paths are exact and choices read "Select …"; without it, parts that Pydantic adds for
    unions and validators are recognised by their shape.
    """
    details: Sequence[ErrorDetails] = exc.errors()[:AT_MOST]
    request = not isinstance(exc, ValidationError)
    locations = [tuple(detail["loc"][1 if request else 0 :]) for detail in details]
    found: dict[str, FieldError] = {}
    for detail, loc in zip(details, locations, strict=True):
        path, kind = _walk(model, loc) if model is not None else (_without_internals(loc, detail, locations), None)
        if detail["type"] == "json_invalid":
            path = ""
        own = _own_message(path, detail["type"], messages or {})
        found.setdefault(path, FieldError(path, own or _message(detail, label_of(path, labels or {}), kind)))
    return list(found.values())


# --- from Pydantic's location to a path -----------------------------------------------------------------------------

SCALARS = frozenset(
    ("str", "int", "float", "bool", "bytes", "date", "datetime", "time", "timedelta", "decimal", "none", "url", "uuid")
)


def _without_internals(loc: Location, detail: ErrorDetails, others: Sequence[Location]) -> str:
    """Drops "function-after[…]", "ModelName" and, where every branch of a union failed, its "int" and "str"."""
    kept = [str(part) for part in loc if isinstance(part, int) or not _looks_internal(part)]
    ends = [str(other[-1]) for other in others if other[:-1] == loc[:-1] and other[-1:] != loc[-1:]]
    branches = detail["type"] != "missing" and any(end in SCALARS or _looks_internal(end) for end in ends)
    if kept and kept[-1] in SCALARS and branches:
        kept.pop()
    return ".".join(kept)


def _looks_internal(part: str) -> bool:
    return not part.isidentifier() or part[:1].isupper()


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,59}|[0-9]{1,4}")
"""What an unknown field must look like to be named back to whoever sent it."""


def _walk(model: Any, loc: Location) -> tuple[str, str | None]:
    """The path that names real fields and rows of the model, and what kind of thing is there ("choice" or None)."""
    here, path = _branches(model), []
    for at, part in enumerate(loc):
        below = [branch for one in here for branch in _below(one, part)]
        unknown_field = at == len(loc) - 1 and any(_is_model(one) for one in here) and not _is_tag(here, part)
        if below or (unknown_field and _NAME.fullmatch(str(part))):
            path.append(str(part))
            here = below
    return ".".join(path), "choice" if here and all(_is_choice(one) for one in here) else None


def _is_tag(here: list[Any], part: int | str) -> bool:
    return len(here) > 1 and (_looks_internal(str(part)) or part in SCALARS)


def _branches(annotation: Any) -> list[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _branches(get_args(annotation)[0])
    if origin is Union or origin is types.UnionType:
        return [branch for one in get_args(annotation) if one is not type(None) for branch in _branches(one)]
    return [annotation]


def _below(one: Any, part: int | str) -> list[Any]:
    if _is_model(one):
        for name, info in one.model_fields.items():
            if part in (name, info.alias, info.validation_alias):
                return _branches(info.annotation)
        return []
    origin, args = get_origin(one), get_args(one)
    if isinstance(part, int) and origin is not None and origin not in (dict, Literal) and args:
        return _branches(args[0])
    return _branches(args[1]) if origin is dict and not _looks_internal(str(part)) else []


def _is_model(one: Any) -> bool:
    return isinstance(one, type) and issubclass(one, BaseModel)


def _is_choice(one: Any) -> bool:
    return get_origin(one) is Literal or one is bool or (isinstance(one, type) and issubclass(one, Enum))


# --- from Pydantic's error to a sentence ----------------------------------------------------------------------------

PYDANTICS_OWN = frozenset(get_args(ErrorType))

MESSAGES = {
    "missing_argument": "Enter {label}",
    "extra_forbidden": "This field is not known: remove it",
    "string_pattern_mismatch": "Enter {label} in the correct format",
    "string_too_long": "{Label} must be {max_length} characters or fewer",
    "string_type": "{Label} must be text",
    "string_unicode": "{Label} must be text",
    "too_long": "{Label} must have {max_length} or fewer",
    "list_type": "{Label} must be a list",
    "tuple_type": "{Label} must be a list",
    "set_type": "{Label} must be a list",
    "dict_type": "{Label} must be a group of named fields",
    "mapping_type": "{Label} must be a group of named fields",
    "model_type": "{Label} must be a group of named fields",
    "model_attributes_type": "{Label} must be a group of named fields",
    "bool_type": "{Label} must be yes or no (true or false)",
    "bool_parsing": "{Label} must be yes or no (true or false)",
    "greater_than": "{Label} must be more than {gt}",
    "greater_than_equal": "{Label} must be {ge} or more",
    "less_than": "{Label} must be less than {lt}",
    "less_than_equal": "{Label} must be {le} or less",
    "multiple_of": "{Label} must be a multiple of {multiple_of}",
    "date_past": "{Label} must be in the past",
    "date_future": "{Label} must be in the future",
    "datetime_past": "{Label} must be in the past",
    "datetime_future": "{Label} must be in the future",
    "timezone_aware": "{Label} must say its time zone",
    "json_invalid": "This is not valid JSON: check the brackets, commas and quotation marks",
    "union_tag_not_found": "Select what kind of {label} this is",
    "union_tag_invalid": "Select what kind of {label} this is",
}

MESSAGES_BY_START = {
    "int_": "{Label} must be a whole number",
    "float_": "{Label} must be a number",
    "finite_": "{Label} must be a number",
    "decimal_": "{Label} must be a number",
    "datetime_": "{Label} must be a real date and time",
    "date_": "{Label} must be a real date",
    "time_": "{Label} must be a real time, like 09:30",
    "uuid_": "{Label} must be an identifier as this service gave it",
    "url_": "{Label} must be a web address, like https://example.org",
}


def _own_message(path: str, type_: str, messages: Mapping[str, str]) -> str | None:
    keys = (f"{path}:{type_}", f"{starred(path)}:{type_}", path, starred(path))
    return next((messages[key] for key in keys if key in messages), None)


def _message(detail: ErrorDetails, label: str, kind: str | None) -> str:
    type_, context = detail["type"], detail.get("ctx", {})
    if type_ in ("value_error", "assertion_error"):
        return _validators_own(context, label)
    if type_ not in PYDANTICS_OWN:
        return detail["msg"]
    if type_ == "missing" and kind == "choice":
        return f"Select {label}"
    if type_ in ("enum", "literal_error"):
        return _one_of(context, label)
    if type_ in ("missing", "string_too_short", "too_short"):
        return _too_little(type_, context, label)
    starts = (text for start, text in MESSAGES_BY_START.items() if type_.startswith(start))
    text = MESSAGES.get(type_) or next(starts, "Check {label}")
    return text.format(label=label, Label=sentence(label), **{k: v for k, v in context.items() if k != "label"})


def _validators_own(context: Mapping[str, Any], label: str) -> str:
    """The sentence a validator of ours raised; e-mail addresses are checked by a library with words of its own."""
    if "error" in context:
        return str(context["error"]) or f"Check {label}"
    return "Enter an email address in the correct format, like name@example.org"


def _one_of(context: Mapping[str, Any], label: str) -> str:
    listed = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")
    return f"{sentence(label)} must be one of: {listed}" if listed else f"Select {label}"


def _too_little(type_: str, context: Mapping[str, Any], label: str) -> str:
    least = context.get("min_length", 1)
    if type_ == "too_short":
        return f"{sentence(label)} must have at least {'one' if least == 1 else least}"
    if type_ == "string_too_short" and least > 1:
        return f"{sentence(label)} must be {least} characters or more"
    return f"Enter {label}"
