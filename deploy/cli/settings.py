"""What the environment says to a command: where the product's data is, in one folder or service by service."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from all_in_one import settings
from frontdoor.settings import postgresql

Url = Annotated[str, AfterValidator(postgresql)]


def _not_here(value: object) -> None:
    if value is not None:
        raise ValueError(
            "is what a service alone is told; a command is told FRONTDOOR_DATABASES, a URL for each service"
        )


class Settings(settings.Settings):
    """With Kafka named, a command stands in each service's role: `FRONTDOOR_DATABASES` is JSON, a URL for each service.

    `FRONTDOOR_KEYS_URL` is then the key store in intake's role. Without Kafka, all is in the data folder.
    """

    database_url: Annotated[str | None, BeforeValidator(_not_here)] = None
    keys_url: Url | None = None
    databases: Mapping[str, Url] = Field(default_factory=dict)

    @property
    def is_composed(self) -> bool:
        """Whether the services run each by itself, on PostgreSQL and Kafka."""
        return self.kafka is not None

    @model_validator(mode="after")
    def _one_of_two_ways(self) -> "Settings":
        told = {
            "FRONTDOOR_KAFKA": self.kafka,
            "FRONTDOOR_KEYS_URL": self.keys_url,
            "FRONTDOOR_DATABASES": self.databases,
        }
        missing = [name for name, value in told.items() if not value]
        if 0 < len(missing) < len(told):
            raise ValueError(f"{missing[0]}: set it too, or none of {', '.join(told)}: then all is in the data folder")
        return self
