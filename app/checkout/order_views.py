"""The order's page behind its unguessable link, and what can be had from it."""

from __future__ import annotations

import json
from contextlib import suppress

from flask import abort, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy.exc import NoResultFound
from werkzeug.wrappers import Response

from app import jobs
from app.certificates import service as certificates
from app.certificates.facts import from_json, to_plain
from app.certificates.responses import attestation_response, document_response
from app.checkout import facts, service
from app.checkout.messages import describe
from app.checkout.models import Order
from app.checkout.order_data import order_money
from app.checkout.order_queries import OrderView, find_order, newest_payment_of, order_view, promise_of
from app.checkout.remedies import can_be_taken_back, remedies_of
from app.checkout.views import blueprint
from app.current import clock, now, settings
from app.kernel.errors import Refusal
from app.kernel.references import certificate_slug, number_from_slug
from app.notifications.service import resend as resend_mails
from app.payments.ports import GatewayFault, current_gateway
from app.registry.batch.queries import attestations_of, references_of_order
from app.registry.ports import current_registries
from app.web.demonstration import statement
from app.web.errors import UnknownOrder
from app.web.limits import limit_checkout, limit_resend, when_limited

__all__ = ["blueprint"]

REFRESH_SECONDS = 5
SLOW_REFRESH_SECONDS = 60


@blueprint.get("/orders/<token>")
def order(token: str) -> Response:
    """Where the order stands: the line of proof, certificates, refunds."""
    return _order_page("checkout/order.html", token)


@blueprint.get("/orders/<token>/progress")
def order_progress(token: str) -> Response:
    """The part of the page that changes, for the script that refreshes it."""
    return _order_page("checkout/_progress.html", token)


def _order_page(template: str, token: str, notice: str | None = None, status: int = 200) -> Response:
    view = _view(_order(token))
    refresh = None if view.is_final else REFRESH_SECONDS
    if view.pending_reason in {"bank", "payment", "review"} or not view.pending_reason:
        refresh = None if view.is_final else SLOW_REFRESH_SECONDS
    attestations = attestations_of(references_of_order(view.id)) if view.certificates else ()
    page = render_template(
        template,
        order=view,
        refresh_seconds=refresh,
        notice=notice,
        attestations=attestations,
        remedies=remedies_of(view.id, now()) if view.has_remedies else (),
        can_be_taken_back=can_be_taken_back(view, current_registries(), now()),
    )
    response = make_response(page, status)
    response.headers["X-Order-Final"] = "yes" if view.is_final else "no"
    return response


def _order_page_when_limited(token: str, try_again: str) -> Response:
    # The count belongs to this order, whoever asked.
    shown = gettext("This order’s mails were sent again a short while ago. %(try_again)s", try_again=try_again)
    return _order_page("checkout/order.html", token, notice=shown)


@blueprint.get("/orders/<token>/return")
def payment_return(token: str) -> Response:
    """The buyer comes back from the payment page: look, then show. Coming back proves nothing."""
    try:
        payment_id = newest_payment_of(token)
    except NoResultFound:
        raise UnknownOrder from None
    if payment_id is not None:
        # Without an answer the page says that the payment is being checked. The sweeper looks again, and logs a fault.
        with suppress(Refusal, GatewayFault):
            service.reconcile(payment_id, current_gateway(), current_registries(), settings(), clock())
        jobs.wake()
    return redirect(url_for("checkout.order", token=token), 303)


@blueprint.post("/orders/<token>/pay")
@limit_checkout
def pay_again(token: str) -> Response:
    """Open a new payment page for an unpaid order, after closing any earlier one."""
    found = _order(token)
    try:
        service.close_payment_pages(found.id, current_gateway(), current_registries(), settings(), clock())
        url = service.start_payment(found.id, current_gateway(), settings(), clock())
    except Refusal as refusal:
        return _order_page("checkout/order.html", token, notice=describe(refusal), status=409)
    return redirect(url, 303)


@blueprint.route("/orders/<token>/withdraw", methods=["GET", "POST"])
@limit_checkout
def withdraw(token: str) -> Response:
    """Withdraw from an order: the first step states what happens, the second confirms it and closes an unpaid order."""
    found = _order(token)
    if request.method == "GET":
        return _withdrawal_page(found)
    if not service.withdraw(found.id, current_gateway(), current_registries(), settings(), clock()):
        return _withdrawal_page(_order(token), gettext("Your payment came first: this order is paid."), 409)
    return redirect(url_for("checkout.order", token=token), 303)


def _view(order: Order) -> OrderView:
    return order_view(order, promise=promise_of(order.id, current_registries()))


def _withdrawal_page(found: Order, notice: str | None = None, status: int = 200) -> Response:
    view = _view(found)
    return make_response(render_template("checkout/withdraw.html", order=view, notice=notice), status)


@blueprint.post("/orders/<token>/resend")
@when_limited(_order_page_when_limited)
@limit_resend
def resend(token: str) -> Response:
    """Send the order's mails again, to the same address."""
    found = _order(token)
    resend_mails(found.id, found.email, now=now())
    jobs.wake()
    return redirect(url_for("checkout.order", token=token), 303)


@blueprint.get("/orders/<token>/certificates/<slug>.pdf")
def certificate_pdf(token: str, slug: str) -> Response:
    """One certificate as PDF, in the language of the page."""
    number = number_from_slug(slug)
    found = _order(token)
    certificate = next((c for c in certificates.certificates_of(found.id) if c.number == number), None)
    if certificate is None:
        abort(404)
    return document_response(
        order_id=found.id, subject=number, content=certificate.facts, filename=f"{certificate_slug(number)}.pdf"
    )


@blueprint.get("/orders/<token>/attestations/<sha256>.pdf")
def attestation(token: str, sha256: str) -> Response:
    """The registry's own attestation of what was cancelled for the order."""
    return attestation_response(references_of_order(_order(token).id), sha256)


@blueprint.get("/orders/<token>/summary.pdf")
def summary_pdf(token: str) -> Response:
    """The summary of an order of several certificates, in the language of the page."""
    found = _order(token)
    if not certificates.certificates_of(found.id):
        abort(404)
    content = certificates.summary_content(facts.summary(found.id, settings()))
    return document_response(
        order_id=found.id, subject=found.reference, content=content, filename=f"{found.reference}.pdf"
    )


@blueprint.get("/orders/<token>/data.json")
def order_data(token: str) -> Response:
    """What was ordered, paid and agreed to, and all frozen facts of the certificates, as one JSON file."""
    found = _order(token)
    data = {
        "order": found.reference,
        "state": found.state.value,
        "demonstration": statement() if found.is_demonstration else None,
        **order_money(_view(found)),
        "certificates": [to_plain(from_json(c.facts)) for c in certificates.certificates_of(found.id)],
    }
    response = make_response(json.dumps(data, ensure_ascii=False, indent=2, sort_keys=True))
    response.headers["Content-Type"] = "application/json; charset=utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="{found.reference}.json"'
    return response


def _order(token: str) -> Order:
    found = find_order(token)
    if found is None:
        raise UnknownOrder
    return found
