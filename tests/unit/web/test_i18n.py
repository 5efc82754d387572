"""Every page has one address for each language, and a reader finds the right one."""

from __future__ import annotations

import re

import pytest
from flask import Flask, request, url_for
from flask.testing import FlaskClient
from flask_babel import gettext
from werkzeug.routing import BuildError

from app.web import i18n
from tests.unit.web.conftest import SiteMaker

SHARED = "We cannot find this page"


def links(html: str) -> dict[str, str]:
    return {code: url.replace("&amp;", "&") for code, url in re.findall(r'<a lang="(\w+)" href="([^"]+)"', html)}


def alternates(html: str) -> dict[str, str]:
    return dict(re.findall(r'<link hreflang="([\w-]+)" href="([^"]+)"', html))


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("es-419", "es"),
        ("de-DE,de;q=0.9", "en"),
        ("de,es;q=0.4,fr;q=0.3", "es"),
        ("fr;q=0,es;q=0.1", "es"),
        ("*", "en"),
        ("", "en"),
        ("\x01;;q=x,,fr", "fr"),
    ],
)
def test_a_first_visit_is_answered_in_the_browsers_language(visitor: FlaskClient, accepted: str, language: str) -> None:
    answer = visitor.get("/", headers={"Accept-Language": accepted})

    assert answer.status_code == 302
    assert answer.location == f"/{language}/"
    assert set(answer.vary) == {"Cookie", "Accept-Language"}


def test_the_language_chosen_by_the_switch_is_remembered(visitor: FlaskClient) -> None:
    visitor.get("/en/", headers={"Accept-Language": "es"})
    assert visitor.get("/", headers={"Accept-Language": "es"}).location == "/es/"  # reading chooses nothing

    visitor.get(links(visitor.get("/en/").text)["fr"])

    assert visitor.get("/", headers={"Accept-Language": "es"}).location == "/fr/"


def test_a_cookie_with_a_language_we_do_not_speak_is_ignored(visitor: FlaskClient) -> None:
    visitor.set_cookie("lang", "../de")

    assert visitor.get("/", headers={"Accept-Language": "fr"}).location == "/fr/"


def test_the_address_decides_and_not_the_reader(visitor: FlaskClient) -> None:
    visitor.set_cookie("lang", "es")
    answer = visitor.get("/fr/", headers={"Accept-Language": "en"})

    assert '<html lang="fr">' in answer.text
    assert answer.headers["Content-Language"] == "fr"
    assert "Accept-Language" not in answer.vary


def test_the_switch_stays_on_the_page_and_keeps_the_query(visitor: FlaskClient) -> None:
    page = visitor.get("/en/projects/IN-1514?sort=price&sort=caf%C3%A9&switch=en&_external=1")
    assert page.status_code == 302  # the switch itself is answered first
    page = visitor.get("/en/projects/IN-1514?sort=price&sort=caf%C3%A9&_external=1&lang=de&reference=x")

    to_french = links(page.text)["fr"]

    assert to_french.startswith("/fr/projects/IN-1514?sort=price&sort=caf%C3%A9&_external=1")
    answer = visitor.get(to_french)
    assert answer.status_code == 302
    assert answer.location == "/fr/projects/IN-1514?sort=price&sort=caf%C3%A9&_external=1&lang=de&reference=x"
    assert answer.headers["Set-Cookie"].startswith("lang=fr; ")
    assert '<html lang="fr"><p>project IN-1514</p>' in visitor.get(answer.location).text


def test_the_cookie_of_the_switch_is_kept_a_year_and_hidden_from_scripts(visitor: FlaskClient) -> None:
    cookie = visitor.get("/es/?switch=es").headers["Set-Cookie"]

    assert "Max-Age=31536000" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_on_https_the_cookie_of_the_switch_belongs_to_this_host_alone(make_site: SiteMaker) -> None:
    visitor = make_site(PUBLIC_BASE_URL="https://tonne.example").test_client()
    cookie = visitor.get("/es/?switch=es", base_url="https://tonne.example").headers["Set-Cookie"]

    assert cookie.startswith("__Host-lang=es; ")
    assert "Secure; " in cookie
    assert cookie.split("; ").count("Path=/") == 1
    assert "Domain" not in cookie
    assert visitor.get("/", base_url="https://tonne.example").location == "/es/"


