"""The composed product as its users and engineers find it: built, started, used, killed part by part, proven."""

import json
import os
import random
import subprocess
import threading
import time
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from frontdoor.testing_real import free_port

pytestmark = pytest.mark.containers

ROOT = Path(__file__).parents[2]
FORM = json.loads((ROOT / "tests" / "journeys" / "examples" / "referral.json").read_text())
SERVICES = ("referral-intake", "triage-panel", "therapy-booking", "notification", "child-record")
AGENCIES = ("care", "education", "health")


class Product:
    """The composed product under a project name and port of its own, and the journal of what its clients were told."""

    def __init__(self, folder):
        self.folder, self.port, self.journal, self.said = folder, free_port(), {}, ""
        self._guard = threading.Lock()
        self.environment = os.environ | {
            "COMPOSE_PROJECT_NAME": f"front-door-test-{uuid4().hex[:8]}",
            "PORT": str(self.port),
        }

    def run(self, *command, check=True):
        """Run a command on it; give what it printed."""
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert not check or done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def compose(self, *words, check=True):
        """Run `docker compose` on it; give what it printed."""
        return self.run("docker", "compose", "--progress", "quiet", *words, check=check)

    def up(self):
        """Do what `make up` does; give what it printed."""
        return self.run("make", "--no-print-directory", "up")

    def remove(self):
        """Remove it with its data and its images."""
        self.compose("--profile", "tools", "kill", check=False)
        gone = ("down", "--volumes", "--rmi", "local", "--remove-orphans", "--timeout", "1")
        self.compose("--profile", "tools", *gone, check=False)

    def frontdoor(self, *words, mount=()):
        """Run a `frontdoor` command in it, as `docker compose run --rm tools` does; give what it printed."""
        return self.compose("run", "--rm", "-T", *mount, "tools", *words)

    def verify(self):
        """Prove it, with the journal; give the last line."""
        journal = self.folder / "journal.txt"
        journal.write_text("".join(f"{given['reference']}\n" for given in self.journal.values()))
        self.folder.chmod(0o755)
        mount = ("-v", f"{journal}:/journal.txt:ro")
        return self.frontdoor("verify", "--journal", "/journal.txt", "--wait", "90", mount=mount).splitlines()[-1]

    def client(self, person=None):
        """Give a client of the gateway, signed in as a sample person."""
        headers = {"Authorization": f"Bearer demo-{person}"} if person else {}
        return httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=15)

    def ask(self, person, method, path, **more):
        """Ask once; give the JSON of the answer, which must be one of success."""
        with self.client(person) as client:
            answer = client.request(method, path, **more)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def ready(self):
        """Say whether all services hear and answer."""
        try:
            with self.client() as client:
                return client.get("/health/ready").status_code == 200
        except httpx2.HTTPError:
            return False

    def refer(self, client, key):
        """Send a referral with this idempotency key; note its reference in the journal where one was given."""
        try:
            answer = client.post("/api/referrals", json=FORM, headers={"Idempotency-Key": key})
        except httpx2.HTTPError:
            return None
        if answer.status_code not in {200, 201}:
            return None
        with self._guard:
            known = self.journal.setdefault(key, answer.json())
        assert known["reference"] == answer.json()["reference"]
        return known

    def queued(self):
        """Read every queue to its end: reference -> agencies, each as often as it stands there."""
        found = {}
        for agency in AGENCIES:
            cursor = ""
            while cursor is not None:
                page = self.ask(f"{agency}-triager", "GET", f"/api/queues/{agency}", params={"cursor": cursor})
                for entry in page["entries"]:
                    found.setdefault(entry["reference"], []).append(agency)
                cursor = page["next"]
        return found

    def waiting(self):
        """Name who waits for speech therapy."""
        found = self.ask("booking-coordinator", "GET", "/api/waiting-list", params={"discipline": "salt"})
        return {entry["reference"] for entry in found["entries"]}


def wait_until(holds, what, seconds=90):
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"waited {seconds} s in vain: {what}"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def product(engine, tmp_path_factory, request):
    """The composed product, with the invented term in it."""
    made = Product(tmp_path_factory.mktemp("composed"))
    failed_before = request.session.testsfailed
    try:
        made.said = made.up()
        yield made
    finally:
        if os.environ.get("CI") == "true" and (request.session.testsfailed > failed_before or not made.said):
            print(made.compose("ps", "--all", check=False), made.compose("logs", "--tail", "60", check=False))
        made.remove()


