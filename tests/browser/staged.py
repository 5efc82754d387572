"""Every state that a page can be in, on stage: orders are moved there by hand, forms are filled in wrongly.

The pages come from the application itself, served by this process over a copy of the demonstration
world, with a clock that stands still and a registry that answers as it is told.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask
from sqlalchemy import delete, select
from werkzeug.serving import WSGIRequestHandler, make_server

from app.catalog.models import Issuance, Project
from app.certificates.models import Certificate, Document
from app.checkout import service
from app.checkout.models import Remedy
from app.complaints import service as complaints
from app.complaints.states import ComplaintState
from app.db import db, transaction
from app.fulfilment.process import Collaborators, collaborators, run_due
from app.kernel.clock import FixedClock
from app.kernel.languages import CODES as LANGUAGES
from app.kernel.money import Money
from app.kernel.references import certificate_slug
from app.offers.models import Offer
from app.offers.states import OfferState
from app.payments.adapters.testpay_bank import TestpayBank
from app.registry.models import Cancellation
from app.registry.ports import Absent, NotSent, Pending, RefusalCode, Refused
from tests import builders
from tests.browser import staged_rooms
from tests.builders import NOW, a_basket, a_payable_order, change_offer, look_again, pass_time, payments_of, the_order
from tests.conftest import application, environment
from tests.fakes import FakeMailer, FakeRenderer, ScriptedRegistry, scripted

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ORDERED = {"KR-222": 3, "PE-86": 4, "IN-264": 5}
SOLD_OUT, PAUSED = "ZA-1364", "SV-297"
NO_ORDER = "A" * 43


class _Quiet(WSGIRequestHandler):
    def log(self, *_arguments: Any) -> None:
        """Say nothing about each request."""


@dataclass
class Stage:
    """The served pages: `address` of the application, `paths` of what was put on stage."""

    app: Flask
    address: str
    tight_address: str
    world: Collaborators
    clock: FixedClock
    paths: dict[str, str] = field(default_factory=dict)
    baskets: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, tuple[str, str]] = field(default_factory=dict)
    people: staged_rooms.People | None = None

    @property
    def registry(self) -> ScriptedRegistry:
        """The registry, to be told its answers."""
        registry: Any = self.world.registries.default
        return registry  # type: ignore[no-any-return]  # extensions are of any type

    def order(self, wanted: dict[str, int] | None = None, **details: Any) -> int:
        """An order by project reference whose payment page is open; gives its id."""
        offers = {offer_of(reference): units for reference, units in (wanted or ORDERED).items()}
        return a_payable_order(self.world, offers, **details)

    def pay(self, order_id: int, *, by_bank: bool = False) -> str:
        """Pay an order on its page; gives the page's reference."""
        reference = str(payments_of(order_id)[-1].gateway_reference)
        bank = TestpayBank(frozenset())
        move = bank.pay_by_bank if by_bank else bank.pay
        assert move(reference, self.clock.now())
        look_again(self.world, order_id)
        return reference

    def take_money(self, order_id: int) -> None:
        """Have the buyer choose the money where the registry refused."""
        for remedy_id in db.session.scalars(select(Remedy.id).where(Remedy.order_id == order_id)).all():
            service.take_money(remedy_id, self.world.settings, self.clock.now())
        run_due(self.world)

    def show(self, name: str, order_id: int, expected: str) -> None:
        """Have an order that reached the state one expects, under a name."""
        order = the_order(order_id)
        assert order.state.value == expected, f"{name}: {order.state}"
        self.paths[name] = f"/orders/{order.token}"


def offer_of(reference: str) -> int:
    """The cheapest offer of a project."""
    found = db.session.scalars(
        select(Offer.id)
        .join(Issuance, Issuance.id == Offer.issuance_id)
        .join(Project, Project.id == Issuance.project_id)
        .where(Project.reference == reference)
        .order_by(Offer.unit_price, Offer.id)
    ).all()
    return int(found[0])


@contextmanager
def staged(database: Path) -> Iterator[Stage]:
    """Put everything on stage over the demonstration world in `database`, and serve it."""
    clock = FixedClock(NOW)
    with ExitStack() as stack:
        addresses = []
        apps = []
        for limits in ({}, {"LIMIT_VERIFY": "1/hour"}):
            app, address = stack.enter_context(_served(database, clock, limits))
            apps.append(app)
            addresses.append(address)
        world = replace(collaborators(apps[0]), background=())
        stage = Stage(apps[0], addresses[0], addresses[1], world, clock)
        with apps[0].app_context():
            _set(stage)
        yield stage
        for app in apps:
            with app.app_context():
                db.session.remove()
                db.engine.dispose()


