"""What the environment says to booking: what it says to every service, and no more."""

from frontdoor import settings


class Settings(settings.Settings):
    """`FRONTDOOR_…` variables, and `PORT`."""
