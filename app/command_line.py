"""`flask …`: every command of the house. Apart from the factory, because a web server loads none of this."""

from __future__ import annotations

from flask import Flask

from app import commands, db
from app.accounts import commands as accounts
from app.catalog import commands as catalog
from app.claims import commands as claims
from app.complaints import commands as complaints
from app.demo import commands as demo
from app.fulfilment import commands as fulfilment
from app.operations import commands as operations
from app.reconciliation import commands as reconciliation
from app.registry.ledger import commands as ledger
from app.reporting import commands as registry
from app.screening import commands as screening


def init_app(app: Flask) -> None:
    """Register the commands on `flask`."""
    db.init_migrations(app)
    commands.init_app(app)
    accounts.init_app(app)
    catalog.init_app(app)
    claims.init_app(app)
    complaints.init_app(app)
    demo.init_app(app)
    fulfilment.init_app(app)
    operations.init_app(app)
    reconciliation.init_app(app)
    ledger.init_app(app)
    registry.init_app(app)
    screening.init_app(app)
