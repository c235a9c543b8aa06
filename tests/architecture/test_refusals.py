"""Whoever is refused is told how to put it right."""

import ast
import re

NAMES = {"Problem", "Refused", "NotAllowed", "FieldError", "_wrong"}
TO_DO = re.compile(
    r"\b(accept|ask|begin|cancel|check|choose|close|correct|delete|enter|get|give|install|leave|load|look|make|must|name|open|remove|say"
    r"|see|select|send|sign|start|try|upload|use|wait)\b",
    re.IGNORECASE,
)
ON_PAGES_ONLY = {"What you sent is too large.", "What was sent cannot be read."}
"""Of these a person sees the error page, which says what to do now."""


def refusals(source):
    """Every sentence with which something is refused, with its line; "…" stands for what is filled in."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and name_of(node.func) in NAMES:
            yield from ((said, node.lineno) for said in map(text_of, node.args) if said and " " in said.strip())


def name_of(called):
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def text_of(node):
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def test_every_refusal_says_how_to_put_it_right(sources):
    ours = [source for source in sources if not str(source).startswith("deploy/")]
    said = [(f"{source}:{line}", text) for source in ours for text, line in refusals(source)]
    whole = [(where, text) for where, text in said if not text.endswith("…") and text not in ON_PAGES_ONLY]
    silent = [f"{where} {text}" for where, text in whole if not TO_DO.search(text)]
    assert len(said) > 60
    assert not silent, f"Say what is wrong and how to put it right: {silent}"
