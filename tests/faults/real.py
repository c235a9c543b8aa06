"""The product as it runs in earnest: five processes on a real Kafka, PostgreSQL and Redis, each of which may be killed.

`Product` starts them as their images do (`python -m <service>`), each behind gates of its own, and ends every fault
the same way: `Product.whole()` heals, waits until all has arrived, proves it with `frontdoor verify`, and compares what
is there with what the clients' journal says they were told.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from uuid import uuid4

import httpx2
import psycopg
from itsdangerous import TimestampSigner
from tests.faults.gates import Gate, Gateway, Loop
from typer.testing import CliRunner

from all_in_one.assembly import services
from cli import main as cli
from frontdoor.settings import SECRETS, kept_secret
from frontdoor.testing_real import DEMO_PASSWORD, Kafka, PostgreSQL, Redis, free_port
from notification.channels import ledger_counts

ROOT = Path(__file__).parents[2]
FORM = json.loads((Path(__file__).parent / "referral.json").read_text())
SERVICES = ("referral-intake", "triage-panel", "therapy-booking", "notification", "child-record")
PATHS = {path: service.name for service in services() for path in service.paths}
PARTS = ("postgres", "kafka", "redis")
PLAINLY = {"verify": False}
"""For clients that speak no TLS: each would first read all certificates, which takes longer than an answer."""
PATIENCE = 90
"""Seconds in which whatever was broken must be whole again."""


class GatedKafka(Kafka):
    """A broker with a listener for each service, advertised at that service's gate, beside the one for everybody."""

    @classmethod
    def behind(cls, ports, gates):
        """Describe it; `ports` and `gates`: by service, where it listens and where its gate is."""
        made = cls.described(free_port())
        container = made.container
        names = {name: name.upper().replace("-", "_") for name in ports}
        listeners = [f"{names[name]}://:{port}" for name, port in ports.items()]
        advertised = [f"{names[name]}://localhost:{gates[name]}" for name in ports]
        protocols = [f"{name}:PLAINTEXT" for name in names.values()]
        for setting, more in (
            ("LISTENERS", listeners),
            ("ADVERTISED_LISTENERS", advertised),
            ("LISTENER_SECURITY_PROTOCOL_MAP", protocols),
        ):
            container.with_env(f"KAFKA_{setting}", ",".join([container.env[f"KAFKA_{setting}"], *more]))
        container.with_env("KAFKA_INTER_BROKER_LISTENER_NAME", "PLAINTEXT")
        for port in ports.values():
            container.with_bind_ports(port, port)
        return made


class SafePostgreSQL(PostgreSQL):
    """A server that answers a commit when it is on disk, as everywhere but in tests that must be quick."""

    @classmethod
    def described(cls, port):
        made = super().described(port)
        made.container.with_command("postgres -c max_connections=300")
        return made

    def slow_disk(self, milliseconds):
        """Let each commit wait so long; 0: no longer than it must."""
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute(f"alter system set commit_delay = {milliseconds * 1000}")
            connection.execute("alter system set commit_siblings = 0")
            connection.execute("select pg_reload_conf()")


