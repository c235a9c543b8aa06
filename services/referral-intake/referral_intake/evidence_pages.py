"""The form's page for reports and files: each is checked, kept sealed, and described. No decision is made here."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from frontdoor import files
from frontdoor.calls import Call, Route, may
from frontdoor.identifiers import short_id
from frontdoor.problems import Problem
from frontdoor.web import FieldError, Form
from frontdoor.work import Refused, Work
from referral_intake import drafts, store, uploads
from referral_intake.filled_form import Filled
from referral_intake.form_pages import Page, around, go_on, pages, see, to_receipt
from referral_intake.questions import EVIDENCE, in_words, questions
from referral_intake.sent_files import SentFile, sent_form

router = APIRouter(route_class=Route, include_in_schema=False)
Referring = Annotated[Call, may("referral.submit")]
MOST_FILES = 50


async def _read(request: Request) -> SentFile | Problem:
    try:
        return await sent_form(request)
    except Problem as problem:
        return problem


@router.get("/refer/{draft}/evidence")
def evidence(request: Request, call: Referring, draft: str) -> Page:
    """The reports that are there, and a place for another file."""
    filled = drafts.find(call, draft)
    return to_receipt(filled) if isinstance(filled, str) else _page(request, draft, filled, Form())


@router.post("/refer/{draft}/evidence")
def add_file(
    request: Request, call: Referring, draft: str, sent: Annotated[SentFile | Problem, Depends(_read)]
) -> Page:
    """Keep a file and go on to what it is, take one away, or go back to all parts of the form."""
    filled = drafts.find(call, draft)
    if isinstance(filled, str):
        return to_receipt(filled)
    if isinstance(sent, Problem):
        return _page(request, draft, filled, Form(errors=(FieldError("file", sent.title.rstrip(".")),)))
    if gone := sent.texts.get("remove"):
        changed = drafts.change(call, draft, EVIDENCE, lambda filled: filled.without_row("reports", gone))
        return to_receipt(changed) if isinstance(changed, str) else see(f"/refer/{draft}/{EVIDENCE}")
    if not sent.data and not sent.name:
        return _done(request, call, draft, filled, sent)
    return _keep(request, call, draft, filled, sent)


def _done(request: Request, call: Call, draft: str, filled: Filled, sent: SentFile) -> Page:
    if sent.texts.get("upload"):
        return _page(request, draft, filled, Form(errors=(FieldError("file", "Select a file"),)))
    leaf = filled.leaf(EVIDENCE)
    if leaf is None:
        raise drafts.nothing_here()
    changed = drafts.change(call, draft, EVIDENCE, lambda filled: filled.with_page(leaf, Form()))
    return to_receipt(changed) if isinstance(changed, str) else go_on(request, draft, changed, leaf)


def _keep(request: Request, call: Call, draft: str, filled: Filled, sent: SentFile) -> Page:
    kind = sent.texts.get("kind", "")
    wrong = _wrong(filled, sent, kind)
    upload_id = short_id("U")
    if wrong is None:
        try:
            uploads.store_file(call.parts, upload_id, sent.data)
        except Refused as refused:
            wrong = FieldError("file", refused.sentence)
    if wrong is not None:
        return _page(request, draft, filled, Form(values={"kind": kind}, errors=(wrong,)))
    known = {"kind": kind, "upload": upload_id, "title": files.file_name(sent.name)}

    def with_file(work: Work, filled: Filled) -> Filled:
        if store.same_upload(work.session, _files(filled), uploads.digest(work.parts, sent.data)):
            return filled
        uploads.keep_upload(work, upload_id, sent.name, sent.data)
        return filled.with_row("reports", known)

    changed = drafts.change_with(call, draft, EVIDENCE, with_file)
    if isinstance(changed, str) or upload_id not in _files(changed):
        uploads.drop_file(call.parts, upload_id)  # pressed twice: it is there already
    return to_receipt(changed) if isinstance(changed, str) else see(f"/refer/{draft}/{_sent_to(call, changed, sent)}")


def _sent_to(call: Call, filled: Filled, sent: SentFile) -> str:
    """The page on which a file that was just sent is described, also where it had been sent before."""
    with call.look() as session:
        same = store.same_upload(session, _files(filled), uploads.digest(call.parts, sent.data))
    rows = dict(zip(_files(filled), filled.rows_of("reports"), strict=True))
    return _page_of(filled, rows[str(same)])


def _page_of(filled: Filled, row: str) -> str:
    """The page on which a report is described, or what a child has drawn or said."""
    return next(leaf.slug for leaf in filled.leaves if leaf.row == row and leaf.section == "extra")


def _wrong(filled: Filled, sent: SentFile, kind: str) -> FieldError | None:
    if kind not in questions().choices["reports"]:
        return FieldError("kind", "Select what it is, then choose the file again")
    if len(filled.rows_of("reports")) >= MOST_FILES:
        return FieldError("file", f"You can send up to {MOST_FILES} files: remove one first")
    if len(sent.data) > files.LARGEST:
        return FieldError("file", files.TOO_LARGE.rstrip("."))
    return None


def _files(filled: Filled) -> list[str]:
    """The ids of the files that were sent, by row; "" where a report has none."""
    return [filled.form.value(f"reports.{row}.upload") for row in filled.rows_of("reports")]


def _page(request: Request, draft: str, filled: Filled, form: Form) -> Response:
    leaf = filled.leaf(EVIDENCE)
    if leaf is None:
        raise drafts.nothing_here()
    listed = [(row, *_said(filled, row), _page_of(filled, row)) for row in filled.rows_of("reports")]
    context: dict[str, Any] = {"reports": listed, "kinds": tuple(questions().choices["reports"].items())}
    context |= around(request, draft, filled, leaf)
    return pages.render(request, "refer_evidence.html", 422 if form.errors else 200, **context, form=form)


def _said(filled: Filled, row: str) -> tuple[str, str]:
    kind = filled.form.value(f"reports.{row}.kind")
    return in_words("reports", kind) if kind else "Report", filled.form.value(f"reports.{row}.title")
