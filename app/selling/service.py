"""What a participant does with its offers, and an operator with those of participants.

An offer draws on a pool of units (`app.offers.pools`): whoever promises more of one holds the pool's lock,
then the participant's row, then the offer's row, always in this order. Nothing here touches an order: what
was ordered keeps its price, and what is held stays held until it is paid or given back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy import ColumnElement, select

from app.audit.service import Actor, Subject, note_act, required_reason
from app.catalog.models import Issuance, Project
from app.current import settings
from app.db import advance, db, end_reading, one_at_a_time, record, transaction
from app.offers import closing, pools, reasons
from app.offers import service as offers
from app.offers.models import Offer, PriceChange
from app.offers.pools import Holdings
from app.offers.search_index import note_seller
from app.offers.states import CLOSED, OFFER, OPEN, PRICE_CHANGE, UNSEEN, OfferState, PriceChangeState
from app.providers.independence import require_outsider_of
from app.providers.models import Provider
from app.providers.queries import may_offer
from app.registry.accounts import find_account_provider
from app.selling import notices
from app.selling.errors import (
    CodeUnfit,
    MayNotOffer,
    NoSuchOffer,
    OfferChangedMeanwhile,
    OfferMoved,
    OtherOwner,
    TermsUnfit,
    UnknownIssuance,
)
from app.selling.terms import Terms, fingerprint, price_problems, problems

__all__ = [
    "SWEEPER",
    "Terms",
    "approve",
    "change",
    "copy",
    "draw_up",
    "drop_planned_price",
    "freeze",
    "freeze_all",
    "freeze_project",
    "pause",
    "pause_all",
    "plan_price",
    "resume",
    "run_schedule",
    "send_back",
    "submit",
    "thaw",
    "withdraw",
]

SWEEPER = Actor(None, "sweeper")
_CODE = re.compile(r"[A-Z0-9]+(-[A-Z0-9]+)*")
_LONGEST_CODE = 60

_S = OfferState
_FREEZES = (_S.APPROVED, _S.LIVE, _S.PAUSED, _S.SOLD_OUT)
_EXPIRES = (*_FREEZES, _S.FROZEN)


def draw_up(
    provider_id: int,
    issuance_id: int,
    account: str,
    units: int,
    terms: Terms,
    actor: Actor,
    now: datetime,
    code: str = "",
) -> int:
    """Draw up an offer of `units` (tonnes), which promises nothing until it is submitted; gives its id.

    `code` is its name in files; without one it gets the next of its project. Raises UnknownIssuance,
    MayNotOffer, OtherOwner, SaleClosed, TermsUnfit or CodeUnfit.
    """
    with transaction():
        provider = lock_provider(provider_id)
        issuance = db.session.get(Issuance, issuance_id)
        if issuance is None:
            raise UnknownIssuance(issuance_id=issuance_id)
        if not may_offer(provider, issuance.project_id):
            raise MayNotOffer(provider_id=provider_id)
        if find_account_provider(account) != provider_id:
            raise OtherOwner(account=account)
        closing.require_sale(issuance_id, now)
        _require(problems(units, terms, now))
        return int(add_draft(provider, issuance, account, units, terms, actor, now, code).id)


def add_draft(
    provider: Provider,
    issuance: Issuance,
    account: str,
    units: int,
    terms: Terms,
    actor: Actor,
    now: datetime,
    code: str,
) -> Offer:
    """Add a draft inside the caller's transaction, which has judged everything but the code. Raises CodeUnfit."""
    offer = Offer(
        code=_new_code(code, issuance),
        provider_id=provider.id,
        issuance_id=issuance.id,
        account=account,
        unit_price=terms.unit_price,
        currency=settings().currency,
        units_offered=units,
        minimum_units=terms.minimum_units,
        tiers=terms.kept_tiers,
        opens_at=terms.opens_at,
        expires_at=terms.expires_at,
        texts=terms.kept_texts,
    )
    _add(offer, "offer_drawn_up", actor, now)
    return offer


