"""Pools and blocks: who pays what, when sessions are, and what is refused."""

import pytest


def test_a_pool_shows_what_was_put_in_spent_and_left_to_the_penny(desk, supply):
    desk.block(supply, price_pence=100_001)
    shown = desk.ask("GET", f"/api/pools/{supply.pool}").json()
    council, icb = shown["organisations"]
    assert council == {
        "organisation": "sample-council",
        "committed": 400_000,
        "spent": 40_000,
        "left": 360_000,
        "disciplines": {"salt": {"committed": 400_000, "spent": 40_000, "left": 360_000}},
    }
    assert icb["disciplines"]["salt"] == {"committed": 600_000, "spent": 60_001, "left": 539_999}
    assert icb["disciplines"]["ot"] == {"committed": 500_000, "spent": 0, "left": 500_000}
    assert (shown["committed"], shown["spent"], shown["left"]) == (1_500_000, 100_001, 1_399_999)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"term": "2031-autumn"}, "term"),
        (
            {"contributions": [{"organisation": "nobody", "discipline": "salt", "pence": 1}]},
            "contributions.0.organisation",
        ),
        (
            {"contributions": [{"organisation": "elsewhere-council", "discipline": "salt", "pence": 1}]},
            "contributions.0.organisation",
        ),
        (
            {"contributions": [{"organisation": "sample-icb", "discipline": "salt", "pence": -1}]},
            "contributions.0.pence",
        ),
        (
            {"contributions": [{"organisation": "sample-icb", "discipline": "salt", "pence": 1.5}]},
            "contributions.0.pence",
        ),
        (
            {"contributions": [{"organisation": "sample-icb", "discipline": "physio", "pence": 1}]},
            "contributions.0.discipline",
        ),
        ({"contributions": []}, "contributions"),
        ({"name": " "}, "name"),
        ({"name": "a\nb"}, "name"),
        (
            {"contributions": [{"organisation": "sample-icb", "discipline": "salt", "pence": 10**30}]},
            "contributions.0.pence",
        ),
    ],
)
def test_a_pool_names_the_field_that_is_wrong(shared_desk, changed, field):
    good = {
        "name": "A",
        "term": "2026-autumn",
        "contributions": [{"organisation": "sample-icb", "discipline": "salt", "pence": 1}],
    }
    answer = shared_desk.ask("POST", "/api/pools", good | changed)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_a_block_keeps_its_local_time_and_passes_over_holidays(desk, supply):
    answer = desk.ask("POST", f"/api/pools/{supply.pool}/blocks", desk.order(supply, first_date="2026-12-14"))
    starts = [session["starts_at"][:16] for session in answer.json()["sessions"]]
    # 21 and 28 December are school holidays, 4 January a training day.
    assert starts == [
        f"{day}T09:30" for day in ("2026-12-14", "2027-01-11", "2027-01-18", "2027-01-25", "2027-02-01", "2027-02-08")
    ]
    assert answer.json()["sessions"][0]["session"].endswith("-1")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"provider": "P-NOBODY"}, "provider"),
        ({"therapist": "T-NOBODY"}, "therapist"),
        ({"place": "L-NOWHERE"}, "place"),
        ({"first_date": "2027-01-06"}, "first_date"),
        ({"first_date": "2026-08-31"}, "first_date"),
        ({"first_date": "2026-12-18", "weeks": 20}, "weeks"),
        ({"first_date": "1795564800"}, "first_date"),
        ({"first_date": "0"}, "first_date"),
        ({"first_date": "2026-11-25T00:00:00"}, "first_date"),
        ({"time": "34200"}, "time"),
        ({"weeks": 2**63}, "weeks"),
        ({"minutes": 10**30}, "minutes"),
        ({"seats": 2**63 - 1}, "seats"),
        ({"price_pence": 2**63}, "price_pence"),
        ({"weeks": 0}, "weeks"),
        ({"weeks": 53}, "weeks"),
        ({"minutes": 4}, "minutes"),
        ({"minutes": 481}, "minutes"),
        ({"seats": 0}, "seats"),
        ({"seats": 101}, "seats"),
        ({"price_pence": -1}, "price_pence"),
        ({"price_pence": "1"}, "price_pence"),
        ({"time": "25:00"}, "time"),
        ({"time": "09:30Z"}, "time"),
        ({"mode": "pair"}, "mode"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_block_names_the_field_that_is_wrong(shared_desk, shared_supply, changed, field):
    answer = shared_desk.ask(
        "POST", f"/api/pools/{shared_supply.pool}/blocks", shared_desk.order(shared_supply, **changed)
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_a_therapist_must_work_for_the_provider_and_have_the_discipline(desk, supply):
    other = desk.provider("Able Hands")
    answers = [
        desk.ask("POST", f"/api/pools/{supply.pool}/blocks", desk.order(supply, **changed)).json()
        for changed in ({"provider": other}, {"therapist": desk.therapist(supply.provider, ("ot",))})
    ]
    assert [answer["errors"][0]["field"] for answer in answers] == ["therapist", "therapist"]


def test_a_block_of_an_unknown_pool_is_not_there(desk, supply):
    assert desk.ask("POST", "/api/pools/O-NOTHERE/blocks", desk.order(supply)).status_code == 404
    assert desk.ask("GET", "/api/pools/O-NOTHERE").status_code == 404


@pytest.mark.parametrize(
    ("time", "status"), [("09:30", 409), ("10:14", 409), ("08:46", 409), ("10:15", 201), ("08:45", 201)]
)
def test_a_therapist_is_in_one_place_at_a_time(desk, supply, time, status):
    desk.block(supply, time="09:30")
    again = desk.order(supply, time=time, place=desk.place(), first_date="2026-12-02")
    answer = desk.ask("POST", f"/api/pools/{supply.pool}/blocks", again)
    assert answer.status_code == status
    assert status == 201 or answer.json()["code"] == "clash"


@pytest.mark.parametrize(
    ("kind", "status"), [("clinic", 409), ("school", 409), ("hub", 409), ("home", 201), ("online", 201)]
)
def test_a_room_holds_one_session_at_a_time_but_a_home_is_no_room(desk, supply, kind, status):
    place = desk.place(kind)
    desk.block(supply, time="09:30", place=place)
    again = desk.order(supply, place=place, therapist=desk.therapist(supply.provider))
    assert desk.ask("POST", f"/api/pools/{supply.pool}/blocks", again).status_code == status


def test_nobody_pays_more_than_they_put_in(desk):
    supply = desk.supply()
    supply.pool = desk.pool(("sample-icb", "salt", 6_000), ("sample-council", "salt", 4_000))
    desk.block(supply, price_pence=9_000)
    answer = desk.ask("POST", f"/api/pools/{supply.pool}/blocks", desk.order(supply, time="18:00", price_pence=1_001))
    assert (answer.status_code, answer.json()["code"]) == (409, "over_budget")
    assert answer.json()["left"] == [
        {"organisation": "sample-council", "left": 400},
        {"organisation": "sample-icb", "left": 600},
    ]
    desk.block(supply, price_pence=1_000, time="18:00")
    assert desk.ask("GET", f"/api/pools/{supply.pool}").json()["left"] == 0


def test_money_for_one_therapy_buys_no_other(desk):
    supply = desk.supply()
    supply.pool = desk.pool(("sample-icb", "salt", 600_000))
    answer = desk.ask("POST", f"/api/pools/{supply.pool}/blocks", desk.order(supply, discipline="ot"))
    assert (answer.status_code, answer.json()["code"]) == (409, "over_budget")


def test_the_same_key_buys_a_block_once(desk, supply):
    key = {"Idempotency-Key": "one-block"}
    first, second = (desk.ask("POST", f"/api/pools/{supply.pool}/blocks", desk.order(supply), **key) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert len(desk.ask("GET", f"/api/pools/{supply.pool}/blocks").json()["blocks"]) == 1


def test_a_refused_block_leaves_nothing_behind(desk, supply):
    before = desk.stage.said()
    desk.ask("POST", f"/api/pools/{supply.pool}/blocks", desk.order(supply, price_pence=5_000_000))
    assert desk.stage.said() == before


def test_therapists_belong_to_a_known_provider(desk):
    answer = desk.ask("POST", "/api/therapists", {"name": "A", "provider": "P-NOBODY", "disciplines": ["salt"]})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "provider")


@pytest.mark.parametrize(
    "name", ["a\0b", "a\u202eb", "a\x1b[31mb", "e" + "\u0301" * 50, "\u200b\u200d", "a\nb", "x" * 201]
)
def test_no_name_is_taken_that_cannot_be_read(shared_desk, shared_supply, name):
    therapist = {"name": "A", "provider": shared_supply.provider, "disciplines": ["salt"]}
    wrong = [
        ("/api/providers", {"name": name, "kind": "nhs"}, "name"),
        ("/api/places", {"name": name, "kind": "clinic"}, "name"),
        ("/api/therapists", therapist | {"name": name}, "name"),
        ("/api/therapists", therapist | {"skills": [name]}, "skills.0"),
    ]
    for path, body, field in wrong:
        answer = shared_desk.ask("POST", path, body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize("postcode", ["bfpo57", "ZZ99 3VZ", "nn168aa"])
def test_a_place_may_have_any_postcode(shared_desk, postcode):
    body = {"name": "Room 3", "kind": "clinic", "postcode": postcode}
    assert shared_desk.ask("POST", "/api/places", body).status_code == 201


def test_of_a_childs_home_nothing_is_kept_that_was_typed(desk):
    desk.made("/api/places", {"name": "ZZCANARY, 12 Acacia Avenue", "kind": "home"})
    assert [(place.name, place.postcode) for place in desk.stage.said()] == [("The child's home", None)]
    written = b"".join(path.read_bytes() for path in desk.stage.parts.folder.rglob("*") if path.is_file())
    assert b"ZZCANARY" not in written


@pytest.mark.parametrize("postcode", ["NN16 8AA", "12"])
def test_a_childs_home_is_registered_without_its_postcode(desk, postcode):
    body = {"name": "Home", "kind": "home", "postcode": postcode}
    answer = desk.ask("POST", "/api/places", body)
    said = "Leave the postcode out: a child's home is known from the referral"
    assert (answer.status_code, answer.json()["errors"]) == (422, [{"field": "postcode", "message": said}])
    assert desk.stage.said() == []


@pytest.mark.parametrize("person", ["nobody-here", "senco", "other-area-triager"])
def test_a_therapists_sign_in_is_one_of_a_therapist_here(shared_desk, shared_supply, person):
    body = {"name": "A", "provider": shared_supply.provider, "disciplines": ["salt"], "person": person}
    answer = shared_desk.ask("POST", "/api/therapists", body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "person")


def test_the_last_pennies_of_a_pool_buy_a_block(desk, supply):
    whole = ("sample-charity", "sample-council", "sample-icb")
    supply.pool = desk.pool(*((name, "salt", 100) for name in whole))
    desk.block(supply, price_pence=100)
    desk.block(supply, price_pence=200)
    assert desk.ask("GET", f"/api/pools/{supply.pool}").json()["left"] == 0
