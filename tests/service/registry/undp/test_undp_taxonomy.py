"""What each answer proves: only recorded texts that mean "nothing was made" are taken for that."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.kernel.clock import FixedClock
from app.registry.adapters.undp import UndpRegistry
from app.registry.adapters.undp_answers import Kind, classify
from app.registry.ports import Completed, Found, NotSent, Pending, RefusalCode, Refused, Unknown
from tests.undp_standin import UndpWorld
from tests.undp_standin.errand import look, run
from tests.undp_standin.world import AUTHORITY, CERTIFIER


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "Not enough credit amount available for the transfer.", Kind.INSUFFICIENT),
        (400, "project.notEnoughCreditAmount", Kind.INSUFFICIENT),
        (400, "The specified credit block does not exist.", Kind.GONE),
        (400, "The sender does not own the credit block.", Kind.GONE),
        (400, [{"property": "amount"}], Kind.INVALID),
        (400, "Unterminated string in JSON at position 18", Kind.INVALID),
        (400, "creditTransaction.unauthorized", Kind.FORBIDDEN),
        (400, "You do not have permission to retire credits.", Kind.FORBIDDEN),
        (400, "Not authorized project participant", Kind.FORBIDDEN),
        (400, "project.notOwnRetirementRequest", Kind.FORBIDDEN),
        (403, "This action is unauthorised", Kind.FORBIDDEN),
        (400, "project.creditRetirementRequestNotExists", Kind.TOO_EARLY),
        (400, "project.creditRetirementRequestNotPending", Kind.ALREADY),
        (400, "project.noPendingTransactionRecord", Kind.ALREADY),
        (400, "project.noTransactionRecord", Kind.ORPHAN),
        (401, "Unauthorized", Kind.SIGNED_OUT),
        (401, "jwt expired", Kind.SIGNED_OUT),
        (500, "Internal server error", Kind.UNKNOWN),
        (400, "a text that nobody recorded", Kind.UNKNOWN),
        (400, None, Kind.UNKNOWN),
        (403, "<html> of a proxy", Kind.UNKNOWN),
        (401, "of a proxy", Kind.UNKNOWN),
        (404, "Cannot POST /national", Kind.UNKNOWN),
        (409, "Conflict", Kind.UNKNOWN),
        (429, "Too Many Requests", Kind.UNKNOWN),
        (503, "Service Unavailable", Kind.UNKNOWN),
        (302, "Found", Kind.UNKNOWN),
        (200, "Credits", Kind.DONE),
        (201, "Credits", Kind.DONE),
    ],
)
def test_every_listed_message_has_its_meaning_and_every_other_is_unknown(
    status: int, message: object, kind: Kind
) -> None:
    assert classify(status, {"statusCode": status, "message": message}).kind is kind


@pytest.mark.parametrize("body", [None, [], "Hello National API"])
def test_a_success_that_is_no_json_is_no_success(body: object) -> None:
    assert classify(201, body).kind is (Kind.UNKNOWN if body is None else Kind.DONE)
    assert classify(400, body).kind is Kind.UNKNOWN


@pytest.mark.parametrize("fault", ["busy", "away", "odd_400_before", "error_before", "html", "other_receipt"])
def test_what_is_not_documented_to_mean_nothing_was_done_is_unknown(
    registry: UndpRegistry, world: UndpWorld, fault: str
) -> None:
    world.faults.script(fault)
    assert isinstance(registry.submit(world.request("R-1", 10)), Unknown)


def test_a_refused_connection_is_not_sent(registry: UndpRegistry, world: UndpWorld) -> None:
    world.server.unplug()
    outcome = registry.submit(world.request("R-1", 10))
    world.server.plug()
    assert isinstance(outcome, NotSent)
    assert "ConnectError" in outcome.message or "sign in" in outcome.message
    assert isinstance(registry.submit(world.request("R-1", 10)), Pending)


def test_a_token_that_ended_is_renewed_and_the_request_sent_once(registry: UndpRegistry, world: UndpWorld) -> None:
    registry.holdings("NG-DEV-1")
    world.server.expire_tokens("access")
    assert isinstance(registry.submit(world.request("R-1", 10)), Pending)
    assert world.effects("R-1").requests == 1
    assert [call.path for call in world.calls].count("/national/auth/login") == 1


def test_a_refresh_token_that_ended_too_leads_to_signing_in_again(registry: UndpRegistry, world: UndpWorld) -> None:
    registry.holdings("NG-DEV-1")
    world.server.expire_tokens("access", "refresh")
    assert isinstance(registry.submit(world.request("R-1", 10)), Pending)
    assert [call.path for call in world.calls].count("/national/auth/login") == 2


def test_signed_out_at_the_write_itself_is_sent_again_once_and_then_not_sent(
    registry: UndpRegistry, world: UndpWorld
) -> None:
    world.faults.script("signed_out")
    assert isinstance(registry.submit(world.request("R-1", 10)), Pending)
    assert world.effects("R-1").requests == 1
    world.faults.script("signed_out", "signed_out")
    assert isinstance(registry.submit(world.request("R-2", 10)), NotSent)
    assert world.effects("R-2").requests == 0


@pytest.mark.parametrize("fault", ["lose_before", "html", "error_before", "signed_out", "away", "truncate"])
def test_who_cannot_sign_in_sends_nothing(world: UndpWorld, fault: str) -> None:
    world.faults.script(fault, on="sign_in")
    registry = world.adapter()
    outcome = registry.submit(world.request("R-1", 10))
    assert isinstance(outcome, NotSent)
    assert world.writes() == []


def test_who_cannot_sign_in_again_sends_nothing(registry: UndpRegistry, world: UndpWorld) -> None:
    registry.holdings("NG-DEV-1")
    world.server.expire_tokens("access")
    world.faults.script("error_before", "error_before", on="sign_in")
    assert isinstance(registry.submit(world.request("R-1", 10)), NotSent)
    assert isinstance(registry.submit(world.request("R-1", 10)), Pending)


def test_a_password_that_is_not_accepted_sends_nothing_and_is_not_told(world: UndpWorld) -> None:
    world.rules.users.pop("dev1@example.test")
    outcome = world.adapter().submit(world.request("R-1", 10))
    assert outcome == NotSent("queryBalance: the registry did not let us sign in", timedelta(seconds=15))


@pytest.mark.parametrize("user", [CERTIFIER, AUTHORITY])
def test_a_user_of_the_wrong_company_is_a_matter_of_set_up(world: UndpWorld, user: object) -> None:
    registry = world.adapter(user=user)  # type: ignore[arg-type]  # of the same form
    outcome = registry.submit(world.request("R-1", 10))
    if user is CERTIFIER:  # may not even read
        assert isinstance(outcome, NotSent)
        assert "creditTransaction.unauthorized" in outcome.message
    else:
        assert outcome == Refused(RefusalCode.FORBIDDEN, "400 You do not have permission to retire credits.")


def test_more_than_there_is_of_the_issuance_is_refused_before_anything_is_sent(
    registry: UndpRegistry, world: UndpWorld
) -> None:
    outcome = registry.submit(world.request("R-1", 1001))
    assert outcome == Refused(RefusalCode.INSUFFICIENT, "1000 units of this issuance are there")
    assert world.writes() == []


@pytest.mark.parametrize("vintage", [2022, 2024])
def test_units_of_another_vintage_are_not_there(registry: UndpRegistry, world: UndpWorld, vintage: int) -> None:
    outcome = registry.submit(world.request("R-1", 1, vintage=vintage))
    assert isinstance(outcome, Refused)
    assert outcome.code is RefusalCode.INSUFFICIENT


def test_a_project_of_which_nothing_ever_lay_here_has_nothing_to_cancel(
    registry: UndpRegistry, world: UndpWorld
) -> None:
    outcome = registry.submit(world.request("R-1", 1, project=77))
    assert isinstance(outcome, Refused)
    assert outcome.code is RefusalCode.INSUFFICIENT


def test_another_account_is_not_ours(registry: UndpRegistry, world: UndpWorld) -> None:
    request = world.request("R-1", 1)
    object.__setattr__(request, "account", "SOMEBODY-ELSE")
    outcome = registry.submit(request)
    assert isinstance(outcome, Refused)
    assert outcome.code is RefusalCode.NOT_OWNER
    assert world.calls == []


@pytest.mark.parametrize(("reference", "units"), [("R-1", 0), ("R'1", 1), ("R_1", 1), ("R%", 1), ("", 1)])
def test_what_cannot_be_asked_for_or_searched_safely_is_never_sent(
    registry: UndpRegistry, world: UndpWorld, reference: str, units: int
) -> None:
    outcome = registry.submit(world.request(reference, units))
    assert isinstance(outcome, Refused)
    assert outcome.code is RefusalCode.INVALID
    assert world.calls == []


def test_a_body_that_the_registry_s_validation_refuses_is_our_mistake(
    registry: UndpRegistry, world: UndpWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.registry.adapters.undp_writing.TYPE", "Something else")
    outcome = registry.submit(world.request("R-1", 1))
    assert isinstance(outcome, Refused)
    assert outcome.code is RefusalCode.INVALID


def test_a_block_that_is_held_already_by_what_does_not_show_yet_is_planned_again(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    registry.submit(world.request("R-1", 600))
    outcome = registry.submit(world.request("R-2", 600))  # the balance does not show the first one yet
    assert isinstance(outcome, NotSent)
    assert "to be planned again: 400 project.notEnoughCreditAmount" in outcome.message
    clock.advance(timedelta(seconds=2))
    outcome = registry.submit(world.request("R-2", 600))
    assert isinstance(outcome, Refused)
    assert outcome.code is RefusalCode.INSUFFICIENT


def test_a_block_that_goes_between_plan_and_request_is_planned_again_and_another_taken(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    world.issue(3, 500, first=1001)
    request = world.request("R-1", 100, last=1500)
    world.server.before_writes.append(lambda: world.send_away("CA0NNN-NG-XX-3-1001", 500))
    outcome = registry.submit(request)
    assert outcome == NotSent(
        "to be planned again: 400 The sender does not own the credit block.", timedelta(seconds=15)
    )
    assert isinstance(run(registry, request, clock), Completed)
    assert world.effects("R-1").retired == 100


def test_a_block_that_is_split_between_plan_and_request_still_cancels_what_was_asked_for(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    request = world.request("R-1", 100)
    world.server.before_writes.append(lambda: world.send_away("CA0NNN-NG-XX-3-1", 300))
    outcome = run(registry, request, clock)
    assert isinstance(outcome, Completed)
    assert [(block.first, block.last) for block in outcome.result.blocks] == [(601, 700)]


def test_a_malformed_row_proves_nothing(registry: UndpRegistry, world: UndpWorld, clock: FixedClock) -> None:
    request, since = world.request("R-1", 10), clock.now()
    registry.submit(request)
    clock.advance(timedelta(seconds=2))
    world.rules.catch_up()
    for name, value in (("serial", "CA0NNN"), ("serial", "CA0NNN-NG-XX-3-9-1-2023"), ("amount", True), ("status", "")):
        right = getattr(world.rules.shown["1"], name)
        setattr(world.rules.shown["1"], name, value)
        assert not isinstance(look(registry, request, since), Found)
        setattr(world.rules.shown["1"], name, right)
    assert isinstance(look(registry, request, since), Found)
