"""Certificates from before the register existed stand in it like any other."""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

from sqlalchemy import delete, select

from app.certificates.models import RegisterBlock, RegisterEntry, RegisterProject, RegisterTotal, RegisterWord
from app.claims.models import WordingReview
from app.db import db
from tests.conftest import ROOT
from tests.service.certificates.issued import a_certificate
from tests.service.conftest import Shop

TABLES = (RegisterEntry, RegisterBlock, RegisterProject, RegisterTotal, RegisterWord, WordingReview)


def the_migration() -> ModuleType:
    path = ROOT / "migrations" / "versions" / "0005_public_register.py"
    spec = importlib.util.spec_from_file_location("migration_0005", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def what_is_entered() -> dict[str, set[tuple[Any, ...]]]:
    """Every row of the register's tables without the numbers that the database gives."""
    return {
        table.__tablename__: {
            tuple(str(value) for value in row)
            for row in db.session.execute(select(*(c for c in table.__table__.columns if c.name != "id")))
        }
        for table in TABLES
    }


def test_the_migration_enters_earlier_certificates_as_issuing_does(shop: Shop, monkeypatch: Any) -> None:
    a_certificate(shop, number=1, units=3, publish_name=True)
    a_certificate(shop, number=2, intent="compensation", beneficiary="Zoë", purpose="net zero", publish_name=True)
    shop.finished_order({shop.offer(number=3): 2, shop.offer(number=4): 1}, purpose="net zero", publish_name=True)
    a_certificate(shop, number=5, purpose="net zero", publish_name=False)
    migration = the_migration()
    monkeypatch.setattr(migration, "AT_ONCE", 2)

    with shop.inside():
        issued = what_is_entered()
        for table in TABLES:
            db.session.execute(delete(table))
        migration._enter_earlier_certificates(db.session.connection())  # noqa: SLF001 - what `upgrade` does last

        assert what_is_entered() == issued
        assert len(issued["wording_review"]) == 2
        db.session.rollback()


def test_an_empty_database_has_nothing_to_enter(shop: Shop) -> None:
    with shop.inside():
        the_migration()._enter_earlier_certificates(db.session.connection())  # noqa: SLF001 - as above

        assert not any(what_is_entered().values())
