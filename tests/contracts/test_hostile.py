"""Several hundred hostile inputs at every address that takes something: never a 5xx, never said back, never lost."""

import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contracts.hostile import BODIES, CANARY, TEXTS, VALUES, example, places, with_spoilt
from tests.referral_intake.test_fhir import MESSAGE

from all_in_one.assembly import services
from all_in_one.testing import FrontDoor
from frontdoor import access
from frontdoor.documents import api_routes, body_model
from frontdoor.signin import inside_token
from frontdoor.testing import logged, sample_area

pytestmark = pytest.mark.slow
FORM = json.loads((Path(__file__).parents[1] / "journeys" / "examples" / "referral.json").read_text())
CHANGES = {"POST", "PUT", "PATCH", "DELETE"}
SPOILT = {**TEXTS, **VALUES}
CONCERN = {
    "child": {"given_name": "Wren", "family_name": "Aldous"},
    "raised_on": "2026-11-02",
    "area": "communication",
    "impact": "clearly",
    "what": "Strangers understand half of what she says.",
}
SCREENING = {
    "child": CONCERN["child"],
    "half_term": "2026-autumn-2",
    "year": "reception",
    "results": dict.fromkeys(("communication", "cognition", "emotional", "physical"), "on_track"),
}


def addresses():
    """Every (service, method, path) that takes something."""
    for service in services():
        for router in service.routers:
            for route in router.routes:
                yield from ((service.name, method, route.path) for method in route.methods & CHANGES)


ADDRESSES = sorted(set(addresses()))
OF_PROGRAMS = [one for one in ADDRESSES if one[2].startswith("/api/")]


GOOD = {
    "/api/referrals": FORM,
    "/api/referrals/{reference}/contacts": {"contacts": FORM["contacts"]},
    "/api/concerns": CONCERN,
    "/api/screenings": SCREENING,
    "/api/fhir/$process-message": MESSAGE,
    "/api/queues/{agency}/{reference}/decisions": {
        "outcome": "accept",
        "comment": "Agreed",
        "therapy": {"discipline": "salt", "sessions": 6, "mode": "individual"},
    },
}
"""What can be taken, where something made by the schema alone cannot."""
PREFERRED = ("senco", "health-triager", "booking-coordinator", "admin", "care-triager")


class Target:
    """The whole product with one of everything that addresses name, there to be spoilt."""

    def __init__(self, front_door):
        self.front_door = front_door
        senco, triager = front_door.as_person("senco"), front_door.as_person("health-triager")
        reference, other = front_door.refer()["reference"], front_door.refer()["reference"]
        for one in (reference, other):
            front_door.waiting(one)
        block, pool = front_door.commission(seats=2)
        third = front_door.refer(needs=[{"code": "HI", "rank": "primary"}])["reference"]
        danger = senco.post("/api/referrals", json=FORM | {"immediate_danger": True}).json()
        self.names = {
            "agency": "health",
            "reference": third,
            "discipline": "salt",
            "pool": pool,
            "block": block,
            "booking": front_door.book(reference, block).json()["booking"],
            "match": triager.get("/api/matches").json()["matches"][0]["match"],
            "alert": danger["alert"],
            "concern": senco.post("/api/concerns", json=CONCERN).json()["concern"],
            "page": "name",
        }

    def route(self, service, method, path):
        routes = api_routes(self.front_door.application.apps[service])
        return next(route for route in routes if route.path == path and method in route.methods)

    def client(self, route, service):
        """Somebody who may call it."""
        action = next(part.call.action for part in route.dependant.dependencies if hasattr(part.call, "action"))
        may = [person for person in PREFERRED if self._may(person, action)]
        of_booking = service == "therapy-booking" and "booking-coordinator" in may
        client = self.front_door.as_person("booking-coordinator" if of_booking else (may or [None])[0])
        if not may and action != access.PUBLIC:
            parts = self.front_door.assembly.parts[service]
            is_providers = access.PROVIDER in access.WHO_MAY[action].roles
            token = parts.receipts.hex() if is_providers else inside_token(parts)
            client.headers["Authorization"] = f"Bearer {token}"
        client.follow_redirects = False
        return client

    @staticmethod
    def _may(person, action):
        area = sample_area()
        try:
            access.permit(access.of_person(area.people[person]), action, area.id, "care" if "alert" in action else None)
        except (access.Denied, access.NotSignedIn):
            return False
        return True

    def address(self, client, path):
        names = dict(self.names)
        if "{draft}" in path:
            names["draft"] = client.post("/refer").headers.get("location", "/refer/F-22222222").rpartition("/")[2]
        return re.sub(r"\{(\w+)\}", lambda name: names.get(name[1], "X-22222222"), path)


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    front_door = FrontDoor(tmp_path_factory.mktemp("hostile"), FORM)
    yield Target(front_door)
    front_door.assembly.close()


