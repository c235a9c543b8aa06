"""The table of faults names tests that are there, and none of the twenty that matter most is without one."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAULTS = tomllib.loads((Path(__file__).parent / "faults.toml").read_text())["fault"]
NUMBERS = "F5 F1 F3 F2 F19 F22 F16 F18 F4 F26 F6 F28 F8 F30 F20/F21 F13 F34 F32 F38 F24"
MATTER_MOST = NUMBERS.split()


@pytest.mark.parametrize("fault", FAULTS, ids=[fault["number"] for fault in FAULTS])
def test_each_fault_is_shown_by_tests_that_are_there(fault):
    for named in fault["tests"]:
        file, _, name = named.partition("::")
        assert re.search(rf"^def {name}\(", (ROOT / file).read_text(), re.MULTILINE), f"{fault['number']}: no {named}"


def test_what_matters_most_comes_first():
    assert [fault["number"] for fault in FAULTS][: len(MATTER_MOST)] == MATTER_MOST
