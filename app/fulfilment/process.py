"""A purchase's whole story after the buyer pressed the last button, top to bottom.

    notice from the gateway ─┐
    buyer comes back ────────┼─> reconcile: paid, units settled                          (checkout)
    sweeper ─────────────────┘        │
                                      v
    begin: names screened; paid -> fulfilling and cancellations planned, or held         (risk)
                                      │  holders' own units join here                    (direct)
                                      v
    cancel: each line under its own reference, several in a call where the registry can  (registry)
                                      v
    finish: certificates issued for what was cancelled; for what was refused
                                      │  the money, or other units if the buyer wants (finishing)
                                      v
    refund, render, mail: repeated until done                      (payments, certificates, mail)

The tables are the truth. `run_due` does whatever is due, in this order; a job is only a hint that
something may be, and may be lost or come twice. Every step decides by a conditional UPDATE, so any
number of workers may run it, and one that was killed is followed by the next one's look-up.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from flask import Flask, current_app

from app.certificates import service as certificates
from app.certificates.ports import CertificateRenderer, SummaryFacts
from app.checkout import facts as certificate_facts
from app.checkout import service as checkout
from app.config import Settings
from app.db import db, end_reading
from app.direct import service as direct
from app.fulfilment import disputes, late, risk
from app.fulfilment.due import look
from app.fulfilment.finishing import due_to_begin, due_to_finish, finish_order
from app.jobs import heartbeat, hold
from app.kernel.clock import Clock
from app.notifications import service as notifications
from app.notifications.ports import Mailer
from app.payments import disputes as payment_disputes
from app.payments import notices
from app.payments import service as payments
from app.payments.ports import GatewayUnavailable, PaymentGateway
from app.registry import service as registry_service
from app.registry.ports import Registries
from app.selling import service as selling

log = logging.getLogger(__name__)

MOST_ROUNDS = 50
MOST_AT_ONCE = 100
BEAT = 60.0  # seconds between signs of life, where there is more and more to do
TURN = 30.0  # seconds that one step may keep the others waiting, but for what it has begun


@dataclass(frozen=True)
class Collaborators:
    """The outside world, as this process was given it."""

    gateway: PaymentGateway
    registries: Registries
    renderer: CertificateRenderer
    mailer: Mailer
    settings: Settings
    clock: Clock
    background: tuple[Callable[[datetime], int], ...] = ()


def collaborators(app: Flask) -> Collaborators:
    """The outside world an application was made with."""
    return Collaborators(
        gateway=app.extensions["tonne.gateway"],
        registries=app.extensions["tonne.registries"],
        renderer=app.extensions["tonne.renderer"],
        mailer=app.extensions["tonne.mailer"],
        settings=app.extensions["tonne.settings"],
        clock=app.extensions["tonne.clock"],
        background=tuple(app.extensions.get("tonne.background", ())),
    )


def run_due(world: Collaborators) -> int:
    """Do everything that is due, until nothing is. Gives the number of things done.

    Raises what a step raised in the last round, when all others were taken: then no sign of life is given, and
    whoever watches sees it.
    """
    done, beats_at = 0, time.monotonic() + BEAT
    # What other steps may have made due, and need not have been due when the round began.
    following = {
        begin_orders, cancel_units, send_mails, finish_orders, finish_direct, make_refunds, render_documents,
    }  # fmt: skip
    for _round in range(MOST_ROUNDS):
        end_reading()
        due = look(world.registries, world.clock.now())
        did = 0
        failed: dict[str, Exception] = {}
        for step in (
            hear_notices,
            check_payments,
            check_disputes,
            expire_orders,
            keep_offers,
            begin_orders,
            begin_direct,
            cancel_units,
            # The receipt goes out before the certificates are drawn, the news of them after.
            send_mails,
            finish_orders,
            finish_direct,
            tell_late_buyers,
            lapse_remedies,
            make_refunds,
            render_documents,
            send_mails,
        ):
            if step.__name__ not in failed and (step.__name__ in due or (did and step in following)):
                did += _take(step, world, failed)
        did += help_adapters(world)
        done += did
        if did == 0:
            break
        if not failed and time.monotonic() >= beats_at:
            heartbeat.beat(world.clock.now())
            beats_at = time.monotonic() + BEAT
    end_reading()
    for failure in failed.values():
        raise failure
    return done


def _take(step: Callable[[Collaborators], int], world: Collaborators, failed: dict[str, Exception]) -> int:
    """Take one step. One that fails as a whole, over a row that nobody foresaw, keeps no other from its turn."""
    try:
        return step(world)
    except Exception as failure:
        log.exception("step failed", extra={"facts": {"step": step.__name__}})
        db.session.rollback()
        failed[step.__name__] = failure
        return 0


def keep_offers(world: Collaborators) -> int:
    """Open and expire offers, and let planned prices hold, whose time has come."""
    return selling.run_schedule(world.clock.now())


# --- money comes in --------------------------------------------------------------------------------


def hear_notices(world: Collaborators) -> int:
    """Act on stored webhook deliveries: look again at what they are about."""
    return _each(notices.due_notices(world.clock.now()), lambda id_: _hear(id_, world))


def _hear(delivery_id: int, world: Collaborators) -> None:
    with _or_later(notices.postpone, delivery_id, world):
        _look_into(delivery_id, world)


def _look_into(delivery_id: int, world: Collaborators) -> None:
    payment_id = notices.find_payment(delivery_id)
    refund_id = None if payment_id is not None else notices.find_refund(delivery_id)
    disputed_id = None if payment_id or refund_id else notices.find_disputed(delivery_id)
    if payment_id is not None:
        checkout.reconcile(payment_id, world.gateway, world.registries, world.settings, world.clock)
    elif refund_id is not None:
        payments.pursue_refund(refund_id, world.gateway, world.clock)
    elif disputed_id is not None:
        disputes.look_into(disputed_id, world.gateway, world.clock)
    else:
        notices.postpone(delivery_id, world.clock.now())
        return
    notices.finish(delivery_id, world.clock.now())


def check_payments(world: Collaborators) -> int:
    """Ask about payments that no notice came for: it may have been lost."""
    return _each(payments.due_payments(world.clock.now()), lambda id_: _check(id_, world))


def _check(payment_id: int, world: Collaborators) -> None:
    with _or_later(payments.check_later, payment_id, world):
        checkout.reconcile(payment_id, world.gateway, world.registries, world.settings, world.clock)


def check_disputes(world: Collaborators) -> int:
    """Ask about disputes that no notice came of for a day: it may have been lost."""
    return _each(payment_disputes.due_disputes(world.clock.now()), lambda id_: _check_disputes(id_, world))


def _check_disputes(payment_id: int, world: Collaborators) -> None:
    with _or_later(payment_disputes.check_later, payment_id, world):
        disputes.look_into(payment_id, world.gateway, world.clock)


def expire_orders(world: Collaborators) -> int:
    """Give back the units of orders that were not paid in time."""
    return _each_in_turn(
        "expire_orders",
        partial(checkout.due_orders, world.clock.now()),
        lambda id_: checkout.close_unpaid(id_, world.gateway, world.registries, world.settings, world.clock),
    )


# --- units are cancelled ---------------------------------------------------------------------------


def begin_orders(world: Collaborators) -> int:
    """Paid orders go to the registry, or wait for a person."""
    now = world.clock.now()
    return _each_in_turn("begin_orders", due_to_begin, lambda id_: risk.begin(id_, world.registries, now))


def begin_direct(world: Collaborators) -> int:
    """What holders want cancelled without a sale goes to the registry."""
    now = world.clock.now()
    return _each_in_turn("begin_direct", direct.due_to_begin, lambda id_: direct.begin(id_, world.registries, now))


def cancel_units(world: Collaborators) -> int:
    """One registry conversation for each cancellation that is due, or for several where the registry takes them."""
    due = registry_service.due_cancellations(world.clock.now())
    together = [each.id for each in due if registry_service.may_go_together(each, world.registries)]
    sent = _send_together(together, world)
    alone = {each.id: each.state for each in due if each.id not in sent}
    return len(sent) + _each(
        list(alone), lambda id_: registry_service.pursue(id_, alone[id_], world.registries, world.clock)
    )


def _send_together(planned: list[int], world: Collaborators) -> set[int]:
    """Those of them that a registry took several at a time. Where that fails, they go one by one."""
    sent: set[int] = set()
    _each_few(
        planned,
        registry_service.AT_ONCE,
        lambda ids: sent.update(registry_service.send_together(ids, world.registries, world.clock)),
    )
    return sent


# --- the order ends --------------------------------------------------------------------------------


def finish_orders(world: Collaborators) -> int:
    """Orders whose cancellations are all final get certificates for what was cancelled."""
    now = world.clock.now()
    return _each_in_turn(
        "finish_orders",
        due_to_finish,
        lambda id_: finish_order(id_, world.registries, world.settings, now),
        held_back="certificates",
    )


def finish_direct(world: Collaborators) -> int:
    """Direct cancellations that the registry has answered get their certificate, or their end."""
    return _each_in_turn(
        "finish_direct",
        direct.due_to_finish,
        lambda id_: direct.finish(id_, world.registries, world.settings, world.clock.now()),
        held_back="certificates of holders",
    )


def tell_late_buyers(world: Collaborators) -> int:
    """Past the promised time the buyer hears it from us, once."""
    now = world.clock.now()
    return _each(
        late.late_orders(world.registries, now), lambda id_: late.tell(id_, world.registries, world.settings, now)
    )


# --- money goes back, paper comes out --------------------------------------------------------------


def lapse_remedies(world: Collaborators) -> int:
    """Buyers who were offered a choice and made none get their money back."""
    now = world.clock.now()
    return _each(checkout.due_remedies(now), lambda id_: checkout.lapse(id_, world.settings, now))


def make_refunds(world: Collaborators) -> int:
    """Ask for refunds that are owed."""
    due = payments.due_refunds(world.clock.now())
    if not due or _is_held_back("refunds"):
        return 0
    return _each(due, lambda id_: payments.pursue_refund(id_, world.gateway, world.clock))


def render_documents(world: Collaborators) -> int:
    """Draw the PDFs that were asked for."""

    def summary_of(order_id: int | None) -> SummaryFacts:
        return certificate_facts.summary(order_id, world.settings)

    return _each_few(
        certificates.due_documents(world.clock.now()),
        certificates.AT_ONCE,
        lambda ids: certificates.render_documents(ids, world.renderer, summary_of, world.clock),
    )


def send_mails(world: Collaborators) -> int:
    """Hand over the mails that are due."""
    return notifications.deliver_due(world.mailer, world.clock)


def help_adapters(world: Collaborators) -> int:
    """What adapters asked to have done, such as the test gateway posting its events to our webhook."""
    done = 0
    for task in world.background:
        try:
            done += task(world.clock.now())
        except Exception:
            log.exception("adapter task failed")
    return done


def _is_held_back(what: str) -> bool:
    """Whether a restoration hold stands, so that `what` waits for people."""
    is_held_back = hold.stands()
    if is_held_back:
        log.warning("restoration hold stands", extra={"facts": {"waiting": what}})
    return is_held_back


@contextmanager
def _or_later(put_off: Callable[[int, datetime], None], id_: int, world: Collaborators) -> Iterator[None]:
    """What fails is put off, so that everything else that is due comes before it is tried again."""
    try:
        yield
    except Exception:
        put_off(id_, world.clock.now())
        raise


def _each(ids: list[int], do: Callable[[int], object]) -> int:
    """Do one thing for each id; one that fails must not keep the others waiting. False: nothing was done.

    What a turn is too short for goes on in the next one: who answers slowly keeps no other step waiting.
    Steps with nothing to do read on in one transaction; what is done begins without one.
    """
    if ids:
        end_reading()
    done, rests_at = 0, time.monotonic() + TURN
    for id_ in ids:
        try:
            done += do(id_) is not False
        except GatewayUnavailable:
            log.warning("gateway unavailable", extra={"facts": {"id": id_}})
        except Exception:
            log.exception("step failed", extra={"facts": {"id": id_}})
        finally:
            db.session.rollback()
        if time.monotonic() >= rests_at:
            break
    return done


def _each_in_turn(
    step: str, due: Callable[[int, int], list[int]], do: Callable[[int], object], held_back: str = ""
) -> int:
    """The same for what has no time of its own to be tried again at.

    Where nothing of a whole list could be done, the next one begins after it: what fails for good keeps no others
    waiting, however much of it there is. `held_back` is what of it waits for people while a restoration hold stands.
    """
    skipped: dict[str, int] = current_app.extensions.setdefault("tonne.skipped", {})
    ids = due(MOST_AT_ONCE, skipped.get(step, 0))
    if ids and held_back and _is_held_back(held_back):
        return 0
    tried: list[int] = []

    def attempt(id_: int) -> object:
        tried.append(id_)
        return do(id_)

    done = _each(ids, attempt)
    is_stuck = done == 0 and (len(ids) == MOST_AT_ONCE or len(tried) < len(ids))
    skipped[step] = skipped.get(step, 0) + len(tried) if is_stuck else 0
    return done


def _each_few(ids: list[int], most: int, do: Callable[[list[int]], object]) -> int:
    """The same for up to `most` ids at a time."""
    few = {ids[start]: ids[start : start + most] for start in range(0, len(ids), most)}
    return _each(list(few), lambda first: do(few[first]))
