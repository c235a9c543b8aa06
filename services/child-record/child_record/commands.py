"""What people may ask of the shared record."""

from typing import Annotated

from pydantic import StringConstraints

from frontdoor.problems import Command

Recipient = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9_-]+$")]


class RenewLink(Command):
    """Replace the link of one recipient (a contact's id, or `sender`): older links no longer open."""

    recipient: Recipient
