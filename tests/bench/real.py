"""Rows on the real parts: PostgreSQL that answers when a commit is on disk, and Kafka with acks from all."""

import asyncio
import multiprocessing
import random
import secrets
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp

import asyncpg
import psycopg
import uvicorn
from tests.bench import carriers, embedded, load
from tests.bench.measure import Rate, compared, row, spent_by, spent_in, timing
from tests.bench.parts import LARGE, Running, forms, running, started, started_as, wait_for

from frontdoor.alone import SWITCH
from frontdoor.testing_real import Kafka, free_port

ACCEPTS, LEAST, CARRIED = 800, 4_000, 1_600
NAIVE = 300
SIZES = (10_000, 1_000_000, 10_000_000) if LARGE else (10_000, 1_000_000)


def rows():
    """Every row that needs the real parts."""
    with started() as parts:
        yield from latency(parts)
        yield accept_beside_least(parts)
        yield accept_beside_usual(parts)
        filled = carriers.fill(parts, forms(CARRIED))
        yield relayed(parts, filled)
        spread, floor, naive = spread_pairs(parts, filled)
        yield row("spread, through Kafka", SPREAD.format(FLOOR), list(zip(spread, floor, strict=True)), goal=0.33)
        yield row("spread, beside the usual", SPREAD.format(USUAL), list(zip(spread, naive, strict=True)), goal=50)
        yield processor_of(spread, floor)
        yield embedded_beside(spread, filled)
        yield from queue_pages(parts)
        yield from booked(parts)


# --- accept -----------------------------------------------------------------------------------------------------------

ACCEPT = "HTTP POST /api/referrals, 16 connections, one worker, on disk before the answer, beside {}"


def accept_beside_least(parts):
    """Beside the least that could do it."""
    what = ACCEPT.format("Starlette and asyncpg keeping the body unread, in one statement")
    return compared("accept, beside the least", what, lambda: ours(parts), lambda: peer(parts, "least"), goal=0.3)


def accept_beside_usual(parts):
    """Beside what most would write."""
    what = ACCEPT.format("FastAPI and SQLModel's ORM keeping a row and an outbox row")
    return compared("accept, beside the usual", what, lambda: ours(parts), lambda: peer(parts, "usual"), goal=2)


def ours(parts):
    """Send to intake in a process of its own, which relays to Kafka meanwhile."""
    with running(parts, "referral-intake") as intake:
        return sent_to(parts, intake, ACCEPTS, "demo-senco")


def peer(parts, name):
    """Send to one of the peers in a process of its own."""
    url, port = carriers.plain(parts.postgres.fresh()), free_port()
    command = [sys.executable, "-m", "uvicorn", f"tests.bench.peers:{name}", "--log-level", "warning", "--port"]
    with started_as([*command, str(port)], {"BENCH_DATABASE": url}, f"http://127.0.0.1:{port}/") as process:
        return sent_to(parts, Running(process, port, url), LEAST if name == "least" else ACCEPTS, "")


def sent_to(parts, server, count, token):
    """Warm it, and send so many."""
    load.send(server.port, load.requests(forms(100, 2), "/api/referrals", token))
    requests = load.requests(forms(count), "/api/referrals", token)
    before = spent_by(server.process.pid) + spent_in(parts.postgres)
    seconds, took = load.send(server.port, requests)
    cpu = spent_by(server.process.pid) + spent_in(parts.postgres) - before
    more = {"p50_ms": load.percentile(took, 0.5), "p99_ms": load.percentile(took, 0.99)}
    return Rate(count / seconds, cpu / count * 1000, more)


# --- carrying ---------------------------------------------------------------------------------------------------------


def relayed(parts, filled):
    """Send a whole log to Kafka, beside reading the same rows and sending their bytes."""
    what = "events of a log sent to Kafka and struck off, beside reading and sending the same bytes"

    def ours():
        return carriers.relay(parts, filled)

    def bare():
        return carriers.bare_relay(parts, filled)

    _warm = ours(), bare()
    return compared("relay", what, ours, bare, goal=0.75)


SPREAD = "referrals carried from intake's log through Kafka into the queues, beside {}"
FLOOR = "a COPY of three rows each that deduplicates nothing and says nothing"
USUAL = "FastStream at its defaults with SQLModel's ORM, an event at a time"


