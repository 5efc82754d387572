"""What a buyer may not say in public about the climate stays off public pages until a person has looked at it."""

from __future__ import annotations

import json

from click.testing import Result
from sqlalchemy import select

from app.claims.models import WordingReview
from app.claims.states import WordingState
from app.db import StateEvent, db
from tests.pages import Page
from tests.service.certificates.issued import a_certificate
from tests.service.conftest import Shop

RISKY = "Our carbon-neutral office"
SENTENCE = "Cancellation of units in the registry, as a contribution to climate action."


def test_a_risky_purpose_is_shown_with_a_lawful_sentence_and_nothing_is_chosen_for_the_buyer(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 2})
    page = visitor.get("/en/checkout")
    assert "purpose_wording-0" not in page.by_id

    page = visitor.read(
        visitor.send(page, "/checkout", 422, email="a@example.org", purpose=RISKY, country="KE", publish_name="y"), 422
    )

    assert "“carbon-neutral” is a claim that a certificate does not prove." in page.words
    assert f"Print this instead: “{SENTENCE}”" in page.html
    assert "#purpose_wording-0" in page.links, "the summary at the top leads to the choice"
    assert page.html.split("<title>")[1].startswith("Error")
    fields = page.form("/checkout").fields
    assert "purpose_wording" not in fields, "nothing is chosen beforehand"
    assert (fields["purpose"], fields["email"], fields["country"], fields["publish_name"]) == (
        RISKY, "a@example.org", "KE", "y",
    )  # fmt: skip
    assert "/en/about/what-you-may-say" in page.links


def choice(page: Page, name: str, answer: int) -> str:
    return page.by_id[f"{name}-{answer}"]["value"]


def test_the_lawful_sentence_takes_the_place_of_the_claim_if_the_buyer_wants_so(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 2})
    typed = {"email": "a@example.org", "purpose": RISKY, "intent": "compensation", "publish_name": "y"}
    page = visitor.read(visitor.send(visitor.get("/en/checkout"), "/checkout", 422, fields=typed), 422)

    visitor.send(page, "/checkout", purpose_wording=choice(page, "purpose_wording", 0))

    review = visitor.get("/en/checkout/review")
    assert "Cancellation of units in the registry." in review.html
    assert "carbon" not in review.words
    assert "Not published until" not in review.words


def test_the_lawful_sentence_is_true_on_each_certificate_of_an_order_of_several(shop: Shop) -> None:
    visitor = shop.visitor()
    shop.fill_basket(visitor, {shop.offer(number=1): 2, shop.offer(number=2): 3})
    typed = {"email": "a@example.org", "purpose": RISKY}

    page = visitor.read(visitor.send(visitor.get("/en/checkout"), "/checkout", 422, fields=typed), 422)

    assert f"Print this instead: “{SENTENCE}”" in page.html
    assert not any(letter.isdigit() for letter in SENTENCE), "5 units would stand on the certificate for 2"


def test_a_buyer_may_keep_the_text_and_is_told_where_it_will_not_stand(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 2})
    typed = {"email": "a@example.org", "purpose": RISKY, "publish_name": "y"}
    page = visitor.read(visitor.send(visitor.get("/en/checkout"), "/checkout", 422, fields=typed), 422)
    assert "stays off public pages until a person has looked at it" in page.words

    visitor.send(page, "/checkout", purpose_wording=choice(page, "purpose_wording", 1))

    review = visitor.get("/en/checkout/review")
    assert RISKY in review.words
    assert "Not published until a person has looked at your wording" in review.words
    back = visitor.get("/en/checkout")
    assert "checked" in back.by_id["purpose_wording-1"], "the buyer's own choice is still there"
    visitor.send(back, "/checkout")


