"""The mechanisms whose units can be traded, as data."""

from __future__ import annotations

from app.catalog.models import Mechanism, UnitType
from app.db import db, insert_once, transaction

CDM = "CDM"

# Unit type and its code in the Kyoto exchange standard (shared/domain.md 4.1).
_CDM_UNITS = {"CER": 5, "tCER": 6, "lCER": 7}


def ensure_mechanisms() -> bool:
    """Write the CDM and its unit types unless they are there; True if anything was written."""
    with transaction():
        written = insert_once(
            Mechanism,
            code=CDM,
            name="Clean Development Mechanism",
            registry_name="CDM registry",
            registry_url="",
            sales_close_at=None,
            last_order_at=None,
            ends_at=None,
            period_kind="commitment_period",
            space_form="{party}",
            serial_form="{party}-{kyoto}-{serial}-{period}-{period}-{lulucf}-{project}",
        )
        for code, kyoto_code in _CDM_UNITS.items():
            if db.session.get(UnitType, code) is None:
                db.session.add(UnitType(code=code, mechanism_code=CDM, kyoto_code=kyoto_code))
                written = True
    return written