def said_back(answer):
    """Whether a refusal has in it what was sent; of a page, the boxes do."""
    return CANARY.lower() in (answer.text + str(answer.headers)).lower()


@pytest.mark.parametrize(("service", "method", "path"), ADDRESSES)
def test_a_body_that_nobody_should_send_is_refused_where_it_arrives(target, service, method, path):
    client = target.client(target.route(service, method, path), service)
    address = target.address(client, path)
    with logged() as lines:
        for name, (kind, body) in BODIES.items():
            answer = client.request(method, address, content=body, headers={"Content-Type": kind})
            assert answer.status_code < 500, (name, answer.text)
            assert not said_back(answer), name
        assert CANARY not in json.dumps(lines())


@pytest.mark.parametrize(("service", "method", "path"), OF_PROGRAMS)
def test_whatever_stands_in_a_place_the_answer_is_one_that_the_document_names(target, service, method, path):
    route = target.route(service, method, path)
    model = body_model(route.dependant)
    if model is None:
        return
    document = target.front_door.as_person(None).get("/openapi.json").json()
    named = document["paths"][route.path_format][method.lower()]["responses"]
    schema = model.model_json_schema()
    good = GOOD.get(path) or example(schema, schema.get("$defs", {}))
    client = target.client(route, service)
    address = target.address(client, path)
    with logged() as lines:
        for at, place in enumerate(places(good)):
            for name in list(SPOILT)[at % 7 :: 7]:
                body = json.dumps(with_spoilt(good, place, SPOILT[name])).encode("utf-8", "surrogatepass")
                answer = client.request(method, address, content=body, headers={"Content-Type": "application/json"})
                assert str(answer.status_code) in named, (place, name, answer.text)
                assert answer.status_code < 400 or not said_back(answer), (place, name)
        assert CANARY not in json.dumps(lines())


# --- on pages ---------------------------------------------------------------------------------------------------------


class Boxes(HTMLParser):
    """What the form of a page that posts to an address has in it: what is typed, and what stands there already."""

    def __init__(self, address):
        super().__init__()
        self.address, self.inside = address, False
        self.typed, self.fixed = set(), {}

    def handle_starttag(self, tag, attributes):
        said = dict(attributes)
        if tag == "form":
            posts = (said.get("method") or "").lower() == "post"
            self.inside = posts and said.get("action", self.address) in {self.address, ""}
        name = said.get("name")
        if not self.inside or not name:
            return
        if tag == "textarea" or (tag == "input" and said.get("type", "text") in {"text", "search", "email", "tel"}):
            self.typed.add(name)
        elif tag == "input" and said.get("type") in {"hidden", "radio"}:
            self.fixed.setdefault(name, said.get("value") or "")


TYPED = {name: text for name, text in TEXTS.items() if len(text) <= 20_000}
OF_PEOPLE = [one for one in ADDRESSES if not one[2].startswith("/api/") and "/internal/" not in one[2]]


@pytest.mark.parametrize(("service", "method", "path"), OF_PEOPLE)
def test_whatever_is_typed_on_a_page_that_says_no_is_shown_again(target, service, method, path):
    client = target.client(target.route(service, method, path), service)
    address = target.address(client, path)
    page = client.get(address)
    boxes = Boxes(address)
    boxes.feed(page.text if page.status_code == 200 else "")
    for name, text in TYPED.items():
        answer = client.post(address, data=boxes.fixed | dict.fromkeys(boxes.typed, text))
        assert answer.status_code < 500, (name, answer.text)
        if answer.status_code == 422 and boxes.typed and text.isprintable() and text.strip():
            assert text.strip() in unescape(answer.text), (name, address)
        if answer.status_code in {303, 404}:  # it was taken, or is no more: begin again
            address = target.address(client, path)


# --- and whatever else there may be -----------------------------------------------------------------------------------

characters = st.characters(codec="utf-8") | st.sampled_from(list("\0\u202e\u200b\u0301\ufeff\U0001f468\r\n\t'\"<&=%"))
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(characters, max_size=50),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(characters, max_size=8), part, max_size=3),
    max_leaves=6,
)


@given(place=st.sampled_from(places(FORM)), by=anything)
@settings(max_examples=400, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_a_form_with_anything_anywhere_is_taken_or_refused_beside_its_field(target, place, by):
    client, body = target.front_door.as_person("senco"), json.dumps(with_spoilt(FORM, place, by))
    answer = client.post("/api/referrals", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {201, 400, 422}, answer.text
    if answer.status_code == 422:
        assert answer.json().get("errors"), answer.text