def test_a_choice_counts_only_for_the_text_it_was_made_for(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 2})
    typed = {"email": "a@example.org", "purpose": RISKY}
    page = visitor.read(visitor.send(visitor.get("/en/checkout"), "/checkout", 422, fields=typed), 422)
    keep = choice(page, "purpose_wording", 1)

    page = visitor.read(visitor.send(page, "/checkout", 422, purpose="net zero", purpose_wording=keep), 422)
    assert "“net zero” is a claim" in page.words
    assert page.form("/checkout").fields["purpose"] == "net zero"
    page = visitor.read(visitor.send(page, "/checkout", 422, purpose=RISKY, intent="compensation"), 422)
    assert "in the registry.”" in page.words, "the sentence follows the intent"
    visitor.send(page, "/checkout", purpose="Our office", intent="contribution")


def test_a_risky_name_is_offered_without_its_claim(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 2})
    typed = {"email": "a@example.org", "beneficiary": "ACME (climate neutral)", "purpose": "100 % offset"}
    page = visitor.read(visitor.send(visitor.get("/en/checkout"), "/checkout", 422, fields=typed), 422)
    assert "Print only this: “ACME”" in page.words
    assert "#beneficiary_wording-0" in page.links
    assert "#purpose_wording-0" in page.links

    page = visitor.read(visitor.send(page, "/checkout", 422, beneficiary="Climate Neutral Ltd"), 422)
    assert "Leave the beneficiary empty" in page.words
    chosen = {name: choice(page, name, 0) for name in ("beneficiary_wording", "purpose_wording")}
    visitor.send(page, "/checkout", fields=chosen)

    assert "Not named" in visitor.get("/en/checkout/review").words


def test_the_sentence_is_in_the_readers_language(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 2})
    for language, words in {
        "fr": "Annulation d’unités au registre, à titre de contribution",
        "es": "Cancelación de unidades en el registro, como contribución",
    }.items():
        typed = {"email": "a@example.org", "purpose": "neutralité carbone"}
        answer = visitor.send(visitor.get(f"/{language}/checkout"), "/checkout", 422, fields=typed)
        assert words in visitor.read(answer, 422).html


def test_the_sentence_fits_a_gift_and_names_whom_it_is_for_without_their_claim(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 2})
    for language, name, intent, words in (
        ("en", "Ana Díaz", "compensation", "Cancellation of units in the registry on behalf of Ana Díaz."),
        ("en", "ACME (climate neutral)", "contribution", "on behalf of ACME, as a contribution to climate action."),
        ("fr", "Ana Díaz", "contribution", "Annulation d’unités au registre, pour Ana Díaz, à titre de"),
        ("es", "Ana Díaz", "compensation", "Cancelación de unidades en el registro en nombre de Ana Díaz."),
    ):
        typed = {"email": "a@example.org", "purpose": RISKY, "beneficiary": name, "intent": intent}
        answer = visitor.send(visitor.get(f"/{language}/checkout"), "/checkout", 422, fields=typed)
        assert words in visitor.read(answer, 422).html


def test_intent_is_explained_where_it_is_asked(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 2})

    page = visitor.get("/en/checkout")

    assert "Contribution or compensation: which one is mine?" in page.words
    assert "The host country may count the same reduction towards its own target." in page.words
    assert "/en/about/what-you-may-say" in page.links


# --- held back, and let go ----------------------------------------------------------------------------


def public_pages(shop: Shop) -> dict[str, str]:
    """Everything that anybody may open of certificate TN1/2026, and of the register."""
    client = shop.app.test_client()
    paths = (
        "register",
        "register/TN1-2026",
        "register.csv",
        "register.json",
        "verify/TN1-2026",
        "verify/TN1-2026.json",
    )
    return {path: client.get(f"/en/{path}").get_data(as_text=True) for path in paths}


def run(shop: Shop, *arguments: str) -> Result:
    return shop.app.test_cli_runner().invoke(args=["claims", *arguments])


