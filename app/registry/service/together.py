"""Sending several cancellations at once, where their registry takes them so.

One conversation instead of one for each, with the same three steps: the intents are committed, the call is made, the
outcomes are recorded. Only what was never sent before goes this way. What has an unknown outcome afterwards is looked
up and sent alone, so that a request that nobody can answer keeps no other waiting for good.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from app.db import advance_all, common_now, transaction
from app.kernel import checkpoints
from app.kernel.clock import Clock
from app.registry import leases
from app.registry.leases import Lease
from app.registry.models import Cancellation
from app.registry.ports import Outcome, Registries, TakesMany, Unknown
from app.registry.service.attempts import note_attempts
from app.registry.service.conversation import believed
from app.registry.service.outcomes import apply, confirm_together
from app.registry.service.planning import Due
from app.registry.service.question import Question, read_questions
from app.registry.states import CANCELLATION, CancellationState

log = logging.getLogger(__name__)

_S = CancellationState

AT_ONCE = 24  # the lines of eight orders: a web process that writes to SQLite waits for all of them


def may_go_together(due: Due, registries: Registries) -> bool:
    """Whether a due cancellation may be sent with others, as far as that is known before it is read whole."""
    is_new = due.state is _S.PLANNED and due.attempts == 0
    return is_new and registries.has(due.registry_code) and isinstance(registries.of(due.registry_code), TakesMany)


def send_together(cancellation_ids: Collection[int], registries: Registries, clock: Clock) -> frozenset[int]:
    """Ask registries that take several requests at once for planned cancellations; gives the ids of those sent.

    The others are to be pursued one by one: sent before, wanted back, of another registry or a closed one, held back by
    a restoration hold, or of an account that somebody else writes to.
    """
    sent: set[int] = set()
    for adapter in registries:
        if isinstance(adapter, TakesMany):
            sent.update(_send(adapter, sorted(set(cancellation_ids) - sent), clock))
    return frozenset(sent)


def _send(adapter: TakesMany, cancellation_ids: Sequence[int], clock: Clock) -> Collection[int]:
    now = clock.now()
    with transaction():
        begins = common_now(clock)
        wanted = [each for each in read_questions(cancellation_ids) if _may_go(each, adapter, now)]
        taken = _take_leases(adapter.name, {each.request.account for each in wanted}, begins)
        if not taken:
            return ()
        claimed = _claim([each.cancellation_id for each in wanted if each.request.account in taken], now, begins)
        questions = [each for each in wanted if each.cancellation_id in claimed]
    checkpoints.reached("cancellation.intent_committed")
    outcomes = dict(zip(claimed, _outcomes_of(adapter, questions), strict=True))
    ended_at = clock.now()
    with transaction():
        note_attempts(outcomes, "submit", now, ended_at)
        is_alone = {account: leases.give_back(lease) for account, lease in taken.items()}
        answers = [
            (question, believed(outcomes[question.cancellation_id], is_alone[question.request.account]))
            for question in questions
        ]
        confirmed = confirm_together(answers, ended_at)
        for question, outcome in answers:
            if question.cancellation_id not in confirmed:
                apply(question, outcome, ended_at, question.fence_after_sending)
    return claimed


def _may_go(question: Question, adapter: TakesMany, now: datetime) -> bool:
    is_new = question.registry_code == adapter.name and question.state is _S.PLANNED and question.attempts == 0
    return is_new and not (question.is_held or question.is_wanted_back or question.is_closed(now))


def _take_leases(registry_code: str, accounts: Collection[str], begins: datetime) -> Mapping[str, Lease]:
    """The leases that can be had, by account; in one order, so that two workers do not wait for each other."""
    found = {account: leases.take(registry_code, account, begins) for account in sorted(accounts)}
    return {account: lease for account, lease in found.items() if lease is not None}


def _claim(cancellation_ids: Sequence[int], now: datetime, begins: datetime) -> Sequence[int]:
    return sorted(
        advance_all(
            Cancellation,
            cancellation_ids,
            CANCELLATION,
            _S.PLANNED,
            _S.SENDING,
            at=now,
            unchanged={"attempts": 0},
            attempts=1,
            first_sent_at=now,
            lease_until=begins + leases.LENGTH,
            next_action_at=now + leases.LENGTH,
        )
    )


def _outcomes_of(adapter: TakesMany, questions: Sequence[Question]) -> Sequence[Outcome]:
    try:
        return adapter.submit_all([question.request for question in questions])
    except Exception:
        # As for one alone: an adapter that raises has said nothing about any effect.
        facts = {"cancellations": [question.cancellation_id for question in questions]}
        log.exception("registry adapter raised", extra={"facts": facts})
        return [Unknown("the adapter failed")] * len(questions)