def spread_pairs(parts, filled):
    """Measure ours, the floor and the usual by turns."""
    found = [[], [], []]
    for _ in range(3):
        found[0].append(carriers.spread(parts, filled))
        found[1].append(carriers.bare_spread(parts, filled))
        found[2].append(carriers.usual_spread(parts, filled, NAIVE))
    return found


def latency(parts):
    """From the commit of a referral to the commit of its queue entries, beside produce, consume, insert."""
    what = "milliseconds from intake's commit to triage's, 20 a second, beside produce, consume and insert (medians)"
    pairs = [(_latency(parts), carriers.bare_latency(parts)) for _ in range(3)]
    yield row("latency from commit to visible", what, pairs, unit="ms", goal=2.5, less=True)
    slowest = [tuple(Rate(one.more["p99_ms"]) for one in pair) for pair in pairs]
    yield row("latency, 99th percentile", what.replace("medians", "of 130"), slowest, unit="ms", goal=2, less=True)


def _latency(parts):
    """Run intake and triage as in earnest, on a broker of their own, and measure once triage hears."""
    with Kafka.started() as kafka:
        alone = replace(parts, kafka=kafka)
        with running(alone, "referral-intake") as intake, running(alone, "triage-panel") as triage:
            wait_for(
                f"http://127.0.0.1:{triage.port}/triage-panel/health/ready", is_there=lambda answer: answer.is_success
            )
            return carriers.latency(intake, triage, forms(150))


def processor_of(spread, floor):
    """What carrying costs, relay, Kafka and PostgreSQL counted."""
    pairs = [(Rate(mine.cpu), Rate(theirs.cpu)) for mine, theirs in zip(spread, floor, strict=True)]
    what = f"seconds of processor for 1,000 {SPREAD.format(FLOOR)}"
    return row("spread, processor", what, pairs, unit="s per 1,000", goal=3, less=True)


def embedded_beside(spread, filled):
    """The embedded product hearing as many, beside Kafka and PostgreSQL."""
    events = filled.events / filled.referrals
    alone = []
    for _ in spread:
        with embedded.folder() as made:
            rate = embedded.ours_heard(made)
        alone.append(Rate(rate.value / events, rate.cpu * events))
    what = "referrals from intake's log into the queues of the embedded product, beside through Kafka and PostgreSQL"
    return row("embedded, beside Kafka", what, list(zip(alone, spread, strict=True)), goal=1.5)


# --- reading ----------------------------------------------------------------------------------------------------------

GROW = """
insert into entry select area, 'R' || n, agency, version, child_id, kind, status, open, priority, priority_order,
  received_at + n * interval '1 second', due_at + (n %% 5000) * interval '1 hour', standard, standard_version, needs,
  support, rules, flags, referrer_role, sent_by, organisation, setting, family, out_of_area, to_be_sorted,
  redirected_from, story, holder, decided_at, corrected_until, met, breached, clock_runs
from (select * from entry where agency = 'health' limit 1) one, generate_series(%s::int, %s::int) n
"""


def queue_pages(parts):
    """The first page of a queue, and one from a random place, as the queue grows."""
    from triage_panel import store  # noqa: PLC0415

    service, triage = parts.wired("triage-panel")
    carriers.hear_one(parts, triage, service, forms(1))
    address = triage.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    found, filled = {}, 0
    with psycopg.connect(address, autocommit=True) as admin:
        for size in SIZES:
            admin.execute(GROW, (filled + 1, size))
            admin.execute("vacuum analyze entry")
            filled = size
            found[size] = [_page_times(triage, store) for _ in range(3)]
    for number, name in enumerate(("queue page, first", "queue page, anywhere")):
        small = [Rate(times[number]) for times in found[SIZES[0]]]
        for size in SIZES[1:]:
            pairs = list(zip([Rate(times[number]) for times in found[size]], small, strict=True))
            what = f"milliseconds for 50 entries of a queue of {size:,}, beside one of {SIZES[0]:,}"
            yield row(f"{name}, {size:,}", what, pairs, unit="ms", goal=(1.2, 3)[number], less=True)


