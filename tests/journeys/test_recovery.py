"""The restore drill, on a real PostgreSQL and a real Kafka, with the commands that `docs/recovery.md` names."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from all_in_one.assembly import CAUSES_FIRST, AllInOne, services
from all_in_one.settings import Settings
from all_in_one.testing import FrontDoor
from cli import main
from frontdoor.app import area_of, wall_clock, wire
from frontdoor.database import Database
from frontdoor.delivery.local import LocalTransport, Owner
from frontdoor.delivery.relay import Relay
from frontdoor.delivery.topics import Brokers
from frontdoor.migrations import migrate
from frontdoor.seal import Erased, KeyStore
from frontdoor.service import ChoreRunner
from frontdoor.settings import SECRETS, kept_secret

pytestmark = [pytest.mark.containers, pytest.mark.slow]
FORM = json.loads((Path(__file__).parent / "examples" / "referral.json").read_text())
NAMES = sorted(CAUSES_FIRST)


class OnPostgreSQL(FrontDoor):
    """The product on PostgreSQL: heard in this process, as it happens, and sent to Kafka when asked."""

    def __init__(self, folder, urls, kafka):
        self.clock, self.folder, self.form, self.urls, self.kafka = wall_clock, folder, FORM, urls, kafka
        settings = Settings(data=folder)
        for name in SECRETS:
            kept_secret(folder, name)
        known = {service.name: service for service in services()}
        self.keys, area = KeyStore(Database(urls["keys"])), area_of(settings)
        parts = {}
        for name, service in known.items():
            database = Database(urls[name])
            migrate(database, name)
            parts[name] = wire(service, settings, database, self.keys, area, folder, wall_clock)
        hearers = {name: service.hearer(parts[name]) for name, service in known.items()}
        owners = {name: Owner(parts[name].database, parts[name].log) for name in CAUSES_FIRST}
        chores = ChoreRunner([(chore, parts[name]) for name, service in known.items() for chore in service.chores])
        transport = LocalTransport(owners, list(hearers.values()))
        self.assembly = AllInOne(known, parts, hearers, chores, folder, area, transport)
        self.application = self.assembly.application()

    def send_to_kafka(self):
        """Let every relay send what waits."""

        async def sending():
            for parts in self.assembly.parts.values():
                await Relay(parts, Brokers(self.kafka.bootstrap)).drain()

        asyncio.run(sending())

    def environment(self):
        """What a command is told."""
        databases = {name: self.urls[name] for name in NAMES}
        return {
            "FRONTDOOR_DATA": str(self.folder),
            "FRONTDOOR_KAFKA": self.kafka.bootstrap,
            "FRONTDOOR_KEYS_URL": self.urls["keys"],
            "FRONTDOOR_DATABASES": json.dumps(databases),
            "FRONTDOOR_PEERS": "http://127.0.0.1:1",
        }

    def command(self, *words):
        """Run a command of `frontdoor` on these databases; give its exit code and what it said."""
        done = CliRunner().invoke(main.app, words, env=self.environment())
        return done.exit_code, done.output

    def close(self):
        self.assembly.close()


def dumped(postgres, urls):
    """Dump every database with PostgreSQL's own tool; give the files' names by service."""
    files = {}
    for name, url in urls.items():
        files[name] = f"/tmp/{url.rpartition('/')[2]}.dump"
        run(postgres, "pg_dump", "-U", "postgres", "-Fc", "-f", files[name], url.rpartition("/")[2])
    return files


def put_back(postgres, files):
    """Restore dumps into databases that are empty; give their addresses."""
    urls = {name: postgres.fresh() for name in files}
    for name, url in urls.items():
        run(postgres, "pg_restore", "-U", "postgres", "--exit-on-error", "-d", url.rpartition("/")[2], files[name])
    return urls


def run(postgres, *words):
    done = postgres.container.get_wrapped_container().exec_run(list(words))
    assert done.exit_code == 0, done.output


def said_by(front_door, name):
    parts = front_door.assembly.parts[name]
    with parts.database.read() as session:
        return [record for _, record in parts.log.all(session)]


def test_a_restored_product_forgets_nobody_tells_nobody_twice_and_erases_again(postgres, kafka, tmp_path):
    (tmp_path / "first").mkdir()
    lost = OnPostgreSQL(tmp_path / "first", {name: postgres.fresh() for name in [*NAMES, "keys"]}, kafka)
    reference = lost.refer()["reference"]
    lost.decide("health", reference, "accept")
    lost.send_to_kafka()
    code, said = lost.command("verify")
    assert code == 0, said

    # The dump; and after it, the child is erased, which only the list knows.
    files = dumped(postgres, lost.urls)
    with lost.assembly.parts["referral-intake"].database.read() as session:
        [child] = [
            record for _, record in lost.assembly.parts["referral-intake"].log.all(session) if "identity" in record.data
        ]
    lost.keys.destroy(child.data["child_id"], wall_clock())
    _, listed = lost.command("erasures", "list")
    (tmp_path / "erased.txt").write_text(listed)
    told = lost.messages()
    lost.close()

    # An empty system, in which only the provider remembers what it took.
    (tmp_path / "second").mkdir()
    for file in ("sent-messages.jsonl", *(f"{name}.secret" for name in SECRETS)):
        shutil.copy(tmp_path / "first" / file, tmp_path / "second")
    found = OnPostgreSQL(tmp_path / "second", put_back(postgres, files), kafka)
    for name in NAMES:
        assert found.command("restored", name)[0] == 0
    assert found.command("erasures", "apply", str(tmp_path / "erased.txt")) == (0, "1 erased again\n")
    assert found.command("republish")[0] == 0
    found.send_to_kafka()

    another = found.refer()["reference"]
    assert found.messages() == told
    with pytest.raises(Erased):
        found.keys.unseal(child.data["identity"])
    found.command("release")
    found.settle()
    assert [message["reference"] for message in found.messages()[len(told) :]] == [another]
    found.send_to_kafka()
    code, said = found.command("verify")
    assert code == 0, said

    # Whoever may switch the database's own refusal off is found out all the same.
    with found.assembly.parts["triage-panel"].database.write() as session:
        session.connection().execute(text("set local session_replication_role = replica"))
        session.connection().execute(text("update audit set person = 'somebody else'"))
    code, said = found.command("verify")
    assert code == 1
    assert "I16 audit is unchanged … FAILED" in said
    found.close()
