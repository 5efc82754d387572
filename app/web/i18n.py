"""Languages: the address decides what a page says; the reader's wishes decide only where `/` leads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache, partial
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from babel import Locale
from babel.support import Translations
from flask import Flask, Request, Response, abort, current_app, g, has_request_context, redirect, request
from flask.globals import _cv_app, request_ctx
from flask_babel import Babel, Domain, force_locale, get_domain, get_locale, lazy_gettext, refresh
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse
from wtforms.i18n import messages_path

from app import current
from app.kernel.languages import DEFAULT_LANGUAGE, LANGUAGES
from app.web.writing import shown

COOKIE_SECONDS = 365 * 24 * 60 * 60
SWITCH = "switch"

R = TypeVar("R", bound=WerkzeugResponse)


def init_app(app: Flask) -> None:
    """Bind translations, take the language out of addresses and put it into new ones."""
    # One for each application, because it keeps the catalogues that it has read.
    babel = Babel()
    babel.domain_instance = Catalogues()
    babel.init_app(
        app,
        default_locale=DEFAULT_LANGUAGE,
        default_translation_directories="translations",
        default_timezone="UTC",
        locale_selector=_select_locale,
    )
    app.request_class = RequestWithForms
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # of the extension that Babel added
        gettext=lambda text: _catalogue().ugettext(text),
        ngettext=lambda one, many, number: _catalogue().ungettext(one, many, number),
        pgettext=lambda context, text: _catalogue().upgettext(context, text),
        npgettext=lambda context, one, many, number: _catalogue().unpgettext(context, one, many, number),
        newstyle=True,
    )
    app.jinja_env.globals.update(_=_say, ngettext=_say_number)
    app.extensions["tonne.speaking"] = {}
    app.extensions["tonne.path_of"] = lru_cache(maxsize=1024)(partial(_path_of, app))
    app.url_value_preprocessor(_take_language)
    app.url_defaults(_give_language)
    app.before_request(_remember_the_switch)
    app.after_request(_name_the_language)
    app.jinja_env.globals.update(
        LANGUAGES=LANGUAGES, switch_url=switch_url, alternate_urls=alternate_urls, public_url=public_url
    )
    app.context_processor(lambda: {"lang": current_language()})


def current_locale() -> Locale:
    """The parsed locale in force, English outside an application."""
    return _spoken().locale


def current_language() -> str:
    """The code of the language in force."""
    return _spoken().language


@pass_eval_context
def _say(evaluation: EvalContext, text: str, /, **values: Any) -> str:
    """What Jinja's own `_` does, without a context of its own for each of a page's hundreds of words."""
    if evaluation.autoescape and not values:
        return words()[text]
    return _filled(evaluation, _catalogue().ugettext(text), values)


@pass_eval_context
def _say_number(evaluation: EvalContext, one: str, many: str, number: int, /, **values: Any) -> str:
    """The same of Jinja's own `ngettext`."""
    return _filled(evaluation, _catalogue().ungettext(one, many, number), {"num": number, **values})


def _filled(evaluation: EvalContext, said: str, values: dict[str, Any]) -> str:
    """Words with values filled in: what a page shows of them is escaped, the words are not."""
    if not evaluation.autoescape:
        return said % values
    # A number may be filled in as one.
    fitting = {name: value if type(value) is int else shown(value) for name, value in values.items()}
    return Markup(said % fitting)  # noqa: S704 - our own words, as in Jinja, and values that are escaped


class Words(dict[str, Markup]):
    """What a catalogue says where nothing is to be filled in, made when it is first asked for."""

    def __init__(self, catalogue: Any) -> None:
        self._catalogue = catalogue

    def __missing__(self, text: str) -> Markup:
        self[text] = said = Markup(self._catalogue.ugettext(text)) % {}  # noqa: S704 - our own words, as in Jinja
        return said


def words() -> Words:
    """What is said in the locale in force: pages ask hundreds of times, each template through `app/web/writing.py`."""
    return _spoken().words


def _catalogue() -> Any:
    """The catalogue of the locale in force."""
    return _spoken().catalogue


class _Spoken(NamedTuple):
    """A locale with all that a page asks of it."""

    locale: Locale
    language: str
    catalogue: Any
    words: Words


