"""Faults on real parts: each ends healed, with everything arrived, proven, and as clients were told."""

import asyncio
import signal
import time

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from tests.faults.provider import Provider
from tests.faults.real import FORM, SERVICES, Client, Load, wait_until

from frontdoor.delivery.topics import topics_of
from notification.channels import ledger_counts

pytestmark = [pytest.mark.faults, pytest.mark.containers]


# --- processes --------------------------------------------------------------------------------------------------------


@pytest.mark.patient
def test_every_service_is_stopped_and_started_again_under_load_one_after_the_other(product):
    with Load(product) as load:
        load.some()
        for name in SERVICES:
            code = product[name].terminate()
            product[name].start()
            assert code in {0, -signal.SIGTERM}
        load.some()
    product.whole()


@pytest.mark.patient
def test_members_that_come_and_go_share_the_work_and_each_event_is_heard_once(product):
    with Load(product) as load:
        for number in ("2", "3"):
            others = [product.another(name, number) for name in ("triage-panel", "notification")]
            for other in others:
                other.start(ready=False)
            for other in others:
                other.wait_ready()
            load.some(1)
            for other in others:
                product.remove(other)
        load.some()
    product.whole()


@pytest.mark.patient
def test_a_member_frozen_for_longer_than_its_session_does_no_harm_when_it_wakes(product):
    other = product.another("triage-panel")
    other.start()
    with Load(product) as load:
        load.some()
        product["triage-panel"].send(signal.SIGSTOP)
        time.sleep(14)
        product["triage-panel"].send(signal.SIGCONT)
        load.some()
    product.remove(other)
    product.whole()


@pytest.mark.patient
def test_a_relay_frozen_while_it_sends_loses_the_lead_and_repeats_nothing_out_of_order(product):
    product["referral-intake"].kill()
    product["referral-intake"].start(FAILPOINT="relay.sent:3:freeze")
    other = product.another("referral-intake")
    other.start()
    with Load(product) as load:
        wait_until(lambda: product["referral-intake"].is_frozen, "the relay is frozen")
        load.some(6)
        product["referral-intake"].send(signal.SIGCONT)
        load.some()
    product.remove(other)
    product.whole()


@pytest.mark.patient
def test_what_fails_once_is_done_again(product):
    product.arm("hear.after", "fail")
    with Load(product) as load:
        product.fire()
        load.some(6)
    product.whole()


def test_a_transaction_that_stays_open_while_others_commit_is_not_stepped_over(product):
    for place in ("rows.written", "commit.before"):
        product["referral-intake"].kill()
        product["referral-intake"].start(FAILPOINT=f"{place}:3:wait=4")
        with Load(product) as load:
            load.some(8)
    product.whole()


# --- parts ------------------------------------------------------------------------------------------------------------


def test_without_kafka_people_are_answered_and_what_they_said_arrives_when_it_is_back(product):
    client = Client(product)
    with Load(product) as load:
        load.some()
        product.kafka.kill()
        product["therapy-booking"].kill()
        product["therapy-booking"].start(ready=False)
        given = [client.refer(f"without-{client.name}-{number}") for number in range(5)]
        time.sleep(8)
        product.kafka.start_again()
        load.some()
    product.whole(wait=90)

    assert all(given)


def test_postgresql_killed_in_the_middle_of_everything_has_kept_what_was_answered(product):
    with Load(product) as load:
        load.some()
        product.postgres.kill()
        time.sleep(2)
        product.postgres.start_again()
        load.some()
    product.whole()


def test_without_redis_or_with_a_silent_one_nothing_changes(product):
    with Load(product) as load:
        with product.redis.paused():
            load.some()
        product.redis.kill()
        load.some()
        product.redis.start_again()
    product.whole()


@pytest.mark.patient
def test_a_service_cut_off_from_kafka_for_longer_than_its_session_takes_up_where_it_was(product):
    other = product.another("notification")
    other.start()
    with Load(product) as load:
        load.some()
        for name in ("triage-panel", "notification"):
            product.gates[name]["kafka"].shut()
        time.sleep(12)
        for name in ("triage-panel", "notification"):
            product.gates[name]["kafka"].open()
        load.some()
    product.remove(other)
    product.whole()


