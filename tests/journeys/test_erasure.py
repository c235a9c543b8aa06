"""Whoever was erased is nowhere any more: in no table, parked event, file or hash; and not after a restore."""

import json
import re
import shutil
from base64 import b64encode
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import select
from typer.testing import CliRunner

from all_in_one.assembly import services
from all_in_one.testing import FrontDoor
from cli import main
from cli.rebuild import rebuild
from cli.verify import verify
from frontdoor import access
from referral_intake import concerns
from referral_intake.domain import keyed_hash, search_hashes, search_words
from referral_intake.matching import facts_of, keys_of

FORM = json.loads((Path(__file__).parent / "examples" / "referral.json").read_text())
CANARY = "Zzcanary"
IN_A_FILE = b64encode(CANARY.encode()).decode()
CHILD = FORM["child"] | {"given_name": CANARY, "family_name": f"{CANARY}son", "nhs_number": "9990123012"}
CHILD["date_of_birth"] = "2020-02-09"
CONTACT = FORM["contacts"][0] | {"name": f"{CANARY} senior", "note": CANARY}
TOLD = {"child": CHILD, "contacts": [CONTACT]} | dict.fromkeys(
    ("concern", "strengths", "child_voice", "family_voice"), CANARY
)
CONCERN = {
    "child": {"given_name": CANARY, "family_name": f"{CANARY}son"},
    "raised_on": "2026-11-02",
    "area": "communication",
    "impact": "clearly",
    "what": f"{CANARY} is not understood",
}
SCREENED = {"token": "S-22222222", "half_term": "2026-autumn-2", "year": "reception", "note": CANARY}
SCREENED |= {f"results.{domain}": "on_track" for domain in ("communication", "cognition", "emotional", "physical")}
NAMED = {"child.given_name": CANARY, "child.family_name": f"{CANARY}son"}
SEALED = re.compile(r"s1\.([A-Za-z0-9-]+)\.[A-Za-z0-9_=-]+")
NAMES_NOBODY = {
    "audit_seal": "digests of the audit, which stays",
    "kafka_position": "digests of sealed events",
    "stream_position": "digests of sealed events",
    "parked": "events, of which what is personal is sealed",
}
"""Tables with a hash or a child's id in them by which nobody can be known again."""


def in_clear(part):
    return part.decode(errors="replace") if isinstance(part, bytes) else str(part)


