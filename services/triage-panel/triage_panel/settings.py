"""What the environment says to the queues."""

from frontdoor import settings


class Settings(settings.AloneSettings):
    """No more than every service is told."""
