"""Files that people send as evidence: checked, stripped of whereabouts, sealed with a key of their own."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from frontdoor import files, scanning
from frontdoor.problems import wrong_fields
from frontdoor.web import FieldError
from frontdoor.work import Parts, Refused, Work
from referral_intake import domain, store, tables


def take_evidence(work: Work, child_id: str, ids: Sequence[str], reports: Sequence[str | None] = ()) -> None:
    """Check that the files named as evidence, and in reports, are the sender's own; note whom they are about."""
    named = [(f"evidence.{at}", upload) for at, upload in enumerate(ids)]
    named += [(f"reports.{at}.upload", upload) for at, upload in enumerate(reports) if upload]
    # A file that nobody has used for long is forgotten: not while it is being taken.
    work.claim(*(f"upload/{upload}" for _, upload in named))
    known = store.find_uploads(work.session, [upload for _, upload in named]) if named else {}
    own = {upload.id for upload in known.values() if upload.person == work.actor.person}
    sentence = "Upload this file again: it is not one of yours"
    if wrong := [FieldError(path, sentence) for path, upload in named if upload not in own]:
        raise wrong_fields(wrong)
    store.note_uploads_of(work.session, own, child_id)


def store_file(parts: Parts, upload_id: str, data: bytes) -> None:
    """Check a file and keep it sealed with its own key, before the transaction that says so."""
    try:
        kind = files.kind_of_file(data)
        clean = parts.scan(data)
    except files.WrongFile as wrong:
        raise Refused(wrong.code, wrong.sentence, status=422, field="file") from None
    except scanning.NotScanned as not_scanned:
        raise Refused("not_scanned", str(not_scanned), status=503, field="file") from None
    if not clean:
        raise Refused("unsafe_file", files.UNSAFE, status=422, field="file")
    parts.keys.create(upload_id, parts.clock())
    files.keep(parts.folder / files.FOLDER, parts.keys, upload_id, files.without_whereabouts(kind, data))


def drop_file(parts: Parts, upload_id: str) -> None:
    """Take away a file that was stored and is not needed."""
    files.forget(parts.folder / files.FOLDER, upload_id)


def keep_upload(work: Work, upload_id: str, name: str, data: bytes) -> dict[str, Any]:
    """Note an upload whose file is stored. Twice is two uploads: the Idempotency-Key says what is the same."""
    kind = files.kind_of_file(data)
    upload = tables.Upload(
        id=upload_id,
        area=work.area.id,
        person=work.actor.person,
        name=work.keys.seal(upload_id, files.file_name(name)),
        kind=kind,
        digest=digest(work.parts, data),
        uploaded_at=work.now,
    )
    store.keep_upload(work.session, upload)
    return {"upload": upload_id, "kind": kind}


def digest(parts: Parts, data: bytes) -> str:
    """Name a file by what is in it, so that the same one is known again; nobody can guess at it without the secret."""
    return domain.keyed_hash(parts.secret, sha256(data).hexdigest())