class Lived:
    """A child of whom a concern, two linked referrals, files, an addition, decisions and messages tell."""

    def __init__(self, folder):
        folder.mkdir()
        self.front_door = FrontDoor(folder, FORM)
        senco, triager = (self.front_door.as_person(person) for person in ("senco", "health-triager"))
        self.own, self.shared = (
            senco.post("/api/uploads", files={"file": file}).json()["upload"]
            for file in ((f"{CANARY}.txt", CANARY.encode()), ("twins.txt", b"About both twins."))
        )
        self.first = self.front_door.refer(**TOLD, evidence=[self.own, self.shared])["reference"]
        self.second = self.front_door.refer("gp", **TOLD)["reference"]
        self.other = self.front_door.refer(evidence=[self.shared])["reference"]
        match = triager.get("/api/matches").json()["matches"][0]["match"]
        triager.post(f"/api/matches/{match}", json={"same": True})
        senco.post(f"/api/referrals/{self.first}/additions", json={"text": f"More of {CANARY}"})
        self.front_door.settle()
        self.front_door.decide("health", self.first, "accept", comment=f"Agreed for {CANARY}")
        self.front_door.decide("education", self.first, "return", reason_code="incomplete", comment=CANARY)
        concern = senco.post("/api/concerns", json=CONCERN).json()["concern"]
        intake = self.front_door.assembly.parts["referral-intake"]
        with intake.work(access.of_person(intake.area.people["senco"])) as work:
            concerns.referred(work, concern, self.first)
        self._beside_the_referrals()
        self.front_door.settle()

    def _beside_the_referrals(self):
        """A screening without a flag, a form that nobody sent, an alert, and a file of nobody knows whom."""
        teacher = self.front_door.as_person("teacher")
        assert "Zzcanary" in teacher.post("/screening/new", data=SCREENED | NAMED).text
        form = str(teacher.post("/refer").url)
        for page, typed in (("danger", {"immediate_danger": "no"}), ("name", NAMED)):
            assert teacher.post(f"{form}/{page}", data=typed).is_success
        sent = FORM | TOLD | {"immediate_danger": True}
        self.alert = teacher.post("/api/referrals", json=sent).json()["alert"]
        self.front_door.as_person("care-triager").post(f"/api/alerts/{self.alert}/read", json={})
        with self.front_door.assembly.parts["referral-intake"].database.write() as session:
            session.connection().exec_driver_sql("update upload_of set child_id = '' where upload = ?", (self.own,))

    def found(self):
        """Everywhere that the child stands in clear, or sealed with a key that is still there, or can be found by."""
        return sorted({*self._in_tables(), *self._in_files()})

    def _in_tables(self):
        guesses = self._guesses()
        for name, parts in self.front_door.assembly.parts.items():
            with parts.database.read() as session:
                for table in parts.log.metadata.sorted_tables:
                    for row in session.connection().execute(select(table)):
                        text = " ".join(map(in_clear, row))
                        if self._tells(text) or any(guess in text for guess in guesses):
                            yield f"{name} {table.name}"

    def _in_files(self):
        for file in self.front_door.folder.rglob("*"):
            if file.is_file() and ".sqlite" not in file.name and self._tells(file.read_text(errors="replace")):
                yield file.name

    def _tells(self, text):
        keys = self.front_door.assembly.parts["referral-intake"].keys
        opened = [str(keys.unseal_or(sealed[0], "")) for sealed in SEALED.finditer(text)]
        return any(CANARY.lower() in said.lower() or IN_A_FILE in said for said in [text, *opened])

    def _guesses(self):
        """Hashes that whoever has the installation's secret can make of what they know of the child."""
        secret = self.front_door.assembly.secret
        by = (f"{CHILD['given_name']} {CHILD['family_name']}", date.fromisoformat(CHILD["date_of_birth"]))
        school = keyed_hash(secret, f"concern|sample-school|{' '.join(sorted(search_words(by[0])))}")
        file = keyed_hash(secret, sha256(CANARY.encode()).hexdigest())
        return {*search_hashes(secret, *by, CHILD["nhs_number"]), *keys_of(secret, facts_of(CHILD)), school, file}

    def command(self, *words, folder=None):
        """Run `frontdoor` on the folder; give what it prints."""
        env = {"FRONTDOOR_DATA": str(folder or self.front_door.folder)}
        done = CliRunner().invoke(main.app, words, env=env)
        assert done.exit_code == 0, done.output
        return done.output


@pytest.fixture
def lived(tmp_path, monkeypatch):
    monkeypatch.setattr("frontdoor.seal.REMEMBERED", 0)  # the minute for which a running service remembers a key
    made = Lived(tmp_path / "data")
    yield made
    made.front_door.assembly.close()


def audit_rows(front_door):
    """How many rows each service's audit has."""
    counts = []
    for parts in front_door.assembly.parts.values():
        with parts.database.read() as session:
            counts.append(session.connection().exec_driver_sql("select count(*) from audit").scalar())
    return counts


@pytest.mark.slow
def test_whoever_was_erased_is_nowhere_and_cannot_be_known_again(lived):
    assert len(lived.found()) > 12
    before = audit_rows(lived.front_door)

    lived.command("erasures", "erase", lived.second)

    assert lived.found() == []
    assert audit_rows(lived.front_door) == before
    listed = lived.command("erasures", "list").split()
    assert len(listed) == 7  # two linked children, a concern, a screening, a form, an alert and a file
    assert {lived.own, lived.alert} <= set(listed)
    assert not (lived.front_door.folder / "uploads" / lived.own).exists()


@pytest.mark.slow
def test_nobody_is_erased_while_the_duty_team_has_not_read_an_alert_about_them(lived):
    lived.front_door.as_person("teacher").post("/api/referrals", json=FORM | TOLD | {"immediate_danger": True, "x": 1})
    before = lived.found()

    env = {"FRONTDOOR_DATA": str(lived.front_door.folder)}
    done = CliRunner().invoke(main.app, ["erasures", "erase", lived.first], env=env)

    assert done.exit_code == 2
    assert "The duty team has not read A-" in done.output
    assert lived.found() == before


