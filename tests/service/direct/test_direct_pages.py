"""Cancelling own units in the browser: what is typed, what is shown before, and what comes of it."""

from __future__ import annotations

import csv

from flask.testing import FlaskClient
from sqlalchemy import select

from app.db import db, transaction
from app.direct.states import DirectState
from app.offers.states import OfferState
from app.providers.models import Provider
from app.providers.states import ProviderState
from app.registry.ledger.codes import CANCELLATION
from app.registry.ledger.models import LedgerTransaction
from app.registry.ports import RefusalCode, Refused
from tests import people
from tests.builders import a_finished_order, ledger_effects, the_offer
from tests.pages import Page
from tests.service.conftest import Shop
from tests.service.direct.asking import ACCOUNT, a_member, certificate_of, placed, the_direct
from tests.service.screening import listing

ROOM = "/en/sell/salkhit1/cancellations"
TYPED = {
    "units": "300", "on_behalf_of": "somebody_else", "name": "Hanul Electric Co.", "intent": "compensation",
    "purpose_category": "compliance_scheme", "scheme_name": "Korean offset scheme", "purpose": "Year 2025",
    "country": "KR", "step": "check",
}  # fmt: skip


def a_browser(shop: Shop, *, viewer: bool = False) -> FlaskClient:
    with shop.inside():
        actor = a_member()
        if viewer:
            person_id = people.a_person("vera@salkhit.example")
            people.an_organisation(viewer=person_id)
            return people.sign_in_as(shop.app, person_id)
        return people.sign_in_as(shop.app, actor.person_id or 0)


def read(client: FlaskClient, path: str, status: int = 200) -> Page:
    answer = client.get(path)
    assert answer.status_code == status, answer.text[:500]
    return Page(answer.text)


def typed(client: FlaskClient, **changes: str) -> dict[str, str]:
    form = next(f for f in read(client, f"{ROOM}/new").forms if f.action.endswith("/new"))
    return form.fields | {"pool": f"{ACCOUNT}|1"} | TYPED | changes


def test_the_certificate_is_shown_before_anything_is_cancelled_and_again_after_it(shop: Shop) -> None:
    shop.offer(units=100, held=1_000)
    client = a_browser(shop)
    check = client.post(f"{ROOM}/new", data=typed(client))
    assert check.status_code == 200
    words = Page(check.text).words
    assert "Preview – not a certificate" in words
    assert "Hanul Electric Co." in words
    assert "A national or other mandatory scheme: Korean offset scheme" in words
    fields = next(f for f in Page(check.text).forms if f.action.endswith("/new")).fields
    without = client.post(f"{ROOM}/new", data=fields | {"step": "place"})
    assert (without.status_code, ledger_nothing(shop)) == (422, True)
    placed_at = client.post(f"{ROOM}/new", data=fields | {"step": "place", "consent": "y"})
    again = client.post(f"{ROOM}/new", data=fields | {"step": "place", "consent": "y"})
    assert placed_at.status_code == 303
    assert placed_at.location == again.location
    assert "Requested" in read(client, placed_at.location).words
    shop.work()
    page = read(client, placed_at.location)
    assert "Done. The units are cancelled for good." in page.words
    assert "TN1/2026" in page.words
    for language in ("en", "fr", "es"):
        path = placed_at.location.replace("/en/", f"/{language}/") + "/certificate.pdf"
        client.get(path)
        shop.work()
        assert client.get(path).status_code == 200
    data = client.get(f"{placed_at.location}/data.json").json
    assert data is not None
    assert data["certificate"]["scheme_name"] == "Korean offset scheme"
    # French sets a space before the colon wherever two things are put together.
    in_french = client.get(placed_at.location.replace("/en/", "/fr/")).text
    assert "national ou autre\u00a0: <bdi>Korean offset scheme</bdi>" in in_french
    assert "IN-1\u00a0: " in client.get(f"{ROOM}/new".replace("/en/", "/fr/")).text


def test_the_registry_and_the_public_figures_tell_it_from_a_sale(shop: Shop) -> None:
    offer_id = shop.offer(units=100, held=1_000)
    with shop.inside() as world:
        a_finished_order(world, {offer_id: 12})
    client = a_browser(shop)

    placed_at = client.post(f"{ROOM}/new", data=typed(client) | {"step": "place", "consent": "y"})
    assert placed_at.status_code == 303
    shop.work()

    with shop.inside():
        entered = db.session.execute(
            select(LedgerTransaction.type_code, LedgerTransaction.channel, LedgerTransaction.units)
            .where(LedgerTransaction.reference.is_not(None))
            .order_by(LedgerTransaction.id)
        ).all()
    assert entered == [(CANCELLATION, "platform", 12), (CANCELLATION, "registry", 300)]
    rows = list(csv.DictReader(shop.visitor().client.get("/en/statistics/here.csv").text.splitlines()))
    assert {(row["channel"], row["units"]) for row in rows} == {("sale", "12"), ("direct", "300")}
    only = shop.visitor().client.get("/en/statistics/here.csv?channel=direct").text
    assert [row["units"] for row in csv.DictReader(only.splitlines())] == ["300"]
    entries = shop.visitor().client.get("/en/register.json").json["cancellations"]
    assert [(entry["channel"], entry["units"]) for entry in entries] == [("direct", 300), ("sale", 12)]


def ledger_nothing(shop: Shop) -> bool:
    with shop.inside():
        return ledger_effects() == 0


