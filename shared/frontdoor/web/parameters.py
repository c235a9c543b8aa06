"""Shapes that the macros of govuk-frontend-jinja take; components.html builds them with these functions."""

from collections.abc import Iterable, Mapping
from typing import Any

Choice = tuple[str, str] | Mapping[str, Any] | str


def text_of(text: str | None) -> dict[str, str] | None:
    """A hint, an error message, a prefix: {"text"}, or None when there is none."""
    return {"text": text} if text else None


def label_of(text: str, heading: bool) -> dict[str, Any]:
    """A label, which is the page's heading where a page asks one thing."""
    return {"text": text, "isPageHeading": heading, "classes": "govuk-label--l" if heading else ""}


def legend_of(text: str, heading: bool) -> dict[str, Any]:
    """A fieldset with its legend, which is the page's heading where a page asks one thing."""
    size = "l" if heading else "s"
    return {"legend": {"text": text, "isPageHeading": heading, "classes": f"govuk-fieldset__legend--{size}"}}


def choices(items: Iterable[Choice]) -> list[dict[str, Any]]:
    """Radio, checkbox or select items: (value, text) pairs, mappings, or a lone text that divides."""
    return [_choice(item) for item in items]


def _choice(item: Choice) -> dict[str, Any]:
    if isinstance(item, str):
        return {"divider": item}
    if isinstance(item, tuple):
        return {"value": item[0], "text": item[1]}
    made = dict(item)
    if isinstance(made.get("hint"), str):
        made["hint"] = {"text": made["hint"]}
    return made


FOR_COMPONENTS = {"_text": text_of, "_label": label_of, "_legend": legend_of, "_choices": choices}
