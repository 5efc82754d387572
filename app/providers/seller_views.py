"""What a participant changes after its approval: its public card, and where its money goes."""

from __future__ import annotations

from flask import abort, flash, redirect, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from app.accounts.access import get_me, get_seat, members
from app.accounts.roles import Role
from app.current import now, settings
from app.providers import queries
from app.providers.blueprint import blueprint, form_page, page
from app.providers.errors import WordingUnfit
from app.providers.forms import CardForm, PayeeForm
from app.providers.messages import sentence
from app.providers.ports import current_surroundings
from app.providers.service import selling
from app.providers.states import PayeeState
from app.web.security import form_checks_token


@blueprint.route("/<organisation>/seller", methods=["GET", "POST"])
@members(Role.VIEWER)
@form_checks_token
def seller(organisation: str) -> Response:
    """The public card, the projects and the payee of a participant."""
    provider = queries.find_provider_of(get_seat().organisation_id)
    if provider is None:
        return page("sell/seller_none.html")
    is_owner = get_seat().role.covers(Role.OWNER)
    form = CardForm(
        data={"website": provider.website, **{f"about_{code}": text for code, text in provider.about.items()}}
    )
    if request.method == "POST" and not is_owner:
        abort(403)
    if form.validate_on_submit() and _change_card(form):
        flash(gettext("The public card is changed."), "info")
        return redirect(url_for("applying.seller", organisation=organisation), 303)
    claims = queries.claims_of(get_seat().organisation_id)
    return form_page(
        "sell/seller.html",
        form,
        provider=provider,
        is_owner=is_owner,
        claims=claims,
        projects=current_surroundings().projects(claim.project_id for claim in claims),
        payees=queries.payees_of(provider.id) if is_owner and get_me().is_strong else None,
    )


@blueprint.route("/<organisation>/seller/payee", methods=["GET", "POST"])
@members(Role.OWNER)
@form_checks_token
def change_payee(organisation: str) -> Response:
    """Ask for another account, or name the first one; an operator has to agree."""
    provider = queries.find_provider_of(get_seat().organisation_id)
    if provider is None:
        abort(404)
    is_first = not any(payee.state is PayeeState.CURRENT for payee in queries.payees_of(provider.id))
    form = PayeeForm(data={"holder": provider.legal_name})
    if form.validate_on_submit():
        selling.request_payee(
            get_seat().organisation_id,
            form.holder.data or "",
            form.bank.data or "",
            form.account.data or "",
            get_me().actor,
            settings(),
            now(),
        )
        flash(
            gettext("An operator checks the account. No money is sent to you before that.")
            if is_first
            else gettext("An operator checks the new account. Until then your money goes to the old one."),
            "info",
        )
        return redirect(url_for("applying.seller", organisation=organisation), 303)
    return form_page("sell/seller_payee.html", form, is_first=is_first)


def _change_card(form: CardForm) -> bool:
    try:
        selling.change_card(
            get_seat().organisation_id,
            form.website.data or "",
            form.about(),
            current_surroundings().first_claim,
            get_me().actor,
            now(),
        )
    except WordingUnfit as refusal:
        form[f"about_{refusal.facts['language']}"].errors = [sentence(refusal)]
        return False
    return True