@pytest.mark.slow
def test_a_child_of_whom_there_is_only_a_screening_is_erased_by_it(lived):
    teacher = lived.front_door.as_person("teacher")
    teacher.post("/screening/new", data=SCREENED | {"token": "S-33333333"} | dict.fromkeys(NAMED, "Onlyscreened"))
    assert "Onlyscreened" in teacher.get("/screening").text

    lived.command("erasures", "erase", "S-33333333")

    assert "Onlyscreened" not in teacher.get("/screening").text
    assert CANARY in teacher.get("/screening").text


@pytest.mark.slow
def test_another_child_keeps_what_is_also_theirs(lived):
    lived.command("erasures", "erase", lived.first)

    senco = lived.front_door.as_person("senco")
    assert senco.get(f"/api/referrals/{lived.other}").json()["child"]["given_name"] == FORM["child"]["given_name"]
    assert senco.get(f"/api/referrals/{lived.other}/evidence/{lived.shared}").content == b"About both twins."


@pytest.mark.slow
def test_what_stays_is_that_there_was_somebody_and_nothing_breaks_on_it(lived):
    lived.command("erasures", "erase", lived.first)

    senco, triager = (lived.front_door.as_person(person) for person in ("senco", "health-triager"))
    for client, path in [
        (senco, f"/referrals/{lived.first}"),
        (senco, f"/records/{lived.first}"),
        (triager, f"/queues/health/{lived.first}"),
        (triager, "/queues/health"),
        (triager, "/matches"),
        (senco, "/concerns"),
        (senco, f"/api/referrals/{lived.first}/evidence/{lived.own}"),
    ]:
        answer = client.get(path)
        assert answer.status_code == (404 if "evidence" in path else 200), path
        assert CANARY not in answer.text
    assert triager.post("/api/search", json={"nhs_number": CHILD["nhs_number"]}).json() == {"children": []}
    again = lived.front_door.refer(**TOLD)["reference"]
    assert all(again not in str(match) for match in triager.get("/api/matches").json()["matches"])


@pytest.mark.slow
def test_tables_that_are_built_again_bring_nobody_back(lived):
    lived.command("erasures", "erase", lived.first)

    for name in lived.front_door.assembly.services:
        assert sum(one.different for one in rebuild(lived.front_door.assembly, name)) == 0
    assert lived.found() == []
    assert verify(lived.front_door.assembly, Console(quiet=True)) == 0


@pytest.mark.slow
def test_a_copy_that_is_put_back_is_not_proved_until_the_list_is_applied_again(lived, tmp_path):
    assembly, copy = lived.front_door.assembly, tmp_path / "copy"
    shutil.copytree(lived.front_door.folder, copy)
    lived.command("erasures", "erase", lived.first)
    listed = tmp_path / "erased.txt"
    listed.write_text(lived.command("erasures", "list"))
    assembly.close()

    for file in lived.front_door.folder.glob("keys.sqlite*"):  # the keys are newer than the tables
        shutil.copy(file, copy)
    lived.front_door = FrontDoor(copy, FORM)
    said = Console(record=True, quiet=True)
    assert verify(lived.front_door.assembly, said) == 1
    assert lived.found()

    lived.command("erasures", "apply", str(listed))

    assert lived.found() == []
    assert verify(lived.front_door.assembly, Console(quiet=True)) == 0


def test_every_table_by_which_somebody_could_be_known_again_says_how_erasing_empties_it():
    silent = [
        f"{service.name} {table.name}"
        for service in services()
        for table in service.metadata.sorted_tables
        if table.info.get("kind") == "kept"
        and {"hash", "child_id", "digest", "identity", "details"} & set(table.columns.keys())
        and not table.info.get("erased_by")
        and table.name not in NAMES_NOBODY
    ]
    assert not silent, f"Say with kept_until_erased how erasing a child empties {silent}"
