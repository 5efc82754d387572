"""Passkeys, with a device in software that signs for real."""

from __future__ import annotations

import json
import re

import pytest
from sqlalchemy import select

from app.accounts.models import Passkey
from app.db import db
from tests.conftest import AppMaker
from tests.pages import Visitor
from tests.service.accounts.authenticator import Authenticator, cbor, question_in, text
from tests.service.accounts.entering import PASSWORD, enrolled, joined, link_in, mails_to, person_of, signed_in
from tests.service.conftest import Shop, with_fakes


@pytest.fixture
def shop(make_app: AppMaker, clock: object) -> Shop:
    """A shop at an address that browsers have passkeys for."""
    return with_fakes(make_app(PUBLIC_BASE_URL="http://localhost:5000"), clock)  # type: ignore[arg-type]  # a registry with a script


def add(visitor: Visitor, device: Authenticator, name: str = "telephone", status: int = 303) -> str:
    page = visitor.get("/en/account/security/passkeys")
    answer = visitor.send(page, "/passkeys", status, name=name, credential=device.create(page.html))
    return answer.get_data(as_text=True)


def show(shop: Shop, device: Authenticator, status: int = 303, **changes: str) -> Visitor:
    visitor = shop.visitor()
    page = visitor.get("/en/account/sign-in?next=/en/account/details")
    credential = device.get(page.html, **changes)
    answer = visitor.send(page, "/sign-in/passkey", status, fields={"passkey-credential": credential})
    if status == 303:
        assert answer.headers["Location"] == "/en/account/details"
    return visitor


def test_a_passkey_alone_signs_in_and_counts_as_both_factors(shop: Shop) -> None:
    visitor, device = joined(shop), Authenticator()
    add(visitor, device)
    assert "telephone" in visitor.get("/en/account/security").words
    assert "A passkey was added" in mails_to(shop, "ana@example.org")[-1]

    other = show(shop, device)

    other.get("/en/account")
    other.get("/en/account/security/recovery-codes")
    assert "Passkey" in other.get("/en/account/security").words


