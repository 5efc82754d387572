"""What lies in an account and what is promised of it: offers and cancellations draw on one pool.

A pool is the units of one issuance in one registry account. Whoever promises more of it waits for the
others at `lock`, and then compares what is promised with what the registry holds.

The registry is asked before the transaction, because no outside call is made inside one. So it is asked
in this order: first our own books, how much it has confirmed as cancelled for us, then the registry, how
much lies there. What is confirmed in between is missing in both and makes the supply look smaller; it never
looks larger than it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, select, tuple_

from app.catalog.models import Issuance
from app.db import db, end_reading, one_at_a_time
from app.kernel.serials import Span
from app.offers.errors import MoreThanHeld
from app.offers.models import Offer
from app.offers.states import CLOSED, OfferState
from app.registry.models import Cancellation
from app.registry.ports import Holding
from app.registry.states import CancellationState

Pool = tuple[str, int]  # registry account and issuance id
Holdings = Callable[[str], Sequence[Holding]]  # what the registry says lies in an account
Promises = Callable[[Sequence[Pool]], Mapping[Pool, int]]  # units promised otherwise than by offers

_other_promises: dict[str, Promises] = {}

# What a closed offer has reserved and sold stays promised; any other promises all that it offers.
_PROMISE: ColumnElement[int] = case(
    (Offer.state.in_(CLOSED), Offer.units_reserved + Offer.units_settled), else_=Offer.units_offered
)


def other_promises(name: str, promises: Promises) -> None:
    """Say what else promises units of pools: called once by each package that does, when the application is made.

    The function is called inside the transaction that holds the locks of the pools it is asked about.
    """
    _other_promises[name] = promises


@dataclass(frozen=True)
class Supply:
    """What the registry holds and what it has cancelled for us, as it was before the transaction."""

    held: Mapping[str, Sequence[Holding]]  # by account
    confirmed: Mapping[Pool, int]

    def holdings(self, account: str, serials: Span) -> list[Holding]:
        """The holdings of an account inside an issuance's serial numbers."""
        return [
            holding
            for holding in self.held[account]
            if Span(holding.space, holding.serial_first, holding.serial_last).within(serials)
        ]

    def available(self, pool: Pool, serials: Span) -> int:
        """Units (tonnes) of a pool that promises may stand on, those included that were cancelled for us."""
        held = sum(holding.available for holding in self.holdings(pool[0], serials))
        return held + self.confirmed.get(pool, 0)

    def confirmed_at(self, account: str, serials: Span) -> datetime | None:
        """When the registry said that the units lie there; None where it holds none of them."""
        return max((holding.as_of for holding in self.holdings(account, serials)), default=None)


def read_supply(accounts: Iterable[str], holdings: Holdings) -> Supply:
    """Ask for what lies in some accounts. Outside of transactions, and in the order that the module speaks of."""
    names = sorted(set(accounts))
    confirmed = {
        (account, issuance_id): int(units)
        for account, issuance_id, units in db.session.execute(
            select(Cancellation.account, Cancellation.issuance_id, func.sum(Cancellation.units))
            .where(Cancellation.account.in_(names), Cancellation.state == CancellationState.CONFIRMED)
            .group_by(Cancellation.account, Cancellation.issuance_id)
        )
    }
    end_reading()
    held = {account: holdings(account) for account in names}
    end_reading()
    return Supply(held, confirmed)


def lock(pools: Iterable[Pool]) -> None:
    """Make everybody else who promises units of these pools wait until the caller's transaction has ended.

    Taken before any row of theirs is locked, and always in the same order.
    """
    for account, issuance_id in sorted(set(pools)):
        one_at_a_time(f"pool:{issuance_id}:{account}")


def promised(pools: Iterable[Pool]) -> dict[Pool, int]:
    """Units (tonnes) promised of each pool: by its offers, and by whatever else was registered.

    A draft promises nothing. A closed offer promises what it has reserved and sold; any other all that it offers.
    """
    wanted = sorted(set(pools))
    units = dict.fromkeys(wanted, 0)
    for account, issuance_id, part in db.session.execute(
        select(Offer.account, Offer.issuance_id, func.sum(_PROMISE))
        .where(tuple_(Offer.account, Offer.issuance_id).in_(wanted), Offer.state != OfferState.DRAFT)
        .group_by(Offer.account, Offer.issuance_id)
    ):
        units[account, issuance_id] += int(part)
    for promises in _other_promises.values():
        for pool, part in promises(wanted).items():
            units[pool] += int(part)
    return units


def promise_of(offer: Offer) -> int:
    """Units (tonnes) of its pool that an offer promises."""
    if offer.state is OfferState.DRAFT:
        return 0
    return offer.units_reserved + offer.units_settled if offer.state in CLOSED else offer.units_offered


def free_units(account: str, issuance_id: int, holdings: Holdings) -> int:
    """Units (tonnes) of a pool that could be promised now. For pages; whoever promises locks and checks."""
    supply = read_supply([account], holdings)
    return free_of(account, issuance_id, supply)


def free_of(account: str, issuance_id: int, supply: Supply) -> int:
    """Units (tonnes) of a pool that could still be promised; 0 where more is promised than lies there."""
    return max(0, _unpromised(account, issuance_id, supply))


def require_free(account: str, issuance_id: int, units: int, supply: Supply, already: int = 0) -> None:
    """Refuse to promise `units` (tonnes) where fewer lie free in a pool, which the caller has locked.

    `already` of them are promised by the same offer. Raises MoreThanHeld, which says how many it may promise.
    """
    free = _unpromised(account, issuance_id, supply) + already
    if units > free:
        raise MoreThanHeld(units=units, free=max(0, free))


def _unpromised(account: str, issuance_id: int, supply: Supply) -> int:
    pool = account, issuance_id
    return supply.available(pool, serials_of(issuance_id)) - promised([pool])[pool]


def serials_of(issuance_id: int) -> Span:
    """The serial numbers of an issuance."""
    issuance = db.session.get_one(Issuance, issuance_id)
    return Span(issuance.space, issuance.serial_first, issuance.serial_last)
