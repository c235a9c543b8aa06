"""Carrying: our relay and ears, beside the least that could carry as much, and beside what most would write."""

import asyncio
import multiprocessing
import secrets
import threading
import time
from dataclasses import dataclass, replace

import asyncpg
import psycopg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from fastapi.testclient import TestClient
from faststream.kafka import KafkaBroker
from sqlmodel import Field, Session, SQLModel, create_engine
from tests.bench import load
from tests.bench.measure import Rate, spent_in, timing

from frontdoor.delivery.ears import Ears
from frontdoor.delivery.relay import Relay
from frontdoor.delivery.topics import Brokers, ensure_topics, topics_of
from frontdoor.event_log import GREW
from frontdoor.service import build

INTAKE, TRIAGE = "referral-intake", "triage-panel"
PEOPLE = "front-door.people.v1"
QUEUE = (
    "create table queue (id bigserial, reference text, agency text, rank int, due timestamptz default now(), body text)"
)


@dataclass
class Filled:
    """Intake's database with so many referrals in its log, so many events, and what those events are."""

    url: str
    referrals: int
    events: int
    payloads: list[tuple[str, str, bytes]]


def plain(url):
    """An address as drivers want it."""
    return url.replace("+psycopg", "")


def fill(parts, forms):
    """Fill intake's log through its API."""
    url = parts.postgres.fresh()
    service, intake = parts.wired(INTAKE, url)
    web = TestClient(build(service, intake, dict), headers={"Authorization": "Bearer demo-senco"})
    count = 0
    for count, form in enumerate(forms, 1):  # noqa: B007
        answer = web.post("/api/referrals", json=form)
        assert answer.status_code == 201, answer.text
    with psycopg.connect(plain(url)) as connection:
        payloads = connection.execute("select topic, stream, payload from log order by id").fetchall()
    intake.database.dispose()
    return Filled(url, count, len(payloads), payloads)


def brokers(parts):
    """A corner of the cluster for one measurement."""
    return Brokers(parts.kafka.bootstrap, prefix=f"b{secrets.token_hex(4)}.")


def nothing_sent(filled):
    """Note all of a log as not sent."""
    with psycopg.connect(plain(filled.url), autocommit=True) as connection:
        connection.execute("insert into unrelayed (log_id) select id from log on conflict do nothing")
        connection.execute("vacuum analyze")


def spent(parts):
    """Seconds of CPU that the containers have used."""
    return spent_in(parts.postgres) + spent_in(parts.kafka)


# --- the relay alone --------------------------------------------------------------------------------------------------


def relay(parts, filled):
    """Let our relay send a whole log."""
    nothing_sent(filled)
    _, intake = parts.wired(INTAKE, filled.url)
    corner = brokers(parts)
    asyncio.run(ensure_topics(corner, topics_of([INTAKE])))
    before = spent(parts)
    with timing() as took:
        sent = asyncio.run(Relay(intake, corner).drain())
    assert sent == filled.events
    intake.database.dispose()
    return Rate(sent / took.seconds, (took.cpu + spent(parts) - before) / sent * 1000)


def bare_relay(parts, filled):
    """Read the same rows and send the same bytes; strike nothing off, sign nothing."""
    corner = brokers(parts)
    asyncio.run(ensure_topics(corner, topics_of([INTAKE])))
    before = spent(parts)
    with timing() as took:
        asyncio.run(_send_bare(plain(filled.url), corner))
    return Rate(filled.events / took.seconds, (took.cpu + spent(parts) - before) / filled.events * 1000)


async def _send_bare(url, corner):
    page = "select id, topic, stream, payload from log where id > $1 order by id limit 1000"
    connection = await asyncpg.connect(url)
    producer = AIOKafkaProducer(
        bootstrap_servers=corner.bootstrap, acks="all", enable_idempotence=True, max_batch_size=256 * 1024
    )
    async with producer:
        place = 0
        while found := await connection.fetch(page, place):
            sending = [
                await producer.send(corner.topic(row["topic"]), row["payload"], key=row["stream"].encode())
                for row in found
            ]
            await asyncio.gather(*sending)
            place = found[-1]["id"]
    await connection.close()


# --- log to queues ----------------------------------------------------------------------------------------------------


class Apart:
    """A relay in a process of its own, as in earnest: ready when this is made, begun when told."""

    def __init__(self, relaying, *told):
        self._ours, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.Process(target=_work_apart, args=(theirs, relaying, told))
        self._process.start()
        self._ours.recv()

    def begin(self):
        self._ours.send("begin")

    def end(self):
        """Wait until it has ended; give the seconds of CPU that it took, without those of getting ready."""
        spent = self._ours.recv()
        self._process.join()
        return spent