def copy(offer_id: int, actor: Actor, now: datetime) -> int:
    """Draw up a new offer at the terms of another, without dates that are over; gives the new one's id.

    Raises NoSuchOffer, MayNotOffer or SaleClosed.
    """
    with transaction():
        known = _known(offer_id)
        issuance = db.session.get_one(Issuance, known.issuance_id)
        if not may_offer(lock_provider(known.provider_id), issuance.project_id):
            raise MayNotOffer(provider_id=known.provider_id)
        closing.require_sale(known.issuance_id, now)
        offer = Offer(
            code=_new_code("", issuance),
            provider_id=known.provider_id,
            issuance_id=known.issuance_id,
            account=known.account,
            unit_price=known.unit_price,
            currency=known.currency,
            units_offered=known.units_offered,
            minimum_units=known.minimum_units,
            tiers=[list(tier) for tier in known.tiers],
            opens_at=known.opens_at if known.opens_at is not None and known.opens_at > now else None,
            expires_at=known.expires_at if known.expires_at is not None and known.expires_at > now else None,
            texts=dict(known.texts),
        )
        return _add(offer, "offer_copied", actor, now, of=known.code)


def change(
    offer_id: int,
    units: int,
    terms: Terms,
    actor: Actor,
    holdings: Holdings,
    now: datetime,
    seen: str = "",
) -> bool:
    """Let an offer have other units (tonnes) and terms from now on; False where nothing differs.

    `seen` is the fingerprint of what the person saw who changes it. Orders that were placed keep their price.
    Raises NoSuchOffer, OfferMoved, OfferChangedMeanwhile, TermsUnfit, or MoreThanHeld for more units than lie free,
    and SaleClosed for any more of a mechanism whose sale has closed.
    """
    account = _account_of(offer_id)
    supply = pools.read_supply([account], holdings)
    with transaction():
        _lock_pool(offer_id)
        offer = _locked(offer_id)
        if offer.state in CLOSED:
            raise OfferMoved(state=offer.state)
        if seen and seen != fingerprint(offer.units_offered, terms_of(offer)):
            raise OfferChangedMeanwhile
        _require(problems(units, terms, now))
        _require(change_problems(offer, units, terms))
        more = units - pools.promise_of(offer)
        if more > 0:
            closing.require_sale(offer.issuance_id, now)
            pools.require_free(offer.account, offer.issuance_id, units, supply, already=pools.promise_of(offer))
        return put_terms(offer, units, terms, supply, actor, now)


def change_problems(offer: Offer, units: int, terms: Terms) -> list[TermsUnfit]:
    """What cannot be changed of an offer any more: units that are taken, and an opening that is over."""
    found = []
    if offer.state not in UNSEEN and terms.opens_at != offer.opens_at:
        found.append(TermsUnfit(field="opens_at", reason="opened"))
    taken = offer.units_reserved + offer.units_settled
    if units < taken:
        found.append(TermsUnfit(field="units", reason="below_taken", taken=taken))
    return found


def put_terms(offer: Offer, units: int, terms: Terms, supply: pools.Supply, actor: Actor, now: datetime) -> bool:
    """Let a locked offer have other units and terms inside the caller's transaction, which has judged them.

    False where nothing differs.
    """
    if units > pools.promise_of(offer):
        offer.holding_confirmed_at = supply.confirmed_at(offer.account, pools.serials_of(offer.issuance_id))
    after: dict[str, Any] = {
        "units_offered": units,
        "unit_price": terms.unit_price,
        "minimum_units": terms.minimum_units,
        "tiers": terms.kept_tiers,
        "opens_at": terms.opens_at,
        "expires_at": terms.expires_at,
        "texts": terms.kept_texts,
    }
    changed = _set(offer, after)
    if not changed:
        return False
    if changed.keys() & {"unit_price", "tiers"}:
        offers.note_new_price(offer, now)
    elif "minimum_units" in changed:
        offer.price_version += 1
    db.session.flush()
    _act(offer, "offer_changed", actor, now, changed=changed)
    offers.keep_in_step(offer.id, now)
    return True


