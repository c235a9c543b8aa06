"""A file as a browser or a program sends it: multipart, one file, no larger than may be."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from hashlib import sha256

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from frontdoor import files
from frontdoor.problems import Problem, wrong_fields
from frontdoor.web import FieldError


@dataclass(frozen=True)
class SentFile:
    """A file as it was sent, with the texts that came beside it; without a file, `name` and `data` are empty."""

    name: str = ""
    data: bytes = b""
    texts: dict[str, str] = field(default_factory=dict)


async def sent_file(request: Request) -> SentFile:
    """Read the one file that somebody sends; a `Problem` says what is wrong with the body."""
    sent = await sent_form(request)
    if not sent.name and not sent.data:
        raise wrong_fields([FieldError("file", "Select a file")])
    if len(sent.data) > files.LARGEST:
        raise too_large()
    request.state.sent = {"name": sent.name, "sha256": sha256(sent.data).hexdigest()}
    return sent


async def sent_form(request: Request) -> SentFile:
    """Read a form that may carry one file; one that is too large comes back one byte longer than may be."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        raise Problem(415, "not_multipart", "Send the file as multipart/form-data.")
    try:
        form = await MultiPartParser(request.headers, _at_most(request, files.LARGEST), max_files=1).parse()
    except (MultiPartException, KeyError):
        raise Problem(400, "malformed", "The body cannot be read: send one file as multipart/form-data.") from None
    sent = next((value for value in form.values() if isinstance(value, UploadFile)), None)
    data = await sent.read() if sent else b""
    texts = {name: value for name, value in form.items() if isinstance(value, str)}
    await form.close()
    return SentFile(name=(sent.filename or "") if sent else "", data=data, texts=texts)


async def _at_most(request: Request, largest: int) -> AsyncGenerator[bytes, None]:
    # The parts' own headers come on top of the file.
    left = largest + 64 * 1024
    async for chunk in request.stream():
        left -= len(chunk)
        if left < 0:
            raise too_large()
        yield chunk


def too_large() -> Problem:
    """Say how large a file may be."""
    return Problem(413, "too_large", files.TOO_LARGE)
