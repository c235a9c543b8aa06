"""`frontdoor documents`: what partners' systems may ask, and what the services say, as files to read and to compare."""

from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi import FastAPI

from all_in_one.assembly import assemble
from all_in_one.settings import Settings
from frontdoor import documents


def write(folder: Path) -> list[Path]:
    """Write OpenAPI and AsyncAPI as this release has them; give the files."""
    with TemporaryDirectory() as data:
        assembly = assemble(Settings(data=Path(data)))
        apps = assembly.application().apps
        openapi = documents.merged([documents.openapi(app) for app in apps.values() if isinstance(app, FastAPI)])
        assembly.close()
    folder.mkdir(parents=True, exist_ok=True)
    files = {"openapi.json": openapi, "asyncapi.json": documents.asyncapi()}
    for name, document in files.items():
        (folder / name).write_text(documents.written(document), encoding="utf-8")
    return [folder / name for name in files]