def submit(offer_id: int, actor: Actor, holdings: Holdings, now: datetime) -> None:
    """Hand a draft in for a decision; from now on its units are promised, and nobody else can promise them.

    Raises NoSuchOffer, OfferMoved, MayNotOffer, OtherOwner, TermsUnfit, or MoreThanHeld saying what is free.
    """
    supply = pools.read_supply([_account_of(offer_id)], holdings)
    with transaction():
        _lock_pool(offer_id)
        _allowed(offer_id, now)
        offer = _locked(offer_id)
        _from(offer, _S.DRAFT)
        if find_account_provider(offer.account) != offer.provider_id:
            raise OtherOwner(account=offer.account)
        _require(problems(offer.units_offered, terms_of(offer), now))
        pools.require_free(offer.account, offer.issuance_id, offer.units_offered, supply)
        hand_in(offer, supply, actor, now)


def hand_in(offer: Offer, supply: pools.Supply, actor: Actor, now: datetime) -> None:
    """Submit a locked draft inside the caller's transaction, which has judged it."""
    offer.holding_confirmed_at = supply.confirmed_at(offer.account, pools.serials_of(offer.issuance_id))
    _act(offer, "offer_submitted", actor, now)
    _move(offer, _S.SUBMITTED, now, sources=(_S.DRAFT,), reason="")


def approve(offer_id: int, actor: Actor, holdings: Holdings, now: datetime) -> None:
    """Let an offer be sold: at once, or from its opening on.

    Raises NoSuchOffer, OfferMoved, OwnOrganisation, MayNotOffer, TermsUnfit where time or the house's rules have
    overtaken it, or MoreThanHeld where the registry holds less by now than is promised.
    """
    supply = pools.read_supply([_account_of(offer_id)], holdings)
    with transaction():
        _lock_pool(offer_id)
        _allowed(offer_id, now)
        offer = _locked(offer_id)
        _from(offer, _S.SUBMITTED)
        require_outsider_of(offer.provider_id, actor.person_id)
        _require(problems(offer.units_offered, terms_of(offer), now))
        _require_kept(offer, supply)
        offer.holding_confirmed_at = supply.confirmed_at(offer.account, pools.serials_of(offer.issuance_id))
        _act(offer, "offer_approved", actor, now)
        _move(offer, _S.APPROVED, now, sources=(_S.SUBMITTED,), reason="")
        if offer.opens_at is None or offer.opens_at <= now:
            _open(offer, now)
        notices.offers_approved([offer_id], now)


def send_back(offer_id: int, actor: Actor, reason: str, now: datetime) -> None:
    """Give a submitted offer back to its seller with the reason; its units are free again.

    Raises NoSuchOffer, OfferMoved, OwnOrganisation or ReasonMissing.
    """
    kept = required_reason(reason)
    with transaction():
        offer = _locked(offer_id)
        _from(offer, _S.SUBMITTED)
        require_outsider_of(offer.provider_id, actor.person_id)
        _act(offer, "offer_sent_back", actor, now, reason=kept)
        _move(offer, _S.DRAFT, now, sources=(_S.SUBMITTED,), reason=kept)
        notices.offer_returned(offer_id, kept, now)


def pause(offer_id: int, actor: Actor, now: datetime, reason: str = "") -> None:
    """Take an offer off sale for a while; what is held stays held. `reason` are an operator's words, if it was one.

    Raises NoSuchOffer or OfferMoved.
    """
    with transaction():
        _pause(_locked(offer_id), actor, now, reason)


def pause_all(provider_id: int, actor: Actor, now: datetime) -> int:
    """Take every offer of a participant off sale for a while; gives how many."""
    with transaction():
        found = _of_provider(provider_id, (_S.LIVE, _S.SOLD_OUT))
        for offer in found:
            _pause(offer, actor, now, "")
        return len(found)


