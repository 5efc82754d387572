"""What waits for a decision: proposals of other operators, wordings, complaints."""

from __future__ import annotations

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext, pgettext
from werkzeug.wrappers import Response

from app import jobs
from app.accounts.access import get_me, operators_only
from app.audit import service as audit
from app.claims import service as claims
from app.claims.queries import ReviewRow, reviews
from app.claims.states import WordingState
from app.complaints import queries as complaint_queries
from app.complaints import service as complaint_service
from app.complaints.states import ComplaintState
from app.current import now, settings
from app.desk.acting import ActPage, act, blueprint, press, refusal_words
from app.desk.facts import told_to_operators
from app.desk.forms import AnswerForm, DecisionForm, WordingForm
from app.desk.queries import ProposalRow, find_proposal, proposals
from app.desk.refusal_words import REFUSALS
from app.desk.words import WORDINGS
from app.kernel.errors import Refusal
from app.kernel.languages import LANGUAGES
from app.kernel.references import number_from_slug
from app.providers.queries import find_provider
from app.web.filters import date_long, datetime_long
from app.web.security import form_checks_token

_ID = "/<int(max=9223372036854775807):proposal_id>"
_REVIEW = "/wordings/<int(max=9223372036854775807):review_id>"
_NOTHING = "–"


@blueprint.get("/proposals", endpoint="proposals")
@operators_only
def proposal_list() -> str:
    """What waits for a second person, and what was decided."""
    return render_template(
        "desk/proposals.html", open_ones=proposals(are_open=True), decided=proposals(are_open=False), at=now()
    )


@blueprint.get(f"/proposals{_ID}")
@operators_only
def proposal(proposal_id: int) -> Response:
    """One proposal with all its facts, and the decision for whoever did not make it."""
    return _proposal_page(_proposal(proposal_id), DecisionForm())


@blueprint.post(f"/proposals{_ID}")
@operators_only
@form_checks_token
def decide_proposal(proposal_id: int) -> Response:
    """Agree, and it is carried out at once; or decline."""
    row, form, me = _proposal(proposal_id), DecisionForm(), get_me()
    if not form.validate_on_submit():
        return _proposal_page(row, form, 422)
    reason = form.reason.data or ""
    try:
        if form.decision.data == "agree":
            audit.agree(proposal_id, me.actor, reason=reason, now=now())
        else:
            audit.decline(proposal_id, me.actor, reason=reason, now=now())
    except Refusal as refusal:
        flash(refusal_words(refusal), "stop")
        return redirect(url_for("desk.proposal", proposal_id=proposal_id), 303)
    jobs.wake()
    flash(gettext("Carried out.") if form.decision.data == "agree" else gettext("Declined. Nothing was done."), "info")
    return redirect(url_for("desk.proposals"), 303)


@blueprint.post(f"/proposals{_ID}/take-back")
@operators_only
def take_back(proposal_id: int) -> Response:
    """Withdraw one's own proposal."""
    _proposal(proposal_id)

    def do() -> str:
        audit.take_back(proposal_id, get_me().actor, now=now())
        return gettext("Your proposal is taken back. Nothing was done.")

    return press(do, url_for("desk.proposals"))


@blueprint.get("/wordings")
@operators_only
def wordings() -> str:
    """Wordings that are held back from public pages, and those that were decided."""
    everything = reviews(only_pending=False)
    return render_template(
        "desk/wordings.html",
        open_ones=[row for row in everything if row.state is WordingState.PENDING],
        decided=[row for row in reversed(everything) if row.state is not WordingState.PENDING],
    )