@pytest.mark.patient
@pytest.mark.parametrize("part", ["postgres", "kafka", "redis"])
def test_a_network_that_lets_nothing_through_and_then_little_loses_nothing(product, part):
    with Load(product) as load:
        load.some(1)
        for gates in product.gates.values():
            gates[part].silence()
        time.sleep(4)
        for gates in product.gates.values():
            gates[part].open()
            gates[part].slow(0.05)
        load.some(2)
    product.whole()


# --- strangers and repetitions ----------------------------------------------------------------------------------------


def records(product):
    """Everything that stands in the topics: [(topic, record)]."""

    async def reading():
        names = topics_of(SERVICES)
        consumer = AIOKafkaConsumer(bootstrap_servers=product.kafka.bootstrap, enable_auto_commit=False)
        async with consumer:
            places = [TopicPartition(name, number) for name in names for number in range(6)]
            consumer.assign(places)
            ends, found = await consumer.end_offsets(places), []
            await consumer.seek_to_beginning(*places)
            while any([await consumer.position(place) < end for place, end in ends.items()]):
                for some in (await consumer.getmany(timeout_ms=500, max_records=2000)).values():
                    found += some
            return found

    return asyncio.run(reading())


def submitted(product):
    """A record of a referral that has just been sent, once the relay has brought it to its topic."""
    Client(product).case()
    found = []

    def arrived():
        found[:] = [record for record in records(product) if b"ReferralSubmitted" in record.value]
        return found

    wait_until(arrived, "a referral in its topic")
    return found[0]


def send(product, wanted):
    """Send these to the topics, as anybody could who reaches the brokers: (topic, value, key, headers)."""

    async def sending():
        async with AIOKafkaProducer(
            bootstrap_servers=product.kafka.bootstrap, max_request_size=2**22, enable_idempotence=True
        ) as producer:
            sent = [
                await producer.send(topic, value, key=key, headers=list(headers))
                for topic, value, key, headers in wanted
            ]
            await asyncio.gather(*sent)

    asyncio.run(sending())


STRANGE = (
    *(
        None,
        b"",
        b"\xff\xfe",
        b"{",
        b"null",
        b"[]",
        b'{"id": NaN}',
        b"[" * 100_000,
        b'{"version": ' + b"9" * 5000 + b"}",
    ),
    *(b"\x00" * 10, b'{"id": 1, "id": 2}', b"x" * 2_000_000),
)


def test_what_strangers_put_into_every_topic_is_parked_and_in_nobodys_way(product):
    ours = submitted(product)
    forged = ours.value.replace(b'"received_at"', b'"received_At"')
    odd = [("odd", b"\xff\xfe"), ("front-door-signature", b"\xff")]
    values = [*STRANGE, forged, ours.value]
    send(product, [(topic, value, b"k", odd) for topic in topics_of(SERVICES) for value in values])
    with Load(product) as load:
        load.some()
    said = product.whole()

    assert "from strangers parked" in said


@pytest.mark.patient
def test_everything_sent_again_in_another_order_changes_nothing_and_tells_nobody(product, chance):
    with Load(product) as load:
        load.some(6)
    product.whole()
    told = ledger_counts(product.data)
    before = {name: product.rows(name, "select count(*) from log") for name in SERVICES}
    again = [record for record in records(product) if any(name == "front-door-signature" for name, _ in record.headers)]
    chance.shuffle(again := again[-2000:] * 2)
    send(product, [(record.topic, record.value, record.key, record.headers) for record in again])
    product.whole()

    assert ledger_counts(product.data) == told
    assert {name: product.rows(name, "select count(*) from log") for name in SERVICES} == before


def test_all_topics_heard_again_from_their_first_event_change_nothing_and_tell_nobody(product):
    product.whole()
    told = ledger_counts(product.data)
    before = {name: product.rows(name, "select count(*) from log") for name in SERVICES}
    product.kill()
    for name in SERVICES:
        product.rows(name, "delete from kafka_position")
    product.whole()

    assert ledger_counts(product.data) == told
    assert {name: product.rows(name, "select count(*) from log") for name in SERVICES} == before