def resume(offer_id: int, actor: Actor, now: datetime) -> None:
    """Put a paused offer back on sale.

    Raises NoSuchOffer, OfferMoved, MayNotOffer, SaleClosed, or TermsUnfit after its expiry.
    """
    with transaction():
        _allowed(offer_id, now)
        offer = _locked(offer_id)
        _from(offer, _S.PAUSED)
        _require_time_left(offer, now)
        _act(offer, "offer_resumed", actor, now)
        _move(offer, _S.LIVE, now, sources=(_S.PAUSED,), reason="")
        offers.keep_in_step(offer.id, now)


def withdraw(offer_id: int, actor: Actor, now: datetime, reason: str = "") -> None:
    """Take an offer off sale for good, at once: what is held can still be paid, the rest is free again.

    Raises NoSuchOffer, or OfferMoved where it was over before.
    """
    with transaction():
        offer = _locked(offer_id)
        _from(offer, *OPEN)
        _act(offer, "offer_withdrawn", actor, now, reason=reason)
        _move(offer, _S.WITHDRAWN, now, sources=OPEN, reason=reason or reasons.BY_SELLER)
        _drop_plans(offer.id, now)


def freeze(offer_id: int, actor: Actor, reason: str, now: datetime) -> None:
    """Take one offer off sale until somebody thaws it. Raises NoSuchOffer, OfferMoved or ReasonMissing."""
    kept = required_reason(reason)
    with transaction():
        offer = _locked(offer_id)
        _from(offer, *_FREEZES)
        _act(offer, "offer_frozen", actor, now, reason=kept)
        offers.freeze(offer_id, now, reason=kept)
        notices.offers_frozen([offer_id], kept, now)


def freeze_all(provider_id: int, reason: str, actor: Actor | None, now: datetime) -> int:
    """Take every offer of a participant off sale until somebody thaws it, inside the caller's transaction.

    `reason` is a code of `app.offers.reasons` or an operator's words; gives how many.
    """
    return _freeze_of(provider_id, reason, actor or SWEEPER, now)


def freeze_project(provider_id: int, project_id: int, reason: str, actor: Actor, now: datetime) -> int:
    """The same for its offers of one project, which it may not offer any more."""
    of_project = select(Issuance.id).where(Issuance.project_id == project_id)
    return _freeze_of(provider_id, reason, actor, now, Offer.issuance_id.in_(of_project))


def _freeze_of(provider_id: int, reason: str, actor: Actor, now: datetime, *which: ColumnElement[bool]) -> int:
    # Whoever lets one of them be sold reads what the participant may do under this row's lock.
    db.session.get_one(Provider, provider_id, with_for_update=True, populate_existing=True)
    found = _of_provider(provider_id, _FREEZES, *which)
    for offer in found:
        _act(offer, "offer_frozen", actor, now, reason=reason)
        offers.freeze(offer.id, now, reason=reason)
    notices.offers_frozen([offer.id for offer in found], reason, now)
    return len(found)


def thaw(offer_id: int, actor: Actor, holdings: Holdings, now: datetime) -> None:
    """Let a frozen offer be what it was before: the registry holds again what is promised.

    Raises NoSuchOffer, OfferMoved, OwnOrganisation, MayNotOffer, TermsUnfit after its expiry, or MoreThanHeld.
    """
    supply = pools.read_supply([_account_of(offer_id)], holdings)
    with transaction():
        _lock_pool(offer_id)
        _allowed(offer_id, now)
        offer = _locked(offer_id)
        _from(offer, _S.FROZEN)
        require_outsider_of(offer.provider_id, actor.person_id)
        _require_time_left(offer, now)
        _require_kept(offer, supply)
        offer.holding_confirmed_at = supply.confirmed_at(offer.account, pools.serials_of(offer.issuance_id))
        before = offers.state_before_freeze(offer.id)
        _act(offer, "offer_thawed", actor, now)
        if before is _S.APPROVED or before is _S.PAUSED:
            reason = reasons.BY_SELLER if before is _S.PAUSED else ""
            _move(offer, before, now, sources=(_S.FROZEN,), reason=reason)
        else:
            _move(offer, _S.LIVE, now, sources=(_S.FROZEN,), reason="")
            offers.keep_in_step(offer.id, now)


