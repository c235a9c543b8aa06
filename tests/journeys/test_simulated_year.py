"""A simulated year is lived through by the real handlers, proves itself, and shows what it cost."""

import json
import random
import re
from collections import Counter
from datetime import date, datetime, timedelta

import pytest
from nhs_number.validate import is_valid
from rich.console import Console
from typer.testing import CliRunner

from all_in_one.assembly import assemble
from all_in_one.settings import Settings
from cli import invented, main
from cli.simulate import mix, report
from cli.simulate.forms import Forms, nhs_number
from cli.simulate.run import BadWish, Clock, Cost, _progress, _told_by, wish_of
from cli.simulate.year import DAYS, Moment, Year
from frontdoor.settings import only_one
from referral_intake.commands import ReferralForm
from triage_panel import domain as triage

pytestmark = pytest.mark.slow

TODAY = date(2026, 11, 18)


def simulate(folder, *words):
    return CliRunner().invoke(main.app, ["simulate", "--area", "county", "--into", str(folder), *words])


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """Ten days of an area with twenty referrals: the folder, and what was said."""
    folder = tmp_path_factory.mktemp("simulated") / "year"
    return folder, simulate(folder, "--referrals", "20", "--days", "10")


def test_it_proves_itself_and_says_what_it_cost(lived):
    _, done = lived

    assert done.exit_code == 0, done.output
    assert ", 0 failed" in done.output
    assert re.search(r"20 referrals and [\d,]+ events \([\d.]+ a referral\) in ", done.output)
    assert re.search(r"CPU: [\d,.]+ s per 1,000 referrals", done.output)


def test_every_reference_given_out_is_in_its_journal(lived):
    folder, _ = lived
    references = (folder / "references.txt").read_text().split()

    assert len(set(references)) == len(references) == 20


def test_areas_side_by_side_live_each_in_a_folder_of_its_own_and_are_summed_up(tmp_path):
    done = simulate(tmp_path / "year", "--referrals", "7", "--days", "4", "--areas", "2")
    references = [(tmp_path / "year" / area / "references.txt").read_text().split() for area in ("1", "2")]

    assert done.exit_code == 0, done.output
    assert done.output.count(", 0 failed") == 2
    assert sorted(map(len, references)) == [3, 4]
    assert not set(references[0]) & set(references[1])
    assert re.search(r"^7 referrals and [\d,]+ events", done.output, re.MULTILINE)
    assert (tmp_path / "year" / "year.html").is_file()


def test_an_area_whose_process_ends_before_its_year_is_told_of(tmp_path):
    (tmp_path / "year" / "2").mkdir(parents=True)
    wish = wish_of("county", "max", 4, 2, 1, tmp_path / "year", None, areas=2)
    with only_one(tmp_path / "year" / "2"), pytest.raises(BadWish, match="2 has ended before its year did"):
        list(_told_by(Settings(data=tmp_path), wish.shares))


def test_it_does_not_foretell_england_from_a_handful(lived):
    _, done = lived

    assert "simulate 1,000 or more" in done.output


def test_the_mix_is_in_it_from_form_to_message(lived):
    folder, done = lived

    for what in ("referral.submit 20", "queue.decide", "pool.manage", "block.manage"):
        assert what in done.output
    assert (folder / "sent-messages.jsonl").read_text().count("\n") >= 20


def test_the_plot_asks_nobody_else_for_anything(lived):
    folder, _ = lived
    page = (folder / "year.html").read_text()

    assert page.count("<polyline") == 7
    assert not re.findall(r"(?:src|href|url\()[=\"']*\s*(?:https?:)?//", page)
    assert "<script" not in page


def test_a_folder_with_anything_in_it_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    done = simulate(tmp_path, "--referrals", "1")

    assert done.exit_code == 2
    assert "name an empty folder" in done.output
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_a_folder_that_is_served_is_refused(tmp_path):
    with only_one(tmp_path):
        assert simulate(tmp_path, "--referrals", "1").exit_code == 2


@pytest.mark.parametrize("words", [("--speed", "fast"), ("--speed", "0"), ("--speed", "nan"), ("--area", "wales")])
def test_what_it_cannot_do_it_says(tmp_path, words):
    done = simulate(tmp_path / "new", *words)

    assert done.exit_code == 2
    assert not (tmp_path / "new").exists()


def year(tmp_path, number):
    return Year(assemble(Settings(data=tmp_path), Clock()), Clock(), 5_000, random.Random(number))


def test_as_many_come_as_were_asked_for_most_of_them_on_school_days(tmp_path):
    lived = year(tmp_path, 1)
    counts = dict(zip(lived.days(), lived.arrivals(), strict=True))
    by_month = Counter({month: sum(n for day, n in counts.items() if day.month == month) for month in range(1, 13)})
    weekends = sum(n for day, n in counts.items() if day.weekday() > 4)
    lived.assembly.close()

    assert len(counts) == DAYS
    assert sum(counts.values()) == 5_000
    assert by_month[8] < by_month[11] / 3
    assert weekends < 5_000 / 20


def test_the_same_seed_makes_the_same_year(tmp_path):
    first, second, other = (year(tmp_path / name, number) for name, number in (("a", 1), ("b", 1), ("c", 2)))
    drawn = [lived.arrivals() for lived in (first, second, other)]
    for lived in (first, second, other):
        lived.assembly.close()

    assert drawn[0] == drawn[1] != drawn[2]


def test_every_form_is_one_that_the_rule_book_takes():
    forms = Forms(random.Random(1))
    sent = [forms.fill(TODAY) for _ in range(300)]

    for _, _, form in sent:
        ReferralForm.model_validate_json(json.dumps(form))
    assert {story["concern"] for _, story, _ in sent} == {story["concern"] for story in invented.STORIES}


def test_every_number_is_valid_and_never_issued_and_nobody_elses():
    numbers = [number for number in map(nhs_number, range(20_000)) if number]

    assert len(set(numbers)) == len(numbers) > 18_000
    assert all(number.startswith("999") and is_valid(number) for number in numbers)


def test_every_reason_fits_its_decision():
    for outcome, reasons in mix.REASONS.items():
        assert set(reasons) <= triage.FITTING[outcome]


def test_englands_year_is_what_was_measured_times_how_often_it_fits():
    cost = Cost(10_000, 500_000, wall=100.0, cpu=90.0, disk=10**9, proof=60.0, early=1e-4, late=2e-4)

    assert cost.lines[0].endswith("in 100.0 s: 100.0 referrals a second.")
    assert (
        "in one such process: 5.6 h, 5.0 h of CPU, 200 GB; measured on 10,000 and multiplied by 200.0" in cost.lines[2]
    )


def test_the_plot_of_a_year_in_which_nothing_happened_is_still_a_plot(tmp_path):
    began = datetime(2026, 9, 1).date()
    moments = [Moment(n, began + timedelta(days=n - 1), 0, 0, {"care": 0}, 0, 0, wall=0.0, cpu=0.0) for n in (1, 2, 3)]
    report.write(tmp_path / "deep" / "plot.html", moments, [], 0)

    assert "Every invariant holds." in (tmp_path / "deep" / "plot.html").read_text()


def test_progress_at_a_terminal_is_a_bar(tmp_path):
    say = Console(file=(tmp_path / "said").open("w+"), force_terminal=True, width=160)
    wish = wish_of("county", "max", 10, 14, 1, tmp_path, None)
    with _progress(wish, say) as show:
        show(Moment(14, TODAY, 10, 500, {"care": 3}, 2, 7, wall=2.0, cpu=1.0))
    say.file.seek(0)

    assert "5.0 a second" in say.file.read()
