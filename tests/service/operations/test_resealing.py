"""SECRET_KEY is replaced without a loss: what was sealed, signed or mailed before goes on working."""

from __future__ import annotations

import hashlib

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import select, update

from app.accounts.models import MailedLink, Person
from app.accounts.service import joining
from app.db import db, transaction
from app.kernel.sealing import Keyring, SealFor, seal, seal_text, unseal, unseal_text
from app.notifications import links
from app.notifications.models import Mail
from app.notifications.states import MailState
from app.operations import seals
from app.providers.models import Application, Evidence, Payee, Provider
from app.providers.states import ApplicationState, PayeeState
from tests.builders import NOW
from tests.conftest import SECRET, AppMaker
from tests.people import a_person, an_organisation, sign_in_as

NEW = "7d1c0a6e94b3f2587d1c0a6e94b3f258"
FORMER = Keyring(SECRET)
PRESENT = Keyring(NEW)
IBAN = "CH9300762011623852957"


def number() -> str:
    return seal_text(IBAN, FORMER, SealFor.ACCOUNT_NUMBER)


def fill(app: Flask) -> None:
    """One of everything that is sealed, and a mail that waits and one that was sent."""
    person = a_person(totp_secret=seal_text("JBSWY3DPEHPK3PXP", FORMER, SealFor.SECOND_FACTOR))
    a_person("without@example.org")
    organisation = an_organisation(owner=person)
    settings = app.extensions["tonne.settings"]
    for address in ("new@example.org", "sent@example.org"):
        joining.ask_to_join(address, "en", settings, NOW)
    with transaction() as session:
        session.execute(update(Mail).where(Mail.recipient == "sent@example.org").values(state=MailState.SENT))
        provider = Provider(code="seller", legal_name="Seller", country="CH", is_demonstration=True)
        session.add(provider)
        session.flush()
        session.add_all(
            [
                Payee(
                    provider_id=provider.id, state=PayeeState.CURRENT, holder="S", bank="B",
                    account=number(), requested_by=person, requested_at=NOW,
                ),
                Application(
                    organisation_id=organisation, state=ApplicationState.DRAFT, locale="en", created_at=NOW,
                    payee_account=number(),
                ),
                Evidence(
                    organisation_id=organisation, kind="authority", file_name="a.pdf", media_type="application/pdf",
                    size=8, sha256="0" * 64, content=seal(b"%PDF-1.7", FORMER, SealFor.EVIDENCE), uploaded_by=person,
                    uploaded_at=NOW,
                ),
            ]
        )  # fmt: skip


def test_after_resealing_the_former_secret_is_needed_for_nothing(app: Flask, make_app: AppMaker) -> None:
    with app.app_context():
        fill(app)
    renewed = make_app(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=SECRET)

    said = renewed.test_cli_runner().invoke(args=["reseal"])

    assert said.exit_code == 0
    assert said.output.splitlines() == [
        "account numbers: 1 sealed anew, 0 were already, 0 cannot be opened",
        "account numbers of applications: 1 sealed anew, 0 were already, 0 cannot be opened",
        "documents: 1 sealed anew, 0 were already, 0 cannot be opened",
        "links of waiting mails: 1 sealed anew, 0 were already, 0 cannot be opened",
        "second factors: 1 sealed anew, 0 were already, 0 cannot be opened",
        "Everything is sealed with the present SECRET_KEY: SECRET_KEY_FALLBACKS can be emptied.",
    ]
    alone = make_app(SECRET_KEY=NEW)
    with alone.app_context():
        factor = db.session.scalars(select(Person.totp_secret).where(Person.totp_secret.is_not(None))).one()
        assert unseal_text(str(factor), PRESENT, SealFor.SECOND_FACTOR) == "JBSWY3DPEHPK3PXP"
        for column in (Payee.account, Application.payee_account):
            assert unseal_text(db.session.scalars(select(column)).one(), PRESENT, SealFor.ACCOUNT_NUMBER) == IBAN
        assert unseal(db.session.scalars(select(Evidence.content)).one(), PRESENT, SealFor.EVIDENCE) == b"%PDF-1.7"
        facts = db.session.scalars(select(Mail.facts).where(Mail.state == MailState.DUE)).one()
        assert "/account/join/" in links.opened(facts)["link_url"]
    assert "1 were already" in alone.test_cli_runner().invoke(args=["reseal"]).output


