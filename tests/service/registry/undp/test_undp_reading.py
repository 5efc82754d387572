"""Holdings and statement, what the registry and its public log are told, and the limits of every call."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.catalog import number_forms
from app.config import BadSettings, Settings
from app.kernel.clock import FixedClock
from app.registry.adapters import make_registries
from app.registry.adapters.undp import UndpRegistry
from app.registry.adapters.undp_client import Credential, Limits
from app.registry.leases import LENGTH
from app.registry.ports import Completed, NotSent, Pending, RegistryUnavailable, Unavailable, Unknown
from tests.builders import NOW
from tests.undp_standin import UndpWorld
from tests.undp_standin.errand import look, run
from tests.undp_standin.world import ACCOUNT, AUTHORITY, HOLDER, QUICK, UNIT_TYPE

NEEDED = {"SECRET_KEY": "s" * 32, "TESTPAY_SECRET": "t" * 32}


def test_holdings_are_the_blocks_with_what_is_not_reserved_of_them(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    world.issue(12, 50, first=1, vintage=2021)
    world.issue(12, 50, first=51, vintage=2022, owner=3)
    registry.submit(world.request("R-1", 10))
    clock.advance(timedelta(seconds=2))
    held = registry.holdings(ACCOUNT)
    assert [
        (h.project_reference, h.space, h.vintage_year, h.serial_first, h.serial_last, h.available) for h in held
    ] == [("NG-12", "CA0NNN-NG-XX-12", 2021, 1, 50, 50), ("NG-3", "CA0NNN-NG-XX-3", 2023, 1, 1000, 990)]
    assert {(h.account, h.unit_type, h.commitment_period, h.as_of) for h in held} == {
        (ACCOUNT, UNIT_TYPE, None, clock.now())
    }


def test_more_blocks_than_fit_a_page_are_all_held(clock: FixedClock) -> None:
    with UndpWorld(clock) as world:
        for number in range(230):
            world.issue(3, 1, first=number + 1)
        assert len(world.adapter().holdings(ACCOUNT)) == 230


def test_another_account_holds_nothing_here(registry: UndpRegistry, world: UndpWorld) -> None:
    assert registry.holdings("SOMEBODY-ELSE") == []
    assert registry.statement("SOMEBODY-ELSE", NOW) == []
    assert world.calls == []


def test_a_registry_that_does_not_answer_holds_neither_much_nor_little(
    registry: UndpRegistry, world: UndpWorld
) -> None:
    for _ in range(2):
        world.faults.script("error_before", on="reads")
        with pytest.raises(RegistryUnavailable, match="queryBalance: 500 Internal server error"):
            registry.holdings(ACCOUNT)
    world.faults.script("away", on="reads")
    with pytest.raises(RegistryUnavailable, match="queryRetirements: 503"):
        registry.statement(ACCOUNT, NOW)


def test_a_list_whose_total_and_rows_differ_was_changed_while_it_was_read(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    since = clock.now()
    registry.submit(world.request("R-1", 10))
    true = world.rules.query

    def torn(user: object, what: str, body: dict[str, object]) -> dict[str, object]:
        found = true(user, what, body)  # type: ignore[arg-type]  # any of the kinds
        return {**found, "total": found["total"] + (what == "queryRetirements")}

    monkeypatch.setattr(world.rules, "query", torn)
    assert look(registry, world.request("R-1", 10), since) == Unavailable(
        "the registry's list changed while it was read"
    )


def test_the_catalogue_s_forms_express_how_this_registry_numbers(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    outcome = run(registry, world.request("R-1", 25), clock)
    assert isinstance(outcome, Completed)
    (block,) = outcome.result.blocks
    (held,) = registry.holdings(ACCOUNT)
    named = {"party": "NG", "project": "3", "vintage": "2023"}
    assert number_forms.fill("{party}-{project}", named) == held.project_reference
    assert number_forms.fill("CA0NNN-{party}-XX-{project}", named) == held.space
    form = "CA0NNN-{party}-XX-{project}-{serial}-{serial}-{vintage}"
    assert number_forms.read(form, block.text_first) == {**named, "serial": str(block.first)}
    assert number_forms.read(form, block.text_last) == {**named, "serial": str(block.last)}


# --- the statement --------------------------------------------------------------------------------


def test_the_statement_has_one_line_for_each_reference_with_the_time_of_acceptance(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    world.issue(3, 500, first=1001)
    accepted = {}
    for reference, units in (("R-1", 5), ("R-2", 1200), ("R-3", 5)):
        assert isinstance(run(registry, world.request(reference, units, last=1500), clock), Completed)
        accepted[reference] = max(
            int(entry["createdTime"]) for entry in world.rules.log if entry["logType"] == "RETIRE_APPROVED"
        )
        clock.advance(timedelta(hours=1))
    registry.submit(world.request("R-4", 7, last=1500))
    clock.advance(timedelta(seconds=2))
    lines = registry.statement(ACCOUNT, NOW)
    assert [(line.reference, line.result.units) for line in lines] == [("R-1", 5), ("R-2", 1200), ("R-3", 5)]
    assert [round(line.result.completed_at.timestamp() * 1000) for line in lines] == list(accepted.values())
    assert len(lines[1].result.blocks) == 2
    for line, units in zip(lines, (5, 1200, 5), strict=True):
        assert line.result.contradiction(world.request("-", units, last=1500)) is None


def test_the_statement_leaves_out_only_what_was_certainly_accepted_before(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    for reference, units in (("R-1", 5), ("R-2", 6)):
        assert isinstance(run(registry, world.request(reference, units), clock), Completed)
    clock.advance(timedelta(hours=1))
    since = clock.now()
    assert registry.statement(ACCOUNT, since) == []
    assert isinstance(run(registry, world.request("R-3", 5), clock), Completed)
    # R-1 may have been the five units that were accepted just now.
    assert {line.reference for line in registry.statement(ACCOUNT, since)} == {"R-1", "R-3"}


def test_the_statement_shows_what_was_retired_without_us_and_what_the_log_forgot(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    world.ask_by_hand(world.request("-", 9), "CA0NNN-NG-XX-3-1", "by hand, for a friend")
    clock.advance(timedelta(seconds=2))
    world.decide_one("ACCEPT", "1")
    world.rules.log = [entry for entry in world.rules.log if entry["logType"] != "RETIRE_APPROVED"]
    clock.advance(timedelta(hours=1))
    (line,) = registry.statement(ACCOUNT, clock.now())
    assert (line.reference, line.result.units, line.result.registry_transaction) == (None, 9, "1")
    assert line.result.completed_at < NOW + timedelta(seconds=2)  # when it was shown: nothing else is known


# --- what is told to whom ---------------------------------------------------------------------------


def test_the_public_log_learns_the_reference_and_nothing_of_the_buyer(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    outcome = run(registry, world.request("R-1", 10, beneficiary="Zoë Example"), clock)
    assert isinstance(outcome, Completed)
    assert "Zoë" not in str(world.rules.log)
    assert "private" not in str(world.rules.log)
    assert world.rules.shown["1"].organisation == "Zoë Example"
    assert "Zoë" not in str(outcome.result.evidence)


def test_a_cancellation_without_a_beneficiary_names_none(registry: UndpRegistry, world: UndpWorld) -> None:
    registry.submit(world.request("R-1", 10, beneficiary=""))
    assert "organizationName" not in world.writes()[0].body
    assert world.writes()[0].body == {
        "blockId": "CA0NNN-NG-XX-3-1",
        "amount": 10,
        "retirementType": "Voluntary Cancellations",
        "subType": "Voluntary Cancellations",
        "remarks": "[R-1/1/10]",
    }


def test_no_secret_is_shown_by_a_repr_or_told_to_a_log(
    registry: UndpRegistry, world: UndpWorld, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings.from_environment(NEEDED | world.settings())
    credential = Credential(HOLDER.email, HOLDER.password)
    with caplog.at_level("DEBUG"):
        registry.holdings(ACCOUNT)
        world.faults.script("lose_before")
        outcome = registry.submit(world.request("R-1", 10))
    said = repr(settings) + repr(credential) + repr(vars(registry)) + repr(outcome) + caplog.text
    for secret in (HOLDER.password, AUTHORITY.password, "access.", "refresh.", "Bearer"):
        assert secret not in said


# --- time and size ------------------------------------------------------------------------------------


def test_whatever_a_call_does_has_ended_long_before_the_lease_and_the_window() -> None:
    limits = Limits()
    assert limits.call < limits.whole
    # A call begins only while it can end in time; an answer that trickles is given up after one more read.
    longest = timedelta(seconds=limits.whole + limits.read)
    assert longest < LENGTH
    assert longest + timedelta(seconds=20) < UndpWorld(FixedClock(NOW)).adapter().capabilities.settle


def test_without_time_left_nothing_is_sent(world: UndpWorld) -> None:
    hasty = world.adapter(limits=Limits(connect=1, write=1, read=1, whole=2))
    outcome = hasty.submit(world.request("R-1", 10))
    assert isinstance(outcome, NotSent)
    assert world.calls == []


def test_an_answer_that_is_too_long_proves_nothing(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    since = clock.now()
    assert isinstance(registry.submit(world.request("R-1", 10)), Pending)
    monkeypatch.setattr("app.registry.adapters.undp_client.LARGEST_ANSWER", 100)
    assert isinstance(look(registry, world.request("R-1", 10), since), Unavailable)


def test_an_answer_that_comes_too_late_is_unknown(registry: UndpRegistry, world: UndpWorld) -> None:
    world.faults.script("slow")
    outcome = registry.submit(world.request("R-1", 10))
    assert outcome == Unknown("no answer: ReadTimeout")


# --- settings -------------------------------------------------------------------------------------------


def test_settings_alone_connect_to_it(world: UndpWorld, clock: FixedClock) -> None:
    settings = Settings.from_environment(NEEDED | world.settings() | {"REGISTRIES": "ledger,undp"})
    registry = make_registries(settings, clock).of("undp")
    assert registry.display_name == "National Carbon Registry"
    assert registry.promised_within == timedelta(days=1)
    assert registry.capabilities.pending_alarm == timedelta(minutes=10)
    assert not registry.is_registry_of_record  # on loopback it is a simulation
    assert [holding.available for holding in registry.holdings(ACCOUNT)] == [1000]
    without = Settings.from_environment(NEEDED | world.settings(authority=False))
    assert UndpRegistry.from_settings(without, clock).capabilities.pending_alarm == timedelta(days=1)


def test_an_original_is_a_registry_of_record(clock: FixedClock) -> None:
    registry = UndpRegistry(
        clock,
        url="https://registry.example",
        account=ACCOUNT,
        holder=Credential("", ""),
        authority=None,
        display_name="",
        unit_type="",
        promised_within=timedelta(days=1),
        limits=QUICK,
    )
    assert registry.is_registry_of_record


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"UNDP_URL": "http://registry.example"}, "UNDP_URL must be https, or on loopback"),
        ({"UNDP_URL": "https://registry.example/national"}, "UNDP_URL must be an http or https address without a path"),
        ({"UNDP_NAME": "", "UNDP_PASSWORD": ""}, "UNDP_NAME, UNDP_PASSWORD must be set when UNDP_URL is"),
        ({"UNDP_AUTHORITY_PASSWORD": ""}, "UNDP_AUTHORITY_USERNAME and UNDP_AUTHORITY_PASSWORD must be set together"),
        ({"UNDP_URL": "", "REGISTRIES": "ledger,undp"}, "UNDP_URL must be set when REGISTRIES names undp"),
        ({"UNDP_URL": ""}, "must be empty when UNDP_URL is"),
        ({"UNDP_PROMISE_MINUTES": "0"}, "UNDP_PROMISE_MINUTES must be a whole number of at least 1"),
    ],
)
def test_settings_that_contradict_each_other_are_named(world: UndpWorld, changes: dict[str, str], problem: str) -> None:
    with pytest.raises(BadSettings, match=problem):
        Settings.from_environment(NEEDED | world.settings() | changes)
