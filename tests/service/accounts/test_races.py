"""What only two requests at once, or a forged one, can bring about."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.adapters import totp
from app.accounts.errors import AddressTaken, FactorNeeded, LinkGone, WrongCode
from app.accounts.models import MailedLink, Person, RecoveryCode, SignIn
from app.accounts.service import details, entering, joining, second_factor
from app.accounts.service import links as address_links
from app.accounts.service.links import Purpose
from app.checkout.purchases import Orders
from app.config import Settings
from app.db import db, transaction
from app.kernel.sealing import SealFor, seal_text
from app.notifications import links
from app.notifications.models import Mail
from tests.builders import NOW, all_at_once
from tests.conftest import AppMaker
from tests.pages import Visitor
from tests.people import a_person, sign_in_as


def settings_of(app: Flask) -> Settings:
    found: Settings = app.extensions["tonne.settings"]
    return found


def test_an_app_is_not_set_up_over_another_one(context: Flask) -> None:
    settings, secret = settings_of(context), totp.new_secret()
    person = a_person(totp_secret=seal_text(secret, settings.keyring, SealFor.SECOND_FACTOR), totp_confirmed_at=NOW)
    sign_in_as(context, person)
    new, sealed = second_factor.propose(person, settings)

    with pytest.raises(FactorNeeded):
        second_factor.enrol(
            person, db.session.scalars(select(SignIn.id)).one(), sealed, totp.code_at(new, NOW), settings, NOW
        )


def test_an_operators_app_stays_whoever_asks(context: Flask) -> None:
    settings, secret = settings_of(context), totp.new_secret()
    person = a_person(
        is_operator=True, totp_secret=seal_text(secret, settings.keyring, SealFor.SECOND_FACTOR), totp_confirmed_at=NOW
    )

    with pytest.raises(FactorNeeded):
        second_factor.remove(person, settings, NOW)


def test_without_an_app_no_code_is_right(context: Flask) -> None:
    settings = settings_of(context)
    person = a_person()
    sign_in_as(context, person)

    with pytest.raises(WrongCode):
        second_factor.show(person, db.session.scalars(select(SignIn.id)).one(), "123456", settings, NOW)


def test_a_link_for_a_new_address_is_of_no_use_to_somebody_else(context: Flask) -> None:
    settings = settings_of(context)
    ana, eve = a_person(), a_person("eve@example.org")
    details.ask_to_change_email(ana, "new@example.org", settings, NOW)
    token = str(links.opened(db.session.scalars(select(Mail)).one().facts)["link_url"]).rsplit("/", 1)[1]

    with pytest.raises(LinkGone):
        details.change_email(eve, token, Orders(), settings, NOW)

    # And trying it does not use it up.
    details.change_email(ana, token, Orders(), settings, NOW)
    assert db.session.get_one(Person, ana).email == "new@example.org"


def test_links_for_a_new_address_are_few(context: Flask) -> None:
    person = a_person()
    for _ in range(6):
        details.ask_to_change_email(person, "new@example.org", settings_of(context), NOW)

    assert len(db.session.scalars(select(MailedLink)).all()) == 4
    details.ask_to_change_email(person, "new@example.org", settings_of(context), NOW + timedelta(hours=1))
    assert len(db.session.scalars(select(Mail)).all()) == 5


def test_an_address_that_was_not_proved_claims_nothing(context: Flask) -> None:
    person = db.session.get_one(Person, a_person(verified_at=None))

    class Never(Orders):
        def claim(self, person_id: int, email: str) -> int:
            raise AssertionError("claimed")

    entering.claim(person, Never())


def test_of_two_that_use_one_link_one_wins(context: Flask) -> None:
    settings = settings_of(context)
    joining.ask_to_join("ana@example.org", "en", settings, NOW)
    token = str(links.opened(db.session.scalars(select(Mail)).one().facts)["link_url"]).rsplit("/", 1)[1]
    outcome = [_join(token, settings), _join(token, settings)]

    assert outcome.count("gone") == 1
    assert len(db.session.scalars(select(Person)).all()) == 1


def _join(token: str, settings: Settings) -> str:
    try:
        return joining.join(
            token,
            name="Ana",
            password="plum tractor seven oceans",
            locale="en",
            user_agent="",
            purchases=Orders(),
            settings=settings,
            now=NOW,
        )
    except LinkGone:
        return "gone"


def test_codes_that_were_sealed_under_another_key_are_not_shown(make_app: AppMaker) -> None:
    app = make_app()
    with app.app_context():
        visitor = Visitor(sign_in_as(app, a_person()))
    with visitor.client.session_transaction() as session:
        session["recovery_codes"] = "forged"

    assert "Make new codes" in visitor.get("/en/account/security/recovery-codes").html


def test_an_invitation_page_with_a_made_up_link_says_so(make_app: AppMaker) -> None:
    visitor = Visitor(make_app().test_client())
    for address in ("invitation/x", "join/x", "recover/x"):
        visitor.get(f"/en/account/{address}", 410)


def test_two_people_who_take_one_address_at_once_do_not_share_it(context: Flask) -> None:
    settings = settings_of(context)
    people = [a_person("ana@example.org"), a_person("bob@example.org")]
    with transaction():
        tokens = [address_links.issue(Purpose.EMAIL, "new@example.org", person, NOW) for person in people]

    def take(person: int, token: str | None) -> None:
        details.change_email(person, token or "", Orders(), settings, NOW)

    answers = all_at_once(context, [partial(take, person, token) for person, token in zip(people, tokens, strict=True)])

    assert sorted(type(answer) for answer in answers if answer is not None) in ([AddressTaken], [LinkGone])
    assert len(db.session.scalars(select(Person.id).where(Person.email == "new@example.org")).all()) == 1


def test_codes_that_are_renewed_several_times_at_once_are_ten(context: Flask) -> None:
    settings = settings_of(context)
    person = a_person()
    second_factor.renew_codes(person, settings, NOW)

    all_at_once(context, [partial(second_factor.renew_codes, person, settings, NOW)] * 4)

    assert len(db.session.scalars(select(RecoveryCode.id)).all()) == second_factor.CODES
