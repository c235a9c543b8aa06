"""What the environment says to the embedded product."""

from typing import Literal

from frontdoor import settings


class Settings(settings.Settings):
    """`FRONTDOOR_SEED=none` starts empty; otherwise an empty data folder gets the sample area's people and children."""

    seed: Literal["sample", "none"] = "sample"
