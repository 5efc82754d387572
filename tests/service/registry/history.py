"""The CDM registry from 18 September 2016 to 22 September 2017, happening again in this shop.

`Replay` puts the real issuances into catalogue and ledger at the instants at which they were issued, sells what the
platform sold as orders that are paid and fulfilled, and has holders cancel what they cancelled directly. Simplified:
one participant holds everything, in one account for each project; every unit costs USD 1.26, the average of
the year; monitoring periods that the lists do not give are those of the commitment period.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import cast

from sqlalchemy import select

from app.catalog.importer import import_issuances, import_projects
from app.catalog.mechanisms import ensure_mechanisms
from app.catalog.models import Issuance
from app.checkout import service as checkout
from app.db import db
from app.direct import service as direct
from app.fulfilment.process import Collaborators, run_due
from app.kernel.clock import FixedClock
from app.kernel.serials import Span
from app.offers.importer import import_offers
from app.offers.models import Offer
from app.providers.importer import import_providers
from app.registry.ledger.importer import import_holdings
from app.registry.ledger.rules import share_of
from tests import people
from tests.builders import a_basket, gateway_of, look_again, place
from tests.service.direct.asking import WISH
from tests.service.selling.conftest import claim_project

DATA = Path(__file__).parents[2] / "data" / "cdm_registry"
FROM, UNTIL = "2016-09-18", "2017-09-23"
PRICE = "1.26"
# Hosts whose issuances pay no share to the Adaptation Fund.
LEAST_DEVELOPED = {"BD", "ET", "MW", "NP", "RW", "UG", "ZM"}
MONITORED = {"1": ("2000-01-01", "2012-12-31"), "2": ("2013-01-01", "2017-08-31")}

Row = dict[str, str]


@dataclass(frozen=True)
class Event:
    """One transaction of the real registry: its blocks, all of one instant and one channel."""

    at: datetime
    channel: str
    blocks: tuple[Row, ...]


def rows_of(name: str) -> list[Row]:
    """A file of the registry's public lists."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def cancelled_rows() -> list[Row]:
    """Every block that was cancelled by then, with the channel as the report counts it."""
    overrides = {(row["completed_at"], row["serial_start"]): row["channel"] for row in rows_of("channel_overrides.csv")}
    rows = rows_of("registry_cancellations_to_2017-09-22.csv")
    for row in rows:
        row["channel"] = overrides.get((row["completed_at"], row["serial_start"]), row["channel"])
    return rows


def events(channel: str) -> list[Event]:
    """The transactions of one channel in the period, oldest first."""
    of_period = [r for r in cancelled_rows() if FROM <= r["completed_at"] < UNTIL and r["channel"] == channel]
    return [
        Event(instant(at), channel, tuple(blocks)) for at, blocks in groupby(of_period, lambda row: row["completed_at"])
    ]