def test_make_up_says_where_the_product_is_and_returns_when_it_is_ready(product):
    with product.client() as client:
        ready, home = client.get("/health/ready"), client.get("/")

    assert f"Front Door is ready: http://localhost:{product.port}" in product.said
    assert (ready.status_code, home.status_code) == (200, 200)
    assert ready.json()["services"].keys() == set(SERVICES)
    assert len(product.queued()) > 30  # the invented term


def test_a_strangers_program_takes_a_referral_to_a_booked_block_and_the_familys_page(product):
    form = FORM | {"support": [*FORM["support"], "early_help"]}
    sent = product.ask("senco", "POST", "/api/referrals", json=form)
    reference = sent["reference"]
    with product.client() as client:
        at_once = client.get(sent["status_url"], headers={"Accept": "application/json"})
    wait_until(lambda: product.queued().get(reference) == [*AGENCIES], "three queues")

    therapy = {"discipline": "salt", "sessions": 6, "mode": "individual"}
    decision = {"outcome": "accept", "therapy": therapy}
    product.ask("health-triager", "POST", f"/api/queues/health/{reference}/decisions", json=decision)
    block = commissioned(product)
    wait_until(lambda: reference in product.waiting(), "the waiting list")
    booked = product.ask("booking-coordinator", "POST", "/api/bookings", json={"reference": reference, "block": block})

    def told():
        notices = product.ask("health-triager", "GET", "/api/notices", params={"reference": reference})
        events = {notice["event"] for notice in notices if notice["status"] == "delivered"}
        return events >= {"ReferralSubmitted", "EntryAccepted", "BlockBooked"}

    wait_until(told, "the family's notices")
    with product.client() as client:
        page = client.get(sent["status_url"])
        steps = client.get(sent["status_url"], headers={"Accept": "application/json"}).json()["steps"]

    assert sent["agencies"] == [*AGENCIES]
    assert (at_once.status_code, at_once.json()["reference"]) == (200, reference)
    assert len(booked["sessions"]) == 6
    assert page.status_code == 200
    assert page.headers["Content-Security-Policy"]
    assert {step["agency"] for step in steps} >= set(AGENCIES)


def commissioned(product):
    """Register whom and what a block takes, open a pool, commission the block; give its id."""

    def post(path, **body):
        return product.ask("booking-coordinator", "POST", path, json=body)

    provider = post("/api/providers", name=f"Harbour {uuid4().hex[:6]}", kind="private")["provider"]
    therapist = post("/api/therapists", name="Hollie Marsh", provider=provider, disciplines=["salt"])["therapist"]
    place = post("/api/places", name="Harbour clinic", kind="clinic", postcode="SS1 9ZZ")["place"]
    shares = [{"organisation": "sample-icb", "discipline": "salt", "pence": 100_000}]
    pool = post("/api/pools", name="Harbour pool", term="2027-spring", contributions=shares)["pool"]
    block = post(
        f"/api/pools/{pool}/blocks",
        provider=provider,
        therapist=therapist,
        discipline="salt",
        mode="individual",
        place=place,
        first_date="2027-01-11",
        time="09:30",
        minutes=45,
        weeks=6,
        seats=1,
        price_pence=54_000,
    )
    return block["block"]


def test_news_of_an_open_page_passes_the_gateway_as_it_comes(product):
    status_url = product.ask("senco", "POST", "/api/referrals", json=FORM)["status_url"]
    began = time.monotonic()
    with product.client() as client, client.stream("GET", f"{status_url}/events") as news:
        first = next(news.iter_lines())

    assert news.headers["content-type"].startswith("text/event-stream")
    assert first.startswith("retry:")
    assert time.monotonic() - began < 5