def _page_times(triage, store, times=60):
    """Give the median milliseconds of a first page, and of a page from a random place."""
    chance = random.Random(1)
    with triage.database.read() as session:
        first = store.queue(session, "sample", "health", None, None, 1)[0]
    took = ([], [])
    for number in range(2 * times):
        later = first.due_at + timedelta(hours=chance.randint(1, 4_900))
        behind = (first.priority_order, later, first.received_at, "R") if number % 2 else None
        with triage.database.read() as session:
            session.connection()
            with timing() as one:
                assert store.queue(session, "sample", "health", None, behind, 50)
        took[number % 2].append(1000 * one.seconds)
    return [sorted(one)[times // 2] for one in took]


# --- booking ----------------------------------------------------------------------------------------------------------


def booked(parts):
    """Places booked through the API by 16 people at once, beside what bare SQL can do at all."""
    what = "children booked into blocks of six sessions through the API, 16 at once, beside {}"
    found = [[], [], []]
    for _ in range(3):
        for rates, measure in zip(found, (_bookings, _updates, _serializable), strict=True):
            rates.append(measure(parts))
    ours, updates, serializable = found
    floor, usual = what.format("updates of one contended row"), what.format("SERIALIZABLE, counting and inserting")
    yield row("booking", floor, list(zip(ours, updates, strict=True)), goal=0.45)
    yield row("booking, beside SERIALIZABLE", usual, list(zip(ours, serializable, strict=True)), goal=15)


def _bookings(parts, children=160):
    from tests.containers.conftest import words_of  # noqa: PLC0415

    from frontdoor import testing  # noqa: PLC0415

    testing.postgres = parts.postgres.admin
    words = words_of("therapy_booking")
    desk = words.Desk(testing.Stage(words.service, Path(mkdtemp(prefix="bench-", dir=parts.folder))))
    with desk.open, _answering(desk.stage.app) as port, ProcessPoolExecutor(1) as people:
        supply = desk.supply()
        blocks = [desk.block(supply, seats=30, time=f"{8 + number}:00".zfill(5)) for number in range(8)]
        wanted = [{"reference": desk.child(), "block": blocks[number % len(blocks)]} for number in range(children)]
        requests = load.requests(wanted, "/api/bookings", "demo-booking-coordinator")
        people.submit(load.send, port, requests[:16]).result()
        before = spent_in(parts.postgres)
        with timing() as took:
            people.submit(load.send, port, requests[16:]).result()
        spent, booked = took.cpu + spent_in(parts.postgres) - before, children - 16
        faults = desk.faults()
    testing.postgres = None
    assert not faults, faults
    return Rate(booked / took.seconds, spent / booked * 1000)


@contextmanager
def _answering(app):
    """Serve an application from a thread here, as it is served in earnest; give the port."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run)
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    thread.start()
    try:
        wait_for(f"http://127.0.0.1:{port}/health/live")
        yield port
    finally:
        server.should_exit = True
        thread.join()
        sys.setswitchinterval(before)


def _updates(parts):
    """Update one row, 16 at once, for two seconds."""

    async def update(connection, _chance):
        await connection.execute("update one set taken = taken + 1 where id = 1")
        return True

    return asyncio.run(_hammered(parts, "create table one (id int, taken int); insert into one values (1, 0)", update))


def _serializable(parts):
    """Count the seats of six sessions and insert six, 16 at once, each block emptied again when it is full."""
    made = """
    create table seat (block int, session int, taken_by text, primary key (block, session, taken_by));
    create index seats_of on seat (block, session)
    """

    async def book(connection, chance):
        block, child = chance.randrange(12), secrets.token_hex(6)
        with suppress(asyncpg.SerializationError, asyncpg.DeadlockDetectedError):
            async with connection.transaction(isolation="serializable"):
                for session in range(6):
                    count = "select count(*) from seat where block = $1 and session = $2"
                    if await connection.fetchval(count, block, session) >= 30:
                        await connection.execute("delete from seat where block = $1", block)
                    await connection.execute("insert into seat values ($1, $2, $3)", block, session, child)
            return True
        return False

    return asyncio.run(_hammered(parts, made, book))


async def _hammered(parts, made, once, seconds=2.0):
    """Do something again and again on 16 connections; count how often it succeeds."""
    until, done = time.perf_counter() + seconds, Counter()

    async def again_and_again(pool, seed):
        chance = random.Random(seed)
        async with pool.acquire() as connection:
            while time.perf_counter() < until:
                done[await once(connection, chance)] += 1

    async with asyncpg.create_pool(carriers.plain(parts.postgres.fresh()), min_size=16, max_size=16) as pool:
        await pool.execute(made)
        await asyncio.gather(*(again_and_again(pool, seed) for seed in range(16)))
    return Rate(done[True] / seconds)


multiprocessing.set_start_method("spawn", force=True)
