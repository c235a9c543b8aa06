"""The one registry that all of intake's tables belong to."""

from sqlalchemy.orm import registry
from sqlmodel import SQLModel


class Row(SQLModel, registry=registry()):
    """A row of one of intake's tables."""


# --- derived ----------------------------------------------------------------------------------------------------------