def instant(text: str) -> datetime:
    """An instant of the registry's lists, which are in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span_of(row: Row) -> Span:
    """The serial numbers of a row."""
    return Span(row["registry_project_id"][:2], int(row["serial_start"]), int(row["serial_end"]))


@dataclass
class Replay:
    """One shop in which the period happens again. Use inside an application context."""

    world: Collaborators
    orders: list[int] = field(default_factory=list)
    directs: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._issuances = rows_of("replayed_issuances.csv")
        self._to_come = list(self._issuances)
        # Thousands of spans, of which every issuance looks for its own.
        self._elsewhere = [
            span_of(row) for row in cancelled_rows() if row["completed_at"] < FROM or row["channel"] == "ctx"
        ]
        self._sold = [span_of(block) for event in events("platform") for block in event.blocks]
        self._claimed: set[str] = set()
        self._ids: dict[Span, tuple[int, int | None]] = {}
        ensure_mechanisms()
        import_providers("code,legal_name,country,is_demonstration\nseller,Replayed holder,CH,yes\n", now=self._now)
        self._actor = people.actor_of(people.a_person("holder@example.org"))
        self._organisation_id = people.an_organisation(seller=self._actor.person_id or 0)
        self._provider_id = people.a_participant(self._organisation_id)

    @property
    def _now(self) -> datetime:
        return self.world.clock.now()

    def play(self, transactions: Sequence[Event]) -> None:
        """Let everything happen that happened, in that order and at those instants."""
        for transaction in sorted(transactions, key=lambda event: event.at):
            cast(FixedClock, self.world.clock).advance(transaction.at - self._now)
            self._issue()
            if transaction.channel == "platform":
                self._buy(transaction)
            else:
                self._cancel(transaction)
            run_due(self.world)

    def _buy(self, transaction: Event) -> None:
        """One purchase: a line for each block, paid and fulfilled."""
        wanted: dict[int, int] = defaultdict(int)
        for block in transaction.blocks:
            wanted[self._offer_of(block)] += int(block["units"])
        order_id = place(self.world.settings, a_basket(wanted, now=self._now), now=self._now)
        checkout.start_payment(order_id, self.world.gateway, self.world.settings, self.world.clock)
        gateway_of(self.world).pay()
        look_again(self.world, order_id)
        self.orders.append(order_id)

    def _cancel(self, transaction: Event) -> None:
        """What a holder cancelled: one cancellation for each issuance, because a certificate names one."""
        for number, block in enumerate(transaction.blocks):
            issuance_id, _offer_id = self._ids[self._issuance_of(block)]
            facts = {"account": account_of(block), "issuance_id": issuance_id, "units": int(block["units"])}
            self.directs.append(
                direct.place(
                    self._provider_id,
                    direct.Wish(**WISH | facts),
                    once=f"{transaction.at.isoformat()}-{number}",
                    consent_version="test",
                    consent_text="It cannot be undone.",
                    locale="en",
                    is_demonstration=self.world.settings.is_demonstration,
                    actor=self._actor,
                    holdings=self.world.registries.holdings,
                    now=self._now,
                )
            )

    def _offer_of(self, block: Row) -> int:
        _issuance_id, offer_id = self._ids[self._issuance_of(block)]
        assert offer_id is not None
        return offer_id

    def _issuance_of(self, block: Row) -> Span:
        return next(span for span in self._ids if span_of(block).within(span))

    # --- what the registry issued ------------------------------------------------------------------

    def _issue(self) -> None:
        """Enter what has been issued by now: project, issuance, what the holder has of it, and what is for sale."""
        issued = [row for row in self._to_come if instant(row["completed_at"]) <= self._now]
        if not issued:
            return
        self._to_come = [row for row in self._to_come if row not in issued]
        now = self._now
        import_projects(_table(PROJECT, {_project(row) for row in issued}), now=now)
        for reference in sorted({row["registry_project_id"] for row in issued} - self._claimed):
            claim_project(self._organisation_id, reference, self._actor.person_id or 0)
            self._claimed.add(reference)
        import_issuances(_table(ISSUANCE, [_issuance(row) for row in issued]), now=now)
        import_holdings(_table(HOLDING, [line for row in issued for line in self._holdings(row)]), now=now)
        offers = [line for row in issued for line in self._offers(row)]
        if offers:
            import_offers(_table(OFFER, offers), now=now, holdings=self.world.registries.holdings, currency_code="USD")
        for row in issued:
            self._ids[span_of(row)] = self._find(row)

    def _find(self, row: Row) -> tuple[int, int | None]:
        span = span_of(row)
        issuance_id = db.session.scalars(
            select(Issuance.id).where(Issuance.space == span.space, Issuance.serial_first == span.first)
        ).one()
        return issuance_id, db.session.scalar(select(Offer.id).where(Offer.issuance_id == issuance_id))

    def cancelled_elsewhere(self, row: Row) -> list[Span]:
        """What was cancelled of an issuance before the period, and in it by the other marketplace."""
        issued = span_of(row)
        return sorted(gone for gone in self._elsewhere if gone.within(issued))

    def share(self, row: Row) -> int:
        """How many units of an issuance, the lowest ones, are the Adaptation Fund's."""
        issued = span_of(row)
        return 0 if issued.space in LEAST_DEVELOPED else share_of(issued.units, 200)

    def _holdings(self, row: Row) -> Iterator[tuple[object, ...]]:
        """An issuance without its share for adaptation and without what was cancelled elsewhere."""
        issued = span_of(row)
        first = issued.first + self.share(row)
        for gone in [*self.cancelled_elsewhere(row), Span(issued.space, issued.last + 1, issued.last + 1)]:
            if first < gone.first:
                yield (
                    account_of(row), "seller", row["registry_project_id"], row["unit_type"], row["commitment_period"],
                    issued.space, first, gone.first - 1,
                )  # fmt: skip
            first = gone.last + 1

    def _offers(self, row: Row) -> Iterator[tuple[object, ...]]:
        """What the platform sold of an issuance is offered, and no more: the rest is for the holder to cancel."""
        issued = span_of(row)
        sold = sum(block.units for block in self._sold if block.within(issued))
        if sold:
            code = f"{row['registry_project_id']}-{row['serial_start']}"
            yield (
                code, "seller", row["registry_project_id"], row["registry_project_id"][:2], row["serial_start"],
                account_of(row), sold, PRICE, "USD",
            )  # fmt: skip


PROJECT = "reference,title,kind,project_type,host_parties,region,is_least_developed"
ISSUANCE = (
    "project,unit_type,commitment_period,originating_party,serial_first,serial_last,units,completed_at,"
    "monitoring_starts_on,monitoring_ends_on"
)
HOLDING = "account,provider,project,unit_type,commitment_period,originating_party,serial_first,serial_last"
OFFER = "code,provider,project,originating_party,serial_first,account,units,unit_price,currency"


def account_of(row: Row) -> str:
    """The account in which the units of a project lie."""
    return f"CDM-100-{row['registry_project_id'].split('-')[1]}"


def _project(row: Row) -> tuple[object, ...]:
    reference = row["registry_project_id"]
    least = "yes" if reference[:2] in LEAST_DEVELOPED else "no"
    return (reference, f"Project {reference}", "PA", "Wind", reference[:2], "Asia and the Pacific", least)


def _issuance(row: Row) -> tuple[object, ...]:
    span = span_of(row)
    monitored_from, monitored_to = MONITORED[row["commitment_period"]]
    return (
        row["registry_project_id"], row["unit_type"], row["commitment_period"], span.space, span.first, span.last,
        row["units"], row["completed_at"] + "Z", monitored_from, min(monitored_to, row["completed_at"][:10]),
    )  # fmt: skip


def _table(header: str, rows: Sequence[tuple[object, ...]] | set[tuple[object, ...]]) -> str:
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"
