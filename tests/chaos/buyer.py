"""A person with a browser that knows no JavaScript, and who tries again when a connection breaks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import requests
from lxml import html

SECONDS_TO_ANSWER = 30
MOST_TRIES = 20
SECONDS_TO_SIGH = 0.3
# How an answer is lost whose server dies: before its first byte, or in the middle.
LOST = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


@dataclass
class Buyer:
    """Buys at `address`. `when_broken` is called after each broken connection, before the next try."""

    address: str
    email: str
    locale: str
    when_broken: Callable[[], None]
    broken_connections: int = 0
    order_page: str = ""
    _browser: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self._browser.trust_env = False
        self._browser.headers["Connection"] = "close"

    def order(self, wanted: Mapping[str, tuple[int, int]]) -> str:
        """Order units by project reference, as (offer id, units); gives the address of the payment page."""
        for reference, (offer_id, units) in wanted.items():
            self._submit(
                f"/projects/{reference}",
                f"/{self.locale}/basket/add",
                {"units": str(units)},
                hidden={"offer_id": str(offer_id)},
            )
        # Somebody whose connection broke may have added twice; the basket says so, and takes the right number.
        quantities = {f"units-{offer_id}": str(units) for offer_id, units in wanted.values()}
        self._submit("/basket", f"/{self.locale}/basket", {**quantities, "action": "checkout"})
        self._submit(
            "/checkout",
            f"/{self.locale}/checkout",
            {"email": self.email, "beneficiary": "Zoë Ångström", "purpose": "Heating", "intent": "contribution"},
        )
        return self._submit("/checkout/review", f"/{self.locale}/checkout/review", {"consent": "y"})

    def pay(self, payment_page: str) -> str:
        """Press Pay on the payment page; gives the address to come back to, without going there."""
        for _ in range(MOST_TRIES):
            page = self._open(payment_page)
            form = _form(page, payment_page)
            if form is None:
                # Paid before the connection broke: the page says so and links back to the shop.
                return next(link for link in page.xpath("//a/@href") if link.endswith("/return"))
            answer = self._send(payment_page, form, {"action": "pay"})
            if answer is not None:
                assert answer.status_code == 303, answer.text
                return answer.headers["Location"]
        raise AssertionError("could not pay")

    def come_back(self, return_address: str) -> None:
        """Follow the payment page back to the order's page."""
        answer = self._get(return_address)
        assert answer.status_code == 303, answer.text
        self.order_page = urljoin(return_address, answer.headers["Location"])
        assert self._get(self.order_page).status_code == 200

    def certificates(self) -> list[bytes]:
        """The PDF files that the order's page links to, in the buyer's language."""
        page = self._open(self.order_page)
        links = [link for link in page.xpath("//a/@href") if link.endswith(".pdf") and f"/{self.locale}/" in link]
        files = {link: self._get(link) for link in links}
        missing = {link: file.status_code for link, file in files.items() if file.status_code != 200}
        assert not missing, missing
        return [file.content for file in files.values()]

    def _submit(self, path: str, action: str, typed: Mapping[str, str], hidden: Mapping[str, str] | None = None) -> str:
        """Open a page, fill in its form and send it until an answer comes; gives where that leads."""
        address = f"{self.address}/{self.locale}{path}"
        for _ in range(MOST_TRIES):
            form = _form(self._open(address), self.address + action, hidden or {})
            assert form is not None, f"no form for {action} on {path}"
            answer = self._send(address, form, typed)
            if answer is not None:
                assert answer.status_code == 303, f"{path}: {answer.status_code}\n{_words(answer.text)}"
                return urljoin(address, answer.headers["Location"])
        raise AssertionError(f"could not send {path}")

    def _send(self, address: str, form: Any, typed: Mapping[str, str]) -> requests.Response | None:
        fields = {**dict(form.form_values()), **typed}
        try:
            return self._browser.post(form.action, fields, allow_redirects=False, timeout=SECONDS_TO_ANSWER)
        except LOST:
            self._notice_broken()
            return None

    def _open(self, address: str) -> Any:
        answer = self._get(address)
        assert answer.status_code == 200, f"{address}: {answer.status_code} {answer.headers.get('Location')}"
        return html.fromstring(answer.text, base_url=address).getroottree().getroot()

    def _get(self, address: str) -> requests.Response:
        for _ in range(MOST_TRIES):
            try:
                return self._browser.get(
                    urljoin(self.address, address), allow_redirects=False, timeout=SECONDS_TO_ANSWER
                )
            except LOST as problem:
                self._notice_broken()
                broken = problem
        raise AssertionError(f"could not open {address}: {broken}")

    def _notice_broken(self) -> None:
        self.broken_connections += 1
        time.sleep(SECONDS_TO_SIGH)
        self.when_broken()


def _form(page: Any, action: str, hidden: Mapping[str, str] | None = None) -> Any:
    page.make_links_absolute()
    for form in page.forms:
        if form.action == action and all(form.fields.get(name) == value for name, value in (hidden or {}).items()):
            return form
    return None


def _words(page: str) -> str:
    return " ".join(html.fromstring(page).text_content().split())[:3000]
