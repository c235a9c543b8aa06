"""Redis helps replicas to count together and to refresh pages at once; whatever becomes of it, no answer changes."""

import json
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis as Client

from all_in_one.testing import FrontDoor
from frontdoor.replicas import LOOK, PATIENCE, Limit, Replicas

pytestmark = pytest.mark.containers
FORM = json.loads((Path(__file__).parents[1] / "journeys" / "examples" / "referral.json").read_text())
TEN = Limit("ten", 10, 20)


@pytest.fixture
def client(redis):
    """Somebody who may look into Redis, which is empty."""
    with Client.from_url(redis.url, decode_responses=True) as made:
        made.config_set("maxmemory", "0")
        made.flushall()
        yield made


def eventually(true):
    """Wait until something is true, for as long as a thread may need that looks again each second."""
    until = time.monotonic() + 15
    while not true():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.05)


def two(redis):
    made = Replicas(redis.url, b"a secret"), Replicas(redis.url, b"a secret")
    eventually(lambda: all(one.state == "ok" for one in made))
    return made


@contextmanager
def killed(redis, client):
    redis.kill()
    try:
        yield
    finally:
        redis.start_again()


@contextmanager
def paused(redis, client):
    with redis.paused():
        yield


@contextmanager
def full(redis, client):
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", "1")
    yield
    client.config_set("maxmemory", "0")


@contextmanager
def slow(redis, client):
    stop = threading.Event()

    def hold_up():
        with Client.from_url(redis.url) as other:
            while not stop.is_set():
                other.execute_command("CLIENT", "PAUSE", 400, "ALL")
                stop.wait(0.35)

    holding = threading.Thread(target=hold_up)
    holding.start()
    yield
    stop.set()
    holding.join()


@contextmanager
def emptied(redis, client):
    client.flushall()
    yield


def test_replicas_count_together(redis, client):
    here, there = two(redis)
    assert [here.take(TEN, "somebody") for _ in range(6)] == [0] * 6
    eventually(lambda: client.keys("*"))
    assert there.take(TEN, "somebody") == 0
    eventually(lambda: there._window(TEN, "somebody").elsewhere == 6)
    assert [there.take(TEN, "somebody") for _ in range(3)] == [0] * 3
    assert there.take(TEN, "somebody") > 0


def test_a_bell_is_heard_by_the_others_and_not_by_who_rings_it(redis, client):
    here, there = two(redis)
    heard, own = threading.Event(), threading.Event()
    there.on_bell("child-record", heard.set)
    here.on_bell("child-record", own.set)
    eventually(lambda: client.pubsub_numsub("front-door:bells")[0][1] >= 2)
    heard.clear()
    own.clear()
    here.ring("child-record")
    assert heard.wait(3)
    assert not own.is_set()


def test_nothing_in_redis_names_anybody_or_stays(redis, client, tmp_path):
    front_door = FrontDoor(tmp_path, FORM, redis=redis.url)
    front_door.refer()
    eventually(lambda: client.keys("*"))
    keys = client.keys("*")
    assert all(key.startswith("front-door:count:") and len(key) == len("front-door:count:") + 32 for key in keys)
    assert all(client.get(key).isdecimal() and 0 < client.ttl(key) <= 60 for key in keys)
    front_door.assembly.close()


@pytest.mark.parametrize("trouble", [killed, paused, full, slow, emptied])
def test_whatever_becomes_of_redis_no_answer_changes_and_nobody_waits(redis, client, tmp_path, trouble):
    front_door = FrontDoor(tmp_path, FORM, redis=redis.url)
    replicas = front_door.assembly.parts["referral-intake"].replicas
    eventually(lambda: replicas.state == "ok")
    before = answers(front_door)
    with trouble(redis, client):
        assert answers(front_door) == before
        eventually(lambda: replicas.state in {"ok", "away"})
        waited = waits(front_door)
    assert waited[len(waited) * 3 // 4] < PATIENCE / 2, "as long as Redis is waited for: somebody has waited for it"
    eventually(lambda: replicas.state == "ok")
    assert answers(front_door) == before
    front_door.assembly.close()


@pytest.mark.parametrize("trouble", [killed, paused, full])
def test_without_redis_each_process_goes_by_its_own_counts(redis, client, trouble):
    here, _there = two(redis)
    with trouble(redis, client):
        assert [here.take(TEN, trouble.__name__) for _ in range(10)] == [0] * 10
        assert here.take(TEN, trouble.__name__) > 0
        eventually(lambda: here.state == "away")
        assert here.take(TEN, trouble.__name__) > 0


def answers(front_door):
    """What a referral and those who look at it are answered."""
    answer = front_door.as_person("senco").post("/api/referrals", json=FORM)
    front_door.settle()
    sent = answer.json()
    looks = [
        front_door.as_person(person).get(path).status_code
        for person, path in [
            ("health-triager", f"/api/referrals/{sent['reference']}"),
            ("gp", f"/api/referrals/{sent['reference']}"),
            (None, sent["status_url"]),
            (None, "/family/nonsense"),
            ("admin", "/health/live"),
        ]
    ]
    return answer.status_code, sent["agencies"], looks


def waits(front_door):
    """How long each of many looks took, in seconds, the longest last."""
    client = front_door.as_person("senco")
    taken = []
    for _ in range(60):
        began = time.monotonic()
        client.get("/api/referrals")
        taken.append(time.monotonic() - began)
        time.sleep(0.02)
    return sorted(taken)


def test_replicas_that_have_nothing_to_say_leave_redis_in_peace(redis, client):
    one, other = two(redis)
    heard = threading.Event()
    other.on_bell("once", heard.set)
    one.ring("once")
    eventually(heard.is_set)
    time.sleep(LOOK + 1)
    before = client.info("stats")["total_commands_processed"]
    time.sleep(1)

    assert client.info("stats")["total_commands_processed"] - before < 50
