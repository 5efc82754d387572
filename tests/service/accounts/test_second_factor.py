"""The second factor: set up with a code, asked for after the password, and never shown twice with one code."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from app.accounts.models import RecoveryCode, SignIn
from app.accounts.service import second_factor as factors
from app.audit.models import Act
from app.db import db
from tests.service.accounts.entering import (
    PASSWORD,
    code,
    enrolled,
    joined,
    link_in,
    mails_to,
    person_of,
    signed_in,
    tries,
)
from tests.service.conftest import Shop


def test_a_second_factor_is_set_up_with_its_first_code_and_ten_recovery_codes_are_shown_once(shop: Shop) -> None:
    visitor = joined(shop)
    page = visitor.get("/en/account/second-factor")
    assert "<svg" in page.html
    assert "otpauth://totp/" in page.html

    secret, codes = enrolled(shop, visitor)

    assert len(set(codes)) == 10
    assert not any(one in visitor.get("/en/account/security/recovery-codes").words for one in codes)
    with shop.inside():
        person = person_of("ana@example.org")
        assert person.totp_secret is not None
        assert secret not in person.totp_secret
        kept = db.session.scalars(select(RecoveryCode.code_hash)).all()
        assert len(kept) == 10
        assert not set(codes) & set(kept)
        assert "second_factor_set" in db.session.scalars(select(Act.what)).all()
    assert "An authenticator app was set up" in mails_to(shop, "ana@example.org")[-1]


def test_a_wrong_first_code_sets_nothing_up_and_keeps_the_secret_on_the_page(shop: Shop) -> None:
    visitor = joined(shop)
    page = visitor.get("/en/account/second-factor")
    again = visitor.read(visitor.send(page, "/second-factor", 422, code="000000"), 422)

    assert "not right" in again.error_at("code")
    assert again.form("/second-factor").fields["secret"] == page.form("/second-factor").fields["secret"]


def test_a_secret_that_was_proposed_to_somebody_else_is_not_taken(shop: Shop) -> None:
    with shop.inside() as world:
        _secret, sealed = factors.propose(77, world.settings)
        assert factors.proposed_secret(77, sealed, world.settings)
        assert factors.proposed_secret(78, sealed, world.settings) is None
        assert factors.proposed_secret(77, "forged", world.settings) is None


def test_after_the_password_nothing_opens_before_the_code(shop: Shop) -> None:
    secret, _codes = enrolled(shop, joined(shop))
    visitor = shop.visitor()
    assert tries(visitor, "ana@example.org", PASSWORD, 303, next="/en/account/details") == (
        "/en/account/second-factor?next=/en/account/details"
    )
    for address in ("/en/account", "/en/account/security", "/en/account/details"):
        assert "/second-factor?next=" in visitor.client.get(address).headers["Location"]

    form = visitor.get("/en/account/second-factor?next=/en/account/details")
    assert "<svg class" not in form.html.split("<main", 1)[1].split("</main", 1)[0]
    answer = visitor.send(form, "/second-factor", code=code(shop, secret))

    assert answer.headers["Location"] == "/en/account/details"
    visitor.get("/en/account/details")


def test_a_code_works_once(shop: Shop) -> None:
    secret, _codes = enrolled(shop, joined(shop))
    first, second = signed_in(shop), signed_in(shop)
    shown = code(shop, secret)
    first.send(first.get("/en/account/second-factor"), "/second-factor", code=shown)

    second.send(second.get("/en/account/second-factor"), "/second-factor", 422, code=shown)
    shop.clock.advance(timedelta(seconds=30))
    second.send(second.get("/en/account/second-factor"), "/second-factor", code=code(shop, secret))


def test_the_code_of_the_first_set_up_does_not_work_again(shop: Shop) -> None:
    secret, _codes = enrolled(shop, joined(shop))
    shop.clock.advance(timedelta(seconds=-60))
    visitor = signed_in(shop)

    visitor.send(visitor.get("/en/account/second-factor"), "/second-factor", 422, code=code(shop, secret))


def test_a_clock_may_be_thirty_seconds_wrong_and_no_more(shop: Shop) -> None:
    secret, _codes = enrolled(shop, joined(shop))
    shown = code(shop, secret)
    shop.clock.advance(timedelta(seconds=60))
    late = signed_in(shop)
    late.send(late.get("/en/account/second-factor"), "/second-factor", 422, code=shown)
    shown = code(shop, secret)
    shop.clock.advance(timedelta(seconds=30))

    late.send(late.get("/en/account/second-factor"), "/second-factor", code=f" {shown[:3]} {shown[3:]} ")


def test_a_recovery_code_works_once_and_its_owner_is_told(shop: Shop) -> None:
    _secret, codes = enrolled(shop, joined(shop))
    first, second = signed_in(shop), signed_in(shop)
    first.send(first.get("/en/account/second-factor"), "/second-factor", code=codes[0].lower().replace("-", " "))

    second.send(second.get("/en/account/second-factor"), "/second-factor", 422, code=codes[0])
    assert "One of your recovery codes was used" in mails_to(shop, "ana@example.org")[-1]
    assert "9 recovery codes are left" in first.get("/en/account/security").words


def test_new_recovery_codes_end_the_old_ones(shop: Shop) -> None:
    visitor = joined(shop)
    _secret, codes = enrolled(shop, visitor)
    page = visitor.get("/en/account/security/recovery-codes")
    visitor.send(page, "/recovery-codes")
    other = signed_in(shop)

    other.send(other.get("/en/account/second-factor"), "/second-factor", 422, code=codes[0])


def test_guessing_codes_locks_even_who_knows_the_password(shop: Shop) -> None:
    secret, _codes = enrolled(shop, joined(shop))
    for _ in range(5):
        visitor = signed_in(shop)
        visitor.send(visitor.get("/en/account/second-factor"), "/second-factor", 422, code="000000")

    page = visitor.read(
        visitor.send(visitor.get("/en/account/second-factor"), "/second-factor", 422, code=code(shop, secret)), 422
    )
    assert "too many were tried" in page.error_at("code")
    other = signed_in(shop)
    other.send(other.get("/en/account/second-factor"), "/second-factor", 422, code=code(shop, secret))


def test_recovering_the_password_does_not_take_the_second_factor_away(shop: Shop) -> None:
    enrolled(shop, joined(shop))
    visitor = shop.visitor()
    visitor.send(visitor.get("/en/account/recover"), "/recover", email="ana@example.org")
    link = link_in(mails_to(shop, "ana@example.org")[-1], "recover")
    visitor.send(visitor.get(link), link, password="seven green bicycles sing")

    assert "/second-factor" in visitor.client.get("/en/account").headers["Location"]


def test_the_second_factor_goes_after_asking_and_never_for_an_operator(shop: Shop) -> None:
    visitor = joined(shop)
    enrolled(shop, visitor)
    form = visitor.get("/en/account/security/second-factor/remove")
    with shop.inside():
        person_of("ana@example.org").is_operator = True
        db.session.commit()
    visitor.send(form, "/remove")
    visitor.get("/en/account/security/second-factor/remove", 303)
    with shop.inside():
        assert person_of("ana@example.org").totp_confirmed_at is not None
        person_of("ana@example.org").is_operator = False
        db.session.commit()

    visitor.send(form, "/remove")

    with shop.inside():
        assert person_of("ana@example.org").totp_secret is None
        assert db.session.scalars(select(RecoveryCode)).all() == []
    assert "Your second factor was taken away" in mails_to(shop, "ana@example.org")[-1]
    assert visitor.client.get("/en/account/security/second-factor/remove").status_code == 303


def test_setting_up_again_needs_no_second_secret(shop: Shop) -> None:
    visitor = joined(shop)
    page = visitor.get("/en/account/second-factor?next=/en/account/details")
    enrolled(shop, visitor)

    answer = visitor.client.get("/en/account/second-factor?next=/en/account/details")
    assert answer.headers["Location"] == "/en/account/details"
    late = visitor.client.post("/en/account/second-factor", data=page.form("/second-factor").fields | {"code": "1"})
    assert late.status_code == 303


def test_whoever_is_asked_can_sign_out_instead(shop: Shop) -> None:
    enrolled(shop, joined(shop))
    visitor = signed_in(shop)

    visitor.send(visitor.get("/en/account/second-factor"), "/sign-out")

    assert "/sign-in" in visitor.client.get("/en/account").headers["Location"]


def test_browsers_are_listed_in_plain_words_and_signed_out_one_by_one(shop: Shop) -> None:
    visitor = joined(shop)
    other = shop.visitor()
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    other.client.environ_base["HTTP_USER_AGENT"] = agent
    tries(other, "ana@example.org", PASSWORD, 303)
    third = signed_in(shop)
    page = visitor.get("/en/account/security")
    assert "Firefox on Linux" in page.words
    assert "This browser" in page.words

    with shop.inside():
        wanted = db.session.scalars(select(SignIn.id).where(SignIn.user_agent == agent)).one()
    visitor.send(page, f"/browsers/{wanted}/end")

    other.get("/en/account", 303)
    third.get("/en/account")
    visitor.send(visitor.get("/en/account/security"), "/end-others")
    third.get("/en/account", 303)
    visitor.get("/en/account")


def test_nobody_signs_a_browser_of_somebody_else_out(shop: Shop) -> None:
    victim, thief = joined(shop), joined(shop, "eve@example.org", "Eve")
    joined_again = signed_in(shop, "eve@example.org")
    joined_again.get("/en/account")
    page = thief.get("/en/account/security")
    form = next(form for form in page.forms if form.action.endswith("/end"))
    with shop.inside():
        theirs = db.session.scalars(select(SignIn.id).where(SignIn.person_id == person_of("ana@example.org").id)).one()

    answer = thief.client.post(f"/en/account/security/browsers/{theirs}/end", data=form.fields)

    assert answer.status_code == 404
    victim.get("/en/account")
