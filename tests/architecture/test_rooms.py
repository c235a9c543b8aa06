"""Each kind of line has its room: the same file names in every service, and names that say what is inside."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]

FILES = {
    "__init__.py",
    "__main__.py",
    "api.py",
    "app.py",
    "commands.py",
    "domain.py",
    "handlers.py",
    "pages.py",
    "settings.py",
    "store.py",
    "subscriptions.py",
    "templates",
}
ITS_OWN = {
    "notification": {"channels.py", "wording.py"},  # the outside world, and the words that go there
    "referral-intake": {
        # the form: its questions, what was answered, its pages, and what it may say besides
        "questions.py",
        "filled_form.py",
        "assumed_answers.py",
        "form_pages.py",
        "form_values.py",
        "form_details.py",
        "drafts.py",
        "told.py",
        "visibility.py",
        # files and reports
        "uploads.py",
        "leftovers.py",
        "identity_store.py",
        "leftover_store.py",
        "sent_files.py",
        "evidence_pages.py",
        "reports.py",
        # its other wishes, each with its rule, its handlers and its pages
        "alerts.py",
        "bulk.py",
        "bulk_pages.py",
        "concern_rules.py",
        "concern_forms.py",
        "concerns.py",
        "concern_pages.py",
        "screening_rules.py",
        "screenings.py",
        "screening_pages.py",
        "setting_api.py",
        "matching.py",
        "paper_rules.py",
        "identity.py",
        "identity_pages.py",
        "pathways.py",
        "pathway_pages.py",
        # the edge, and the tables
        "fhir.py",
        "fhir_api.py",
        "tables.py",
        "applied.py",
    },
    "triage-panel": {"sheet.py"},  # what a triager reads of a form, and which category opens it
    "therapy-booking": {
        "allocation",  # who gets which block: an engine of its own, pure and without a database
        "supplies.py",  # whom and where sessions are bought with and from
        "tables.py",
    },
}
BESIDE = {"README.md", "migrations"}
SAY_NOTHING = {"util", "utils", "common", "helper", "helpers", "misc", "manager", "base"}
CATALOGUE = "shared/frontdoor/events.py"  # the one list of everything that is said: long, but one idea


def test_every_service_has_the_same_file_names(packages):
    for service, package in packages.items():
        found = {path.name for path in package.iterdir()} - {"__pycache__"}
        strange = sorted(found - FILES - ITS_OWN.get(service, set()))
        assert not strange, f"One service known is all known: {service} has no place for {strange}"
        if "app.py" in found:  # the one that wires the others, so written last
            missing = FILES - found | BESIDE - {path.name for path in package.parent.iterdir()}
            assert not missing, f"One service known is all known: {service} lacks {sorted(missing)}"


def test_no_file_is_named_for_nothing(sources, tracked):
    files = {source.path for source in sources} | {path for path in tracked if path.suffix in {".py", ".html"}}
    vague = sorted({str(path.relative_to(ROOT)) for path in files if SAY_NOTHING & words(path)})
    assert not vague, f"A file is named for the one idea in it, so that a line has one place to go: {vague}"


def test_a_file_or_function_that_grows_long_is_asked_what_second_idea_has_moved_in(sources):
    long = [
        f"{source}, {lines} lines"
        for source in sources
        if str(source) != CATALOGUE and (lines := length(source)) >= 500
    ]
    long += [f"{where}, {lines} lines" for source in sources for where, lines in functions(source) if lines >= 60]
    assert not long, f"500 lines in a file, 60 in a function: what second idea has moved in? Name it, move it: {long}"


def words(path):
    """The names of a file and its folders, but for the page that all pages extend."""
    return {"" if path.name == "base.html" else path.stem, *path.relative_to(ROOT).parts[:-1]}


def length(source):
    return len(source.path.read_text(encoding="utf-8").splitlines())


def functions(source):
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{source}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1