def _spoken() -> _Spoken:
    """What is spoken now: kept where Babel keeps the locale in force, and found in one step by a thousand askers."""
    try:
        # Of the context itself: to go through its stand-in `g` takes longer than all the rest here.
        kept = _cv_app.get().g._flask_babel  # noqa: SLF001 - Babel has no other door to it
        spoken: _Spoken = kept.tonne_spoken
        if spoken.locale is kept.babel_locale:
            return spoken
    except (AttributeError, LookupError):  # nothing is kept yet; no application
        pass
    return _find_spoken()


def _find_spoken() -> _Spoken:
    locale = get_locale() or _locale_of(DEFAULT_LANGUAGE)
    catalogue = Domain.get_translations(get_domain())
    kept = vars(catalogue)
    if "tonne_words" not in kept:
        kept["tonne_words"] = Words(catalogue)
    spoken = _Spoken(locale, str(locale.language), catalogue, kept["tonne_words"])
    if g:  # asking has made the context
        g._flask_babel.tonne_spoken = spoken  # noqa: SLF001 - as Babel keeps its own
    return spoken


class Catalogues(Domain):
    """What `gettext` and its kind ask outside templates: the same catalogue, found in the same short way."""

    def get_translations(self) -> Any:
        """The catalogue of the locale in force."""
        return _catalogue()


class RequestWithForms(Request):
    """A request that knows the few words of WTForms' own; Flask-WTF would read their catalogue anew for each."""

    # Forms come as browsers send them. Flask-WTF would fill them from JSON too, however deep its levels go.
    is_json = False

    @property
    def wtforms_translations(self) -> Any:
        """The catalogue of those words for the language in force."""
        return _words_of_wtforms(current_language())


class WordsOfForms(Translations):
    """WTForms' own words in one language, and ours for those that anybody may meet."""

    def ugettext(self, message: str) -> str:
        """What WTForms asks for a sentence."""
        own = _OWN_WORDS.get(message)
        return self.gettext(message) if own is None else str(own)


# What a page that went stale, or a changed request, may send.
_OWN_WORDS = dict.fromkeys(
    ("Not a valid choice.", "Invalid Choice: could not coerce."),
    lazy_gettext("This answer is not offered here. Choose one of those that are."),
)


@cache
def _words_of_wtforms(language: str) -> Any:
    return WordsOfForms.load(messages_path(), [language], domain="wtforms")


@cache
def _locale_of(language: str) -> Locale:
    """The one locale of a language: parsed for each request, it would read its data and be compared anew."""
    return Locale(language)


def use_language(language: str) -> None:
    """Answer this request in `language` although its address does not name one. Raises KeyError."""
    LANGUAGES[language]
    g.language = language
    refresh()


@contextmanager
def in_locale(locale: str) -> Iterator[None]:
    """Speak `locale` for a while: mails and PDFs are in the buyer's language, not the worker's.

    Raises KeyError for a language that this site does not have.
    """
    LANGUAGES[locale]
    with force_locale(locale):
        yield


def negotiated_language() -> str:
    """What to show who has not said: the language chosen earlier, else the browser's, else English."""
    chosen = request.cookies.get(_cookie())
    if chosen in LANGUAGES:
        return str(chosen)
    return request.accept_languages.best_match(list(LANGUAGES)) or DEFAULT_LANGUAGE


def is_negotiated() -> bool:
    """Whether the present answer depends on the reader's cookie and browser instead of the address."""
    return "language" not in g and _language_of_path() is None


def vary_by_reader(response: R) -> R:
    """Tell caches that another reader may get another language at the same address."""
    response.vary.update(("Cookie", "Accept-Language"))
    return response


def public_url(endpoint: str, **values: Any) -> str:
    """The address of a page as everybody sees it, on PUBLIC_BASE_URL; works outside requests too."""
    current_app.inject_url_defaults(endpoint, values)
    adapter = current_app.url_map.bind("localhost")
    return current.settings().public_base_url + adapter.build(endpoint, values, force_external=False)


def shows_page(endpoint: str, **values: Any) -> None:
    """Say which page this answer shows when a form was sent elsewhere, so that the switch stays on it."""
    g.shown_page = (endpoint, values)


