"""The links that a signed-in person sees at the top of every page of every service."""

from frontdoor.access import WHO_MAY, Actor

_LINKS: tuple[tuple[str, str, str], ...] = (
    ("referral.submit", "/refer", "Make a referral"),
    ("referral.submit", "/referrals", "My referrals"),
    ("concern.log", "/concerns", "Concerns"),
    ("queue.read", "/queues", "Queues"),
    ("child.link", "/matches", "Possible matches"),
    ("record.list", "/records", "Shared records"),
    ("waiting.read", "/booking/waiting-list", "Waiting list"),
    ("supply.manage", "/booking", "Booking"),
    ("alert.read", "/alerts", "Alerts"),
    ("messages.demo", "/messages", "Sent messages"),
    ("pathways.manage", "/pathways", "Pathways"),
    ("operations.read", "/operations", "Operations"),
)


def links(actor: Actor, path: str) -> list[dict[str, str | bool]]:
    """Name the places that this person may go to, the current one marked."""
    if not actor.is_signed_in:
        return []
    shown = [link for link in _LINKS if _may_enter(actor, link[0])]
    current = max((href for _, href, _ in shown if path == href or path.startswith(f"{href}/")), key=len, default="")
    return [{"href": href, "text": text, "current": href == current} for _, href, text in shown]


def _may_enter(actor: Actor, action: str) -> bool:
    if action == "alert.read" and actor.agency != "care":
        return False
    if action == "waiting.read" and "triager" in actor.roles and actor.agency != "health":
        return False
    # A list that nobody is refused, but where only those stand who send, triage or treat, and would find something.
    roles = WHO_MAY["referral.submit" if action == "record.list" else action].roles
    return roles is None or bool(actor.roles & roles.keys())