def test_no_log_line_says_which_passkey_was_shown(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    device = Authenticator()
    add(joined(shop), device)
    show(shop, device)

    assert "sign-in" in caplog.text
    assert device.credential_id.hex() not in caplog.text


def test_an_account_can_be_made_with_a_passkey_and_no_password(shop: Shop) -> None:
    visitor, device = shop.visitor(), Authenticator()
    visitor.send(visitor.get("/en/account/join"), "/join", email="pia@example.org")
    link = link_in(mails_to(shop, "pia@example.org")[-1], "join")
    page = visitor.get(link)
    wrong = visitor.send(page, "/passkey", 422, fields={"passkey-name": "", "passkey-credential": "{}"})
    assert "Enter your name" in wrong.get_data(as_text=True)
    page = visitor.get(link)
    visitor.send(page, "/passkey", 422, fields={"passkey-name": "Pia", "passkey-credential": "{}"})
    page = visitor.get(link)
    fields = {"passkey-name": "Pia", "passkey-credential": device.create(page.html)}
    visitor.send(page, "/passkey", fields=fields)

    show(shop, device).get("/en/account")
    with shop.inside():
        assert person_of("pia@example.org").password_hash is None
    gone = visitor.client.post(page.form("/passkey").action, data=page.form("/passkey").fields)
    assert gone.status_code == 410
    # A first password needs no present one, and neither does a new address.
    visitor.send(visitor.get("/en/account/security/password"), "/password", password=PASSWORD)
    assert "Set a password" not in visitor.get("/en/account/security").words


@pytest.mark.parametrize(
    "lie",
    [
        {"origin": "https://evil.example"},
        {"rp_id": "evil.example"},
        {"is_verifying": False},
    ],
)
def test_an_answer_for_another_place_or_without_the_person_is_refused(shop: Shop, lie: dict[str, object]) -> None:
    device = Authenticator()
    add(joined(shop), device)
    for name, value in lie.items():
        setattr(device, name, value)

    show(shop, device, 422)


def test_an_answer_to_another_question_or_with_another_key_is_refused(shop: Shop) -> None:
    device = Authenticator()
    add(joined(shop), device)

    show(shop, device, 422, challenge="AAAA")
    show(shop, Authenticator(credential_id=device.credential_id), 422)
    show(shop, Authenticator(), 422)
    show(shop, device)


def test_an_answer_works_once(shop: Shop) -> None:
    device, visitor = Authenticator(), shop.visitor()
    add(joined(shop), device)
    page = visitor.get("/en/account/sign-in")
    fields = page.form("/sign-in/passkey").fields | {"passkey-credential": device.get(page.html)}
    assert visitor.client.post("/en/account/sign-in/passkey", data=fields).status_code == 303
    assert visitor.client.post("/en/account/sign-in/passkey", data=fields).status_code == 422


def test_a_copied_key_is_noticed_by_its_count(shop: Shop) -> None:
    device = Authenticator()
    add(joined(shop), device)
    device.count = 10
    show(shop, device)
    device.count = 5

    show(shop, device, 422)


def test_a_key_that_never_counts_is_taken(shop: Shop) -> None:
    device = Authenticator()
    add(joined(shop), device)
    for _ in range(2):
        device.count = -1
        show(shop, device)


HUGE = 2**62  # bytes, where somebody takes a number for a length


def numbered(own: object = "AA", **response: object) -> str:
    """An answer with numbers where bytes belong."""
    said = {"clientDataJSON": client_data(), "authenticatorData": "AA", "signature": "AA"} | response
    return json.dumps({"id": own, "rawId": own, "type": "public-key", "response": said})


def client_data(challenge: object = "AA") -> str:
    return text(json.dumps({"type": "webauthn.get", "challenge": challenge, "origin": "x"}).encode())


def cut_short() -> str:
    """An answer whose authenticator says that eight more bytes of its key follow."""
    return numbered(
        authenticatorData=text(bytes(32) + b"\x45" + bytes(4) + bytes(16) + b"\x00\x01A" + b"\x1b"),
    )


@pytest.mark.parametrize(
    "answer",
    [
        *("", "{}", "[]", "null", "{", '{"id": 1}', "x" * 30_000, '{"rawId": "AA"}', "[" * 15_000, cut_short()),
        *(numbered(**{name: HUGE}) for name in ("clientDataJSON", "authenticatorData", "signature", "userHandle")),
        *('{"response": []}', '{"response": {"signature": true}}'),
        *(numbered(HUGE), numbered(clientDataJSON=client_data(HUGE)), numbered(clientDataJSON=text(b"[" * 9_000))),
    ],
    ids=range(19),
)
def test_a_broken_answer_is_refused_in_words(shop: Shop, answer: str) -> None:
    visitor = shop.visitor()
    page = visitor.get("/en/account/sign-in")

    page = visitor.read(visitor.send(page, "/sign-in/passkey", 422, fields={"passkey-credential": answer}), 422)

    assert "could not be checked" in page.words


@pytest.mark.parametrize(
    "attestation",
    [HUGE, text(b"\xa3" + b"".join(map(cbor, ("fmt", "none", "attStmt", {}, "authData"))) + b"\x1b\x40" + bytes(7))],
    ids=["whole", "inside"],
)
def test_a_registration_with_a_number_for_bytes_takes_no_memory_and_is_refused(shop: Shop, attestation: object) -> None:
    visitor, device = joined(shop), Authenticator()
    page = visitor.get("/en/account/security/passkeys")
    answer = json.loads(device.create(page.html))
    answer["response"]["attestationObject"] = attestation

    refused = visitor.send(page, "/passkeys", 422, name="telephone", credential=json.dumps(answer))
    assert "could not be checked" in visitor.read(refused, 422).words


def test_a_registration_under_a_longer_name_than_is_kept_is_refused(shop: Shop) -> None:
    visitor = joined(shop)
    assert "could not be checked" in add(visitor, Authenticator(credential_id=bytes(526)), status=422)
    add(visitor, Authenticator(credential_id=bytes(525)))


def test_a_registration_without_the_person_or_twice_is_refused(shop: Shop) -> None:
    visitor, device = joined(shop), Authenticator(is_verifying=False)
    assert "could not be checked" in add(visitor, device, status=422)
    device.is_verifying = True
    add(visitor, device)

    assert "registered already" in add(visitor, device, status=422)
    other = joined(shop, "bo@example.org", "Bo")
    assert "registered already" in add(other, device, status=422)


def test_with_a_passkey_a_password_is_only_half_of_the_way_in(shop: Shop) -> None:
    first, device = joined(shop), Authenticator()
    add(first, device)
    visitor = signed_in(shop)
    assert "/second-factor" in visitor.client.get("/en/account").headers["Location"]
    page = visitor.get("/en/account/second-factor?next=/en/account/details")
    assert "otpauth" not in page.html, "who has only the password must not set another factor up"
    visitor.send(page, "/second-factor/passkey", 422, fields={"passkey-credential": "{}"})
    thief = Authenticator()
    add(joined(shop, "eve@example.org", "Eve"), thief)
    page = visitor.get("/en/account/second-factor?next=/en/account/details")
    visitor.send(page, "/second-factor/passkey", 422, fields={"passkey-credential": thief.get(page.html)})
    page = visitor.get("/en/account/second-factor?next=/en/account/details")

    answer = visitor.send(page, "/second-factor/passkey", fields={"passkey-credential": device.get(page.html)})

    assert answer.headers["Location"] == "/en/account/details"
    visitor.get("/en/account")
    # Strong now, so an app may be set up beside the passkey.
    enrolled(shop, visitor)


def test_a_passkey_is_taken_away_after_asking_and_no_longer_signs_in(shop: Shop) -> None:
    visitor, device = joined(shop), Authenticator()
    add(visitor, device)
    with shop.inside():
        passkey = db.session.scalars(select(Passkey.id)).one()
    page = visitor.get(f"/en/account/security/passkeys/{passkey}/remove")
    stranger = joined(shop, "eve@example.org", "Eve")
    stranger.get(f"/en/account/security/passkeys/{passkey}/remove", 404)
    token = stranger.get("/en/account/details").form("/sign-out").fields
    assert stranger.client.post(f"/en/account/security/passkeys/{passkey}/remove", data=token).status_code == 404

    visitor.send(page, "/remove")

    show(shop, device, 422)
    assert "A passkey was taken away" in mails_to(shop, "ana@example.org")[-1]


def test_an_operators_last_factor_and_the_last_way_in_stay(shop: Shop) -> None:
    visitor, device = joined(shop), Authenticator()
    add(visitor, device)
    with shop.inside():
        passkey = db.session.scalars(select(Passkey.id)).one()
        person_of("ana@example.org").is_operator = True
        db.session.commit()
    page = visitor.get(f"/en/account/security/passkeys/{passkey}/remove")

    visitor.send(page, "/remove")
    assert "Add another one first" in visitor.get("/en/account/security").words

    with shop.inside():
        person_of("ana@example.org").is_operator = False
        person_of("ana@example.org").password_hash = None
        db.session.commit()
    visitor.send(page, "/remove")
    show(shop, device)


def test_who_is_suspended_does_not_sign_in_with_a_passkey(shop: Shop) -> None:
    device = Authenticator()
    add(joined(shop), device)
    with shop.inside():
        person_of("ana@example.org").suspended_at = shop.clock.now()
        db.session.commit()

    show(shop, device, 422)


def test_a_form_without_its_token_signs_nobody_in(shop: Shop) -> None:
    device, visitor = Authenticator(), shop.visitor()
    add(joined(shop), device)
    answer = device.get(visitor.get("/en/account/sign-in").html)
    half = signed_in(shop)
    asked = device.get(half.get("/en/account/second-factor").html)

    for who, address, given in (
        (visitor, "/en/account/sign-in/passkey", answer),
        (half, "/en/account/second-factor/passkey", asked),
    ):
        assert who.client.post(address, data={"passkey-credential": given}).status_code == 422


def test_an_address_of_numbers_has_no_passkeys(make_app: AppMaker, clock: object) -> None:
    shop = with_fakes(make_app(), clock)  # type: ignore[arg-type]  # a registry with a script
    visitor = joined(shop)

    assert "data-passkey" not in shop.visitor().get("/en/account/sign-in").html
    visitor.get("/en/account/security/passkeys", 303)
    assert not re.search("Add a passkey", visitor.get("/en/account/security").words)


def test_the_question_names_the_keys_that_are_known(shop: Shop) -> None:
    visitor, device = joined(shop), Authenticator()
    add(visitor, device)
    asked = visitor.get("/en/account/security/passkeys").html
    assert [one["id"] for one in question_in(asked)["excludeCredentials"]] == [text(device.credential_id)]
    assert json.dumps(question_in(asked)).count("ana@example.org") == 1
