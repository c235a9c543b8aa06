"""Rows of the embedded product: everything in one process, a SQLite file for each service, on disk before an answer."""

import os
import secrets
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from starlette.testclient import TestClient
from tests.bench import load
from tests.bench.measure import Rate, compared, row, spent_by, timing
from tests.bench.parts import LARGE, forms, wait_for

from all_in_one.assembly import assemble
from all_in_one.settings import Settings
from cli.rebuild import rebuild
from frontdoor.testing_real import free_port

COUNT = 600
GROWN = (10_000, 100_000) if LARGE else (500, 3_000)
"""Referrals before and after which the cost of hearing is compared."""


def rows():
    """Every row of the embedded product."""
    yield accepted()
    yield heard()
    yield rebuilt()
    yield as_it_grows()


@contextmanager
def folder():
    """Give a folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        yield Path(made)


# --- accept -----------------------------------------------------------------------------------------------------------


def accepted():
    """Referrals over HTTP, beside the same rows written by bare SQLite."""
    sizes = []

    def ours():
        with folder() as made:
            rate = _served(made)
            sizes[:] = rows_written(made / "referral-intake.sqlite", COUNT)
        return rate

    def floor():
        with folder() as made:
            return bare_transactions(made / "floor.sqlite", sizes, COUNT)

    what = "HTTP POST /api/referrals, 16 connections, on disk before the answer, beside as many rows of the same size"
    return compared("accept, embedded", f"{what} inserted by bare SQLite, a transaction a referral", ours, floor)


def _served(data):
    port = free_port()
    environment = os.environ | {"FRONTDOOR_DATA": str(data), "FRONTDOOR_SEED": "none", "PORT": str(port)}
    command = [str(Path(sys.executable).parent / "frontdoor"), "run"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/health/ready")
            requests = load.requests(forms(COUNT), "/api/referrals", "demo-senco")
            before = spent_by(process.pid)
            seconds, took = load.send(port, requests)
            cpu = spent_by(process.pid) - before
        finally:
            process.terminate()
            process.wait()
    more = {"p50_ms": load.percentile(took, 0.5), "p99_ms": load.percentile(took, 0.99)}
    return Rate(COUNT / seconds, cpu / COUNT * 1000, more)


def rows_written(file, transactions):
    """Say how many rows of how many bytes one transaction writes on average, as a list of sizes."""
    with sqlite3.connect(file) as connection:
        tables = [name for (name,) in connection.execute("select name from sqlite_master where type='table'")]
        total, size = 0, 0
        for table in tables:
            if table.startswith("sqlite_") or table in {"stream_position", "log_position", "alembic_version", "parked"}:
                continue
            columns = [column[1] for column in connection.execute(f'pragma table_info("{table}")')]
            lengths = "+".join(f'coalesce(length("{column}"),0)' for column in columns)
            count, length = connection.execute(f'select count(*), coalesce(sum({lengths}),0) from "{table}"').fetchone()
            total, size = total + count, size + length
    return [round(size / total)] * max(round(total / transactions), 1)


def bare_transactions(file, sizes, count):
    """Insert rows of these sizes in one transaction, again and again."""
    connection = floor_database(file)
    payloads = [(secrets.token_bytes(size),) for size in sizes]
    with timing() as took:
        for _ in range(count):
            connection.execute("begin immediate")
            connection.executemany("insert into floor (payload) values (?)", payloads)
            connection.execute("commit")
    return Rate(count / took.seconds, took.cpu / count * 1000)


def floor_database(file):
    """Open an empty SQLite database as ours are opened."""
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"pragma {pragma}")
    connection.execute("create table floor (id integer primary key autoincrement, payload blob)")
    return connection


# --- hearing ----------------------------------------------------------------------------------------------------------


def filled(made, count=COUNT, seed=1):
    """Assemble the product on a folder and fill intake's log; nothing is heard yet."""
    assembly = assemble(Settings(data=made))
    more(assembly, count, seed)
    return assembly


def more(assembly, count, seed):
    """Send so many more referrals."""
    web = TestClient(assembly.application(), headers={"Authorization": "Bearer demo-senco"})
    for form in forms(count, seed):
        assert web.post("/api/referrals", json=form).status_code == 201


def hear(assembly, name="triage-panel"):
    """Let a service hear what intake has said; give events a second."""
    hearer, carried = assembly.hearers[name], 0
    with timing() as took:
        while moved := assembly.transport.pump(hearer):
            carried += moved
    return Rate(carried / took.seconds, took.cpu / carried * 1000)


def heard():
    """Intake's log into triage's queues, beside bare SQLite reading as many events and inserting the same rows."""
    known = {}

    def ours():
        with folder() as made:
            rate = ours_heard(made)
            with sqlite3.connect(made / "referral-intake.sqlite") as connection:
                known["payloads"] = connection.execute("select payload from log").fetchall()
            known["sizes"] = rows_written(made / "triage-panel.sqlite", len(known["payloads"]))
        return rate

    def floor():
        with folder() as made:
            return bare_carrying(made / "floor.sqlite", known["payloads"], known["sizes"])

    what = "events of intake's log heard by triage, beside bare SQLite reading as many and inserting as many rows"
    return compared("log to queue, embedded", f"{what} of the same size", ours, floor)


def ours_heard(made):
    """Let triage hear all of a new folder's log."""
    assembly = filled(made)
    rate = hear(assembly)
    assembly.close()
    return rate


def bare_carrying(file, payloads, sizes):
    """Read payloads and insert rows, in batches of 200 events."""
    connection = floor_database(file)
    connection.execute("create table source (id integer primary key, payload blob)")
    connection.executemany("insert into source (payload) values (?)", payloads)
    written = [(secrets.token_bytes(size),) for size in sizes]
    page, place = "select id from source where id > ? order by id limit 200", 0
    with timing() as took:
        while batch := connection.execute(page, (place,)).fetchall():
            connection.execute("begin immediate")
            for _ in batch:
                connection.executemany("insert into floor (payload) values (?)", written)
            connection.execute("commit")
            place = batch[-1][0]
    return Rate(len(payloads) / took.seconds, took.cpu / len(payloads) * 1000)


def rebuilt():
    """Triage's tables made again from its log, beside hearing what led to them."""
    known = {}

    def ours():
        with folder() as made:
            assembly = filled(made)
            known["heard"] = hear(assembly)
            with assembly.parts["triage-panel"].database.read() as session:
                events = assembly.parts["triage-panel"].log.last_id(session)
            with timing() as took:
                differing = sum(comparison.different for comparison in rebuild(assembly, "triage-panel"))
            assembly.close()
        assert not differing
        return Rate(events / took.seconds, took.cpu / events * 1000)

    what = "events of triage's log replayed into fresh tables, compared and swapped, beside events heard"
    return compared("rebuild", what, ours, lambda: known["heard"], goal=1)


def as_it_grows():
    """The cost of hearing when much has been heard, beside that at the beginning."""
    few, many = GROWN
    with folder() as made:
        assembly = filled(made, few)
        early = hear(assembly)
        more(assembly, many - 2 * few, 2)
        hear(assembly)
        more(assembly, few, 3)
        late = hear(assembly)
        assembly.close()
    pairs = [(Rate(1000 / late.value), Rate(1000 / early.value))]
    what = f"milliseconds to hear an event after {many:,} referrals, beside the first {few:,}"
    return row("cost as it grows, embedded", what, pairs, unit="ms", goal=1.1, less=True)
