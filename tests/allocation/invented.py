"""Invented allocation instances, seeded: the same seed, size and character give the same instance."""

import math
import random
from dataclasses import dataclass

PER_REGION = 1000
HOURS = 30
SKILLS = {"SALT": ("fluency", "aac", "dysphagia"), "OT": ("sensory", "handwriting", "equipment")}
COMMS = ("lang-A", "lang-B", "lang-C", "bsl")
PLENTY = 1_000_000
STANDARD = {1: 4, 2: 12, 3: 18, 4: 18}


@dataclass(frozen=True)
class Character:
    """What sort of area it is: shares of one, and multiples of a balanced area."""

    supply: float = 1.0  # therapists for each request
    groups: float = 0.15  # share of times that are groups
    money: float = 0.85  # budget against what placing everybody at the going price would cost
    reach: float = 1.0  # how far families can travel
    spread: float = 1.0  # how far apart people live
    access: float = 0.06  # share of requests with a communication need
    skilled: float = 0.15  # share of requests that need a particular skill
    payers: int = 2  # commissioners of a region
    odd: float = 0.0  # how far prices are spread, each block having its own
    contracts: float = 1.0  # places in contracts
    twins: float = 0.08  # share of requests that are a second one for the same child
    least: int = 3  # children without whom a group does not run
    tiers: tuple[int, int, int, int] = (6, 20, 52, 22)
    rules: bool = True  # budgets, contracts, group minimums and children with two requests


CHARACTERS = {
    "balanced": Character(),
    "scarce": Character(supply=0.55),
    "rural": Character(spread=2.5, reach=1.2),
    "budget": Character(money=0.45),
    "groups": Character(groups=0.45),
    "access": Character(access=0.3, skilled=0.4),
    "purse": Character(money=0.3, odd=0.3),
    "penniless": Character(money=0.15, odd=0.5),
    "parishes": Character(payers=7, money=0.6, odd=0.2),
    "contracts": Character(contracts=0.55, money=1.2),
    "clashes": Character(twins=0.6, supply=0.7),
    "lonely": Character(groups=0.6, least=4, supply=0.7, access=0.2),
    "urgent": Character(tiers=(45, 30, 15, 10), supply=0.6, money=0.6),
    "mixed": Character(
        supply=0.7,
        groups=0.35,
        money=0.5,
        payers=4,
        odd=0.25,
        contracts=0.7,
        twins=0.3,
        least=4,
        access=0.2,
        skilled=0.3,
    ),
    "flow": Character(groups=0.0, rules=False),
}


def invent(size, character="balanced", seed=1, per_region=PER_REGION):
    """An instance of so many requests, as the parsed file would be."""
    chance, kind = random.Random(f"{size} {character} {seed}"), CHARACTERS[character]
    instance = {
        "format": "therapy-blocks/1",
        "n": size,
        "seed": seed,
        "flavour": character,
        "horizon_weeks": 13,
        **{
            name: []
            for name in ("sites", "providers", "commissioners", "contracts", "therapists", "blocks", "requests")
        },
    }
    regions = max(1, round(size / per_region))
    for region in range(regions):
        count = size // regions + (region < size % regions)
        region_of(instance, chance, kind, region, count)
    return instance