class Process:
    """One service in a process of its own."""

    def __init__(self, product, name, member="1"):
        self.product, self.name, self.member, self.port = product, name, member, free_port()
        self.log = product.folder / f"{name}-{member}.log"
        self._running, self.armed, self.odd = None, "", ()

    @property
    def package(self):
        return self.name.replace("-", "_")

    def environment(self, gates, **more):
        """What its image and docker-compose.yml tell it, on these ports."""
        role, product = self.package, self.product
        database = f"postgresql+psycopg://{role}:{DEMO_PASSWORD}@127.0.0.1:{gates['postgres'].port}"
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("FRONTDOOR_")},
            "PYTHONPATH": f"{ROOT}/shared:{ROOT}/services/{self.name}:{ROOT}",
            "PYTHONUNBUFFERED": "1",
            "PYTHONFAULTHANDLER": "1",
            "FRONTDOOR_DATA": str(product.data_of(self.name)),
            "FRONTDOOR_SECRETS": str(product.secrets),
            "FRONTDOOR_DATABASE_URL": f"{database}/{role}",
            "FRONTDOOR_KEYS_URL": f"{database}/keys",
            "FRONTDOOR_KAFKA": f"localhost:{gates['kafka'].port}",
            "FRONTDOOR_REDIS": f"redis://127.0.0.1:{gates['redis'].port}/0",
            "FRONTDOOR_PEERS": product.address,
            "FRONTDOOR_PUBLIC_URL": product.address,
            "FRONTDOOR_MEMBER": self.member,
            "PORT": str(self.port),
        } | more

    def start(self, *started, ready=True, **environment):
        """Start it, and wait until it hears; `started`: words for `tests.faults.started`, and so is `odd`, each time.

        `environment`: more of it, in capitals without the product's prefix, such as `FAILPOINT`.
        """
        self.armed = environment.get("FAILPOINT", "")
        named = {f"FRONTDOOR_{name}": value for name, value in environment.items()}
        words = (*self.odd, *started)
        command = [sys.executable, "-m", *(["tests.faults.started"] if words else []), self.package, *words]
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                command, env=self.environment(self.product.gates[self.name], **named), stdout=log, stderr=log, cwd=ROOT
            )
        if ready:
            self.wait_ready()

    def wait_ready(self, seconds=PATIENCE):
        """Wait until it hears and answers, or is gone."""
        wait_until(lambda: not self.is_running or self.is_ready, f"{self.name} is ready", seconds)

    @property
    def is_ready(self):
        try:
            return (
                httpx2.get(f"http://127.0.0.1:{self.port}/{self.name}/health/ready", timeout=5, **PLAINLY).status_code
                == 200
            )
        except httpx2.HTTPError:
            return False

    @property
    def is_running(self):
        """Whether the process lives."""
        return self._running is not None and self._running.poll() is None

    @property
    def code(self):
        """How the process ended; None while it lives."""
        return self._running.poll()

    @property
    def is_frozen(self):
        """Whether it has been stopped, and not let go on."""
        stat = Path(f"/proc/{self._running.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "T"

    def send(self, number):
        self._running.send_signal(number)

    def kill(self):
        """Kill it with -9, and wait until it is gone."""
        if self.is_running:
            self.send(signal.SIGKILL)
        return self._running.wait()

    def terminate(self):
        """Ask it to stop; give its exit code."""
        self.send(signal.SIGTERM)
        return self._running.wait(timeout=45)

    def doing(self):
        """End it, and tell what each of its threads was doing."""
        if self.is_running:
            self.send(signal.SIGABRT)
            with suppress(subprocess.TimeoutExpired):
                self._running.wait(timeout=10)
        return f"ended with {self._running.poll()}: {self.log.read_text()[-6000:]}"

    def says(self, word):
        """Count how often its log holds this."""
        return self.log.read_text().count(word)


class Product:
    """Five services, three parts, the gates between them, and the journal of what clients were told."""

    def __init__(self, folder, stack):
        self.folder, self.secrets, self.data = folder, folder / "secrets", folder / "data"
        for made in (self.secrets, self.data):
            made.mkdir()
        for name in SECRETS:
            kept_secret(self.secrets, name)
        self.loop = Loop()
        stack.callback(self.loop.stop)
        self.processes, self._turns = {}, count()
        self.gateway = Gateway(self.loop, self._route)
        self.address = f"http://127.0.0.1:{self.gateway.port}"
        self._start_parts(stack)
        self.journal, self.desk = Journal(self), Desk(self)
        stack.callback(self.kill)

    def _start_parts(self, stack):
        kafka_ports = {name: free_port() for name in SERVICES}
        kafka_gates = {name: Gate(self.loop, port) for name, port in kafka_ports.items()}
        self.postgres = stack.enter_context(SafePostgreSQL.started())
        self.redis = stack.enter_context(Redis.started())
        self.kafka = GatedKafka.behind(kafka_ports, {name: gate.port for name, gate in kafka_gates.items()})
        stack.enter_context(self.kafka.container)
        self.kafka.wait()
        self.gates = {
            name: {
                "postgres": Gate(self.loop, self.postgres.port),
                "redis": Gate(self.loop, self.redis.port),
                "kafka": kafka_gates[name],
            }
            for name in SERVICES
        }

    @classmethod
    def started(cls, folder):
        """Start parts and services; give (the product, what ends it)."""
        stack = ExitStack()
        try:
            product = cls(folder, stack)
            product.start()
        except BaseException:
            stack.close()
            raise
        return product, stack

    # --- processes ---

    def __getitem__(self, name):
        return self.processes[name]

    def data_of(self, name):
        """Give a service's data folder; what the demo's channel sent stands where the commands look."""
        return self.data if name == "notification" else self.folder / f"data-{name}"

    def start(self):
        """Start what does not run, all at once, and wait until it is ready."""
        for name in SERVICES:
            self.processes.setdefault(name, Process(self, name))
        waiting = [process for process in self.processes.values() if not process.is_running]
        for process in waiting:
            process.start(ready=False)
        self.wait_ready()

    def wait_ready(self, seconds=PATIENCE):
        """Wait until every process hears and answers."""
        try:
            wait_until(lambda: all(process.is_ready for process in self.processes.values()), "all are ready", seconds)
        except AssertionError as vain:
            raise AssertionError(f"{vain}\n{self.health()}") from None

    def arm(self, place, act="kill"):
        """Let every service have a fail point (by service, or one for all) that begins to count at `fire`."""
        for name in SERVICES:
            wanted = f"{place[name] if isinstance(place, dict) else place}:1:{act}:later"
            if self.processes[name].armed != wanted:
                self.processes[name].kill()
                self.processes[name].start(ready=False, FAILPOINT=wanted)
        self.wait_ready()

    def fire(self):
        """Let the fail points count from now on."""
        for name in SERVICES:
            self.processes[name].send(signal.SIGUSR1)

    def poke(self):
        """Send every service a POST, as others do."""
        for name in SERVICES:
            with suppress(httpx2.HTTPError):
                self.ask_inside(name)

    def another(self, name, member="2"):
        """Add another member of a service, not yet started."""
        made = self.processes[f"{name}-{member}"] = Process(self, name, member)
        return made

    def remove(self, process):
        """Forget a member that was added."""
        process.kill()
        del self.processes[f"{process.name}-{process.member}"]

    def kill(self):
        for process in self.processes.values():
            if process.is_running:
                process.kill()

    def _route(self, path):
        name = path.split("/")[1]
        if name not in SERVICES:
            prefixes = [prefix for prefix in PATHS if path.startswith((f"{prefix}/", f"{prefix}?")) or path == prefix]
            name = PATHS[max(prefixes, key=len)] if prefixes else "referral-intake"
        ports = [process.port for process in list(self.processes.values()) if process.name == name]
        turn = next(self._turns) % max(len(ports), 1)
        return ports[turn:] + ports[:turn]

    # --- asking ---

    def client(self, person=None, timeout=10):
        """Give a client of the gateway, signed in as a sample person."""
        headers = {"Authorization": f"Bearer demo-{person}"} if person else {}
        return httpx2.Client(base_url=self.address, headers=headers, timeout=timeout, **PLAINLY)

    def ask(self, person, method, path, **more):
        """Ask once; give the answer."""
        with self.client(person) as client:
            return client.request(method, path, **more)

    def ask_inside(self, name):
        """Ask a service for a stream that nobody has, as another service does: a POST that every one answers."""
        secret = bytes.fromhex((self.secrets / "sessions.secret").read_text())
        token = TimestampSigner(secret, salt="inside").sign("triage-panel").decode()
        headers = {"Authorization": f"Bearer inside-{token}"}
        address = f"http://127.0.0.1:{self.processes[name].port}/{name}/internal/replay"
        return httpx2.post(address, headers=headers, json={"stream": "nobody/1", "from": 1}, timeout=10, **PLAINLY)

    def rows(self, service, query, *values):
        """Ask a service's database, past all gates, as its superuser."""
        admin = f"{self.postgres.admin.rpartition('/')[0]}/{service.replace('-', '_')}"
        with psycopg.connect(admin, autocommit=True) as connection:
            found = connection.execute(query, values)
            return found.fetchall() if found.description else []

    def frontdoor(self, *words):
        """Run a `frontdoor` command on it; give (exit code, what it printed)."""
        url = "postgresql+psycopg://{}:" + f"{DEMO_PASSWORD}@127.0.0.1:{self.postgres.port}" + "/{}"
        roles = {name: name.replace("-", "_") for name in SERVICES}
        told = {
            "FRONTDOOR_DATA": str(self.data),
            "FRONTDOOR_SECRETS": str(self.secrets),
            "FRONTDOOR_KAFKA": self.kafka.bootstrap,
            "FRONTDOOR_PEERS": self.address,
            "FRONTDOOR_KEYS_URL": url.format("referral_intake", "keys"),
            "FRONTDOOR_DATABASES": json.dumps({name: url.format(role, role) for name, role in roles.items()}),
        }
        done = CliRunner().invoke(cli.app, words, env=told)
        return done.exit_code, done.output

    # --- the end of every fault ---

    def health(self):
        """What each process says of itself, where all should be well and is not; of a silent one, what it is doing."""
        said = []
        for process in self.processes.values():
            try:
                told = httpx2.get(
                    f"http://127.0.0.1:{process.port}/{process.name}/health/ready", timeout=10, **PLAINLY
                ).text
            except httpx2.HTTPError as silent:
                told = f"{type(silent).__name__}\n{process.doing()}"
            said.append(f"{process.name} {process.member}: {told}")
        return "\n".join(said)

    def heal(self):
        """Open every gate, let go on what is frozen, start what is down."""
        for gates in self.gates.values():
            for gate in gates.values():
                gate.open()
        for process in self.processes.values():
            if process.is_running and process.is_frozen:
                process.send(signal.SIGCONT)
        self.start()

    def put_right(self):
        """Leave nothing of a fault for the next one, also where it did not end well."""
        for process in [process for process in self.processes.values() if process.member != "1"]:
            self.remove(process)
        for part in (self.postgres, self.kafka, self.redis):
            part.container.get_wrapped_container().start()
        self.heal()

    def whole(self, wait=60):
        """Heal it; all has arrived, every invariant holds, and everything that a client was told is true, once."""
        self.heal()
        file = self.folder / "journal.txt"
        file.write_text("".join(f"{reference}\n" for reference in self.journal.references))
        code, said = self.frontdoor("verify", "--journal", str(file), "--wait", str(wait))
        assert code == 0, f"{said}{self.health()}"
        self.journal.compare()
        return said


class Journal:
    """What clients were told: by key, the first answer; every later one under the same key must be the same."""

    def __init__(self, product):
        self._product, self._guard, self.numbers = product, threading.Lock(), count(1)
        self.referrals, self.decisions, self.bookings = {}, set(), {}
        self.answers = 0

    def note(self, kept, key, told):
        """Note an answer; one under a key that has been answered must be the same."""
        with self._guard:
            self.answers += 1
            known = kept.setdefault(key, told)
        assert known == told, f"{key}: answered {known}, and then {told}"
        return known

    @property
    def references(self):
        with self._guard:
            return [reference for reference, _ in self.referrals.values()]

    def compare(self):
        """Hold what stands in the services' databases against what clients were told."""
        rows = self._product.rows("triage-panel", "select reference, agency, count(*) from entry group by 1, 2")
        queued = {}
        for reference, agency, times in rows:
            assert times == 1, f"{reference} is {times} times in {agency}'s queue"
            queued.setdefault(reference, set()).add(agency)
        lost = [told for told in self.referrals.values() if queued.get(told[0]) != set(told[1])]
        assert not lost, f"not in the queues that were promised: {lost}"
        assert len(set(self.references)) == len(self.referrals), "two keys were given one reference"
        found = "select stream from log where type = 'EntryAccepted'"
        accepted = {stream.split("/")[1] for (stream,) in self._product.rows("triage-panel", found)}
        assert self.decisions <= accepted, f"decided, and not so: {self.decisions - accepted}"
        booked = dict(self._product.rows("therapy-booking", "select reference, booking from booking"))
        wrong = {key: told for key, told in self.bookings.items() if booked.get(told[0]) != told[1]}
        assert not wrong, f"booked, and not there: {wrong}"
        double = {notice: times for notice, times in ledger_counts(self._product.data).items() if times > 1}
        assert not double, f"told more than once: {double}"


class Client:
    """Somebody's program: it refers, decides and books, and sends the same again until it is answered."""

    def __init__(self, product, name=""):
        self.product, self.name = product, name or uuid4().hex[:8]
        self.stopping = threading.Event()
        self.trouble = None
        self.cases = 0

    def case(self):
        """One child's way, from the form to a place in a group."""
        key = f"{self.name}-{next(self.product.journal.numbers)}"
        reference = self.refer(key)
        if reference and self.accept(reference):
            self.book(reference)
        self.cases += 1
        return reference

    def refer(self, key):
        """Refer a child under this key; give the reference."""
        answer = self.until_answered("senco", "/api/referrals", key, FORM)
        if answer is None:
            return None
        return self.product.journal.note(
            self.product.journal.referrals, key, (answer["reference"], tuple(answer["agencies"]))
        )[0]

    def accept(self, reference):
        """Let the health team accept it, with therapy."""
        therapy = {"discipline": "salt", "sessions": 6, "mode": "group"}
        decision = {"outcome": "accept", "therapy": therapy}
        path = f"/api/queues/health/{reference}/decisions"
        answer = self.until_answered("health-triager", path, f"d-{reference}", decision, arriving={404})
        if answer is not None:
            with self.product.journal._guard:
                self.product.journal.decisions.add(reference)
        return answer

    def book(self, reference):
        """Book it into a group."""
        block = self.product.desk.block()
        body = {"reference": reference, "block": block}
        key = f"b-{reference}"
        answer = self.until_answered("booking-coordinator", "/api/bookings", key, body, arriving={404, 409, 422})
        if answer is not None:
            self.product.journal.note(self.product.journal.bookings, key, (reference, answer["booking"]))

    def until_answered(self, person, path, key, body, arriving=frozenset()):
        """Ask under a key until there is an answer; None where we were told to stop before.

        `arriving`: what is answered while something is on its way here. Any other refusal is a fault.
        """
        until = time.monotonic() + PATIENCE * 2
        while not self.stopping.is_set():
            status, told = self.once(person, path, key, body)
            if status in {200, 201}:
                return told
            known = status in {None, 409, 429, 502, 503} or status in arriving
            assert known, f"{path}: {status} {told}"
            assert time.monotonic() < until, f"{path}: no answer but {status} {told}"
            self.stopping.wait(0.1)
        return None

    def once(self, person, path, key, body):
        """Ask once; give (status, JSON); (None, why) where no answer came."""
        try:
            answer = self.product.ask(person, "POST", path, json=body, headers={"Idempotency-Key": key})
        except httpx2.HTTPError as trouble:
            return None, type(trouble).__name__
        try:
            return answer.status_code, answer.json()
        except ValueError:
            return None, "half an answer"

    def run(self):
        """Do case after case until told to stop."""
        try:
            while not self.stopping.is_set():
                self.case()
        except BaseException as trouble:  # noqa: BLE001  whoever started it looks at it
            self.trouble = trouble


class Load:
    """Several clients at work, for as long as this is open; what went wrong with any is raised at its end."""

    def __init__(self, product, clients=3):
        self.clients = [Client(product) for _ in range(clients)]
        self._threads = [threading.Thread(target=client.run, daemon=True) for client in self.clients]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind, *_):
        for client in self.clients:
            client.stopping.set()
        for thread in self._threads:
            thread.join(timeout=60)
        for client in self.clients:
            if client.trouble and kind is None:
                raise client.trouble

    def some(self, more=3):
        """Wait until so many more children have gone their whole way."""
        before = self.cases
        wait_until(lambda: self.cases >= before + more or self.trouble, f"{more} more children")

    @property
    def cases(self):
        return sum(client.cases for client in self.clients)

    @property
    def trouble(self):
        return any(client.trouble for client in self.clients)


