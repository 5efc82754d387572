"""A form that is sent after the sign-in ended is not lost, and is not carried out either."""

from __future__ import annotations

import importlib
from pathlib import Path

from flask_wtf import FlaskForm
from sqlalchemy import select, update
from wtforms import PasswordField
from wtforms.fields.core import UnboundField

from app.accounts.kept_form import SECRETS
from app.accounts.models import Organisation, SignIn
from app.db import db, transaction
from tests.pages import Page, Visitor
from tests.people import a_person, an_organisation, sign_in_as
from tests.service.accounts.entering import PASSWORD, joined
from tests.service.conftest import Shop

NAME = "Café “Ñandú” & <Sons>\u2028"


def signed_out_elsewhere(shop: Shop) -> None:
    """Every sign-in ends, as it does after a fortnight or from another browser."""
    with shop.inside(), transaction() as session:
        session.execute(update(SignIn).values(ended_at=shop.clock.now()))


def organisations(shop: Shop) -> list[str]:
    with shop.inside():
        return list(db.session.scalars(select(Organisation.name)))


def sends_a_name(visitor: Visitor, page: Page, status: int) -> Page:
    return visitor.read(visitor.send(page, "/organisations", status, name=NAME), status)


def test_what_was_typed_comes_back_after_signing_in_and_is_sent_only_then(shop: Shop) -> None:
    visitor = joined(shop)
    form = visitor.get("/en/account/organisations")
    signed_out_elsewhere(shop)

    kept = sends_a_name(visitor, form, 403)

    assert "Nothing was carried out." in kept.words
    assert "csrf_token" not in kept.form("/organisations").fields
    (way_in,) = [link for link in kept.links if "/account/sign-in?next=" in link]
    visitor.send(visitor.get(way_in), "/sign-in", email="ana@example.org", password=PASSWORD)
    again = visitor.read(visitor.send(kept, "/organisations", 422), 422)
    assert "Check it and send it again." in again.words
    assert again.form("/organisations").fields["name"] == NAME.strip()
    assert organisations(shop) == []
    visitor.send(again, "/organisations")
    assert organisations(shop) == [NAME.strip()]


def test_a_kept_form_offers_no_other_language_at_an_address_that_takes_only_forms(shop: Shop) -> None:
    with shop.inside():
        owner = a_person()
        an_organisation(owner=owner)
        visitor = Visitor(sign_in_as(shop.app, owner, at=shop.clock.now()))
    form = visitor.get("/en/sell/salkhit1/people")
    signed_out_elsewhere(shop)

    kept = visitor.read(visitor.send(form, "/people", 403, email="bo@example.org"), 403)

    for language in ("fr", "es"):
        (switch,) = [link for link in kept.links if link.endswith(f"switch={language}")]
        assert visitor.client.get(switch, follow_redirects=True).status_code == 200


def test_whoever_is_not_signed_in_yet_keeps_the_page(shop: Shop) -> None:
    visitor = joined(shop)
    form = visitor.get("/en/account/organisations")
    signed_out_elsewhere(shop)

    kept = sends_a_name(visitor, form, 403)

    assert visitor.read(visitor.send(kept, "/organisations", 403), 403).form("/organisations").fields == {"name": NAME}


def test_a_page_with_what_was_typed_is_kept_by_no_cache(shop: Shop) -> None:
    visitor = joined(shop)
    form = visitor.get("/en/account/organisations")
    signed_out_elsewhere(shop)

    assert visitor.send(form, "/organisations", 403, name=NAME).headers["Cache-Control"] == "no-store"


def test_nobody_elses_form_is_kept(shop: Shop) -> None:
    visitor = joined(shop)
    signed_out_elsewhere(shop)

    answer = visitor.client.post(
        "/en/account/organisations", data={"name": "Planted"}, headers={"Sec-Fetch-Site": "cross-site"}
    )

    assert answer.status_code == 400
    assert "Planted" not in answer.get_data(as_text=True)


def test_passwords_are_not_kept_and_nothing_with_them(shop: Shop) -> None:
    visitor = joined(shop)
    form = visitor.get("/en/account/security/password")
    signed_out_elsewhere(shop)

    answer = visitor.send(form, "/password", 303, present=PASSWORD, password="another long password")

    assert "/account/sign-in" in answer.headers["Location"]
    assert "another long password" not in answer.get_data(as_text=True)


def test_an_empty_form_leads_to_the_sign_in_as_a_page_does(shop: Shop) -> None:
    visitor = joined(shop)
    form = visitor.get("/en/account/organisations")
    signed_out_elsewhere(shop)

    assert "/account/sign-in" in visitor.send(form, "/organisations", 303, name="").headers["Location"]


def test_every_field_that_shows_who_somebody_is_counts_as_secret() -> None:
    modules = [importlib.import_module(".".join(path.with_suffix("").parts)) for path in Path("app").rglob("*forms.py")]
    kinds = {kind for module in modules for kind in vars(module).values() if isinstance(kind, type)}
    fields = [named for kind in kinds if issubclass(kind, FlaskForm) for named in vars(kind).items()]

    assert {name for name, field in fields if shows_who_somebody_is(field)} == {"password", "present", "code"}
    assert {"password", "present", "code"} < SECRETS


def shows_who_somebody_is(field: object) -> bool:
    if not isinstance(field, UnboundField):
        return False
    words = field.kwargs.get("render_kw") or {}
    return issubclass(field.field_class, PasswordField) or words.get("autocomplete") == "one-time-code"