def _work_apart(pipe, relaying, told):
    work = relaying(*told)
    next(work)
    pipe.send("ready")
    pipe.recv()
    with timing() as took:
        next(work, None)
    pipe.send(took.cpu)


def _relaying(parts, url, corner):
    _, intake = parts.wired(INTAKE, url)
    yield
    asyncio.run(Relay(intake, corner).drain())


def _sending(url, corner):
    yield
    asyncio.run(_send_bare(url, corner))


def spread(parts, filled):
    """Let our relay send a whole log, in a process of its own, and triage hear it."""
    nothing_sent(filled)
    corner = brokers(parts)
    asyncio.run(ensure_topics(corner, topics_of([INTAKE])))
    service, triage = parts.wired(TRIAGE)
    ears = Ears(service.hearer(triage), corner, "1", lambda *_: [])
    wanted = filled.referrals
    apart = Apart(_relaying, replace(parts, postgres=None, kafka=None), filled.url, corner)  # no containers over there
    thread = threading.Thread(target=asyncio.run, args=(ears.run(),))
    thread.start()
    _until(lambda: ears.hears_all)
    before = spent(parts)
    with psycopg.connect(_address(triage.database), autocommit=True) as looking, timing() as took:
        apart.begin()
        queued = "select count(*) from log where type = 'QueueChildNoted'"
        _until(lambda: looking.execute(queued).fetchone()[0] == wanted)
    cpu = took.cpu + apart.end() + spent(parts) - before
    ears.stop()
    thread.join()
    triage.database.dispose()
    return Rate(wanted / took.seconds, cpu / wanted * 1000)


def _address(database):
    return database.url.set(drivername="postgresql").render_as_string(hide_password=False)


def _until(is_so, patience=300):
    until = time.monotonic() + patience
    while not is_so():
        assert time.monotonic() < until, "never carried"
        time.sleep(0.02)


def bare_spread(parts, filled):
    """Read and send the same bytes in a process of its own; COPY as many queue rows, and know of no repetition."""
    corner = brokers(parts)
    asyncio.run(ensure_topics(corner, topics_of([INTAKE])))
    into = plain(parts.postgres.fresh())
    apart = Apart(_sending, plain(filled.url), corner)
    took, before = asyncio.run(_copy_all(parts, into, corner, filled, apart.begin))
    cpu = took.cpu + apart.end() + spent(parts) - before
    return Rate(filled.referrals / took.seconds, cpu / filled.referrals * 1000)


async def _copy_all(parts, into, corner, filled, begin):
    connection = await asyncpg.connect(into)
    await connection.execute(QUEUE)
    topics = [corner.topic(name) for name in topics_of([INTAKE])]
    consumer = AIOKafkaConsumer(
        *topics, bootstrap_servers=corner.bootstrap, auto_offset_reset="earliest", group_id=secrets.token_hex(4)
    )
    async with consumer:
        await consumer.getmany(timeout_ms=100)  # once it has its partitions
        assert consumer.assignment()
        before, heard = spent(parts), 0
        with timing() as took:
            begin()
            while heard < filled.events:
                found = await consumer.getmany(timeout_ms=100, max_records=500)
                records = [record for batch in found.values() for record in batch]
                heard += len(records)
                queued = [record for record in records if b"ReferralSubmitted" in record.value[:400]]
                rows = [
                    (record.key.decode(), agency, 1, record.value.decode()) for record in queued for agency in "ceh"
                ]
                await connection.copy_records_to_table(
                    "queue", records=rows, columns=["reference", "agency", "rank", "body"]
                )
                await consumer.commit()
    await connection.close()
    return took, before


class UsualEntry(SQLModel, table=True):
    """A queue entry as most would write it."""

    __tablename__ = "usual_entry"
    id: int | None = Field(default=None, primary_key=True)
    reference: str
    agency: str
    body: str


