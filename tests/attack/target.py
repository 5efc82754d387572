"""A whole house to attack: every route with what is there, every form of every page, and what answers do wrong."""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, unquote_to_bytes, urlsplit
from uuid import uuid4

from flask import Flask, got_request_exception
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.attack.asking import Asked, ask
from tests.attack.forms import Form, forms_and_links
from tests.attack.judging import OWN, faults_of
from tests.attack.keeping import Keeper, PostgresKeeper
from tests.attack.stage import OTHER_FORMS, furnish
from tests.house import ROLES, House, house_over
from tests.postgres import PrivateCluster

ROOT = Path(__file__).parents[2]
# Names that views look for in what was sent, as their source says them.
_LOOKED_FOR = re.compile(r"(?:args|arguments|form|values|query)(?:\.get|\.getlist|\.pop)?[\[(]\s*\"(\w+)\"")
# Not ready is an answer: no worker runs here.
MAY_BE_AWAY = frozenset({b"/health", b"/health/ready"})
# Pages about things with states, each of which may have forms of its own; so many of them are read.
ROOMS_WITH_STATES = frozenset({"account", "applying", "checkout", "desk_offers", "direct", "selling"})
ADDRESSES_OF_ONE_PAGE = 10


class Target:
    """The application of a house, as strangers and as people with accounts reach it."""

    def __init__(self, house: House, keeper: Keeper) -> None:
        self.house = house
        self.keeper = keeper
        # What the last questions broke, for whoever reads of a finding.
        self.exceptions: deque[str] = deque(maxlen=2)
        self._note = lambda _app, exception, **_more: self.exceptions.append(f"{type(exception).__name__}: {exception}")
        got_request_exception.connect(self._note, house.app)
        self.cookies = {role: _session_of(house, role) for role in ROLES}
        # Addresses that no page links to: those that stand in mails.
        self.mailed = furnish(house)
        self._fill_basket()
        keeper.keep()
        self.names: dict[str, list[str]] = {}
        self.forms: list[tuple[str, Form]] = []
        self._read_pages(self.mailed)
        keeper.put_back()

    @property
    def app(self) -> Flask:
        """The application."""
        return self.house.app

    def ask(self, asked: Asked) -> TestResponse:
        """Ask as the person of `asked.role`, with their cookies."""
        return ask(self.app, asked, self.cookies[asked.role])

    def faults(self, asked: Asked) -> list[str]:
        """What is wrong with the answer to a question."""
        self.exceptions.clear()
        found = faults_of(self.ask(asked), wants_data=asked.wants_data) + list(self.exceptions)
        return [fault for fault in found if not (asked.path in MAY_BE_AWAY and fault == "status 503")]

    # --- who may ask what -------------------------------------------------------------------------------

    def roles_for(self, rule: Rule) -> tuple[str, ...]:
        """People who get into a page; the buyer, who has a basket too, into those that are open to all."""
        access = getattr(self.app.view_functions[rule.endpoint], "access", None)
        if access is None:
            return "buyer", "visitor"
        return ("operator", "second operator") if access.operator else ("owner", "other owner", "buyer")

    def good(self, rule: Rule) -> dict[str, bytes]:
        """Things that are there, for every argument of a rule, as bytes of its path."""
        address = urlsplit(self.house.address(rule)).path
        adapter = self.app.url_map.bind(urlsplit(OWN).netloc)
        method = "GET" if "GET" in (rule.methods or ()) else "POST"
        _endpoint, values = adapter.match(unquote_to_bytes(address).decode(), method=method)
        return {name: str(value).encode() for name, value in values.items()}

    def names_for(self, rule: Rule) -> list[str]:
        """Names that a page may look for: those of its forms and of links to it, then all others."""
        return self.names.get(rule.endpoint) or self.names[""]

    # --- made once --------------------------------------------------------------------------------------

    def _fill_basket(self) -> None:
        """Let the buyer get as far as the last button."""
        body = f"offer_id={self.house.things['offer_id']}&units=2".encode()
        chosen = self.ask(Asked("POST", b"/en/basket/add", body=body, role="buyer"))
        self.cookies["buyer"] += "; " + chosen.headers["Set-Cookie"].partition(";")[0]
        details = b"email=buyer@example.org&beneficiary=Jane&purpose=Heating&intent=contribution&country=FR"
        assert self.ask(Asked("POST", b"/en/checkout", body=details, role="buyer")).status_code == 303

    def _read_pages(self, more: list[str]) -> None:
        """Look at every page as everybody who gets in, follow links to others of its kind, and note the forms."""
        names: dict[str, set[str]] = defaultdict(set)
        names[""] = set(_names_in_source())
        known: set[object] = set()
        read: Counter[tuple[str, str]] = Counter()
        rules = [rule for rule in self.house.rules() if "GET" in (rule.methods or ()) and rule.endpoint != "static"]
        to_read = [(role, self.house.address(rule)) for rule in rules for role in self.roles_for(rule)]
        to_read += [(role, address) for address in more for role in ("visitor", "owner")]
        while to_read:
            role, page = to_read.pop(0)
            if (role, page) in known or read[role, self.endpoint_of(page, "GET")] >= ADDRESSES_OF_ONE_PAGE:
                continue
            known.add((role, page))
            parts = urlsplit(page)
            answer = self.ask(Asked("GET", unquote_to_bytes(parts.path), parts.query.encode(), role=role))
            if answer.mimetype != "text/html" or answer.status_code != 200:
                continue
            read[role, self.endpoint_of(page, "GET")] += 1
            forms, links = forms_and_links(answer.get_data(as_text=True), page)
            for form in forms:
                names[self.endpoint_of(form.action, form.method)] |= set(form.kinds)
                kind = (self.endpoint_of(form.action, form.method), tuple(sorted(form.kinds)))
                if kind not in known:
                    known.add(kind)
                    self.forms.append((role, form))
            for link in links:
                endpoint = self.endpoint_of(link, "GET")
                names[endpoint] |= {name for name, _ in parse_qsl(urlsplit(link).query)}
                if role != "visitor" and endpoint.partition(".")[0] in ROOMS_WITH_STATES and link.startswith("/en/"):
                    to_read.append((role, link.partition("#")[0]))
        by_endpoint = {rule.endpoint: rule for rule in self.house.rules() if "POST" in (rule.methods or ())}
        for (role, endpoint), values in OTHER_FORMS.items():
            kinds = {name: "file" if name == "file" else "text" for name in values}
            address = self.house.address(by_endpoint[endpoint])
            self.forms.append((role, Form(address, "POST", "", dict(values), kinds)))
            names[endpoint] |= set(kinds)
        self.names = {endpoint: sorted(found) for endpoint, found in names.items() if found}

    def endpoint_of(self, address: str, method: str) -> str:
        """Where an address of ours leads; empty for any other."""
        adapter = self.app.url_map.bind(urlsplit(OWN).netloc)
        parts = urlsplit(address)
        if parts.netloc and f"{parts.scheme}://{parts.netloc}" != OWN:
            return ""
        try:
            return str(adapter.match(unquote_to_bytes(parts.path).decode(), method=method)[0])
        except (HTTPException, UnicodeDecodeError):
            return ""


@contextmanager
def on_postgresql(cluster: PrivateCluster, template: str, directory: Path) -> Iterator[Target]:
    """A house over a database of its own, which is dropped afterwards."""
    name = f"attack_{uuid4().hex[:12]}"
    url = cluster.create_database(name, template=template)
    with house_over(url, directory, PUBLIC_BASE_URL=OWN) as house:
        target = Target(house, PostgresKeeper(cluster, name, house.app))
        yield target
        target.keeper.close()


def _session_of(house: House, role: str) -> str:
    name = house.app.config["SESSION_COOKIE_NAME"]
    cookie = house.browsers[role].get_cookie(name)
    return f"{name}={cookie.value}" if cookie else ""


def _names_in_source() -> Iterator[str]:
    for path in (ROOT / "app").rglob("*.py"):
        yield from _LOOKED_FOR.findall(path.read_text())
