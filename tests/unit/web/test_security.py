"""Headers, cookies, form tokens and host names are right on every answer."""

from __future__ import annotations

import re

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from tests.unit.web.conftest import SiteMaker

EVERYWHERE = [
    "/", "/en/", "/en/basket", "/en/orders/abc", "/en/verify", "/nowhere/at/all", "/health", "/file", "/broken",
    "/status/403", "/robots.txt", "/fr", "/en/basket/add",
]  # fmt: skip


def policy(answer: Response) -> dict[str, str]:
    return dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))


def token(page: str) -> str:
    found = re.search(r"<i>(.+)</i>", page)
    assert found
    return found[1]


class Gateway:
    """A payment page somewhere else."""

    def hosted_page_origins(self) -> tuple[str, ...]:
        return ("https://checkout.stripe.com",)


@pytest.mark.parametrize("path", EVERYWHERE)
def test_every_answer_of_every_kind_has_the_strict_headers(site: Flask, path: str) -> None:
    site.config["PROPAGATE_EXCEPTIONS"] = False
    answer = site.test_client().get(path)

    assert policy(answer) == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "manifest-src": "'self'",
        "base-uri": "'none'",
        "object-src": "'none'",
        "frame-ancestors": "'none'",
        "form-action": "'self'",
    }
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert "Referrer-Policy" in answer.headers
    assert "Strict-Transport-Security" not in answer.headers
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_on_https_browsers_are_told_to_stay_there_for_two_years(make_site: SiteMaker) -> None:
    answer = make_site(PUBLIC_BASE_URL="https://tonne.example").test_client().get("/en/")

    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"


@pytest.mark.parametrize(
    ("path", "form_action"),
    [
        ("/en/checkout/review", "'self' https://checkout.stripe.com"),
        ("/en/orders/abc", "'self' https://checkout.stripe.com"),
        ("/en/", "'self'"),
        ("/en/verify", "'self'"),
        ("/testpay/ts_1", "'self'"),
    ],
)
def test_only_checkout_forms_may_lead_to_the_payment_page(site: Flask, path: str, form_action: str) -> None:
    site.extensions["tonne.gateway"] = Gateway()

    assert policy(site.test_client().get(path))["form-action"] == form_action


@pytest.mark.parametrize(
    ("path", "referrer", "cache", "robots"),
    [
        ("/en/", "same-origin", "private, no-cache", None),
        ("/en/basket", "same-origin", "no-store", "noindex"),
        ("/en/checkout/review", "same-origin", "no-store", "noindex"),
        ("/en/orders/abc", "no-referrer", "no-store", "noindex"),
        ("/testpay/ts_1", "no-referrer", "no-store", "noindex"),
        ("/en/verify", "same-origin", "private, no-cache", None),
        ("/en/verify/TN1-2026", "same-origin", "private, no-cache", None),
        ("/en/verify/TN1-2026?code=ABCD", "no-referrer", "no-store", "noindex"),
        ("/en/nothing?code=ABCD", "no-referrer", "no-store", "noindex"),
        ("/file", "origin", "private, no-cache", None),  # what a view says of itself stays
    ],
)
def test_pages_of_one_person_are_neither_stored_nor_indexed_nor_named_to_other_sites(
    visitor: FlaskClient, path: str, referrer: str, cache: str, robots: str | None
) -> None:
    answer = visitor.get(path)

    assert answer.headers["Referrer-Policy"] == referrer
    assert answer.headers["Cache-Control"] == cache
    assert answer.headers.get("X-Robots-Tag") == robots


def test_the_session_cookie_is_hidden_from_scripts_and_other_sites(visitor: FlaskClient) -> None:
    cookie = visitor.get("/en/").headers["Set-Cookie"]

    assert cookie.startswith("tonne_5000=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


def test_on_https_the_session_cookie_belongs_to_this_host_alone(make_site: SiteMaker) -> None:
    cookie = make_site(PUBLIC_BASE_URL="https://tonne.example").test_client().get("/en/").headers["Set-Cookie"]

    assert cookie.startswith("__Host-tonne=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


def test_copies_beside_each_other_do_not_share_a_session(make_site: SiteMaker) -> None:
    one = make_site(PORT="5001").test_client().get("/en/").headers["Set-Cookie"]
    other = make_site(PUBLIC_BASE_URL="http://localhost").test_client().get("/en/").headers["Set-Cookie"]

    assert one.split("=")[0] == "tonne_5001"
    assert other.split("=")[0] == "tonne_80"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "127.0.0.1@evil.example", "[::2]"])
def test_another_sites_name_is_refused(visitor: FlaskClient, host: str) -> None:
    answer = visitor.get("/en/", headers={"Host": host})

    assert answer.status_code == 400
    assert "evil.example" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:5000", "localhost:1234", "localhost", "[::1]:5000", "tonne.example"])
def test_outside_production_the_machine_itself_is_trusted(make_site: SiteMaker, host: str) -> None:
    visitor = make_site(PUBLIC_BASE_URL="https://tonne.example").test_client()

    assert visitor.get("/en/", headers={"Host": host}).status_code == 200


