"""What leaves the process in a log line is on a list: whatever a client sent, or a library made of it, is not."""

import asyncio
import json
import logging
import sys
import threading
import warnings

import pytest
import structlog
from pydantic import BaseModel

from frontdoor import logs, tracing
from frontdoor.testing import logged

SECRETS = ("Wilhelmina", "999 000 0018", "9990000018", "SS1 9ZZ", "07700 900123", "w.thistle@example.org")
NAME, NUMBER, COMPACT, POSTCODE, PHONE, EMAIL = SECRETS


@pytest.fixture
def lines():
    """Log as a service does, and give the lines."""
    with logged() as read:
        yield read


@pytest.fixture
def log():
    return structlog.get_logger()


def assert_nobodys(lines):
    text = json.dumps(lines, ensure_ascii=False)
    assert not [secret for secret in SECRETS if secret in text], text


def test_a_line_says_what_where_when_and_in_which_trace(lines, log):
    with tracing.requested("x", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"):
        log.warning("parked", service="triage-panel", stream="referral/R7K2-9QF4X", reason="gap")
    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "parked",
        "level": "warning",
        "service": "triage-panel",
        "stream": "referral/R7K2-9QF4X",
        "reason": "gap",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": "00f067aa0ba902b7",
    }


def test_a_field_that_is_on_no_list_is_dropped_and_counted(lines, log):
    before = logs.left_out["fields"]
    log.warning("parked", name=NAME, body={"nhs_number": NUMBER}, service={"postcode": POSTCODE})
    assert_nobodys(lines())
    assert logs.left_out["fields"] == before + 2


class Form(BaseModel):
    nhs_number: int


def fails_with(kind):
    """Fail as code fails that is given what somebody sent."""
    if kind == "pydantic":
        Form.model_validate({"nhs_number": NAME, "postcode": POSTCODE})
    elif kind == "int":
        int(PHONE)
    elif kind == "key":
        {}[NAME]
    elif kind == "formatted":
        raise ValueError(f"{NAME} of {POSTCODE} is not known")
    elif kind == "chained":
        try:
            fails_with("formatted")
        except ValueError as error:
            raise RuntimeError(EMAIL) from error
    elif kind == "group":
        raise ExceptionGroup(NAME, [ValueError(NUMBER), KeyError(EMAIL)])
    elif kind == "notes":
        failure = ValueError("wrong")
        failure.add_note(NAME)
        raise failure


@pytest.mark.parametrize("kind", ["pydantic", "int", "key", "formatted", "chained", "group", "notes"])
def test_an_exception_says_its_type_and_place_and_nothing_of_what_was_sent(lines, log, kind):
    try:
        fails_with(kind)
    except Exception:
        log.exception("chore_failed", service="x")
    (line,) = lines()
    assert_nobodys(line)
    assert any("test_logs.py" in where and "fails_with" in where for where in line["exception"])


def test_the_words_of_an_exception_that_stand_in_the_source_are_said(lines, log):
    try:
        raise ValueError("an instant needs a time zone")  # noqa: TRY301  its words and its place are what is looked at
    except ValueError:
        log.exception("chore_failed")
    assert lines()[0]["exception"][0] == "ValueError (an instant needs a time zone)"


def test_libraries_say_their_own_words_and_nothing_that_was_put_into_them(lines):
    library = logging.getLogger("aiokafka.consumer")
    library.warning("Heartbeat failed for group %s: %s after %d tries", NAME, ValueError(EMAIL), 3)
    library.warning(f"Bad message {NUMBER}")
    library.warning("Bad message " + NUMBER)
    library.error(ValueError(PHONE))
    library.warning("Topic %s is not available", "front-door.people.v1")
    library.warning("%d%%", NAME)
    library.error("Failed", extra={"name_of_child": NAME}, exc_info=ValueError(NAME))
    warnings.warn(f"odd: {NAME}", stacklevel=1)
    said = lines()
    assert_nobodys(said)
    assert [line["event"] for line in said] == [
        "Heartbeat failed for group …: ValueError after 3 tries",
        "…",
        "…",
        "…",
        "Topic front-door.people.v1 is not available",
        "%d%%",
        "Failed",
        "…",
    ]
    assert said[0]["logger"] == "aiokafka.consumer"
    assert said[6]["exception"] == ["ValueError"]


def test_a_number_that_could_be_somebodys_is_left_out(lines):
    logging.getLogger("a").warning("Number %d in %d places", int(COMPACT), 12)
    (line,) = lines()
    assert_nobodys(line)


def test_what_nobody_catches_is_a_line_too(lines, capfd):
    thread = threading.Thread(target=fails_with, args=("formatted",))
    thread.start()
    thread.join()

    async def forgotten():
        asyncio.get_running_loop().call_soon(fails_with, "int")
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(forgotten())
    try:
        fails_with("pydantic")
    except Exception:  # noqa: BLE001  whatever it is
        sys.excepthook(*sys.exc_info())
    said = lines()
    assert_nobodys(said)
    assert [line["event"] for line in said if line.get("event") == "uncaught"] == ["uncaught"] * 2
    assert any(line.get("logger") == "asyncio" for line in said)
    assert_nobodys(capfd.readouterr())
