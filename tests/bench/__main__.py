"""`make bench`: each figure beside a floor measured in the same run, as ratios; results in bench/results.json."""

import http.client
import json
import os
import secrets
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from all_in_one.assembly import assemble
from all_in_one.settings import Settings

ROOT = Path(__file__).parents[2]
FORM = json.loads((ROOT / "tests" / "journeys" / "examples" / "referral.json").read_text())
REPEATS = 3
ACCEPTS = 600
CLIENTS = 8


def main():
    """Measure every row and write the results."""
    sys.path.insert(0, str(ROOT))
    from tests.bench import allocation  # noqa: PLC0415  # it brings its solvers with it

    rows = [median(accepts), median(log_to_queue), *allocation.rows()]
    (ROOT / "bench").mkdir(exist_ok=True)
    (ROOT / "bench" / "results.json").write_text(json.dumps(rows, indent=1) + "\n")
    table = Table("row", "ours", "floor", "ratio", "unit")
    for row in rows:
        table.add_row(
            row["name"], f"{row['ours']:,.5g}", f"{row['reference']:,.5g}", f"{row['ratio']:.4g}", row["unit"]
        )
    Console().print(table)


def median(measure):
    """Measure several times, alternating ours and the floor; keep the median of each."""
    found = [measure() for _ in range(REPEATS)]
    ours = statistics.median(ours for _, _, ours, _ in found)
    floor = statistics.median(floor for _, _, _, floor in found)
    name, compared = found[0][:2]
    return {
        "name": name,
        "ours": round(ours, 1),
        "reference": round(floor, 1),
        "ratio": round(ours / floor, 4),
        "unit": "per second",
        "what_is_compared": compared,
    }


def accepts():
    """POST /api/referrals over HTTP to one process, each on disk before its answer; the floor writes the same rows."""
    with tempfile.TemporaryDirectory() as folder:
        ours = http_accepts(Path(folder))
        rows = rows_written(Path(folder) / "data" / "referral-intake.sqlite", ACCEPTS)
    with tempfile.TemporaryDirectory() as folder:
        floor = bare_transactions(Path(folder) / "floor.sqlite", rows, ACCEPTS)
    compared = "HTTP POST /api/referrals, 8 clients, durable before the answer, beside bare sqlite3 inserting as many"
    return (
        "accept, embedded",
        f"{compared} rows of the same size, one transaction a referral, synchronous=FULL",
        ours,
        floor,
    )


def http_accepts(folder):
    """Start the product and send referrals from several clients; give accepts per second."""
    port = free_port()
    environment = os.environ | {"FRONTDOOR_DATA": str(folder / "data"), "FRONTDOOR_SEED": "none", "PORT": str(port)}
    command = [str(Path(sys.executable).parent / "frontdoor"), "run"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        wait_for(port)
        began = time.perf_counter()
        senders = [threading.Thread(target=send, args=(port, ACCEPTS // CLIENTS)) for _ in range(CLIENTS)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        return ACCEPTS / (time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait()


def send(port, count):
    """Send referrals over one kept connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for _ in range(count):
        headers = {
            "Authorization": "Bearer demo-senco",
            "Content-Type": "application/json",
            "Idempotency-Key": secrets.token_hex(8),
        }
        connection.request("POST", "/api/referrals", json.dumps(FORM), headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 201:
            raise SystemExit(f"refused: {answer.status}")


def wait_for(port):
    """Wait until the product is ready."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/health/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit("the product did not start")


def free_port():
    """Find a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def rows_written(file, transactions):
    """Say how many rows of how many bytes one transaction writes on average, as a list of sizes."""
    connection = sqlite3.connect(file)
    kept = {"stream_position", "log_position", "alembic_version", "parked"}
    tables = [name for (name,) in connection.execute("select name from sqlite_master where type='table'")]
    total, size = 0, 0
    for table in tables:
        if table.startswith("sqlite_") or table in kept:
            continue
        columns = [row[1] for row in connection.execute(f'pragma table_info("{table}")')]
        lengths = "+".join(f'coalesce(length("{column}"),0)' for column in columns)
        count, length = connection.execute(f'select count(*), coalesce(sum({lengths}),0) from "{table}"').fetchone()
        total, size = total + count, size + length
    rows = max(round(total / transactions), 1)
    return [round(size / total)] * rows


def bare_transactions(file, sizes, count):
    """Insert rows of these sizes in one transaction, again and again; give transactions per second."""
    connection = floor_database(file)
    payloads = [(secrets.token_bytes(size),) for size in sizes]
    began = time.perf_counter()
    for _ in range(count):
        connection.execute("begin immediate")
        connection.executemany("insert into floor (payload) values (?)", payloads)
        connection.execute("commit")
    return count / (time.perf_counter() - began)


def floor_database(file):
    """Open an empty SQLite database as ours are opened."""
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"pragma {pragma}")
    connection.execute("create table floor (id integer primary key autoincrement, payload blob)")
    return connection


def log_to_queue():
    """Carry intake's log into the queues; the floor reads as many events and inserts the rows that triage did."""
    with tempfile.TemporaryDirectory() as folder:
        events, ours = carried(Path(folder))
        sizes = rows_written(Path(folder) / "triage-panel.sqlite", events)
        with sqlite3.connect(Path(folder) / "referral-intake.sqlite") as connection:
            heard = connection.execute("select payload from log").fetchall()
    with tempfile.TemporaryDirectory() as folder:
        floor = bare_carrying(Path(folder) / "floor.sqlite", heard, sizes)
    compared = (
        "events of intake's log heard by triage per second, in batches of 200, beside bare sqlite3 reading as many"
    )
    return "log to queue, embedded", f"{compared} and inserting as many rows of the same size", ours, floor


def carried(folder):
    """Fill intake's log, then let triage hear it; give (events, events per second)."""
    from starlette.testclient import TestClient  # noqa: PLC0415

    assembly = assemble(Settings(data=folder))
    web = TestClient(assembly.application(), headers={"Authorization": "Bearer demo-senco"})
    for _ in range(ACCEPTS):
        web.post("/api/referrals", json=FORM)
    with assembly.parts["referral-intake"].database.read() as session:
        events = assembly.parts["referral-intake"].log.last_id(session)
    hearer = assembly.hearers["triage-panel"]
    began = time.perf_counter()
    while assembly.transport.pump(hearer):
        pass
    rate = events / (time.perf_counter() - began)
    assembly.close()
    return events, rate


def bare_carrying(file, heard, sizes):
    """Read payloads and insert rows, in batches of 200 events; give events per second."""
    connection = floor_database(file)
    connection.execute("create table source (id integer primary key, payload blob)")
    connection.executemany("insert into source (payload) values (?)", heard)
    payloads = [(secrets.token_bytes(size),) for size in sizes]
    began, place = time.perf_counter(), 0
    while batch := connection.execute("select id from source where id > ? order by id limit 200", (place,)).fetchall():
        connection.execute("begin immediate")
        for _ in batch:
            connection.executemany("insert into floor (payload) values (?)", payloads)
        connection.execute("commit")
        place = batch[-1][0]
    return len(heard) / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