def test_in_production_only_the_public_name_is_trusted(make_site: SiteMaker) -> None:
    visitor = make_site(
        ENVIRONMENT="production",
        SECRET_KEY="7d1c0a6e94b3f2587d1c0a6e94b3f258",
        PUBLIC_BASE_URL="https://tonne.example",
        OPERATOR_NAME="Tonne Cooperative",
        OPERATOR_ADDRESS="1 Long Street; 1200 Geneva; Switzerland",
        CONTACT_EMAIL="people@tonne.example",
        PAYMENT_GATEWAY="stripe",
        STRIPE_SECRET_KEY="rk_live_1",
        STRIPE_WEBHOOK_SECRETS="whsec_1",
        REGISTRY_OF_RECORD_NAME="Tonne Registry",
        MAIL_URL="smtp://mail.example",
    ).test_client()

    assert visitor.get("/en/", headers={"Host": "tonne.example"}).status_code == 200
    assert visitor.get("/en/", headers={"Host": "localhost"}).status_code == 400


FORWARDED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "tonne.example"}


def test_a_stranger_cannot_choose_the_own_address(visitor: FlaskClient) -> None:
    assert visitor.get("/who", headers=FORWARDED).json == {
        "address": "127.0.0.1",
        "secure": False,
        "host": "localhost",
    }


def test_behind_one_proxy_its_word_counts_and_only_its(make_site: SiteMaker) -> None:
    visitor = make_site(TRUSTED_PROXIES="1", PUBLIC_BASE_URL="https://tonne.example").test_client()
    forged = {**FORWARDED, "X-Forwarded-For": "198.51.100.1, 203.0.113.9"}

    assert visitor.get("/who", headers=forged).json == {
        "address": "203.0.113.9",
        "secure": True,
        "host": "tonne.example",
    }


def test_a_form_without_its_token_changes_nothing_and_says_what_to_do(visitor: FlaskClient) -> None:
    answer = visitor.post("/en/checkout", data={"email": "a@example.org"})

    assert answer.status_code == 400
    assert "Please send that again" in answer.text
    assert "<p>details</p>" not in answer.text


def test_a_form_with_its_token_is_taken_even_hours_later(visitor: FlaskClient) -> None:
    form = {"csrf_token": token(visitor.get("/en/checkout").text)}

    assert visitor.post("/en/checkout", data=form).status_code == 200


def test_the_token_of_another_session_is_refused(site: Flask) -> None:
    stolen = token(site.test_client().get("/en/checkout").text)
    victim = site.test_client()
    victim.get("/en/checkout")

    assert victim.post("/en/checkout", data={"csrf_token": stolen}).status_code == 400


def test_the_order_page_sends_no_referrer_and_its_forms_work_on_https(make_site: SiteMaker) -> None:
    visitor = make_site(PUBLIC_BASE_URL="https://tonne.example").test_client()
    base = "https://tonne.example"
    form = {"csrf_token": token(visitor.get("/en/orders/abc", base_url=base).text)}

    sent = visitor.post("/en/orders/abc/resend", base_url=base, data=form, headers={"Origin": "null"})

    assert sent.status_code == 200


def test_a_form_that_checks_its_token_itself_shows_its_page_again_with_what_was_typed(visitor: FlaskClient) -> None:
    page = visitor.post("/en/verify", data={"number": "TN1/2026"})

    assert page.status_code == 200
    assert "number TN1/2026" in page.text
    assert "csrf_token" in page.text  # the error, by its field

    accepted = visitor.post("/en/verify", data={"number": "TN1-2026", "csrf_token": token(page.text)})
    assert accepted.location == "/en/verify/TN1-2026"


@pytest.mark.parametrize("site_of_origin", ["cross-site", "same-site"])
def test_a_form_on_another_site_is_refused_even_with_a_token(visitor: FlaskClient, site_of_origin: str) -> None:
    form = {"csrf_token": token(visitor.get("/en/verify").text), "number": "TN1-2026"}
    headers = {"Sec-Fetch-Site": site_of_origin}

    assert visitor.post("/en/verify", data=form, headers=headers).status_code == 400
    assert visitor.get("/en/verify", headers=headers).status_code == 200


def test_another_program_needs_no_form_token_where_a_signature_is_checked(visitor: FlaskClient) -> None:
    assert visitor.post("/notices", data=b"{}").json == {"kept": True}


def test_more_than_a_megabyte_is_refused_calmly(visitor: FlaskClient) -> None:
    answer = visitor.post("/en/checkout", data={"purpose": "x" * 1_100_000})

    assert answer.status_code == 413
    assert "That is too much at once" in answer.text
    assert visitor.post("/notices", data=b"x" * 1_100_000).status_code == 413


def test_most_of_a_megabyte_still_reaches_the_field_that_can_say_what_is_wrong(visitor: FlaskClient) -> None:
    form = {"csrf_token": token(visitor.get("/en/verify").text), "number": "x" * 900_000}

    assert visitor.post("/en/verify", data=form).status_code == 302


@pytest.mark.parametrize(
    "query", ["?_external=1", "?lang=de", "?endpoint=x&values=y", "?reference=z", "?_method=PUT", "?%"]
)
def test_unknown_arguments_do_no_harm(visitor: FlaskClient, query: str) -> None:
    assert visitor.get(f"/en/projects/IN-1514{query}").status_code == 200


@pytest.mark.parametrize(
    ("path", "code"),
    [("/en/projects/IN%00-1514", 404), ("/en/?q=%00", 400), ("/en/?q=a&q=%00", 400), ("/en/?%00", 400)],
)
def test_the_character_that_no_database_takes_is_refused_at_the_door(
    visitor: FlaskClient, path: str, code: int
) -> None:
    assert visitor.get(path).status_code == code