class Desk:
    """Groups with places for those who are accepted: a new one where the last is nearly full."""

    SEATS = 100

    def __init__(self, product):
        self._product, self._guard, self._left, self._block = product, threading.Lock(), 0, None

    def block(self):
        """Give a group that has a place."""
        with self._guard:
            if not self._left:
                self._block, self._left = self._commission(), self.SEATS
            self._left -= 1
            return self._block

    def _commission(self):
        name = uuid4().hex[:8]
        client = Client(self._product)

        def post(path, **body):
            return client.until_answered("booking-coordinator", path, f"{name}-{path}", body, arriving={404})

        provider = post("/api/providers", name=f"Harbour {name}", kind="private")["provider"]
        therapist = post("/api/therapists", name="Hollie Marsh", provider=provider, disciplines=["salt"])["therapist"]
        place = post("/api/places", name=f"Harbour hall {name}", kind="clinic", postcode="SS1 9ZZ")["place"]
        shares = [{"organisation": "sample-icb", "discipline": "salt", "pence": 100_000}]
        pool = post("/api/pools", name=f"Harbour pool {name}", term="2027-spring", contributions=shares)["pool"]
        return post(
            f"/api/pools/{pool}/blocks",
            provider=provider,
            therapist=therapist,
            discipline="salt",
            mode="group",
            place=place,
            first_date="2027-01-11",
            time="09:30",
            minutes=45,
            weeks=6,
            seats=self.SEATS,
            price_pence=54_000,
        )["block"]


def wait_until(holds, what, seconds=PATIENCE):
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"waited {seconds} s in vain: {what}"
        time.sleep(0.1)
