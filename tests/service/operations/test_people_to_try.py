"""The people of the demonstration can sign in at once, and are never made where anything is real."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.accounts.adapters import passwords, totp
from app.accounts.models import Membership, Organisation, Person
from app.audit.models import Act
from app.catalog.models import Project
from app.current import settings
from app.db import db, transaction
from app.kernel.sealing import Keyring, SealFor, unseal_text
from app.providers.models import Provider
from app.providers.queries import may_offer
from tests.builders import NOW, an_offer
from tests.conftest import SECRET, AppMaker

REAL = {
    "PAYMENT_GATEWAY": "stripe",
    "STRIPE_SECRET_KEY": "rk_live_of_tests",
    "STRIPE_WEBHOOK_SECRETS": "whsec_of_tests",
    "REGISTRY_OF_RECORD_NAME": "Tonne Registry Cooperative",
}
PRINTED = r"e-mail +(\S+)\n +password +(\S+)\n +second factor +(\S+)"


def made(app: Flask) -> dict[str, tuple[str, str]]:
    """Password and second factor by address, as printed."""
    result = app.test_cli_runner().invoke(args=["demo", "people"])
    assert result.exit_code == 0, result.output
    return {email: (password, secret) for email, password, secret in re.findall(PRINTED, result.output)}


def the_person(email: str) -> Person:
    return db.session.scalars(select(Person).where(Person.email == email)).one()


def test_two_operators_an_applicant_and_a_seller_can_sign_in_as_printed(context: Flask) -> None:
    with transaction() as session:
        session.add(Provider(code="demo-seller-2", legal_name="Seller 2", country="IN", is_demonstration=True))

    keys = made(context)

    assert [email.split("@")[0] for email in keys] == ["eva", "ole", "mia", "sam"]
    for email, (password, secret) in keys.items():
        person = the_person(email)
        assert person.verified_at == person.totp_confirmed_at == NOW
        assert passwords.verify_password(password, person.password_hash or "", settings())
        assert unseal_text(person.totp_secret or "", Keyring(SECRET), SealFor.SECOND_FACTOR) == secret
        code = context.test_cli_runner().invoke(args=["demo", "code", email.upper()])
        assert code.output.strip() == totp.code_at(secret, NOW)
    assert [the_person(email).is_operator for email in keys] == [True, True, False, False]
    owner = db.session.execute(
        select(Membership.role, Person.email, Provider.code)
        .join(Person, Person.id == Membership.person_id)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .join(Provider, Provider.organisation_id == Organisation.id)
    ).one()
    assert tuple(owner) == ("owner", "sam@demo.tonne.example", "demo-seller-2")
    assert {act.actor for act in db.session.scalars(select(Act))} == {"flask demo people"}


def test_the_seller_may_offer_more_units_of_the_projects_that_are_on_offer(context: Flask) -> None:
    an_offer(number=1)
    an_offer(number=2)
    with transaction() as session:
        session.execute(update(Provider).values(code="demo-seller-2"))
        offered = session.scalars(select(Project.id)).all()

    made(context)

    provider = db.session.scalars(select(Provider)).one()
    assert all(may_offer(provider, project_id) for project_id in offered)
    assert not may_offer(provider, max(offered) + 1)


def test_a_second_time_gives_new_keys_to_the_same_people(context: Flask) -> None:
    first, second = made(context), made(context)

    assert first.keys() == second.keys()
    assert not {key for keys in first.values() for key in keys} & {key for keys in second.values() for key in keys}
    assert db.session.query(Person).count() == 4


def test_a_code_is_told_for_nobody_else(context: Flask) -> None:
    for email in ("jane@example.org", "eva@demo.tonne.example"):  # not one of them; not made yet
        result = context.test_cli_runner().invoke(args=["demo", "code", email])
        assert (result.exit_code, "none of the people" in result.output) == (1, True)


@pytest.mark.parametrize("command", [["people"], ["code", "eva@demo.tonne.example"]])
def test_where_anything_is_real_nobody_is_made_and_nothing_is_told(make_app: AppMaker, command: list[str]) -> None:
    app = make_app(**REAL)
    with app.app_context():
        result = app.test_cli_runner().invoke(args=["demo", *command])

        assert (result.exit_code, "are real here" in result.output) == (1, True)
        assert db.session.query(Person).count() == 0
