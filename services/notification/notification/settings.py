"""What the environment says to notification."""

from frontdoor import settings


class Settings(settings.AloneSettings):
    """Nothing of its own so far: the demo's channel needs none, a provider's will bring its address and key."""
