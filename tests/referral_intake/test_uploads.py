"""Files: told by their bytes, sealed, and shown to nobody but those who may see the referral's evidence."""

import io
import struct
import zipfile

import pytest

from frontdoor import files

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 40, 30)
JPEG = b"\xff\xd8\xff\xe1\x00\x0cExif\0\0GPS!" + b"\xff\xdb\x00\x04\x01\x02" + b"\xff\xda\x00\x02data\xff\xd9"


def zipped(**parts):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name.replace("__", "/"), data)
    return packed.getvalue()


DOCX = zipped(**{"[Content_Types].xml": "<Types/>", "word__document.xml": "<w/>"})


def upload(intake, data, name="letter.pdf", person="senco", key=None):
    headers = {"Idempotency-Key": key} if key else {}
    return intake.stage.as_person(person).post("/api/uploads", files={"file": (name, data)}, headers=headers)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%PDF-1.7 hello", "application/pdf"),
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (DOCX, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (zipped(mimetype="application/vnd.oasis.opendocument.text"), "application/vnd.oasis.opendocument.text"),
        ("Café notes 🚂\r\n".encode(), "text/plain"),
    ],
)
def test_usual_files_are_taken_whatever_they_are_called(shared_intake, data, kind):
    answer = upload(shared_intake, data, "gpj.\u202eexe")
    assert (answer.status_code, answer.json()["kind"]) == (201, kind)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html><script>alert(1)</script>",
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b'<?xml version="1.0"?><!DOCTYPE lolz>',
        b"MZ\x90\x00\x03",
        b"\x7fELF",
        b"X5O!P%@AP-EICAR-STANDARD-ANTIVIRUS-TEST-FILE!",
        b"%PDF-1.7 /Encrypt 5 0 R",
        b"PK\x03\x04 broken",
        zipped(**{"a.txt": "a"}),
        zipped(**{"[Content_Types].xml": "", "word__document.xml": "", "word__vbaProject.bin": "x"}),
        PNG[:16] + struct.pack(">II", 60_000, 60_000),
        b"\xff\xfe\x00\x01",
    ],
)
def test_other_files_are_refused_with_what_to_do(shared_intake, data):
    answer = upload(shared_intake, data)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "file")


def test_a_zip_bomb_is_refused_without_unpacking_it():
    bomb = zipped(**{"[Content_Types].xml": "", "word__document.xml": b"0" * (files.LARGEST_UNPACKED + 1)})
    with pytest.raises(files.WrongFile):
        files.kind_of_file(bomb)


@pytest.mark.parametrize("extra", [1, 200_000])
def test_a_file_of_more_than_10_mb_is_refused(shared_intake, extra):
    answer = upload(shared_intake, b"x" * (files.LARGEST + extra))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_photo_loses_what_the_camera_noted(intake):
    reference, name = with_evidence(intake, JPEG)
    shown = intake.get(f"/api/referrals/{reference}/evidence/{name}").content
    assert b"GPS!" not in shown
    assert shown.endswith(b"data\xff\xd9")


def with_evidence(intake, data=b"Report."):
    name = upload(intake, data).json()["upload"]
    return intake.sent(intake.form(evidence=[name])), name


def test_evidence_is_opened_by_who_may_read_the_referral(intake):
    reference, name = with_evidence(intake)
    opened = intake.get(f"/api/referrals/{reference}/evidence/{name}", "health-triager")
    assert (opened.content, opened.headers["content-disposition"].split(";")[0]) == (b"Report.", "attachment")
    assert intake.get(f"/api/referrals/{reference}/evidence/{name}", "other-senco").status_code == 404


def test_evidence_of_another_referral_is_not_opened(intake):
    _, name = with_evidence(intake)
    assert intake.get(f"/api/referrals/{intake.sent()}/evidence/{name}").status_code == 404


def test_evidence_can_be_added_later(intake):
    reference, name = intake.sent(), upload(intake, b"Later.").json()["upload"]
    intake.post(f"/api/referrals/{reference}/additions", {"text": "See the report", "evidence": [name]})
    assert intake.get(f"/api/referrals/{reference}/evidence/{name}").content == b"Later."


def test_nobody_names_another_persons_file(shared_intake):
    name = upload(shared_intake, b"Mine.", person="gp").json()["upload"]
    problem = shared_intake.send(shared_intake.form(evidence=[name])).json()
    assert problem["errors"][0]["field"] == "evidence.0"


def test_a_file_stands_nowhere_in_clear(intake):
    upload(intake, b"ZZCANARY report", "ZZCANARY.txt")
    written = b"".join(path.read_bytes() for path in intake.stage.parts.folder.rglob("*") if path.is_file())
    assert b"ZZCANARY" not in written


def test_the_same_file_under_one_key_is_kept_once(intake):
    first, again = (upload(intake, b"Report.", key="a-key") for _ in range(2))
    assert first.json() == again.json()
    assert again.headers["idempotent-replay"] == "true"


def test_a_body_that_is_no_form_is_refused(shared_intake):
    client = shared_intake.stage.as_person("senco")
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert client.post("/api/uploads", json={}).status_code == 415
    assert client.post("/api/uploads", content=b"nonsense", headers=headers).status_code in {400, 422}
    assert client.post("/api/uploads", files={"other": ("", b"")}).status_code == 422