def plan_price(
    offer_id: int,
    unit_price: int,
    tiers: Sequence[Sequence[int]],
    due_at: datetime,
    actor: Actor,
    now: datetime,
) -> int:
    """Plan the price and the tiers that an offer will have from `due_at` on; gives the plan's id.

    Raises NoSuchOffer, OfferMoved, or TermsUnfit (`unit_price`, `tiers`, `due_at`).
    """
    with transaction() as session:
        offer = _locked(offer_id)
        _from(offer, *OPEN)
        _require(price_problems(unit_price, tiers, offer.minimum_units))
        if due_at <= now:
            raise TermsUnfit(field="due_at", reason="past")
        if offer.expires_at is not None and due_at >= offer.expires_at:
            raise TermsUnfit(field="due_at", reason="after_expiry")
        plan = PriceChange(
            offer_id=offer_id,
            state=PriceChangeState.PLANNED,
            unit_price=unit_price,
            tiers=[list(tier) for tier in tiers],
            due_at=due_at,
            created_by=actor.person_id,
            created_at=now,
        )
        session.add(plan)
        session.flush()
        record(PRICE_CHANGE.machine, plan.id, None, PriceChangeState.PLANNED, at=now)
        _act(
            offer, "price_planned", actor, now, unit_price=unit_price, tiers=plan.tiers, due_at=due_at.isoformat()
        )  # fmt: skip
        return int(plan.id)


def drop_planned_price(change_id: int, actor: Actor, now: datetime) -> None:
    """Take a planned price back before it is due. Raises NoSuchOffer, or OfferMoved where it is no plan any more."""
    with transaction() as session:
        plan = session.get(PriceChange, change_id)
        if plan is None:
            raise NoSuchOffer
        offer = _known(plan.offer_id)
        if not advance(PriceChange, change_id, PRICE_CHANGE, PriceChangeState.WITHDRAWN, at=now):
            raise OfferMoved(state=plan.state)
        _act(offer, "planned_price_dropped", actor, now, plan=change_id)


def run_schedule(now: datetime) -> int:
    """Do what time alone brings: offers open and expire, planned prices come to hold. Gives how many things it did."""
    expiring = _ids(select(Offer.id).where(Offer.expires_at <= now, Offer.state.in_(_EXPIRES)).order_by(Offer.id))
    closing_ids = _ids(
        select(Offer.id)
        .where(
            (Offer.state.in_(_EXPIRES) & closing.closed_offers(now))
            | ((Offer.state == _S.APPROVED) & closing.unopened_offers(now))
        )
        .order_by(Offer.id)
    )
    opening = _ids(
        select(Offer.id)
        .where(Offer.state == _S.APPROVED, Offer.opens_at.is_(None) | (Offer.opens_at <= now))
        .order_by(Offer.id)
    )
    due = _ids(
        select(PriceChange.id)
        .where(PriceChange.state == PriceChangeState.PLANNED, PriceChange.due_at <= now)
        .order_by(PriceChange.due_at, PriceChange.id)
    )
    end_reading()
    done: list[int] = [_expire(offer_id, now) for offer_id in expiring]
    done.append(_close(closing_ids, now))
    # A price that was due before the opening is the first one that anybody sees.
    done += [_apply(change_id, now) for change_id in due]
    done += [_open_when_due(offer_id, now) for offer_id in opening]
    return sum(done)


def _close(offer_ids: Sequence[int], now: datetime) -> int:
    """End the offers of a mechanism that sells nothing any more, and tell their sellers; gives how many."""
    with transaction():
        ended = []
        for offer_id in offer_ids:
            offer = _locked(offer_id)
            if offer.state in _EXPIRES:
                _move(offer, _S.EXPIRED, now, sources=_EXPIRES, reason=reasons.MECHANISM_CLOSED)
                _drop_plans(offer_id, now)
                ended.append(offer_id)
        notices.offers_ended(ended, now)
        return len(ended)


