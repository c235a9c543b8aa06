"""What the environment says to every service; each service's `settings.py` adds its own."""

import json
import secrets
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """`FRONTDOOR_…` variables, and `PORT`. A wrong value stops the start with one line, never falls back."""

    model_config = SettingsConfigDict(env_prefix="FRONTDOOR_", populate_by_name=True)

    env: Literal["demo", "production"] = "demo"
    data: Path = Path("data")
    area: str = "sample"
    areas: Path | None = None
    failpoint: str | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"
    public_url: str | None = None
    port: int = Field(8000, validation_alias="PORT", ge=1, le=65535)

    @property
    def address(self) -> str:
        """The address that people use, without a slash at the end."""
        return (self.public_url or f"http://localhost:{self.port}").rstrip("/")


def kept_secret(folder: Path, name: str) -> bytes:
    """Read one of the installation's own secrets, made at the first start; only its owner may read the file."""
    file = folder / "secrets.json"
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    if name not in known:
        known[name] = secrets.token_hex(32)
        fresh = file.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(known))
        fresh.replace(file)
    return bytes.fromhex(known[name])
