"""Receipts on five processes, in any order: what came back is for a person, what arrived stays delivered."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from tests.faults.provider import Provider
from tests.faults.real import Load, wait_until

from notification.channels import ledger_counts

pytestmark = [pytest.mark.faults, pytest.mark.containers]
FAILURES = ("temporary-failure", "permanent-failure", "technical-failure")


@pytest.fixture
def provider(product):
    """A provider with the installation's token for receipts, which notification sends through."""
    token = (product.secrets / "receipts.secret").read_text()
    made = Provider(product.data, (f"{product.address}/api/notices/receipts", token))
    through(product, made)
    yield made
    made.stop()
    product["notification"].kill()
    product.heal()


def through(product, provider):
    product["notification"].kill()
    product["notification"].start("--provider", provider.address)


def statuses(product, notices):
    rows = product.rows("notification", "select notice, status, task from notice where notice = any(%s)", notices)
    return {notice: (status, task) for notice, status, task in rows}


def meant(said):
    """Every (status, task) that a notice may end with, of which these receipts came, in whatever order."""
    if "delivered" in said:
        return {("delivered", None)}
    return {(status, "came_back") for status in said}


def test_receipts_doubled_late_forged_and_in_any_order_end_as_the_provider_meant(product, provider, chance):
    with Load(product) as load:
        load.some(4)
    product.whole()
    notices, calls = list(provider.taken), provider.calls["fine"]
    told = {notice: chance.choices(("delivered", *FAILURES), k=chance.randint(1, 3)) for notice in notices}
    receipts = [(notice, status) for notice, said in told.items() for status in said * 2]
    chance.shuffle(receipts)

    forged = {provider.receipt(notice, "permanent-failure", "00" * 32) for notice in notices}
    assert forged == {401}
    assert set(statuses(product, notices).values()) == {("delivered", None)}
    with ThreadPoolExecutor(4) as several:
        answers = list(several.map(lambda receipt: provider.tell(*receipt), receipts[::2]))
        killed = several.submit(through, product, provider)
        answers += several.map(lambda receipt: provider.tell(*receipt), receipts[1::2])
        killed.result()
    answers += [provider.tell(unknown, "delivered") for unknown in (str(uuid4()), "ZZCANARY")]
    product.whole()

    assert set(answers) == {204}
    found = statuses(product, notices)
    assert not {notice: found[notice] for notice in notices if found[notice] not in meant(told[notice])}
    assert provider.calls["fine"] == calls
    assert {ledger_counts(product.data)[notice] for notice in notices} == {1}
    kept = product.rows("notification", "select count(*) from log where position('ZZCANARY'::bytea in payload) > 0")
    assert kept == [(0,)]
    assert not any(process.says("ZZCANARY") for process in product.processes.values())


@pytest.mark.patient
@pytest.mark.parametrize(("early", "stands"), [("delivered", "delivered"), ("permanent-failure", "permanent-failure")])
@pytest.mark.parametrize("mood", ["fine", "lost"])
def test_a_receipt_that_is_faster_than_the_answer_counts_as_the_answer(product, provider, mood, early, stands):
    provider.mood, provider.early = mood, (early,)
    with Load(product) as load:
        load.some(2)
        wait_until(lambda: provider.taken, "a message was taken")
    product.whole()
    provider.early = ()

    assert {status for status, _ in statuses(product, provider.taken).values()} == {stands}
    assert {ledger_counts(product.data)[notice] for notice in provider.taken} == {1}


@pytest.mark.patient
def test_while_the_database_is_away_no_receipt_is_lost(product, provider):
    with Load(product) as load:
        load.some(2)
    product.whole()
    notices = list(provider.taken)
    product.postgres.kill()
    with ThreadPoolExecutor(4) as several:
        waiting = [several.submit(provider.tell, notice, "permanent-failure", 120) for notice in notices]
        product.postgres.start_again()
        answers = {one.result() for one in waiting}
    product.whole()

    assert answers == {204}
    assert set(statuses(product, notices).values()) == {("permanent-failure", "came_back")}