def _expire(offer_id: int, now: datetime) -> bool:
    with transaction():
        offer = _locked(offer_id)
        if offer.state not in _EXPIRES or offer.expires_at is None or offer.expires_at > now:
            return False
        _move(offer, _S.EXPIRED, now, sources=_EXPIRES, reason="")
        _drop_plans(offer_id, now)
        return True


def _open_when_due(offer_id: int, now: datetime) -> bool:
    with transaction():
        offer = _locked(offer_id)
        if offer.state is not _S.APPROVED or (offer.opens_at is not None and offer.opens_at > now):
            return False
        _open(offer, now)
        return True


def _apply(change_id: int, now: datetime) -> bool:
    with transaction() as session:
        offer = _locked(session.get_one(PriceChange, change_id).offer_id)
        plan = session.get_one(PriceChange, change_id, populate_existing=True)
        if plan.state is not PriceChangeState.PLANNED:
            return False
        unit_price, tiers = plan.unit_price, [list(tier) for tier in plan.tiers]
        # What the house allowed when the price was planned it may not allow any more.
        unfit = price_problems(unit_price, tiers, offer.minimum_units)
        is_fit = not unfit and offer.state not in CLOSED
        to = PriceChangeState.APPLIED if is_fit else PriceChangeState.WITHDRAWN
        advance(PriceChange, change_id, PRICE_CHANGE, to, at=now)
        if not is_fit:
            why = f"{unfit[0].facts['field']}: {unfit[0].facts['reason']}" if unfit else str(offer.state)
            _act(offer, "planned_price_dropped", SWEEPER, now, reason=why, plan=change_id)
        elif _set(offer, {"unit_price": unit_price, "tiers": tiers}):
            offers.note_new_price(offer, now)
        return True


def terms_of(offer: Offer) -> Terms:
    """The terms that an offer has now."""
    return Terms(
        unit_price=offer.unit_price,
        minimum_units=offer.minimum_units,
        tiers=tuple((from_units, price) for from_units, price in offer.tiers),
        opens_at=offer.opens_at,
        expires_at=offer.expires_at,
        texts=dict(offer.texts),
    )


def _add(offer: Offer, what: str, actor: Actor, now: datetime, **facts: Any) -> int:
    offer.state, offer.created_by, offer.created_at = _S.DRAFT, actor.person_id, now
    db.session.add(offer)
    db.session.flush()
    record(OFFER.machine, offer.id, None, _S.DRAFT, at=now)
    _act(offer, what, actor, now, **facts)
    return int(offer.id)


def _new_code(code: str, issuance: Issuance) -> str:
    # Whoever names another offer waits, so that no two get one name.
    one_at_a_time("offer code")
    if code:
        if len(code) > _LONGEST_CODE or not _CODE.fullmatch(code):
            raise CodeUnfit(offer_code=code, reason="form")
        if _code_is_taken(code):
            raise CodeUnfit(offer_code=code, reason="taken")
        return code
    reference = db.session.get_one(Project, issuance.project_id).reference
    stem = "-".join(re.findall(r"[A-Z0-9]+", reference.upper()))
    beginning = select(Offer.id).where(Offer.code.startswith(f"{stem}-", autoescape=True))
    numbers = count(len(db.session.scalars(beginning).all()) + 1)
    return next(name for number in numbers if not _code_is_taken(name := f"{stem}-{number}"))


def _code_is_taken(code: str) -> bool:
    return db.session.scalar(select(Offer.id).where(Offer.code == code)) is not None


def lock_provider(provider_id: int) -> Provider:
    """A participant, whose approval cannot be taken away before the caller's transaction ends."""
    return db.session.get_one(Provider, provider_id, with_for_update={"read": True}, populate_existing=True)


def _allowed(offer_id: int, now: datetime) -> None:
    """Refuse what only an approved participant with authority for the project may do, and nobody after the sale."""
    offer = _known(offer_id)
    closing.require_sale(offer.issuance_id, now)
    issuance = db.session.get_one(Issuance, offer.issuance_id)
    if not may_offer(lock_provider(offer.provider_id), issuance.project_id):
        raise MayNotOffer(provider_id=offer.provider_id)