@blueprint.route(_REVIEW, methods=["GET", "POST"])
@operators_only
@form_checks_token
def wording(review_id: int) -> Response:
    """One wording, and whether it may be public. A decision can be taken anew."""
    row = _review(review_id)
    form = WordingForm()
    page = ActPage(
        title=gettext("May this wording be public?"),
        facts=[
            (gettext("Beneficiary"), row.name or _NOTHING),
            (gettext("Purpose"), row.purpose or _NOTHING),
            (gettext("Why it was held back"), ", ".join(str(WORDINGS.get(rule, rule)) for rule in row.rules)),
            (gettext("Certificates"), ", ".join(row.certificates) or _NOTHING),
            *([(gettext("Decided"), _decision(row))] if row.decided_at else []),
        ],
        words=[gettext("The text itself stays as it is on the buyer’s own certificate.")],
        button=gettext("Keep the decision"),
        back=url_for("desk.wordings"),
    )

    def do() -> str:
        actor = get_me().actor
        claims.decide(
            review_id,
            WordingState(form.decision.data),
            by=actor.name[:120],
            reason=form.reason.data or "",
            now=now(),
            actor=actor,
        )
        return gettext("Your decision is kept.")

    return act(form, page, do)


@blueprint.get("/complaints")
@operators_only
def complaints() -> str:
    """Complaints that wait for an answer, the most urgent first."""
    return render_template("desk/complaints.html", rows=complaint_queries.waiting(now().date()))


@blueprint.route("/complaints/<slug>", methods=["GET", "POST"])
@operators_only
@form_checks_token
def complaint(slug: str) -> Response:
    """One complaint, and its answer."""
    number = number_from_slug(slug)
    view = complaint_queries.find_by_number(number, now().date())
    if view is None:
        abort(404)
    if not view.is_open:
        if request.method == "POST":
            flash(str(REFUSALS["complaint_closed"]), "stop")
            return redirect(url_for("desk.complaint", slug=slug), 303)
        return make_response(render_template("desk/complaint_closed.html", complaint=view))
    form = AnswerForm()
    page = ActPage(
        title=gettext("Complaint %(number)s", number=number),
        facts=[
            (pgettext("complaint", "Received"), datetime_long(view.received_at)),
            (gettext("Answer by"), date_long(view.due_on) + (gettext(" (late)") if view.is_late else "")),
            (gettext("Language"), LANGUAGES[view.locale].name),
            (gettext("E-mail address"), view.email),
            (gettext("About"), view.about or _NOTHING),
            (gettext("What went wrong"), view.problem),
            (gettext("What would put it right"), view.wish),
        ],
        links=[(_search_words(view.about), url_for("desk.start", q=view.about))] if view.about else (),
        button=gettext("Send the answer"),
        back=url_for("desk.complaints"),
        is_serious=True,
    )

    def do() -> str:
        complaint_service.answer(
            number, ComplaintState(form.outcome.data), form.reply.data or "", settings(), now(), get_me().actor
        )
        return gettext("Complaint %(number)s is closed, and the answer is on its way.", number=number)

    return act(form, page, do)


def _search_words(reference: str) -> str:
    return gettext("Search for %(reference)s", reference=reference)


def _proposal(proposal_id: int) -> ProposalRow:
    row = find_proposal(proposal_id)
    if row is None:
        abort(404)
    return row


def _proposal_page(row: ProposalRow, form: DecisionForm, status: int = 200) -> Response:
    page = render_template(
        "desk/proposal.html",
        row=row,
        facts=told_to_operators(row.proposal.facts),
        form=form,
        is_mine=row.proposal.proposed_by == get_me().id,
        participant=find_provider(row.proposal.subject_id) if row.proposal.subject_kind == "provider" else None,
    )
    return make_response(page, status)


def _review(review_id: int) -> ReviewRow:
    found = next((row for row in reviews(only_pending=False) if row.id == review_id), None)
    if found is None:
        abort(404)
    return found


def _decision(row: ReviewRow) -> str:
    state = gettext("Released") if row.state is WordingState.RELEASED else gettext("Withheld")
    return gettext("%(label)s: %(value)s", label=state, value=f"{row.decided_by}, {row.reason}")
