"""Identifiers that name things without saying anything about them: event ids, references, the families' links."""

import hmac
import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime

ALPHABET = "23456789ACDEFGHJKMNPQRTVWXY"
"""Digits and capitals that are not taken for one another, spoken or written: no 0 O, 1 I L, and no B S U Z."""
_REFERENCE = re.compile(rf"^R[{ALPHABET}]{{3}}-[{ALPHABET}]{{5}}$")
_MAC_BYTES = 16


def event_id(now: datetime) -> str:
    """Make a UUIDv7 (RFC 9562): business time in milliseconds, then 74 random bits."""
    millis = int(now.timestamp() * 1000)
    value = (millis << 80) | (7 << 76) | (secrets.randbits(12) << 64) | (0b10 << 62) | secrets.randbits(62)
    return str(uuid.UUID(int=value))


def short_id(prefix: str) -> str:
    """Make a random id of a thing inside the product, such as `T-4MXKQ7PD`: 38 bits, a letter for its kind."""
    return f"{prefix}-" + "".join(secrets.choice(ALPHABET) for _ in range(8))


def reference() -> str:
    """Make a referral's reference: `R7K2-9QF4X`, seven random characters and one that checks them."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(7))
    return f"R{body[:3]}-{body[3:]}{_check(body)}"


def normal_reference(text: str) -> str | None:
    """Read a reference as a person writes it (spaces, no hyphen, small letters); None where it cannot be one."""
    compact = re.sub(r"[\s-]", "", text).upper()
    candidate = f"{compact[:4]}-{compact[4:]}"
    body = compact[1:-1]
    return candidate if _REFERENCE.match(candidate) and _check(body) == compact[-1] else None


def _check(body: str) -> str:
    # Weights without a factor in common with 27: every single wrong character is caught.
    total = sum(weight * ALPHABET.index(letter) for weight, letter in zip((2, 4, 5, 7, 8, 10, 11), body, strict=True))
    return ALPHABET[total % len(ALPHABET)]


@dataclass(frozen=True)
class FamilyLink:
    """What a family's link says: this adult may see where this referral is, until the link is renewed."""

    reference: str
    recipient: str
    generation: int


class FamilyLinks:
    """Links that can be checked before their referral has arrived anywhere: HMAC-SHA-256, 128 bits."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def token(self, link: FamilyLink) -> str:
        """Write the link's token, the last part of its address."""
        return f"{link.reference}.{link.recipient}.{link.generation}.{self._mac(link)}"

    def path(self, link: FamilyLink) -> str:
        """Write the path of the family's page."""
        return f"/family/{self.token(link)}"

    def read(self, token: str) -> FamilyLink | None:
        """Read a token; None for one that we did not write."""
        parts = token.split(".")
        if len(parts) != len(("reference", "recipient", "generation", "mac")) or not re.fullmatch(
            r"[0-9]{1,6}", parts[2]
        ):
            return None
        link = FamilyLink(parts[0], parts[1], int(parts[2]))
        return link if hmac.compare_digest(self._mac(link).encode(), parts[3].encode()) else None

    def _mac(self, link: FamilyLink) -> str:
        said = f"{link.reference}|{link.recipient}|{link.generation}".encode()
        return hmac.digest(self._secret, said, "sha256")[:_MAC_BYTES].hex()