def _account_of(offer_id: int) -> str:
    return _known(offer_id).account


def _known(offer_id: int) -> Offer:
    offer = db.session.get(Offer, offer_id)
    if offer is None:
        raise NoSuchOffer
    return offer


def _lock_pool(offer_id: int) -> None:
    # What an offer is of never changes, so this may be read before anything is locked.
    offer = _known(offer_id)
    pools.lock([(offer.account, offer.issuance_id)])


def _locked(offer_id: int) -> Offer:
    """An offer as it is now, which nobody else changes before the caller's transaction ends."""
    offer = db.session.get(Offer, offer_id, with_for_update=True, populate_existing=True)
    if offer is None:
        raise NoSuchOffer
    return offer


def _of_provider(provider_id: int, states: Sequence[OfferState], *which: ColumnElement[bool]) -> Sequence[Offer]:
    return db.session.scalars(
        select(Offer)
        .where(Offer.provider_id == provider_id, Offer.state.in_(states), *which)
        .order_by(Offer.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def _from(offer: Offer, *states: OfferState) -> None:
    if offer.state not in states:
        raise OfferMoved(state=offer.state)


def _require(found: Iterable[TermsUnfit]) -> None:
    for problem in found:
        raise problem


def _require_time_left(offer: Offer, now: datetime) -> None:
    if offer.expires_at is not None and offer.expires_at <= now:
        raise TermsUnfit(field="expires_at", reason="past")


def _require_kept(offer: Offer, supply: pools.Supply) -> None:
    """Refuse what lets an offer sell while its pool promises more than the registry holds."""
    promise = pools.promise_of(offer)
    pools.require_free(offer.account, offer.issuance_id, promise, supply, already=promise)


def _set(offer: Offer, after: dict[str, Any]) -> dict[str, Any]:
    """Set what differs; gives it with what was there before, as a trail can keep it."""
    changed = {}
    for name, value in after.items():
        before = getattr(offer, name)
        if before != value:
            setattr(offer, name, value)
            changed[name] = [_plain(before), _plain(value)]
    return changed


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _open(offer: Offer, now: datetime) -> None:
    _move(offer, _S.LIVE, now, sources=(_S.APPROVED,), reason="")
    # Only what opens becomes public, and an offer opens once.
    offers.note_price(offer, now)
    note_seller(offer)
    offers.keep_in_step(offer.id, now)


def _pause(offer: Offer, actor: Actor, now: datetime, reason: str) -> None:
    _act(offer, "offer_paused", actor, now, reason=reason)
    _move(offer, _S.PAUSED, now, sources=(_S.LIVE, _S.SOLD_OUT), reason=reason or reasons.BY_SELLER)


def _move(offer: Offer, to: OfferState, now: datetime, *, sources: tuple[OfferState, ...], reason: str) -> None:
    """Move an offer whose row the caller has locked. Raises OfferMoved where it stands elsewhere after all."""
    db.session.flush()
    facts = {"reason": reason} if reason else None
    if not advance(Offer, offer.id, OFFER, to, at=now, sources=sources, facts=facts, state_reason=reason):
        raise OfferMoved(state=offer.state)


def _drop_plans(offer_id: int, now: datetime) -> None:
    planned = select(PriceChange.id).where(
        PriceChange.offer_id == offer_id, PriceChange.state == PriceChangeState.PLANNED
    )
    for change_id in db.session.scalars(planned).all():
        advance(PriceChange, change_id, PRICE_CHANGE, PriceChangeState.WITHDRAWN, at=now)


def _act(offer: Offer, what: str, actor: Actor, now: datetime, *, reason: str = "", **facts: Any) -> None:
    note_act(actor, what, Subject("offer", offer.id, offer.code), at=now, reason=reason, facts=facts)


def _ids(statement: Any) -> Sequence[int]:
    return db.session.scalars(statement).all()