# --- releases ---------------------------------------------------------------------------------------------------------


@pytest.mark.patient
def test_a_later_release_beside_this_one_and_back_again_loses_nothing(product):
    later = ("referral-intake", "triage-panel", "therapy-booking")
    revisions = {name: product.rows(name, "select version_num from alembic_version")[0][0] for name in later}
    with Load(product) as load:
        load.some()
        for name in later:
            assert product[name].terminate() in {0, -signal.SIGTERM}
            # What a later release's migration does first: it adds, and takes nothing away.
            product.rows(name, "alter table answer add column added_later text")
            product.rows(name, "update alembic_version set version_num = '0999'")
            product[name].start("--later-release")
        load.some(6)
        for name in later:
            assert product[name].terminate() in {0, -signal.SIGTERM}
            product[name].start()
        load.some()
    product.whole()
    code, said = product.frontdoor("rebuild", "triage-panel", "--check")
    for name in later:
        product.rows(name, "alter table answer drop column added_later")
        product.rows(name, f"update alembic_version set version_num = '{revisions[name]}'")

    assert code == 0, said


# --- clocks -----------------------------------------------------------------------------------------------------------


def test_clocks_that_are_hours_wrong_lose_nothing_and_move_no_date(product):
    odds = {"referral-intake": 7200, "triage-panel": -7200, "therapy-booking": 300, "notification": 7200}
    for name, seconds in odds.items():
        product[name].kill()
        product[name].start("--clock", str(seconds), ready=False)
    product.wait_ready()
    with Load(product) as load:
        load.some(6)
    for name in odds:
        product[name].kill()
    product.start()
    with Load(product) as load:
        load.some()
    product.whole()

    code, said = product.frontdoor("rebuild", "triage-panel", "--check")
    assert code == 0, said


# --- the provider -----------------------------------------------------------------------------------------------------


@pytest.fixture
def provider(product):
    made = Provider(product.data)
    yield made
    made.stop()
    product["notification"].kill()
    product.heal()


def sender(product, provider, *more, **environment):
    product["notification"].kill()
    product["notification"].start("--provider", provider.address, *more, **environment)


def statuses(product):
    found = product.rows("notification", "select status, count(*) from notice group by 1")
    return dict(found)


@pytest.mark.patient
def test_a_provider_in_any_mood_takes_each_message_once_and_a_person_sees_what_it_will_not(product, provider):
    sender(product, provider)
    with Load(product) as load:
        for mood in ("busy", "fails", "lost", "refuses", "fine"):
            provider.mood = mood
            load.some(2)
            wait_until(lambda m=mood: provider.calls[m], f"it was asked while {mood}")
    product.whole()
    assert statuses(product)["permanent-failure"]
    sender(product, provider, "--clock", "30000")  # hours later, what was put off is due

    def none_waits():
        return not product.rows("notification", "select 1 from notice where state = 'delayed' limit 1")

    wait_until(none_waits, "what was put off has been sent or given to a person")
    product.whole()


@pytest.mark.patient
def test_killed_after_the_provider_took_it_a_sender_that_cannot_ask_sends_nothing_again(product, provider):
    provider.tells = False
    before = statuses(product).get("uncertain", 0)
    sender(product, provider, FAILPOINT="send.after:2")
    with Load(product) as load:
        wait_until(lambda: not product["notification"].is_running, "the sender was killed")
        sender(product, provider)
        load.some()
    product.whole()

    assert statuses(product)["uncertain"] > before


# --- the audit --------------------------------------------------------------------------------------------------------


def test_where_the_audit_cannot_be_written_nothing_is_shown_and_nobody_is_blamed(product):
    client = Client(product)
    reference = client.refer(f"audit-{client.name}")
    product.rows("referral-intake", "revoke insert on audit from referral_intake")
    try:
        refused = product.ask("senco", "GET", f"/api/referrals/{reference}")
    finally:
        product.rows("referral-intake", "grant insert on audit to referral_intake")
    shown = product.ask("senco", "GET", f"/api/referrals/{reference}")
    product.whole()

    assert (refused.status_code, shown.status_code) == (503, 200)
    assert FORM["child"]["family_name"] not in refused.text