def test_what_a_form_sends_never_switches(site: Flask) -> None:
    site.config["WTF_CSRF_ENABLED"] = False

    answer = site.test_client().post("/fr/checkout?switch=fr", data={"a": "b"})

    assert answer.status_code == 200
    assert not any(cookie.startswith("lang=") for cookie in answer.headers.getlist("Set-Cookie"))


def test_the_switch_of_a_refused_form_leads_to_the_page_that_it_shows(site: Flask) -> None:
    site.config["WTF_CSRF_ENABLED"] = False
    visitor = site.test_client()

    shown = visitor.post("/en/basket/add", data={"project": "GH-8438"})
    unknown = visitor.post("/en/basket/add")
    with_a_page = visitor.post("/en/checkout")

    assert links(shown.text)["es"] == "/es/projects/GH-8438?switch=es"
    assert links(unknown.text)["es"] == "/es/?switch=es"
    assert links(with_a_page.text)["es"] == "/es/checkout?switch=es"


def test_every_page_names_its_alternates_with_absolute_addresses(make_site: SiteMaker) -> None:
    visitor = make_site(PUBLIC_BASE_URL="https://tonne.example").test_client()

    assert alternates(visitor.get("/fr/projects/IN-1514?utm=x").text) == {
        "en": "https://tonne.example/en/projects/IN-1514",
        "fr": "https://tonne.example/fr/projects/IN-1514",
        "es": "https://tonne.example/es/projects/IN-1514",
        "x-default": "https://tonne.example/projects/IN-1514",
    }
    assert alternates(visitor.get("/fr/").text)["x-default"] == "https://tonne.example/"


def test_alternates_are_the_same_from_every_language(visitor: FlaskClient) -> None:
    assert alternates(visitor.get("/en/").text) == alternates(visitor.get("/es/").text)


@pytest.mark.parametrize("path", ["/en/basket", "/en/orders/abc", "/en/verify/TN1-2026?code=x", "/testpay/ts_1"])
def test_a_page_of_one_person_has_no_alternates(visitor: FlaskClient, path: str) -> None:
    assert alternates(visitor.get(path).text) == {}


@pytest.mark.parametrize(
    ("path", "lands_on"),
    [
        ("/projects/IN-1514", "/fr/projects/IN-1514"),
        ("/verify", "/fr/verify"),
        ("/verify/TN1-2026?code=A%20B&x", "/fr/verify/TN1-2026?code=A%20B&x"),
        ("/projects/caf%C3%A9%20?x=%C3%A9", "/fr/projects/caf%C3%A9%20?x=%C3%A9"),
    ],
)
def test_an_address_without_language_leads_to_the_page_in_the_readers_language(
    visitor: FlaskClient, path: str, lands_on: str
) -> None:
    answer = visitor.get(path, headers={"Accept-Language": "fr"})

    assert answer.status_code == 302
    assert answer.location == lands_on
    assert "Accept-Language" in answer.vary


@pytest.mark.parametrize("path", ["/de/", "/de/projects/IN-1514", "/EN/", "/xx/yy", "/enx/"])
def test_a_language_we_do_not_speak_is_not_found(visitor: FlaskClient, path: str) -> None:
    assert visitor.get(path, follow_redirects=True).status_code == 404


def test_a_form_sent_to_an_address_without_language_is_not_redirected(visitor: FlaskClient) -> None:
    assert visitor.post("/verify").status_code in {404, 405}


def test_one_page_says_nothing_about_the_language_of_the_next(site: Flask) -> None:
    visitor = site.test_client()
    with site.app_context():
        first = visitor.get("/fr/")
        second = visitor.get("/es/")
        third = visitor.get("/no/such/page")

    languages = [answer.headers["Content-Language"] for answer in (first, second, third)]
    assert languages == ["fr", "es", "en"]
    assert len({answer.headers["X-Request-ID"] for answer in (first, second, third)}) == 3


def test_a_missing_slash_after_the_language_is_put_there(visitor: FlaskClient) -> None:
    answer = visitor.get("/fr")

    assert answer.status_code == 308
    assert answer.location.endswith("/fr/")


def test_a_page_that_does_not_exist_is_missed_in_the_language_of_its_address(visitor: FlaskClient) -> None:
    answer = visitor.get("/fr/no/such/page", headers={"Accept-Language": "es"})

    assert answer.status_code == 404
    assert "Cette page est introuvable" in answer.text
    assert answer.headers["Content-Language"] == "fr"
    assert "Accept-Language" not in answer.vary


