"""What may be asked of notification: what it does follows from events, and from its provider's receipts."""

from pydantic import ConfigDict, Field

from frontdoor.problems import Command
from notification.domain import Receipt


class DeliveryReceipt(Command):
    """What became of a message, in the form of GOV.UK Notify's callback; `reference` is the notice.

    Whatever else stands in it is left aside and kept nowhere: `to` is somebody's address.
    """

    model_config = ConfigDict(extra="ignore")

    reference: str = Field(min_length=1, max_length=1000)
    status: Receipt
