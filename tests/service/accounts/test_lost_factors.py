"""`flask people reset-factors`: whoever lost every second factor gets back in by mailbox, once two made sure."""

from __future__ import annotations

from sqlalchemy import select

from app.accounts.models import Passkey, RecoveryCode
from app.audit.models import Act
from app.db import db, transaction
from tests.builders import NOW
from tests.service.accounts.entering import PASSWORD, enrolled, joined, link_in, mails_to, person_of, tries
from tests.service.conftest import Shop

ADDRESS = "ana@example.org"
REASON = "Compared with the passport of the application on the telephone; eva@ and ole@ agreed."


def reset(shop: Shop, address: str = ADDRESS, reason: str = REASON) -> tuple[int, str]:
    result = shop.app.test_cli_runner().invoke(args=["people", "reset-factors", address, "--reason", reason])
    return result.exit_code, result.output


def test_factors_and_password_go_and_only_the_mailbox_leads_back(shop: Shop) -> None:
    visitor = joined(shop)
    enrolled(shop, visitor)
    with shop.inside(), transaction() as session:
        person = person_of(ADDRESS).id
        session.add(Passkey(person_id=person, credential_id="x", credential=b"x", name="key", created_at=NOW))

    status, said = reset(shop, "Ana@example.org")

    assert (status, "http" in said) == (0, False)
    visitor.get("/en/account", 303)
    tries(shop.visitor(), ADDRESS, PASSWORD)
    mails = mails_to(shop, ADDRESS)
    assert "Your second factor was taken away" in mails[-2]
    with shop.inside():
        assert db.session.scalars(select(Passkey)).all() == []
        assert db.session.scalars(select(RecoveryCode)).all() == []
        act = db.session.scalars(select(Act).where(Act.what == "factors_reset")).one()
        assert (act.actor, act.reason) == ("command", REASON)
    link = link_in(mails[-1], "recover")
    own = shop.visitor()
    own.send(own.get(link), link, password="seven green bicycles sing")
    own.get("/en/account")


def test_nobody_and_no_reason_change_nothing(shop: Shop) -> None:
    enrolled(shop, joined(shop))

    assert reset(shop, "nobody@example.org")[0] == 1
    assert reset(shop, reason=" ")[0] == 1

    with shop.inside():
        assert person_of(ADDRESS).totp_confirmed_at is not None