def test_before_a_language_is_known_the_error_speaks_the_readers(visitor: FlaskClient) -> None:
    answer = visitor.get("/no/such/page", headers={"Accept-Language": "fr"})

    assert answer.status_code == 404
    assert "Cette page est introuvable" in answer.text
    assert set(answer.vary) >= {"Cookie", "Accept-Language"}


def test_the_switch_of_an_error_page_stays_there_or_leads_home(site: Flask) -> None:
    with site.test_request_context("/fr/no/such page"):
        assert i18n.switch_url("es") == "/es/no/such%20page?switch=es"
        assert i18n.alternate_urls() == []
    with site.test_request_context("/nowhere/at/all"):
        assert i18n.switch_url("es") == "/es/?switch=es"


def test_a_page_without_language_in_its_address_can_choose_one(visitor: FlaskClient) -> None:
    page = visitor.get("/testpay/ts_1", headers={"Accept-Language": "fr"})

    assert '<html lang="es">' in page.text
    assert page.headers["Content-Language"] == "es"
    assert links(page.text)["fr"] == "/fr/?switch=fr"


def test_only_pages_say_their_language(visitor: FlaskClient) -> None:
    assert "Content-Language" not in visitor.get("/file").headers


def test_mails_and_pdfs_speak_the_buyers_language_whoever_makes_them(site: Flask) -> None:
    with site.app_context():
        assert i18n.current_language() == "en"
        with i18n.in_locale("fr"):
            assert i18n.current_language() == "fr"
            assert gettext(SHARED) == "Cette page est introuvable"
            assert i18n.public_url("catalog.project", reference="a b") == "http://127.0.0.1:5000/fr/projects/a%20b"
            with i18n.in_locale("es"):
                assert i18n.current_language() == "es"
            assert i18n.current_language() == "fr"
        assert gettext(SHARED) == SHARED
    with site.test_request_context("/es/"):
        site.preprocess_request()
        with i18n.in_locale("fr"):
            assert i18n.public_url("catalog.projects") == "http://127.0.0.1:5000/fr/"
            assert url_for("catalog.projects") == "/fr/"
        assert url_for("catalog.projects") == "/es/"
        assert url_for("catalog.projects", lang="fr") == "/fr/"
        assert url_for("web.root") == "/"
        assert i18n.public_url("checkout.order", token="t", lang="en") == "http://127.0.0.1:5000/en/orders/t"


def test_a_language_we_do_not_speak_is_a_fault_in_mails_and_pages(site: Flask) -> None:
    with site.test_request_context("/"):
        with pytest.raises(KeyError, match="de"), i18n.in_locale("de"):
            pass
        with pytest.raises(KeyError, match="de"):
            i18n.use_language("de")


def test_without_an_application_the_language_is_english() -> None:
    assert i18n.current_language() == "en"


def test_a_page_that_is_added_later_has_its_language_from_then_on(site: Flask) -> None:
    with site.test_request_context("/fr/"), pytest.raises(BuildError):
        url_for("late.page")

    site.add_url_rule("/<lang>/late", "late.page", lambda: "late")

    with site.test_request_context("/fr/"):
        assert url_for("late.page") == "/fr/late"


def test_links_of_two_applications_do_not_mix(make_site: SiteMaker) -> None:
    one, other = make_site(), make_site()
    one.add_url_rule("/<lang>/here", "room.page", lambda: "")
    other.add_url_rule("/there", "room.page", lambda: "")

    for site, path, switched in ((one, "/fr/here", "/es/here?switch=es"), (other, "/there", "/es/?switch=es")):
        with site.test_request_context(path):
            assert url_for("room.page") == path
            assert i18n.switch_url("es") == switched


def test_the_form_librarys_own_words_are_in_the_language_of_the_page_and_read_once(site: Flask) -> None:
    said, own = {}, set()
    for language in ("en", "fr", "es"):
        with site.test_request_context(f"/{language}/"):
            words = request.wtforms_translations  # type: ignore[attr-defined]  # of our own request
            said[language] = words.ugettext("Not a valid integer value.")
            own |= {words.ugettext("Not a valid choice."), words.ugettext("Invalid Choice: could not coerce.")}
        with site.test_request_context(f"/{language}/"):
            assert request.wtforms_translations is words  # type: ignore[attr-defined]  # as above

    assert said == {
        "en": "Not a valid integer value.", "fr": "N'est pas un entier valide.", "es": "No es un valor entero válido.",
    }  # fmt: skip
    assert own == {"This answer is not offered here. Choose one of those that are."}
