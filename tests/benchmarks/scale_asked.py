"""What is asked of a marketplace of any size: the addresses of everybody's pages, and the worker's round."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.certificates.models import Certificate, RegisterEntry
from app.checkout.models import Beneficiary, Order
from app.db import db
from app.fulfilment.process import collaborators, run_due
from app.payments.models import Payment
from app.register.forms import Cursor
from app.registry.models import Cancellation, CancelledBlock

if TYPE_CHECKING:
    from tests.benchmarks.scale import Copy

SELL = "/en/sell/salkhit1"
LINES_OF_A_FILE = 900


@dataclass(frozen=True)
class Question:
    """One thing that is asked of a copy. `about` says what grows; `adds_up`: the answer adds up or names all of it."""

    name: str
    ask: Callable[[Copy], object]
    about: str = "cancellations"
    adds_up: bool = False


def questions() -> list[Question]:
    """Everything that is asked, in the order of the table."""
    return [*_register(), *_certificates(), *_statistics(), *_seller(), *_operator(), *_machines(), *_catalogue()]


def _register() -> list[Question]:
    middle = _in_the_middle(RegisterEntry.certificate_id, RegisterEntry.cancelled_at)

    def deep(is_backwards: bool) -> Callable[[], str]:
        def place() -> str:
            certificate_id, cancelled_at = middle()
            return f"{'before' if is_backwards else 'after'}={Cursor(cancelled_at.astimezone(UTC), certificate_id)}"

        return place

    return [
        Question("register: newest", _page("/en/register")),
        Question("register: a page in the middle", _found("/en/register?{}", deep(is_backwards=False))),
        Question("register: the page before it", _found("/en/register?{}", deep(is_backwards=True))),
        Question("register: words of a project", _page("/en/register?q=wind+power+number+6")),
        Question("register: words of most projects", _page("/en/register?q=power")),
        Question("register: a published name", _page("/en/register?q=amelie")),
        Question("register: a rare name", _found("/en/register?q=buyer+{}", _the_middle(Certificate.id))),
        Question("register: a certificate's number", _found("/en/register?q={}", _the_middle(Certificate.number))),
        Question("register: a serial number", _found("/en/register?q=IN+{}", _the_middle(CancelledBlock.first))),
        Question("register: nothing found", _page("/en/register?q=nothing+like+it")),
        Question("register: a year", _page("/en/register?year=2025")),
        Question("register: a host Party", _page("/en/register?host=KE")),
        Question("register: a type", _page("/en/register?type=Wind")),
        Question("register: an intent", _page("/en/register?intent=compensation")),
        Question("register: all filters", _page("/en/register?q=power&host=KE&intent=contribution&year=2025")),
        Question("register as CSV, 900 rows", _file("/en/register.csv")),
        Question("register as JSON, 900 rows", _file("/en/register.json")),
    ]


def _certificates() -> list[Question]:
    opened = _in_the_middle(Certificate.number, Certificate.verification_code)

    def slug() -> str:
        return opened()[0].replace("/", "-")

    def slug_and_code() -> str:
        return f"{slug()}?code={opened()[1]}"

    return [
        Question("one cancellation of the register", _found("/en/register/{}", slug)),
        Question("a certificate by its number", _found("/en/verify/{}", slug)),
        Question("a certificate by its code", _found("/en/verify/{}", slug_and_code)),
        Question("an order by its token", _found("/en/orders/{}", _the_middle(Order.token))),
    ]


def _statistics() -> list[Question]:
    return [
        Question("statistics, the page", _page("/en/statistics")),
        Question("statistics of three years", _page("/en/statistics?from=2023-11-01&to=2026-11-22"), adds_up=True),
        Question("cancelled here as CSV, 900", _file("/en/statistics/here.csv?from=2023-11-01&to=2026-11-22")),
        Question(
            "money by month as CSV", _file("/en/statistics/money.csv?from=2023-11-01&to=2026-11-22"), adds_up=True
        ),
    ]


def _seller() -> list[Question]:
    return [
        Question("seller: overview", _page(SELL, "seller"), adds_up=True),
        Question("seller: orders", _page(f"{SELL}/orders", "seller"), adds_up=True),
        Question("seller: orders of a project", _page(f"{SELL}/orders?project=IN-7", "seller"), adds_up=True),
        Question("seller: refunded orders", _page(f"{SELL}/orders?state=refunded", "seller"), adds_up=True),
        Question("seller: orders as CSV, 900", _file(f"{SELL}/orders.csv", "seller")),
        Question("seller: earnings", _page(f"{SELL}/earnings", "seller"), adds_up=True),
        Question("seller: statement of a month", _file(f"{SELL}/earnings/2025-06.csv", "seller"), adds_up=True),
        # What was cancelled of each pool, added up from an index alone.
        Question("seller: offers", _page(f"{SELL}/offers", "seller"), adds_up=True),
    ]


def _operator() -> list[Question]:
    def desk(name: str, address: str, **more: Any) -> Question:
        return Question(f"desk: {name}", _page(f"/en/desk{address}", "operator"), **more)

    def found(name: str, address: str, column: Any, **more: Any) -> Question:
        return Question(f"desk: {name}", _found(f"/en/desk{address}", _the_middle(column), "operator"), **more)

    return [
        desk("start", ""),
        desk("orders", "/orders"),
        desk("orders of a day", "/orders?day=2025-05-05"),
        desk("orders in review", "/orders?state=payment_review"),
        found("orders of an address", "/orders?email={}", Order.email),
        found("a page of orders in the middle", "/orders?before={}", Order.id),
        found("one order", "/orders/{}", Order.reference),
        found("one cancellation", "/cancellations/{}", Cancellation.reference),
        desk("cancellations that are not final", "/cancellations"),
        found("search: an order", "?q={}", Order.reference),
        found("search: a serial number", "?q=IN+{}", CancelledBlock.first),
        found("search: digits of a serial", "?q={}", CancelledBlock.first),
        found("search: an address", "?q={}", Order.email),
        found("search: a payment", "?q={}", Payment.charge_reference),
        found("search: a transaction", "?q={}", Cancellation.registry_transaction),
        found("search: a beneficiary", "?q={}", Beneficiary.name, adds_up=True),
        desk("search: a common name", "?q=Buyer", adds_up=True),
        desk("search: nothing found", "?q=zzyzx", adds_up=True),
        desk("payouts", "/payouts", adds_up=True),
        desk("ledger", "/ledger", adds_up=True),
        desk("ledger, page 40", "/ledger?page=40", adds_up=True),
        desk("people", "/people"),
        desk("comparison of books", "/reconciliation"),
        desk("acts", "/acts"),
    ]


def _machines() -> list[Question]:
    def a_round(copy: Copy) -> None:
        with copy.app.app_context():
            # Without the nightly comparison of books, which adds everything up.
            run_due(replace(collaborators(copy.app), background=()))
            db.session.remove()

    return [
        Question("a worker's round, nothing to do", a_round),
        Question("health", _page("/health/ready")),
        Question("metrics", _page("/metrics"), adds_up=True),
        Question("public comparison of books", _page("/en/reconciliation")),
        Question("list of projects", _page("/en/")),
    ]


def _catalogue() -> list[Question]:
    return [
        # The map and the site map name every project.
        Question(name, _page(address, who), about="offers", adds_up="map" in name)
        for name, address, who in (
            ("list", "/en/", "visitor"),
            ("list, page 2", "/en/?page=2", "visitor"),
            ("list: words", "/en/?q=wind+kenya", "visitor"),
            ("list: a host Party", "/en/?party=IN", "visitor"),
            ("list: a type", "/en/?type=Hydro", "visitor"),
            ("list: price and years", "/en/?year_from=2012&price_from=1.00&price_to=4.00", "visitor"),
            ("list by price", "/en/?sort=price", "visitor"),
            ("list by units", "/en/?sort=units", "visitor"),
            ("a project", "/en/projects/MX-21000", "visitor"),
            ("map", "/en/map", "visitor"),
            ("site map for crawlers", "/sitemap.xml", "visitor"),
            ("seller: offers", f"{SELL}/offers", "seller"),
            ("desk: all offers", "/en/desk/offers/all", "operator"),
            ("desk: all offers, page 2", "/en/desk/offers/all?page=2", "operator"),
            ("desk: offers that wait", "/en/desk/offers", "operator"),
            ("desk: sellers", "/en/desk/sellers", "operator"),
        )
    ]


def _page(address: str, who: str = "visitor") -> Callable[[Copy], object]:
    def ask(copy: Copy) -> None:
        answer = copy.browsers[who].get(address)
        # The desk opens what it finds at once.
        assert answer.status_code in (200, 303), (address, answer.status_code)
        assert "/sign-in" not in answer.headers.get("Location", ""), address

    return ask


def _file(address: str, who: str = "visitor", lines: int = LINES_OF_A_FILE) -> Callable[[Copy], object]:
    """The beginning of a file as it is sent: `lines` pieces, or all that there are."""

    def ask(copy: Copy) -> None:
        with copy.browsers[who].get(address, buffered=False) as answer:
            assert answer.status_code == 200, (address, answer.status_code)
            for number, _piece in enumerate(answer.iter_encoded()):
                if number >= lines:
                    break

    return ask


def _found(address: str, find: Callable[[], str], who: str = "visitor") -> Callable[[Copy], object]:
    """A page whose address names a thing in the middle of everything; it is looked up once for each copy."""
    known: dict[int, str] = {}

    def ask(copy: Copy) -> None:
        if copy.size not in known:
            with copy.app.app_context():
                known[copy.size] = address.format(find())
                db.session.remove()
        _page(known[copy.size], who)(copy)

    return ask


def _in_the_middle(*columns: Any) -> Callable[[], Any]:
    """Columns of the row in the middle of their table."""
    key = columns[0].table.primary_key.columns[0]

    def find() -> Any:
        middle = db.session.scalars(select(key).order_by(key.desc()).limit(1)).one() // 2
        return db.session.execute(select(*columns).where(key >= middle).order_by(key).limit(1)).one()

    return find


def _the_middle(column: Any) -> Callable[[], str]:
    """One value of the row in the middle."""
    find = _in_the_middle(column)
    return lambda: str(find()[0])
