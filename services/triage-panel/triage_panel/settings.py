"""What the environment says to the queues."""

import frontdoor.settings


class Settings(frontdoor.settings.Settings):
    """Nothing beyond what every service is told."""
