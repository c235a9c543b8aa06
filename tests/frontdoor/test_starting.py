"""Two combinations start; everything else stops at once, with one sentence that says which setting is wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
POSTGRESQL = "postgresql+psycopg://somebody:hidden-word@127.0.0.1:1/nothing"
WHOLE = {"FRONTDOOR_DATABASE_URL": POSTGRESQL, "FRONTDOOR_KEYS_URL": POSTGRESQL, "FRONTDOOR_KAFKA": "127.0.0.1:1"}
DATABASES = '{"referral-intake": "postgresql+psycopg://127.0.0.1:1/nothing"}'


def start(*command, **environment):
    """Start a process that is to stop by itself; give its exit code and what it said."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FRONTDOOR_")}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "package", ["referral_intake", "triage_panel", "therapy_booking", "notification", "child_record"]
)
def test_a_service_alone_says_what_it_was_not_told(package, tmp_path):
    code, said = start(package, FRONTDOOR_DATA=str(tmp_path))

    assert code == 2
    assert {line.split(":")[0] for line in said.splitlines()} == WHOLE.keys()


@pytest.mark.parametrize(
    ("setting", "value"),
    [("FRONTDOOR_DATABASE_URL", "sqlite:///data.sqlite"), ("FRONTDOOR_KEYS_URL", "sqlite://"), ("FRONTDOOR_KAFKA", "")],
)
def test_a_service_alone_is_on_postgresql_and_kafka_or_stops(setting, value, tmp_path):
    code, said = start("triage_panel", **WHOLE | {setting: value, "FRONTDOOR_DATA": str(tmp_path)})

    assert (code, len(said.splitlines())) == (2, 1)
    assert said.startswith(f"{setting}: ")
    assert "hidden-word" not in said


def test_a_service_alone_without_the_installations_secrets_stops_and_makes_none(tmp_path):
    code, said = start("triage_panel", **WHOLE | {"FRONTDOOR_DATA": str(tmp_path)}, FRONTDOOR_PEERS="http://{service}")

    assert code == 2
    assert "secret cannot be read" in said
    assert not list(tmp_path.glob("*.secret"))


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"FRONTDOOR_DATABASE_URL": POSTGRESQL}, "FRONTDOOR_DATABASE_URL"),
        ({"FRONTDOOR_KAFKA": "127.0.0.1:1"}, "FRONTDOOR_KEYS_URL"),
        ({"FRONTDOOR_KEYS_URL": POSTGRESQL, "FRONTDOOR_DATABASES": DATABASES}, "FRONTDOOR_KAFKA"),
    ],
)
def test_a_command_between_the_two_combinations_stops(environment, named, tmp_path):
    code, said = start("cli.main", "verify", FRONTDOOR_DATA=str(tmp_path), **environment)

    assert code == 2
    assert named in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("command", "named"), [(["run"], "frontdoor run"), (["revise", "triage-panel", "x"], "working copy")]
)
def test_what_makes_no_sense_service_by_service_is_said_in_a_line(command, named, tmp_path):
    composed = {"FRONTDOOR_KAFKA": "127.0.0.1:1", "FRONTDOOR_KEYS_URL": POSTGRESQL, "FRONTDOOR_DATABASES": DATABASES}
    code, said = start("cli.main", *command, FRONTDOOR_DATA=str(tmp_path), **composed)

    assert code == 2
    assert named in said