def usual_spread(parts, filled, referrals):
    """Send as many referrals' events, and hear each with FastStream at its defaults and a session of the ORM."""
    corner = brokers(parts)
    asyncio.run(ensure_topics(corner, topics_of([INTAKE])))
    engine = create_engine(parts.postgres.fresh())
    SQLModel.metadata.create_all(engine, [UsualEntry.__table__])
    events = filled.payloads[: filled.events * referrals // filled.referrals]
    took, before = asyncio.run(_hear_usual(parts, corner, engine, events))
    engine.dispose()
    return Rate(referrals / took.seconds, (took.cpu + spent(parts) - before) / referrals * 1000)


async def _hear_usual(parts, corner, engine, events):
    broker, heard, done = KafkaBroker(corner.bootstrap, logger=None), 0, asyncio.Event()

    @broker.subscriber(
        *(corner.topic(name) for name in topics_of([INTAKE])), group_id="usual", auto_offset_reset="earliest"
    )
    async def hear(event: dict) -> None:
        nonlocal heard
        if event["type"] == "ReferralSubmitted":
            with Session(engine) as session:
                for agency in sorted({route["agency"] for route in event["data"]["routes"]}):
                    session.add(UsualEntry(reference=event["subject"], agency=agency, body=str(event["data"])))
                session.commit()
        heard += 1
        if heard == len(events):
            done.set()

    async with broker:
        await broker.start()
        before = spent(parts)
        with timing() as took:
            for topic, _, payload in events:
                await broker.publish(payload, corner.topic(topic), headers={"content-type": "application/json"})
            await done.wait()
    return took, before


# --- latency ----------------------------------------------------------------------------------------------------------


def hear_one(parts, triage, service, forms):
    """Let triage hear so many referrals, without a broker."""
    source, intake = parts.wired(INTAKE)
    web = TestClient(build(source, intake, dict), headers={"Authorization": "Bearer demo-senco"})
    for form in forms:
        web.post("/api/referrals", json=form)
    with intake.database.read() as session:
        payloads = [record.payload for _, record in source.log.all(session)]
    hearer = service.hearer(triage)
    while payloads:
        payloads = payloads[hearer.deliver(INTAKE, payloads) :]
    intake.database.dispose()


def latency(intake, triage, forms):
    """From intake's commit to triage's, as PostgreSQL tells both, 20 referrals a second; both are `Running`."""
    return _percentiles(asyncio.run(_between(intake, triage, load.requests(forms, "/api/referrals", "demo-senco"))))


async def _between(intake, triage, requests):
    rung = asyncio.Queue()
    connections = [await _heard_growing(one.database, name, rung) for name, one in (("said", intake), ("seen", triage))]
    reader, writer = await asyncio.open_connection("127.0.0.1", intake.port)
    took = []
    for number, request in enumerate(requests):
        began = time.perf_counter()
        answer = asyncio.create_task(load.ask(reader, writer, request))
        said, seen = await _rung(rung, "said"), await _rung(rung, "seen")
        await answer
        await _rung(rung, "said")  # that it stands in queues: not to be taken for the next referral
        if number >= 20:
            took.append(1000 * (seen - said))
        await asyncio.sleep(max(0.05 - (time.perf_counter() - began), 0))
        while not rung.empty():
            rung.get_nowait()
    writer.close()
    for connection in connections:
        await connection.close()
    return took


async def _heard_growing(database, name, rung):
    connection = await asyncpg.connect(plain(database))
    await connection.add_listener(GREW, lambda *_: rung.put_nowait((name, time.perf_counter())))
    return connection


async def _rung(rung, wanted):
    name, at = await asyncio.wait_for(rung.get(), 30)
    return at if name == wanted else await _rung(rung, wanted)


def bare_latency(parts, count=150):
    """Produce, consume and insert, 20 a second: from just before it is produced to the commit."""
    corner = brokers(parts)
    asyncio.run(ensure_topics(corner, [PEOPLE]))
    return _percentiles(asyncio.run(_bare_between(corner, plain(parts.postgres.fresh()), count)))


async def _bare_between(corner, into, count):
    connection = await asyncpg.connect(into)
    await connection.execute(QUEUE)
    topic, took = corner.topic(PEOPLE), []
    producer = AIOKafkaProducer(bootstrap_servers=corner.bootstrap, acks="all")
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=corner.bootstrap, auto_offset_reset="earliest", group_id="bare"
    )
    async with producer, consumer:
        for number in range(count):
            began = time.perf_counter()
            await producer.send_and_wait(topic, b"x" * 900)
            record = await consumer.getone()
            insert = "insert into queue (reference, agency, rank, body) values ('R', 'health', 1, $1)"
            await connection.execute(insert, record.value.decode())
            if number >= 20:
                took.append(1000 * (time.perf_counter() - began))
            await asyncio.sleep(max(0.05 - (time.perf_counter() - began), 0))
    await connection.close()
    return took


def _percentiles(took):
    ordered = sorted(took)
    return Rate(ordered[len(ordered) // 2], None, {"p99_ms": ordered[int(0.99 * len(ordered))]})
