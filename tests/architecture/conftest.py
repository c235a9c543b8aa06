"""What the rules of the house are asked of: the repository's files, and each Python file as a tree."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("referral-intake", "triage-panel", "therapy-booking", "notification", "child-record")


@dataclass(frozen=True)
class Source:
    """One Python file of ours."""

    path: Path

    def __str__(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def service(self) -> str | None:
        """The service it belongs to, None for what is shared or deploys."""
        top, folder, *_ = self.path.relative_to(ROOT).parts
        return folder if top == "services" else None

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"))

    def imports(self) -> Iterator[tuple[str, int]]:
        """Every name imported, in full, with its line; a relative import keeps its dots."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                origin = "." * node.level + (node.module or "")
                yield from ((f"{origin}.{alias.name}", node.lineno) for alias in node.names)

    def mentions(self) -> Iterator[tuple[str, int]]:
        """Every dotted name, called or not, read through the file's imports: `dt.now` → `datetime.datetime.now`."""
        full: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                full |= {alias.asname: alias.name for alias in node.names if alias.asname}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                full |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name | ast.Attribute):
                first, _, rest = ast.unparse(node).partition(".")
                yield full.get(first, first) + (f".{rest}" if rest else ""), node.lineno


@pytest.fixture(scope="session")
def sources() -> list[Source]:
    """The product's Python, without migrations (Alembic writes their outline) and tests."""
    paths = (path for top in ("services", "shared", "deploy") for path in (ROOT / top).rglob("*.py"))
    return [Source(path) for path in sorted(paths) if not {"migrations", "__pycache__"} & set(path.parts)]


@pytest.fixture(scope="session")
def packages() -> dict[str, Path]:
    """Each service's import package."""
    return {service: ROOT / "services" / service / service.replace("-", "_") for service in SERVICES}


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """Every file that is, or is about to be, in the repository."""
    if not (ROOT / ".git").exists():
        pytest.skip("this copy is not a clone, so nothing says which files belong to it")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return [ROOT / name for name in sorted(set(listed.split("\0"))) if name and (ROOT / name).is_file()]
