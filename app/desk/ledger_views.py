"""The ledger: accounts and transactions of the embedded registry, and what an issuance waits for."""

from __future__ import annotations

from flask import abort, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from app.accounts.access import get_me, operators_only
from app.current import now
from app.desk.acting import ActPage, act, blueprint, proposed
from app.desk.ledger_forms import ForwardForm, SharePaymentForm
from app.desk.orders import open_proposals
from app.kernel.money import Money
from app.kernel.text import clean_line
from app.registry.ledger import codes, decisions, queries
from app.registry.ledger.queries import IssuanceView
from app.web.filters import money, number
from app.web.security import form_checks_token

_ID = "/ledger/issuances/<int(max=9223372036854775807):issuance_id>"
LAST_PAGE = 10_000


@blueprint.get("/ledger")
@operators_only
def ledger() -> str:
    """Accounts with what lies in them, issuances that wait for money, and transactions, the latest first."""
    page = min(max(request.args.get("page", 1, type=int), 1), LAST_PAGE)
    project = clean_line(request.args.get("project", ""))[:24].upper()
    rows, has_more = queries.transactions(page)
    return render_template(
        "desk/ledger.html",
        accounts=queries.accounts(),
        waiting_ones=queries.with_fees(),
        project=project,
        issuances=queries.issuances_of(project) if project else [],
        rows=rows,
        page=page,
        has_more=has_more,
    )


@blueprint.get(_ID)
@operators_only
def ledger_issuance(issuance_id: int) -> str:
    """One issuance: what is due and paid, what is released, and where its units lie."""
    view = _view(issuance_id)
    return render_template(
        "desk/ledger_issuance.html",
        view=view,
        name=_name(view),
        Money=Money,
        proposals=open_proposals(("ledger_issuance", [issuance_id])),
    )


@blueprint.route(f"{_ID}/pay", methods=["GET", "POST"])
@operators_only
@form_checks_token
def pay_share(issuance_id: int) -> Response:
    """Propose to book a payment of the share of proceeds."""
    view = _view(issuance_id)
    form = SharePaymentForm(due=view.open_fee)
    page = ActPage(
        title=gettext("Book a payment of the share of proceeds"),
        words=[
            gettext(
                "Only after the money came. It releases units in proportion: nobody can undo that once they are "
                "forwarded. Another operator has to agree."
            )
        ],
        facts=[(gettext("Issuance"), _name(view)), (gettext("Due"), money(view.open_fee))],
        button=gettext("Propose the payment"),
        back=url_for("desk.ledger_issuance", issuance_id=issuance_id),
        is_serious=True,
    )

    def do() -> str:
        decisions.propose_payment(
            issuance_id,
            get_me().actor,
            form.paid(),
            payer=form.payer.data or "",
            reference=form.reference.data or "",
            reason=form.reason.data or "",
            now=now(),
        )
        return proposed()

    return act(form, page, do)


@blueprint.route(f"{_ID}/forward", methods=["GET", "POST"])
@operators_only
@form_checks_token
def forward_units(issuance_id: int) -> Response:
    """Propose to forward units to a participant's holding account."""
    view = _view(issuance_id)
    holders = [account for account in queries.accounts() if codes.is_holding(account.type_code)]
    form = ForwardForm(accounts=holders, most=view.pending.releasable)
    page = ActPage(
        title=gettext("Forward units to a participant"),
        words=[gettext("The units leave the pending account for good. Another operator has to agree.")],
        facts=[
            (gettext("Issuance"), _name(view)),
            (gettext("Released and not forwarded"), number(view.pending.releasable)),
        ],
        button=gettext("Propose the forwarding"),
        back=url_for("desk.ledger_issuance", issuance_id=issuance_id),
        is_serious=True,
    )

    def do() -> str:
        decisions.propose_forwarding(
            issuance_id,
            get_me().actor,
            form.account.data or "",
            int(form.units.data or 0),
            reason=form.reason.data or "",
            now=now(),
        )
        return proposed()

    return act(form, page, do)


def _view(issuance_id: int) -> IssuanceView:
    view = queries.find_issuance(issuance_id)
    if view is None:
        abort(404)
    return view


def _name(view: IssuanceView) -> str:
    return decisions.subject_of(view.issuance).name
