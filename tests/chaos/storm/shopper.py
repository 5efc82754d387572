"""A buyer with the thinnest of browsers: only the requests that buy, over one connection, again when it breaks."""

from __future__ import annotations

import html
import http.client
import re
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode, urlsplit

from tests.chaos.storm.fates import Fate

SECONDS_TO_ANSWER = 30
SECONDS_TO_SIGH = 0.4
MOST_TRIES = 150
_FIELD = re.compile(r'<input[^>]* name="(csrf_token|expected_total|shown|shown_parts|terms)"[^>]* value="([^"]*)"')


class TurnedAway(Exception):
    """The shop does not sell this: the reason is for the count."""


@dataclass
class Answer:
    """What a server said."""

    status: int
    location: str
    text: str

    @property
    def hidden(self) -> dict[str, str]:
        """What the page's form sends along unseen."""
        return {name: html.unescape(value) for name, value in _FIELD.findall(self.text)}


class Browser:
    """One connection to the shop and one to the gateway, for one buyer after the other."""

    def __init__(self, shop: int, gateway: int) -> None:
        self._ports = {"shop": shop, "gateway": gateway}
        self._lines: dict[str, http.client.HTTPConnection] = {}
        self._cookies: dict[str, str] = {}
        self.token: dict[str, str] = {}  # what forms of this session send along
        self.failed: Counter[str] = Counter()  # how often the shop was not there, and what it said

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_what: object) -> None:
        for line in self._lines.values():
            line.close()

    def forget_basket(self) -> None:
        """The next buyer sits down at the same machine, and fills a basket of their own."""
        self._cookies = {name: value for name, value in self._cookies.items() if "basket" not in name}

    def ask(self, whom: str, path: str, form: Mapping[str, str] | None = None) -> Answer | None:
        """GET, or POST where there is a form. None when no answer came."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        body = None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(form)
        line = self._lines.setdefault(
            whom, http.client.HTTPConnection("127.0.0.1", self._ports[whom], timeout=SECONDS_TO_ANSWER)
        )
        try:
            line.request("POST" if body is not None else "GET", path, body, headers)
            answer = line.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException):
            with suppress(OSError):
                line.close()
            self.failed[f"{whom} gave no answer"] += 1
            return None
        if answer.status >= 500:
            self.failed[f"{whom} answered {answer.status}"] += 1
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        return Answer(answer.status, answer.headers.get("Location", ""), text)


@dataclass
class Shopper:
    """Makes one purchase. `offers` gives the id of an offer by its name."""

    fate: Fate
    browser: Browser
    offers: Mapping[str, int]

    def buy(self) -> str:
        """Order and pay as fate has it; gives how it ended."""
        self.browser.forget_basket()
        try:
            page = self._order()
        except TurnedAway as reason:
            return f"turned away: {reason}"
        if self.fate.pays in {"never", "card_after_hours"}:
            return f"{self.fate.pays}:{page}"
        return self.pay(page)

    def pay(self, page: str) -> str:
        """Go to the hosted page, press its buttons, and perhaps come back."""
        buttons = {"declined_first": ("decline", "pay"), "bank": ("bank",), "bank_fails": ("bank",)}
        leads_to = page
        for button in buttons.get(self.fate.pays, ("bank",) if self.fate.pays == "bank_after_weeks" else ("pay",)):
            answer = self._insist("gateway", urlsplit(page).path, {"action": button})
            leads_to = answer.location
        if not leads_to.endswith("/return"):
            return "the payment page was closed"
        if self.fate.disputes == "at once":
            asks = "inquiry" if self.fate.is_inquiry else "dispute"
            self._insist("gateway", urlsplit(page).path, {"action": asks})
        if self.fate.comes_back:
            back = self._insist("shop", urlsplit(leads_to).path)
            if back.status == 303:
                self._insist("shop", urlsplit(back.location).path)
        return f"paid by {self.fate.pays}"

    # --- the shop's pages ------------------------------------------------------------------------------

    def _order(self) -> str:
        """Fill the basket, say who, agree; gives the address of the hosted page."""
        for offer, units in self.fate.lines.items():
            if offer not in self.offers:
                raise TurnedAway("not for sale yet")
            wanted = {"offer_id": str(self.offers[offer]), "units": str(units)}
            answer = self._insist("shop", self._path("basket/add"), wanted)
            if answer.status != 303:
                raise TurnedAway(f"{offer.partition('-')[0]} offer, {answer.status}")
        details = {
            "email": self.fate.email, "beneficiary": self.fate.beneficiary, "purpose": "", "intent": self.fate.intent,
            "country": self.fate.country, **({"publish_name": "y"} if self.fate.publish_name else {}),
        }  # fmt: skip
        self._fill_in("checkout", details)
        return self._fill_in("checkout/review", {"consent": "y"})

    def _fill_in(self, name: str, typed: Mapping[str, str]) -> str:
        """Open a page and send its form until that leads on; gives where to."""
        said, hidden = "nothing", self.browser.token if name == "checkout" else {}
        for _try in range(MOST_TRIES):
            # Whoever has been here before knows what to type into the first form without looking at it.
            if not hidden:
                page = self._insist("shop", self._path(name))
                if page.status == 303:  # units that were in the basket are gone, or it was paid already
                    raise TurnedAway(f"{name} leads to {page.location.rpartition('/')[2]}")
                hidden = page.hidden
            answer = self.browser.ask("shop", self._path(name), {**hidden, **typed})
            if answer is not None and answer.status == 303:
                self.browser.token = {"csrf_token": hidden["csrf_token"]}
                return answer.location
            hidden = {}
            said = str(answer.status) if answer else "no answer"
            time.sleep(SECONDS_TO_SIGH)
        raise TurnedAway(f"{name} says {said}")

    def _insist(self, whom: str, path: str, form: Mapping[str, str] | None = None) -> Answer:
        """Ask until there is an answer that is not about the house being away."""
        for _try in range(MOST_TRIES):
            answer = self.browser.ask(whom, path, form)
            if answer is not None and answer.status < 500:
                return answer
            time.sleep(SECONDS_TO_SIGH)
        raise TurnedAway("nobody there")

    def _path(self, name: str) -> str:
        return f"/{self.fate.locale}/{name}"