def switch_url(language: str) -> str:
    """Link to this page in `language`, query kept; following it also remembers the choice."""
    query = urlencode([(name, value) for name, value in request.args.items(multi=True) if name != SWITCH])
    return f"{_path_in(language)}?{query}{'&' if query else ''}{SWITCH}={language}"


def alternate_urls() -> list[tuple[str, str]]:
    """(hreflang, absolute address) of this page in every language, `x-default` last.

    The default is the address without a language, which asks the reader. Empty for pages that are
    nobody else's business, and for errors.
    """
    if request.endpoint is None or not has_language(request.endpoint) or g.get("is_private", False):
        return []
    base = current.settings().public_base_url
    paths = {language: _path_in(language) for language in LANGUAGES}
    without = paths[DEFAULT_LANGUAGE].removeprefix(f"/{DEFAULT_LANGUAGE}")
    return [*((language, base + path) for language, path in paths.items()), ("x-default", base + without)]


def _select_locale() -> Locale:
    if not has_request_context():
        return _locale_of(DEFAULT_LANGUAGE)
    return _locale_of(g.get("language") or _language_of_path() or negotiated_language())


def _language_of_path() -> str | None:
    first = request.path.split("/", 2)[1:2]
    return first[0] if first and first[0] in LANGUAGES else None


def _take_language(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    # An application context may outlive one request; what was said in it does not.
    g.pop("language", None)
    g.pop("shown_page", None)
    refresh()
    language = (values or {}).pop("lang", None)
    if language in LANGUAGES:
        g.language = language
    elif language is not None or request.routing_exception is not None:
        _find_language_for_page()
        if language is not None:
            abort(404)


def _find_language_for_page() -> None:
    """A known page's address without its language leads to that page in the reader's language."""
    if request.method not in {"GET", "HEAD"} or request_ctx.url_adapter is None or _language_of_path():
        return
    language = negotiated_language()
    try:
        request_ctx.url_adapter.match(f"/{language}{request.path}", method="GET")
    except HTTPException:
        return
    query = f"?{request.query_string.decode('ascii', 'replace')}" if request.query_string else ""
    abort(vary_by_reader(redirect(f"/{language}{quote(request.path)}{query}")))


def _give_language(endpoint: str, values: dict[str, Any]) -> None:
    if "lang" not in values and has_language(endpoint):
        values["lang"] = current_language()


def has_language(endpoint: str) -> bool:
    """Whether the addresses of `endpoint` begin with a language: looked up once, as every link asks."""
    known: dict[str, bool] = current_app.extensions["tonne.speaking"]
    if endpoint not in known:
        if endpoint not in current_app.view_functions:
            return False
        known[endpoint] = current_app.url_map.is_endpoint_expecting(endpoint, "lang")
    return known[endpoint]


def _remember_the_switch() -> WerkzeugResponse | None:
    if SWITCH not in request.args or request.method not in {"GET", "HEAD"} or "language" not in g:
        return None
    query = urlencode([(name, value) for name, value in request.args.items(multi=True) if name != SWITCH])
    response = redirect(quote(request.path) + (f"?{query}" if query else ""))
    response.set_cookie(
        _cookie(),
        g.language,
        max_age=COOKIE_SECONDS,
        secure=_is_https(),
        httponly=True,
        samesite="Lax",
    )
    return response


def _is_https() -> bool:
    return current.settings().public_base_url.startswith("https://")


def _cookie() -> str:
    return "__Host-lang" if _is_https() else "lang"


def _name_the_language(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.headers.setdefault("Content-Language", current_language())
    return response


def _path_in(language: str) -> str:
    endpoint, values = g.get("shown_page") or (request.endpoint, request.view_args or {})
    if endpoint is None:
        known = _language_of_path()
        return f"/{language}{quote(request.path.removeprefix(f'/{known}'))}" if known else f"/{language}/"
    return str(current_app.extensions["tonne.path_of"](endpoint, tuple(values.items()), language))


def _path_of(app: Flask, endpoint: str, values: tuple[tuple[str, Any], ...], language: str) -> str:
    """The path of a page in `language`, or of the list where that page is not to be had by a link."""
    home = f"/{language}/"
    if not has_language(endpoint):
        return home
    adapter = app.url_map.bind("localhost")
    path = adapter.build(endpoint, {**dict(values), "lang": language}, force_external=False)
    return path if adapter.test(path, "GET") else home
