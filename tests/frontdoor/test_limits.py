"""Whoever asks too much is asked to wait; nobody else notices, and no process fills up with those it counts."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient

from child_record.app import service
from frontdoor import limits, replicas
from frontdoor.identifiers import FamilyLink
from frontdoor.replicas import Limit, Replicas
from frontdoor.service import build
from frontdoor.testing import Stage

THREE = Limit("three", 3, 10)


@pytest.fixture
def production(tmp_path):
    """A record as in production: a client from an address, and how to write a link."""
    stage = Stage(service, tmp_path)
    parts = replace(stage.parts, demo=False)
    app = build(service, parts, lambda: {"ok": True})

    def client(address):
        return TestClient(app, client=(address, 50_000), raise_server_exceptions=False, headers={"Accept": "text/html"})

    yield SimpleNamespace(client=client, link=parts.links.path(FamilyLink("R7K2-9QF4X", "sender", 1)))
    stage.parts.database.dispose()


def test_what_is_too_much_is_told_how_long_to_wait_and_others_are_not_told():
    counts = Replicas()
    assert [counts.take(THREE, "somebody") for _ in range(3)] == [0, 0, 0]
    assert 1 <= counts.take(THREE, "somebody") <= 10
    assert counts.take(THREE, "somebody else") == 0


def test_once_the_time_is_over_it_is_not_too_much_any_more():
    counts = Replicas()
    brief = Limit("brief", 1, 0.02)
    counts.take(brief, "somebody")
    assert counts.take(brief, "somebody") > 0
    while counts.full(brief, "somebody"):
        pass
    assert counts.take(brief, "somebody") == 0


def test_looking_counts_nothing():
    counts = Replicas()
    assert [counts.full(THREE, "somebody") for _ in range(10)] == [0] * 10
    assert counts.take(THREE, "somebody") == 0


def test_however_many_come_only_so_many_are_remembered():
    counts = Replicas()
    for number in range(replicas.MOST_SUBJECTS * 2):
        counts.take(THREE, str(number))
    assert len(counts._windows) <= replicas.MOST_SUBJECTS


def test_the_demo_knows_no_limit_below_five_hundred_a_second():
    assert all(limit.most / limit.seconds > 500 for limit in limits.IN_THE_DEMO.values())


@pytest.mark.parametrize(
    ("host", "source"),
    [("192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("a name", "a name"), (None, "")],
)
def test_an_address_of_ipv6_counts_as_its_network(host, source):
    client = SimpleNamespace(host=host) if host else None
    assert limits.source_of(SimpleNamespace(client=client)) == source


def test_who_guesses_links_is_asked_to_wait_and_families_elsewhere_are_not(production):
    guesser, family = production.client("192.0.2.7"), production.client("192.0.2.8")
    wrong = production.link[:-1] + "!"
    assert {guesser.get(wrong).status_code for _ in range(limits.LIMITS[limits.LINK].most)} == {404}

    page, data = guesser.get(wrong), guesser.get(wrong, headers={"Accept": "application/json"})
    assert (page.status_code, data.status_code) == (429, 429)
    assert "try again in" in page.text
    assert data.json()["code"] == "too_many_requests"
    assert 1 <= int(data.headers["retry-after"]) <= 60
    assert int(page.headers["retry-after"]) <= 60
    assert guesser.get(f"{wrong}/events").status_code == 429
    assert family.get(production.link).status_code == 200


def test_right_links_are_not_guesses(production):
    school = production.client("192.0.2.9")
    assert {school.get(production.link).status_code for _ in range(limits.LIMITS[limits.LINK].most + 5)} == {200}
