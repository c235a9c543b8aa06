"""The environment, the clock and the tables are each touched in one place; decisions are pure."""

import ast
import re
import sys

from frontdoor.logs import FIELDS, LEVELS

READS_ENVIRONMENT = ("os.environ", "os.environb", "os.getenv", "pydantic_settings.BaseSettings")
READS_CLOCK = (
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
    "sqlalchemy.func.now",
    "sqlmodel.func.now",
)
ASKS_TABLES = {
    f"{library}.{name}"
    for library in ("sqlalchemy", "sqlalchemy.sql", "sqlalchemy.orm", "sqlmodel")
    for name in ("select", "insert", "update", "delete", "text")
}
MAY_DECIDE_WITH = re.compile(rf"(?:{'|'.join(sys.stdlib_module_names)}|frontdoor\.(?:events|calendars))(?:\.|$)").match
COMMAND = "deploy/cli/"  # hands what was typed on to the settings of what it starts


def found(sources, names):
    """Where one of these names is mentioned, as `file:line name`."""
    names = set(names)
    return sorted(
        {f"{source}:{line} {name}" for source in sources for name, line in source.mentions() if name in names}
    )


def test_only_settings_read_the_environment(sources):
    others = [source for source in sources if source.name != "settings.py" and not str(source).startswith(COMMAND)]
    readers = found(others, READS_ENVIRONMENT)
    assert not readers, f"settings.py is the only file that reads the environment; pass the value in: {readers}"


def test_only_app_reads_the_clock(sources):
    others = [source for source in sources if source.name != "app.py" and not str(source).startswith("deploy/")]
    readers = found(others, READS_CLOCK)
    assert not readers, f"Only app.py calls the wall clock; everything else is handed now or today: {readers}"


def test_only_the_store_asks_the_tables(sources):
    others = [source for source in sources if source.service and not source.name.endswith("store.py")]
    askers = found(others, ASKS_TABLES)
    assert not askers, f"A question asked of the tables has a name, in store.py: {askers}"


def test_decisions_import_only_the_standard_library_events_and_calendars(sources):
    ours = ("frontdoor.events", "frontdoor.calendars")
    strange = [
        f"{source}:{line} {name}"
        for source in sources
        if source.name == "domain.py"
        for name, line in source.imports()
        if name.partition(".")[0] not in sys.stdlib_module_names
        and not f"{name}.".startswith(tuple(f"{o}." for o in ours))
    ]
    assert not strange, f"domain.py imports the standard library, frontdoor.events and frontdoor.calendars: {strange}"


def test_a_log_line_has_words_of_its_own_and_fields_on_the_list(sources):
    odd = [
        f"{source}:{call.lineno}"
        for source in sources
        if str(source) != "shared/frontdoor/logs.py"
        for call in ast.walk(source.tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in {*LEVELS, "exception"}
        and ast.unparse(call.func.value) == "log"
        and not (
            len(call.args) == 1
            and isinstance(call.args[0], ast.Constant)
            and {keyword.arg for keyword in call.keywords} <= FIELDS | {"exc_info"}
        )
    ]
    assert not odd, (
        f"What leaves the process is on a list (frontdoor.logs.FIELDS), and a log's event is a constant: {odd}"
    )