def test_what_does_not_fit_is_said_beside_its_field_and_nothing_typed_is_lost(shop: Shop) -> None:
    shop.offer(units=100, held=1_000)
    client = a_browser(shop)
    for changes, words in (
        ({"units": "1.5"}, "Enter a whole number of units"),
        ({"units": "9" * 40}, "Enter a whole number of units"),
        ({"name": "\x00"}, "Enter the name of the beneficiary."),
        ({"scheme_name": ""}, "Enter the name of the scheme or standard."),
        ({"purpose_category": "nonsense"}, "There is a problem"),
        ({"pool": "CDM-100-1|999999999999999999999"}, "There is a problem"),
        ({"scheme_name": "x" * 121}, "Use at most 120 characters here."),
    ):
        answer = client.post(f"{ROOM}/new", data=typed(client, **changes))
        assert answer.status_code == 422, changes
        assert words in Page(answer.text).words
        assert "Year 2025" in answer.text
    for changes, words in (
        ({"units": "901"}, "Only 900 of these units are free."),
        ({"scheme_name": "Carbon neutral"}, "Enter only the name of the scheme"),
    ):
        fields = typed(client, **changes) | {"step": "place", "consent": "y"}
        answer = client.post(f"{ROOM}/new", data=fields)
        assert (answer.status_code, words in Page(answer.text).words) == (422, True)
    back = client.post(f"{ROOM}/new", data=typed(client) | {"step": "change"})
    assert (back.status_code, "Hanul Electric Co." in back.text) == (200, True)


def test_whoever_is_suspended_meanwhile_reads_that_nothing_can_be_cancelled(shop: Shop) -> None:
    shop.offer(units=100, held=1_000)
    client = a_browser(shop)
    fields = typed(client) | {"step": "place", "consent": "y"}
    with shop.inside(), transaction() as session:
        session.scalars(select(Provider)).one().state = ProviderState.SUSPENDED
    answer = client.post(f"{ROOM}/new", data=fields)
    assert (answer.status_code, "cannot cancel units here" in Page(answer.text).words) == (422, True)


def test_only_sellers_cancel_and_nobody_sees_those_of_others(shop: Shop) -> None:
    offer_id = shop.offer(units=100, held=1_000)
    seller, viewer = a_browser(shop), a_browser(shop, viewer=True)
    with shop.inside() as world:
        reference = the_direct(placed(world, offer_id)).reference
        other = people.a_person("other@example.org")
        people.an_organisation("other001", "Other LLC", owner=other)
        stranger = people.sign_in_as(shop.app, other)
    assert reference in read(viewer, ROOM).words
    read(viewer, f"{ROOM}/new", 403)
    read(viewer, f"{ROOM}/{reference}")
    read(stranger, f"{ROOM}/{reference}", 404)
    read(stranger, f"/en/sell/other001/cancellations/{reference}", 404)
    read(stranger, "/en/sell/other001/cancellations")
    read(seller, f"{ROOM}/D-2222-2222", 404)
    read(seller, f"{ROOM}/{reference}/certificate.pdf", 404)
    assert seller.get(f"{ROOM}/{reference}/progress").headers["X-Order-Final"] == "no"


def test_who_has_nothing_free_reads_why(shop: Shop) -> None:
    shop.offer(units=100, held=100)
    assert "nothing else has promised" in read(a_browser(shop), f"{ROOM}/new").words


def test_an_operator_lets_a_held_one_go_or_refuses_it_with_a_reason(shop: Shop) -> None:
    offer_id = shop.offer(units=100, held=1_000)
    with shop.inside() as world:
        listing.take()
        held = placed(world, offer_id, name="Mustafa Rahim Darvani", once="a")
        desk = people.sign_in_as(shop.app, people.an_operator())
    shop.work()
    with shop.inside():
        reference = the_direct(held).reference
        assert the_direct(held).state is DirectState.RISK_HOLD
    assert "A person is looking" in read(a_browser(shop), f"{ROOM}/{reference}").words
    path = "/en/desk/direct-cancellations"
    page = read(desk, path)
    assert "A name behind it is like a name on a sanctions list" in page.words
    token = page.forms[-1].fields.get("csrf_token", "")
    fields = {"csrf_token": token, "reason": "Somebody else.", "decision": "let_go"}
    open_match = desk.post(f"{path}/{reference}", data=fields)
    assert (open_match.status_code, "nobody has cleared it" in Page(open_match.text).words) == (422, True)
    assert desk.post(f"{path}/{reference}", data=fields | {"reason": ""}).status_code == 422
    assert desk.post(f"{path}/D-2222-2222", data=fields).status_code == 404
    # Another site's form, which has no token of ours, decides nothing.
    assert desk.post(f"{path}/{reference}", data={"reason": "x", "decision": "refuse"}).status_code == 400
    assert desk.post(f"{path}/{reference}", data=fields | {"decision": "refuse"}).status_code == 303
    assert desk.post(f"{path}/{reference}", data=fields | {"decision": "refuse"}).status_code == 422
    with shop.inside():
        assert the_direct(held).state is DirectState.REFUSED
        assert certificate_of(held) is None
    assert "We decided not to carry it out" in read(a_browser(shop), f"{ROOM}/{reference}").words


def test_a_refusal_of_what_was_written_takes_no_offer_off_sale_and_nothing_says_so(shop: Shop) -> None:
    offer_id = shop.offer(units=100, held=1_000)
    with shop.inside() as world:
        shop.registry.submits = [Refused(RefusalCode.INVALID, "too long a name")]
        direct_id = placed(world, offer_id, units=300)
    shop.work()
    with shop.inside():
        direct = the_direct(direct_id)
        assert (direct.state, direct.state_reason) == (DirectState.REFUSED, "invalid")
        assert the_offer(offer_id).state is OfferState.LIVE
        mail, reference = shop.mailer.sent[-1], direct.reference
    for told in (mail.text, mail.html, read(a_browser(shop), f"{ROOM}/{reference}").words):
        assert "The registry refused it" in told
        assert "off sale" not in told
