"""What the environment says to intake."""

import frontdoor.settings


class Settings(frontdoor.settings.Settings):
    """Nothing beyond what every service is told."""
