"""What may be in a command's way, and is no fault of the product's: said in a sentence."""

from sqlalchemy.exc import OperationalError

from cli.composed import NoDatabase, NotAtThisRelease, StillRunning
from frontdoor.areas import AreaError
from frontdoor.migrations import NotMigrated
from frontdoor.settings import AlreadyRunning, SecretMissing, WrongSettings

SPEAKS = (
    AreaError,
    AlreadyRunning,
    WrongSettings,
    SecretMissing,
    NotMigrated,
    NotAtThisRelease,
    StillRunning,
    NoDatabase,
)


def sentence(wrong: Exception) -> str | None:
    """Say what is in the way; None: nobody expected it."""
    if isinstance(wrong, OperationalError):
        return f"A database does not answer: {str(wrong.orig).strip().splitlines()[0]}"
    return str(wrong) if isinstance(wrong, SPEAKS) else None
