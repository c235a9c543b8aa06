"""`frontdoor allocate`, as it is typed."""

import copy
import gzip
import json

import pytest
from tests.allocation.invented import invent
from typer.testing import CliRunner

from cli.allocate import Refused, read
from cli.main import app


@pytest.fixture(scope="module")
def small():
    return invent(30, "balanced", seed=6)


@pytest.fixture
def run(tmp_path):
    def go(data, *arguments):
        file = tmp_path / "instance.json"
        file.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
        out = tmp_path / "result.json"
        done = CliRunner().invoke(app, ["allocate", str(file), "--out", str(out), *arguments])
        return done, json.loads(out.read_text()) if out.exists() else None

    return go


def test_the_result_file_says_all_that_its_format_promises(run, small):
    done, result = run(small)
    assert done.exit_code == 0
    assert {"assignment", "objective", "bound", "optimal", "unplaced", "stopped_by"} <= result.keys()
    assert len(result["assignment"]) + len(result["unplaced"]) == len(small["requests"])
    assert (result["optimal"], result["bound"], result["stopped_by"]) == (True, result["objective"], "optimal")


def test_the_same_file_gives_the_same_bytes(run, small, tmp_path):
    run(small)
    first = (tmp_path / "result.json").read_bytes()
    run(gzip.compress(json.dumps(small).encode()))
    assert (tmp_path / "result.json").read_bytes() == first


def test_it_explains_one_request_and_draws_a_page(run, small, tmp_path):
    done, result = run(small, "--explain", str(result_left(small)), "--report", str(tmp_path / "page.html"))
    assert "is left" in done.output or "has block" in done.output
    assert "Capacity against need" in (tmp_path / "page.html").read_text()
    assert result


@pytest.mark.parametrize("emptied", [("requests",), ("blocks",), ("requests", "blocks", "therapists", "contracts")])
def test_with_nobody_or_nothing_to_plan_there_is_a_result_all_the_same(run, small, tmp_path, emptied):
    data = {**small, **{name: [] for name in emptied}}
    if "requests" not in emptied:
        data["requests"] = [{**one, "prev_therapist": None} for one in small["requests"]]
    done, result = run(data, "--report", str(tmp_path / "page.html"))
    assert (done.exit_code, result["assignment"], result["optimal"]) == (0, [], True)


def result_left(instance):
    return len(instance["requests"]) - 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--method", "magic"], "--method"),
        (["--order", "tier1,tier2"], "--order"),
        (["--explain", "999"], "--explain"),
    ],
)
def test_what_is_typed_wrong_is_refused_with_its_name(run, small, arguments, said):
    done, result = run(small, *arguments)
    assert (done.exit_code, result) == (2, None)
    assert said in done.output