def test_what_is_for_inside_is_not_there_outside_and_what_is_too_large_is_refused_in_words(product):
    with product.client("admin") as client:
        inside = [client.post(f"/{name}/internal/replay", json={"stream": "x", "from": 1}) for name in SERVICES]
        inside += [client.get(f"/{name}/metrics") for name in SERVICES]
        of_all = client.get("/metrics")
    with product.client("senco") as client:
        large = client.post("/api/referrals", content=b" " * 2**21, headers={"Content-Type": "application/json"})

    assert {answer.status_code for answer in inside} == {404}
    assert of_all.status_code == 200
    assert (large.status_code, large.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("name", [*SERVICES, "set-up"])
def test_an_image_holds_the_shared_code_and_what_it_is_for_and_runs_as_nobody_special(product, name):
    look = "ls . services deploy; id -u; touch x 2>/dev/null && echo writes; command -v gcc pip uv; true"
    said = product.compose("run", "--rm", "-T", "--no-deps", "--entrypoint", "sh", name, "-c", look).split()

    assert set(said) & set(SERVICES) == (set(SERVICES) if name == "set-up" else {name})
    assert ("cli" in said) is (name == "set-up")
    assert "10001" in said
    assert "writes" not in said
    assert not any(word.endswith(("/gcc", "/uv", ".venv/bin/pip")) for word in said)


def test_up_again_changes_nothing(product):
    containers, queued = product.compose("ps", "--quiet").split(), product.queued()
    product.up()

    assert product.compose("ps", "--quiet").split() == containers
    assert product.queued() == queued


def test_a_command_stands_in_each_services_role_and_says_what_makes_no_sense_here(product):
    before = product.queued()
    for name in SERVICES:
        assert product.frontdoor("rebuild", name, "--check").splitlines()[-1] == "identical"
    assert "Nothing is parked." in product.frontdoor("parked", "list")
    assert "events handed over" in product.frontdoor("replay", "referral-intake", "--twice")
    for words in (["run"], ["due"], ["restored", "triage-panel"]):
        with pytest.raises(AssertionError, match=rf"tools {words[0]}.*: 2"):
            product.frontdoor(*words)

    assert product.queued() == before


def test_each_container_is_killed_and_started_again_under_load_and_nothing_answered_is_lost_or_doubled(product):
    chance, stopping = random.Random(20261118), threading.Event()
    senders = [threading.Thread(target=send, args=(product, f"load-{number}", stopping)) for number in range(4)]
    for sender in senders:
        sender.start()
    try:
        for victim in (*SERVICES, "kafka", "postgres", "redis", "gateway"):
            time.sleep(chance.uniform(0.5, 1.5))
            product.compose("kill", "--signal", "KILL", victim)
            time.sleep(chance.uniform(0.0, 1.5))
            product.compose("start", victim)
            wait_until(product.ready, f"ready after {victim} was killed")
    finally:
        stopping.set()
        for sender in senders:
            sender.join()

    assert len(product.journal) > 50
    assert_whole(product)


def test_a_service_is_stopped_and_deployed_alone_while_the_others_go_on(product):
    product.compose("stop", "triage-panel")
    with product.client("senco") as client:
        given = [product.refer(client, f"meanwhile-{number}") for number in range(5)]
        program = client.get("/api/standards")
        page = client.get("/queues", headers={"Accept": "text/html"})
        health = client.get("/health/ready")
    product.compose("up", "--detach", "--build", "--no-deps", "--force-recreate", "triage-panel")
    wait_until(product.ready, "ready after triage-panel was deployed")

    assert all(given)
    assert (program.status_code, program.json()["code"]) == (502, "unavailable")
    assert (page.status_code, "does not answer just now" in page.text) == (502, True)
    assert health.status_code == 503
    assert [name for name, report in health.json()["services"].items() if report["status"] != "ok"] == ["triage-panel"]
    assert_whole(product)


def test_down_and_up_again_finds_everything_where_it_was(product):
    before = product.queued()
    product.run("make", "--no-print-directory", "down")
    product.up()

    assert product.queued() == before


def send(product, name, stopping):
    """Send referrals one after another until told to stop, the same again where no answer came."""
    number = 0
    with product.client("senco") as client:
        while not stopping.is_set():
            number += product.refer(client, f"{name}-{number}") is not None
            stopping.wait(0.1)


def assert_whole(product):
    """Everything answered is in each of its queues once, and every invariant holds."""
    assert product.verify() == "10 passed, 0 failed"
    found = product.queued()
    wanted = {given["reference"]: given["agencies"] for given in product.journal.values()}
    assert {reference: found.get(reference) for reference in wanted} == wanted