def region_of(instance, chance, kind, region, count):
    """Add one region with its sites, people and money."""
    width = 20 * kind.spread * math.sqrt(max(count, 40) / 160)
    towns = [(chance.uniform(0, width), chance.uniform(0, width)) for _ in range(max(2, count // 150))]

    def place(scatter=0.12):
        x, y = chance.choice(towns)
        there = (min(max(chance.gauss(v, scatter * width), 0.0), width) for v in (x, y))
        return dict(zip("xy", (round(v, 2) for v in there), strict=True))

    clinics = [add(instance, "sites", kind="clinic", **place(), region=region) for _ in range(max(2, count // 80))]
    schools = [add(instance, "sites", kind="school", **place(), region=region) for _ in range(max(3, count // 25))]
    providers = [
        add(instance, "providers", region=region, base_price=chance.randint(300, 420)) for _ in range(3 + (count > 400))
    ]
    payers = [
        add(instance, "commissioners", name=f"{who}-{region}", region=region, budget=0, max_places=0)
        for who in ("health", "council", *(f"parish{place}" for place in range(2, kind.payers)))
    ]
    blocks = [
        block
        for _ in range(max(2, round(count / 40 * kind.supply)))
        for block in therapist(instance, chance, kind, place(), providers, clinics, schools)
    ]
    requests = people(instance, chance, kind, region, count, place, schools, payers, width)
    purses(instance, chance, kind, blocks, requests, providers, payers)


def add(instance, table, **row):
    row = {"id": len(instance[table]), **row}
    instance[table].append(row)
    return row


def therapist(instance, chance, kind, where, providers, clinics, schools):
    """Add a therapist and the blocks that could be opened at each of their times."""
    discipline, provider = chance.choice(("SALT", "SALT", "OT")), chance.choice(providers)
    person = add(
        instance,
        "therapists",
        discipline=discipline,
        provider=provider["id"],
        skills=[skill for skill in SKILLS[discipline] if chance.random() < 0.45],
        comms=[need for need in COMMS if chance.random() < 0.2],
        contracted_blocks=24 if kind.rules else 28,
        **where,
    )
    near = sorted(clinics, key=lambda site: math.dist((site["x"], site["y"]), where.values()))[:4]
    close = sorted(schools, key=lambda site: math.dist((site["x"], site["y"]), where.values()))[:12]
    for window, start in ((0, 1), (1, 7)):
        for day in range(5):
            for hour in range(6):
                group = chance.random() < kind.groups
                for _ in range(2):
                    mode = chance.choices(("clinic", "school", "online"), (6, 3, 1))[0]
                    site = {"clinic": chance.choice(near), "school": chance.choice(close)}.get(mode)
                    cap = chance.randint(4, 6) if group else 1
                    price = provider["base_price"] * {"clinic": 1.0, "school": 1.1, "online": 0.9}[mode]
                    if kind.odd:
                        price *= chance.uniform(1 - kind.odd, 1 + kind.odd)
                    yield add(
                        instance,
                        "blocks",
                        therapist=person["id"],
                        provider=provider["id"],
                        site=site and site["id"],
                        mode=mode,
                        discipline=discipline,
                        format="group" if group else "individual",
                        cap=cap,
                        min_run=kind.least if group else 1,
                        window=window,
                        start_week=start,
                        day=day,
                        hour=hour,
                        price=round(price * 1.6 / cap if group else price),
                    )


def people(instance, chance, kind, region, count, place, schools, payers, width):
    """Add the requests of a region; now and then two for one child, or for a brother or sister."""
    made, before = [], len(instance["requests"])
    children = max((request["child"] for request in instance["requests"]), default=-1) + 1
    prior = [t for t in instance["therapists"] if instance["providers"][t["provider"]]["region"] == region]
    for _ in range(count):
        tier = chance.choices((1, 2, 3, 4), kind.tiers)[0]
        where = place(0.2)
        discipline = chance.choice(("SALT", "SALT", "OT"))
        twin = kind.rules and made and made[-1]["child"] == children - 1 and chance.random() < kind.twins
        if twin:
            discipline = {"SALT": "OT", "OT": "SALT"}[made[-1]["discipline"]]
            where = {axis: made[-1][axis] for axis in "xy"}
        held = [t["id"] for t in prior if t["discipline"] == discipline]
        request = add(
            instance,
            "requests",
            child=children - 1 if twin else children,
            discipline=discipline,
            format=chance.choices(("individual", "either", "group"), (61, 25, 14))[0],
            tier=tier,
            waited_weeks=min(int(chance.expovariate(1 / (8 + 6 * tier))), 104),
            standard_weeks=STANDARD[tier],
            **where,
            school=chance.choice(schools)["id"],
            modes=["clinic", *(m for m, share in (("school", 0.8), ("online", 0.3)) if chance.random() < share)],
            max_km=round(
                width / 20 * kind.reach / kind.spread * chance.choice((5.0, 8.0, 8.0, 12.0, 12.0, 20.0, 30.0)), 1
            ),
            needs=[chance.choice(COMMS)] if chance.random() < kind.access else [],
            skill=chance.choice(SKILLS[discipline]) if chance.random() < kind.skilled else None,
            avail=times(chance),
            commissioner=payer_of(chance, payers)["id"],
            prev_therapist=chance.choice(held) if held and chance.random() < 0.28 else None,
            sibling_of=before + chance.randrange(len(made)) if made and chance.random() < 0.05 else None,
            region=region,
        )
        children += not twin
        made.append(request)
    return made


def payer_of(chance, payers):
    first = chance.random() < 0.38
    return payers[first] if len(payers) == 2 else chance.choice(payers)


def times(chance):
    share = chance.choice((0.2, 0.3, 0.5, 0.9))
    return [hour for hour in range(HOURS) if chance.random() < share] or [chance.randrange(HOURS)]


def purses(instance, chance, kind, blocks, requests, providers, payers):
    """Give each commissioner its budget and places, and each pair its contract."""
    each = sum(provider["base_price"] for provider in providers) / len(providers)
    seats = {p["id"]: sum(0.4 for b in blocks if b["provider"] == p["id"]) / 2 for p in providers}
    for payer in payers:
        mine = sum(request["commissioner"] == payer["id"] for request in requests)
        payer["budget"] = round(each * mine * 0.75 * kind.money) if kind.rules else 1000 * PLENTY
        payer["max_places"] = round(mine * 0.8) if kind.rules else PLENTY
        for provider in providers:
            share = seats[provider["id"]] * mine / len(requests) * chance.uniform(0.7, 1.2) * kind.contracts
            places = max(1, round(share)) if kind.rules else PLENTY
            instance["contracts"].append(
                {"provider": provider["id"], "commissioner": payer["id"], "max_places": places}
            )
