"""What booking buys with and from: providers, their therapists, places, and the pools of money."""

from frontdoor import events
from frontdoor.identifiers import short_id
from frontdoor.work import Refused, Work
from therapy_booking import commands, domain, store, tables
from therapy_booking.handlers import Answer, named, there, unknown


def register_provider(work: Work, wish: commands.RegisterProvider) -> Answer:
    """Register a provider; asked twice there are two, unless the request carries its key."""
    provider = short_id("P")
    work.append(f"provider/{provider}", 0, events.ProviderRegistered(provider=provider, **wish.model_dump()))
    return {"provider": provider}


def register_therapist(work: Work, wish: commands.RegisterTherapist) -> Answer:
    """Register a therapist of a provider; asked twice there are two, unless the request carries its key."""
    named(work, tables.Provider, wish.provider, "provider")
    if wish.person is not None and not work.area.knows(wish.person, "therapist"):
        said = "Enter the sign-in of a therapist in this area, or leave it out"
        raise Refused("invalid", said, status=422, field="person")
    therapist = short_id("T")
    work.append(f"therapist/{therapist}", 0, events.TherapistRegistered(therapist=therapist, **wish.model_dump()))
    return {"therapist": therapist}


def register_place(work: Work, wish: commands.RegisterPlace) -> Answer:
    """Register a place; asked twice there are two, unless the request carries its key."""
    place = short_id("L")
    work.append(f"place/{place}", 0, events.PlaceRegistered(place=place, **wish.facts()))
    return {"place": place}


def open_pool(work: Work, wish: commands.OpenPool) -> Answer:
    """Open a pool for a term; asked twice there are two, unless the request carries its key."""
    if work.area.term(wish.term) is None:
        raise unknown("term", " in this area")
    for at, part in enumerate(wish.contributions):
        known = work.area.organisations.get(part.organisation)
        if known is None or known.area != work.area.id:
            raise unknown(f"contributions.{at}.organisation", " in this area")
    pool = short_id("O")
    work.append(f"pool/{pool}", 0, events.PoolOpened(pool=pool, **wish.model_dump()))
    return {"pool": pool}


def show_pool(work: Work, pool_id: str) -> Answer:
    """Show what was put in, charged and is left, in pence, per organisation and discipline."""
    pool = there(work, tables.Pool, pool_id)
    known = store.balances(pool, store.blocks(work.session, work.area.id, pool.pool))
    organisations = []
    for name in sorted({name for name, _ in known}):
        own = {discipline: balance for (whose, discipline), balance in known.items() if whose == name}
        each = {discipline: balance.pence for discipline, balance in own.items()}
        organisations.append({"organisation": name, **domain.total(own.values()).pence, "disciplines": each})
    whole = domain.total(known.values()).pence
    return {"pool": pool.pool, "name": pool.name, "term": pool.term, "organisations": organisations, **whole}
