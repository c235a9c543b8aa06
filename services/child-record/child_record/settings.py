"""What the environment says to the shared record."""

from frontdoor import settings


class Settings(settings.AloneSettings):
    """No more than every service is told."""
