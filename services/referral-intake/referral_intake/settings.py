"""What the environment says to intake."""

from frontdoor import settings


class Settings(settings.AloneSettings):
    """No more than every service is told."""
