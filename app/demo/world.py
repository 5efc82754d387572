"""The demonstration world, loaded through the importers that operators use."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from app.catalog.cancellation_importer import import_cancellations
from app.catalog.importer import import_issuances, import_projects
from app.catalog.mechanisms import ensure_mechanisms
from app.checkout.models import Order
from app.current import settings
from app.db import db, end_reading
from app.kernel.csvtable import ImportReport
from app.kernel.errors import Refusal
from app.offers.importer import import_offers
from app.providers.importer import import_providers
from app.registry.ledger.importer import import_holdings
from app.registry.ports import current_registries

DATA = Path(__file__).parent / "data"


class DemoRefused(Refusal):
    """The demonstration world must not be mixed with real business; `reason` says what was found."""

    code = "demo_refused"


def load(now: datetime) -> dict[str, ImportReport]:
    """Load projects, issuances, cancellations, holdings and offers of the demonstration; a second time changes nothing.

    Raises DemoRefused when money and registry are real, or when the database has an order that
    is not a demonstration, and ImportRefused when the files contradict what is there. `now` is
    when the offers go on sale, an aware instant.
    """
    if not settings().is_demonstration:
        raise DemoRefused(reason="real_settings")
    real = db.session.scalar(select(Order.id).where(Order.is_demonstration.is_(False)).limit(1))
    end_reading()
    if real is not None:
        raise DemoRefused(reason="real_orders")
    ensure_mechanisms()
    return {
        "providers": import_providers(_text("providers"), now=now),
        "projects": import_projects(_text("projects"), now=now),
        "issuances": import_issuances(_text("issuances"), now=now),
        "cancellations": import_cancellations(_text("cancellations"), now=now),
        "holdings": import_holdings(_text("holdings"), now=now),
        "offers": import_offers(
            _text("offers"), now=now, holdings=current_registries().holdings, currency_code=settings().currency
        ),
    }


def _text(name: str) -> str:
    return (DATA / f"{name}.csv").read_text(encoding="utf-8")
