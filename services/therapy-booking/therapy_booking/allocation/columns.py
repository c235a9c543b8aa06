"""The instance as columns of numbers, so that eligibility and planning are arithmetic on whole lists at once."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from therapy_booking.allocation.instance import PENCE, SLOTS_A_DAY, Block, Instance, Request

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MODES = {"clinic": 0, "school": 1, "online": 2}
FORMATS = {"individual": 0, "group": 1, "either": 2}
TIMES = 7 * SLOTS_A_DAY
NONE = -1


@dataclass(frozen=True, eq=False, slots=True)
class BlockColumns:
    """One entry a block. `slot` numbers (therapist, window, day, hour): at most one block of a slot is opened."""

    therapist: Ints
    provider: Ints
    site: Ints  # NONE: online without a site
    mode: Ints
    discipline: Ints
    format: Ints
    cap: Ints
    least: Ints  # children without whom it does not run; 1 unless it is a group
    start: Ints
    time: Ints  # day * 6 + hour
    moment: Ints  # numbers (window, day, hour): a child is in one place at a moment
    slot: Ints
    pence: Ints
    region: Ints


@dataclass(frozen=True, eq=False, slots=True)
class RequestColumns:
    """One entry a request."""

    child: Ints
    discipline: Ints
    format: Ints
    tier: Ints
    late: Ints  # weeks waited beyond the standard; negative while there is time
    x: Floats
    y: Floats
    modes: Flags  # by mode
    max_km: Floats
    needs: Ints  # rows of Columns.speaks
    skill: Ints  # rows of Columns.skilled
    times: Flags  # by time of the week
    commissioner: Ints
    region: Ints
    school: Ints
    therapist: Ints  # whom the child knows, or NONE


@dataclass(frozen=True, eq=False)
class Columns:
    """Everything a plan needs, as numbers; money in pence."""

    instance: Instance
    blocks: BlockColumns
    requests: RequestColumns
    skilled: Flags  # by skill asked for and therapist
    speaks: Flags  # by set of needs asked for and therapist
    contracted: Ints  # blocks of each therapist
    places: Ints  # of each commissioner
    budget: Ints  # of each commissioner
    site_x: Floats
    site_y: Floats
    horizon: int

    @cached_property
    def contracts(self) -> dict[tuple[int, int], int] | None:
        """Places for each provider and commissioner; None where contracts are not used at all."""
        rows = self.instance.contracts
        return {(row.provider, row.commissioner): row.max_places for row in rows} if rows else None


def whole(values: Iterable[int]) -> Ints:
    return np.fromiter(values, np.int64)


def real(values: Iterable[float]) -> Floats:
    return np.fromiter(values, np.float64)


def numbered(keys: Iterable[Hashable], names: dict[Hashable, int] | None = None) -> Ints:
    """Number equal keys alike, in order of appearance."""
    names = {} if names is None else names
    return whole(names.setdefault(key, len(names)) for key in keys)


def columns(instance: Instance) -> Columns:
    """Turn an instance into columns."""
    disciplines: dict[Hashable, int] = {}
    skills: dict[Hashable, int] = {}
    needs: dict[Hashable, int] = {}
    therapists = instance.therapists
    requests = request_columns(instance.requests, disciplines, skills, needs)
    return Columns(
        instance,
        block_columns(instance, disciplines),
        requests,
        skilled=np.array([[s is None or s in t.skills for t in therapists] for s in skills], np.bool_),
        speaks=np.array([[set(n) <= set(t.comms) for t in therapists] for n in needs], np.bool_),  # type: ignore[call-overload]
        contracted=whole(therapist.contracted_blocks for therapist in therapists),
        places=whole(payer.max_places for payer in instance.commissioners),
        budget=whole(round(payer.budget * PENCE) for payer in instance.commissioners),
        site_x=real(site.x for site in instance.sites),
        site_y=real(site.y for site in instance.sites),
        horizon=instance.horizon_weeks,
    )


def block_columns(instance: Instance, disciplines: dict[Hashable, int]) -> BlockColumns:
    rows: list[Block] = instance.blocks
    region = [provider.region for provider in instance.providers]
    return BlockColumns(
        therapist=whole(b.therapist for b in rows),
        provider=whole(b.provider for b in rows),
        site=whole(NONE if b.site is None else b.site for b in rows),
        mode=whole(MODES[b.mode] for b in rows),
        discipline=numbered((b.discipline for b in rows), disciplines),
        format=whole(FORMATS[b.format] for b in rows),
        cap=whole(b.cap for b in rows),
        least=whole(max(b.min_run, 1) if b.format == "group" else 1 for b in rows),
        start=whole(b.start_week for b in rows),
        time=whole(b.day * SLOTS_A_DAY + b.hour for b in rows),
        moment=whole(b.window * TIMES + b.day * SLOTS_A_DAY + b.hour for b in rows),
        slot=numbered((b.therapist, b.window, b.day, b.hour) for b in rows),
        pence=whole(round(b.price * PENCE) for b in rows),
        region=whole(region[b.provider] for b in rows),
    )


def request_columns(
    rows: list[Request],
    disciplines: dict[Hashable, int],
    skills: dict[Hashable, int],
    needs: dict[Hashable, int],
) -> RequestColumns:
    times = np.zeros((len(rows), TIMES), np.bool_)
    modes = np.zeros((len(rows), len(MODES)), np.bool_)
    for place, row in enumerate(rows):
        times[place, row.avail] = True
        modes[place, [MODES[mode] for mode in row.modes]] = True
    return RequestColumns(
        child=whole(r.child for r in rows),
        discipline=numbered((r.discipline for r in rows), disciplines),
        format=whole(FORMATS[r.format] for r in rows),
        tier=whole(r.tier for r in rows),
        late=whole(r.waited_weeks - r.standard_weeks for r in rows),
        x=real(r.x for r in rows),
        y=real(r.y for r in rows),
        modes=modes,
        max_km=real(r.max_km for r in rows),
        needs=numbered((tuple(sorted(set(r.needs))) for r in rows), needs),
        skill=numbered((r.skill for r in rows), skills),
        times=times,
        commissioner=whole(r.commissioner for r in rows),
        region=whole(r.region for r in rows),
        school=whole(NONE if r.school is None else r.school for r in rows),
        therapist=whole(NONE if r.prev_therapist is None else r.prev_therapist for r in rows),
    )