def test_a_risky_wording_stays_off_every_public_page_until_an_operator_releases_it(shop: Shop) -> None:
    issued = a_certificate(shop, beneficiary="Ana Climate-Neutral", purpose="zéro carbone", publish_name=True)

    for path, page in public_pages(shop).items():
        assert "Ana" not in page, path
        assert "carbone" not in page, path
    assert "No entry matches" in shop.visitor().get("/en/register?q=Ana").words
    held = json.loads(public_pages(shop)["verify/TN1-2026.json"])["certificate"]
    assert not {"beneficiary_name", "purpose"} & set(held)
    private = shop.visitor().get(f"/en/verify/TN1-2026?code={issued.code}")
    assert "Ana Climate-Neutral" in private.words, "the buyer's own certificate has it"
    assert "zéro carbone" in private.words

    done = run(shop, "release", "1", "--by", "Eva", "--reason", "It is her name.")
    assert (done.exit_code, done.output) == (0, "Review 1 is released.\n")

    shown = public_pages(shop)
    assert "Ana Climate-Neutral" in shown["register"]
    assert "Ana Climate-Neutral" in shown["verify/TN1-2026"]
    assert json.loads(shown["verify/TN1-2026.json"])["certificate"]["purpose"] == "zéro carbone"
    assert json.loads(shown["register.json"])["cancellations"][0]["beneficiary_name"] == "Ana Climate-Neutral"
    assert "1 cancellation" in shop.visitor().get("/en/register?q=Ana").words

    assert run(shop, "withhold", "1", "--by", "Bo", "--reason", "Second thoughts.").exit_code == 0
    assert "Ana" not in public_pages(shop)["register"]


def test_one_wording_of_several_certificates_is_looked_at_once(shop: Shop) -> None:
    shop.finished_order(
        {shop.offer(number=1): 1, shop.offer(number=2): 1}, purpose="We are net zero", publish_name=True
    )

    listed = run(shop, "list").output

    assert listed == (
        "1  pending  zero  TN1/2026, TN2/2026\n    name: Amélie Nguyễn\n    purpose: We are net zero\n1 in the list.\n"
    )


def test_only_what_is_to_be_published_is_looked_at(shop: Shop) -> None:
    a_certificate(shop, number=1, purpose="We are net zero", publish_name=False)
    a_certificate(shop, number=2, purpose="Our heating", publish_name=True)

    assert run(shop, "list").output == "0 in the list.\n"
    with shop.inside():
        assert db.session.scalar(select(WordingReview.id)) is None


def test_who_decided_when_and_why_is_kept(shop: Shop) -> None:
    a_certificate(shop, beneficiary="", purpose="We are net zero", publish_name=True)

    run(shop, "withhold", "1", "--by", "Eva", "--reason", "No plan behind it.")

    assert run(shop, "list").output == "0 in the list.\n"
    assert run(shop, "list", "--all").output == (
        "1  withheld  zero  TN1/2026\n    purpose: We are net zero\n"
        "    2026-11-22 10:00 UTC, Eva: No plan behind it.\n1 in the list.\n"
    )
    with shop.inside():
        review = db.session.scalars(select(WordingReview)).one()
        assert (review.state, review.decided_by) == (WordingState.WITHHELD, "Eva")
        events = db.session.scalars(
            select(StateEvent).where(StateEvent.machine == "wording_review").order_by(StateEvent.id)
        ).all()
        assert [(event.from_state, event.to_state) for event in events] == [(None, "pending"), ("pending", "withheld")]
        assert events[1].facts == {"by": "Eva", "reason": "No plan behind it."}


def test_a_decision_that_cannot_be_taken_is_refused_in_a_sentence(shop: Shop) -> None:
    a_certificate(shop, purpose="We are net zero", publish_name=True)

    unknown = run(shop, "release", "7", "--by", "Eva", "--reason", "?")
    run(shop, "release", "1", "--by", "Eva", "--reason", "?")
    again = run(shop, "release", "1", "--by", "Eva", "--reason", "?")

    assert (unknown.exit_code, unknown.output) == (1, "Error: There is no review 7.\n")
    assert (again.exit_code, again.output) == (1, "Error: Review 1 is released already.\n")