def test_the_doctor_asks_for_resealing_as_long_as_something_is_sealed_in_the_former_way(
    app: Flask, make_app: AppMaker
) -> None:
    with app.app_context():
        fill(app)
    renewed = make_app(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=SECRET)
    asked = "Documents are sealed in the former way: run flask reseal."

    assert asked in renewed.test_cli_runner().invoke(args=["doctor"]).output
    renewed.test_cli_runner().invoke(args=["reseal"])
    after = renewed.test_cli_runner().invoke(args=["doctor"]).output
    assert asked not in after
    assert "Documents can be opened." in after


def test_resealing_without_the_former_secret_changes_nothing_and_says_what_is_needed(
    app: Flask, make_app: AppMaker
) -> None:
    with app.app_context():
        fill(app)

    said = make_app(SECRET_KEY=NEW).test_cli_runner().invoke(args=["reseal"])

    assert said.exit_code == 1
    assert "documents: 0 sealed anew, 0 were already, 1 cannot be opened" in said.output
    assert "SECRET_KEY_FALLBACKS" in said.output
    with app.app_context():
        assert unseal(db.session.scalars(select(Evidence.content)).one(), FORMER, SealFor.EVIDENCE) == b"%PDF-1.7"


def test_a_seal_that_somebody_renews_meanwhile_is_theirs(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = seal_text("MFRGGZDFMZTWQ2LK", PRESENT, SealFor.SECOND_FACTOR)

    def while_another_writes(kept: str, keys: Keyring, purpose: SealFor) -> str:
        db.session.execute(update(Person).values(totp_secret=theirs).execution_options(synchronize_session=False))
        return seal_text(unseal_text(kept, keys, purpose), keys, purpose)

    monkeypatch.setattr(seals, "_anew", while_another_writes)
    with app.app_context():
        a_person(totp_secret=seal_text("JBSWY3DPEHPK3PXP", FORMER, SealFor.SECOND_FACTOR))
        report = seals.reseal(Keyring(NEW, (SECRET,)))

        assert report.anew.total() == 0
        assert db.session.scalar(select(Person.totp_secret)) == theirs


def test_links_that_were_mailed_work_whatever_becomes_of_the_secret(app: Flask, make_app: AppMaker) -> None:
    settings = app.extensions["tonne.settings"]
    with app.app_context():
        joining.ask_to_join("new@example.org", "en", settings, NOW)
        link = links.opened(db.session.scalars(select(Mail.facts)).one())["link_url"]
        assert (
            db.session.scalars(select(MailedLink.token_hash)).one()
            == hashlib.sha256(link.rsplit("/", 1)[1].encode()).hexdigest()
        )

    page = make_app(SECRET_KEY=NEW).test_client().get(link.removeprefix(settings.public_base_url))

    assert page.status_code == 200


def test_whoever_is_signed_in_stays_so_while_the_former_secret_is_read(app: Flask, make_app: AppMaker) -> None:
    with app.app_context():
        browser = sign_in_as(app, a_person())
    name = app.config["SESSION_COOKIE_NAME"]
    cookie = browser.get_cookie(name)
    assert cookie is not None
    answers = {}
    for former in (SECRET, ""):
        other = make_app(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=former).test_client()
        other.set_cookie(name, cookie.value)
        answers[former] = other.get("/en/account").status_code

    assert answers == {SECRET: 200, "": 303}


def test_the_session_is_signed_with_sha_256_and_nothing_of_sha_1_is_taken(app: Flask) -> None:
    with app.app_context():
        browser = sign_in_as(app, a_person())
        assert browser.get("/en/account").status_code == 200
        weak = SecureCookieSessionInterface().get_signing_serializer(app)
        assert weak is not None
        with browser.session_transaction() as session:
            forged = weak.dumps(dict(session))
        signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]  # ours is a cookie's
        assert signer.make_signer(signer.salt).digest_method is hashlib.sha256
    browser.set_cookie(app.config["SESSION_COOKIE_NAME"], forged)

    assert browser.get("/en/account").status_code == 303