@contextmanager
def _served(database: Path, clock: FixedClock, changes: dict[str, str]) -> Iterator[tuple[Flask, str]]:
    holder: list[Flask] = []

    def answer(env: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        return holder[0](env, start)

    # The application must know its address before it is made, and the server has it.
    server = make_server("127.0.0.1", 0, answer, threaded=True, request_handler=_Quiet)
    address = f"http://127.0.0.1:{server.server_port}"
    settings = environment(
        database.parent, f"sqlite:///{database}", PUBLIC_BASE_URL=address, LOG_LEVEL="ERROR", **changes
    )
    app = application(settings, clock)
    app.testing = False
    app.add_url_rule("/<lang>/broken", "broken", _break)
    app.extensions["tonne.registries"] = scripted(app.extensions["tonne.registries"])
    app.extensions["tonne.renderer"] = FakeRenderer()
    app.extensions["tonne.mailer"] = FakeMailer()
    holder.append(app)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield app, address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _break() -> str:
    raise RuntimeError("this page is broken on purpose")


# --- what is put on stage -------------------------------------------------------------------------------


def _set(stage: Stage) -> None:
    _set_offers()
    _set_expired_orders(stage)
    _set_certified_orders(stage)
    _set_complaints(stage)
    staged_rooms.set_rooms(stage)
    _set_waiting_orders(stage)
    _set_test_payments(stage)
    staged_rooms.set_waiting_rooms(stage)
    chosen = {offer_of(reference): units for reference, units in ORDERED.items()}
    stage.baskets = {
        "full": a_basket(chosen, now=NOW),
        "wrong": a_basket(chosen, now=NOW),
        "low": a_basket({_offer_at(38): 1}, now=NOW),
    }


def _offer_at(price: int) -> int:
    return int(db.session.scalars(select(Offer.id).where(Offer.unit_price == price)).one())


def _set_offers() -> None:
    for reference, state in ((SOLD_OUT, OfferState.SOLD_OUT), (PAUSED, OfferState.PAUSED)):
        offers = db.session.scalars(
            select(Offer.id)
            .join(Issuance, Issuance.id == Offer.issuance_id)
            .join(Project, Project.id == Issuance.project_id)
            .where(Project.reference == reference)
        ).all()
        for offer_id in offers:
            change_offer(offer_id, state=state)


def _set_certified_orders(stage: Stage) -> None:
    order_id = stage.order(publish_name=False)
    stage.pay(order_id)
    run_due(stage.world)
    stage.show("order fulfilled", order_id, "fulfilled")
    numbers = db.session.scalars(select(Certificate).where(Certificate.order_id == order_id)).all()
    slug = certificate_slug(numbers[0].number)
    stage.paths["certificate public"] = f"/verify/{slug}"
    stage.paths["cancellation"] = f"/register/{slug}"
    stage.paths["certificate full"] = f"/verify/{slug}?code={numbers[0].verification_code}"
    stage.paths["certificate wrong code"] = f"/verify/{slug}?code=AAAA-AAAA-AAAA"

    order_id = stage.order({"KH-363": 1}, beneficiary="منظمة حماية البيئة", purpose="دعم المناخ", publish_name=True)
    stage.pay(order_id)
    run_due(stage.world)
    stage.show("order of one", order_id, "fulfilled")
    number = builders.certificates_of(order_id)[0]
    with transaction() as session:
        session.execute(delete(Document).where(Document.subject == number.number))
    stage.paths["document preparing"] = (
        f"{stage.paths['order of one']}/certificates/{certificate_slug(number.number)}.pdf"
    )
    stage.paths["certificate in arabic"] = f"/verify/{certificate_slug(number.number)}?code={number.verification_code}"

    # A refusal takes the seller's offer off sale, so these are offers that nothing else needs.
    stage.registry.submits[:] = [Refused(RefusalCode.RULES, "no")]
    order_id = stage.order({"PK-557": 3, "PE-86": 4, "IN-264": 5})
    stage.pay(order_id)
    run_due(stage.world)
    stage.show("order partly fulfilled", order_id, "partly_fulfilled")
    stage.paths["order remedy"] = f"{stage.paths['order partly fulfilled']}/instead/0"

    stage.registry.submits[:] = [Refused(RefusalCode.RULES, "no")]
    order_id = stage.order({"CL-33": 3})
    stage.pay(order_id)
    run_due(stage.world)
    stage.take_money(order_id)
    stage.show("order refused", order_id, "refused")


def _set_waiting_orders(stage: Stage) -> None:
    order_id = stage.order()
    stage.show("order unpaid", order_id, "payment_pending")
    stage.paths["withdraw unpaid"] = f"{stage.paths['order unpaid']}/withdraw"

    order_id = stage.order()
    stage.pay(order_id, by_bank=True)
    stage.show("order waits for bank", order_id, "payment_pending")

    order_id = stage.order()
    payment = payments_of(order_id)[-1]
    status = stage.world.gateway.status(str(payment.gateway_reference))
    wrong = replace(status, state=type(status.state).SUCCEEDED, amount=Money(1, "USD"))
    service.record_status(payment.id, wrong, stage.world.registries, stage.world.settings, stage.clock.now())
    stage.show("order under review", order_id, "payment_review")

    later = timedelta(hours=10)
    stage.registry.submits[:] = [Pending("TX-1", later), "lose", NotSent("down", later)]
    stage.registry.lookups[:] = [Absent(proven=False, basis="slow")] * 50
    order_id = stage.order()
    stage.pay(order_id)
    run_due(stage.world)
    stage.registry.lookups.clear()
    with transaction() as session:
        for cancellation in session.scalars(select(Cancellation).where(Cancellation.order_id == order_id)):
            cancellation.created_at -= timedelta(hours=1)
    stage.show("order at registry", order_id, "fulfilling")
    stage.paths["stop waiting"] = f"{stage.paths['order at registry']}/stop-waiting"

    order_id = stage.order()
    stage.pay(order_id)
    stage.show("order paid", order_id, "paid")
    stage.paths["withdraw too late"] = f"{stage.paths['order paid']}/withdraw"


def _set_test_payments(stage: Stage) -> None:
    # These addresses name no language; they speak the order's.
    for language in LANGUAGES:
        open_page = str(payments_of(stage.order(locale=language))[-1].gateway_reference)
        stage.paths[f"payment {language}"] = f"/testpay/{open_page}"
        processing = stage.pay(stage.order(locale=language), by_bank=True)
        stage.paths[f"payment processing {language}"] = f"/testpay/{processing}"
        stage.paths[f"bank processing {language}"] = f"/testpay/{processing}/bank"
        failed = stage.pay(stage.order(locale=language), by_bank=True)
        TestpayBank(frozenset()).fail(failed, stage.clock.now())
        stage.paths[f"payment failed {language}"] = f"/testpay/{failed}"
        paid = stage.pay(stage.order(locale=language))
        stage.world.gateway.refund(paid, None, Money(100, "USD"), f"stage-{language}")
        stage.paths[f"payment paid {language}"] = f"/testpay/{paid}"
        stage.paths[f"bank refunds {language}"] = f"/testpay/{paid}/bank"


def _set_complaints(stage: Stage) -> None:
    settings, now = stage.world.settings, stage.clock.now()
    for name in ("complaint waits", "complaint answered"):
        token = complaints.receive(
            once=name, email="amelie@example.org", about="T-7KMQ-2XHD", problem="I paid twice.\n\nOn Sunday.",
            wish="Send the second payment back.", locale="en", settings=settings, now=now,
        )  # fmt: skip
        stage.paths[name] = f"/complaint/{token}"
    stage.paths["complaint taken back"] = f"{stage.paths['complaint waits']}/withdraw"
    reply = "Dear Amélie,\n\nyou are right. The second payment is on its way to you."
    complaints.answer(f"C2/{now.year}", ComplaintState.UPHELD, reply, settings, now)


def _set_expired_orders(stage: Stage) -> None:
    orders = {language: stage.order(locale=language) for language in LANGUAGES}
    pass_time(stage.world, hours=2)
    run_due(stage.world)
    stage.show("order expired", orders["en"], "expired")
    for language, order_id in orders.items():
        stage.paths[f"payment expired {language}"] = f"/testpay/{payments_of(order_id)[-1].gateway_reference}"