def put(instance, path, value):
    instance = copy.deepcopy(instance)
    *steps, last = path
    place = instance
    for step in steps:
        place = place[step]
    place[last] = value
    return instance


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        (("requests", 3, "id"), 2, "requests[3].id"),
        (("requests", 3, "tier"), 5, "requests[3].tier"),
        (("requests", 3, "tier"), "1", "requests[3].tier"),
        (("requests", 3, "tier"), True, "requests[3].tier"),
        (("requests", 3, "x"), float("nan"), "requests[3].x"),
        (("requests", 3, "max_km"), float("inf"), "requests[3].max_km"),
        (("requests", 3, "avail", 0), 99, "requests[3].avail[0]"),
        (("requests", 3, "commissioner"), 17, "requests[3].commissioner"),
        (("requests", 3, "prev_therapist"), 10**30, "requests[3].prev_therapist"),
        (("requests", 3, "sibling_of"), 3, "requests[3].sibling_of"),
        (("requests", 3, "modes"), "clinic", "requests[3].modes"),
        (("requests", 3), None, "requests[3]"),
        (("blocks", 0, "therapist"), 400, "blocks[0].therapist"),
        (("blocks", 0, "cap"), 0, "blocks[0].cap"),
        (("blocks", 0, "mode"), "on the moon", "blocks[0].mode"),
        (("blocks", 0, "price"), -1, "blocks[0].price"),
        (("blocks", 0, "price"), 10**400, "blocks[0].price"),
        (("blocks", 0, "price"), 1.234, "blocks[0].price"),
        (("blocks", 0, "discipline"), "Latin", "blocks[0].discipline"),
        (("blocks", 0), "group of too few", "blocks[0]"),
        (("commissioners", 1, "name"), "two\nlines", "commissioners[1].name"),
        (("commissioners", 1, "budget"), "lots", "commissioners[1].budget"),
        (("contracts", 1), {"provider": 0, "commissioner": 0, "max_places": 4}, "contracts[1]"),
        (("therapists", 0, "provider"), 99, "therapists[0].provider"),
        (("horizon_weeks",), -1, "horizon_weeks"),
        (("format",), "therapy-blocks/9", "format"),
        (("sites",), {}, "sites"),
    ],
)
def test_a_wrong_instance_is_refused_with_file_path_and_reason(run, small, path, value, where):
    done, result = run(put(small, path, value))
    assert (done.exit_code, result) == (2, None)
    assert f"instance.json: {where}: " in done.output.replace("\n", "")
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"format": "therapy-blocks/1"}',
        gzip.compress(b'{"format": "therapy-blocks/1", "sites": []', mtime=0)[:-12],
        b"\x1f\x8b but not really",
    ],
)
def test_what_is_no_instance_at_all_is_refused_with_its_file(run, data):
    done, result = run(data)
    assert (done.exit_code, result) == (2, None)
    assert "instance.json: " in done.output.replace("\n", "")
    assert "Traceback" not in done.output


def test_a_group_that_could_never_run_is_refused(run, small):
    group = next(block["id"] for block in small["blocks"] if block["format"] == "group")
    done, result = run(put(small, ("blocks", group, "min_run"), 7))
    assert (done.exit_code, result) == (2, None)
    assert f"blocks[{group}].min_run: " in done.output.replace("\n", "")


def test_what_would_be_too_much_to_plan_together_is_refused_before_it_fills_memory(run, small, monkeypatch):
    monkeypatch.setattr("therapy_booking.allocation.eligibility.MOST_PAIRS", 10)
    done, result = run(small)
    assert (done.exit_code, result) == (2, None)
    assert "more than 10 pairs" in done.output.replace("\n", " ")


def test_a_table_of_skills_that_would_fill_memory_is_refused(run, small, monkeypatch):
    monkeypatch.setattr("therapy_booking.allocation.instance.MOST_CELLS", 1)
    done, result = run(small)
    assert (done.exit_code, result) == (2, None)
    assert "instance.json: requests: " in done.output.replace("\n", "")


def test_a_name_is_shown_as_it_is_written(run, small):
    done, result = run(put(small, ("commissioners", 0, "name"), "[/b]<b>North"))
    assert done.exit_code == 0
    assert "[/b]<b>North" in done.output
    assert result


def test_a_missing_field_is_named(run, small):
    broken = copy.deepcopy(small)
    del broken["requests"][4]["waited_weeks"]
    done, _ = run(broken)
    assert "requests[4].waited_weeks: this is needed and is not there" in done.output.replace("\n", "")


def test_a_file_that_unpacks_to_more_than_the_limit_is_refused_before_it_fills_memory(tmp_path):
    bomb = tmp_path / "bomb.json.gz"
    bomb.write_bytes(gzip.compress(b" " * 3_000_000))
    with pytest.raises(Refused, match="unpacked"):
        read(bomb, most=1 << 20)


def test_a_file_that_is_not_there_is_refused_with_its_name(tmp_path):
    done = CliRunner().invoke(app, ["allocate", str(tmp_path / "none.json"), "--out", str(tmp_path / "r.json")])
    assert done.exit_code == 2
    assert "none.json" in done.output.replace("\n", "")
