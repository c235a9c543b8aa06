"""What the environment says to the shared record."""

from frontdoor import settings


class Settings(settings.Settings):
    """The shared record needs no more than every service does."""
