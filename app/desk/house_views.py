"""The house itself: files to load, rules, the trail of acts, and money for participants."""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import io
from collections.abc import Iterable, Sequence

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from app.accounts.access import get_me, operators_only
from app.audit.errors import ReasonMissing
from app.audit.rules import RULES, all_rules, change_rules
from app.config import SETTINGS
from app.current import now, settings
from app.desk.act_words import act_words
from app.desk.acting import ActPage, act, blueprint, proposed, refusal_words
from app.desk.facts import told
from app.desk.forms import ApplyForm, ImportForm, PayoutForm, rules_form
from app.desk.loading import IMPORTERS, load, rehearse
from app.desk.queries import find_payout_rows, payout_rows, payouts_of
from app.desk.trail import PAGE, ActFilter, acts, codes, every_act
from app.jobs import hold
from app.kernel.csvtable import MAXIMUM_BYTES, ImportRefused, ImportReport
from app.kernel.errors import Refusal
from app.kernel.money import Money
from app.kernel.text import clean_line, csv_cell
from app.payments.payouts import propose_payout
from app.web.demonstration import statement
from app.web.filters import money, number
from app.web.import_errors import line, report_line
from app.web.security import form_checks_token, takes_up_to
from app.web.typed import TypedDay, read_day

# A file in base64, and what a form puts around it.
LARGEST_REQUEST = MAXIMUM_BYTES * 4 // 3 + 100_000


# --- files ---------------------------------------------------------------------------------------


@blueprint.get("/imports")
@operators_only
def imports() -> Response:
    """The form for a file."""
    return _imports_page(ImportForm())


@blueprint.post("/imports")
@operators_only
@form_checks_token
@takes_up_to(LARGEST_REQUEST)
def check_import() -> Response:
    """Read the whole file, name every problem, or say what it would change."""
    form = ImportForm()
    if not form.validate_on_submit():
        return _imports_page(form, status=422)
    raw, what = form.file.data.read(), form.what.data
    try:
        report = rehearse(what, raw, now())
    except ImportRefused as refused:
        form.file.errors = [gettext("Nothing was changed. The problems of the file stand below.")]
        return _imports_page(form, refused, 422)
    name = clean_line(form.file.data.filename or "")[:200] or "–"
    sent = ApplyForm(formdata=None, data={"what": what, "name": name, "content": base64.b64encode(raw).decode()})
    return _check_page(sent, raw, report)


@blueprint.post("/imports/apply")
@operators_only
@form_checks_token
@takes_up_to(LARGEST_REQUEST)
def apply_import() -> Response:
    """Load the file whose rows were counted; it is read and checked again."""
    request.max_form_memory_size = LARGEST_REQUEST
    form = ApplyForm()
    try:
        raw = base64.b64decode(form.content.data or "", validate=True)
    except (binascii.Error, ValueError):
        abort(400)
    if not form.validate_on_submit() or form.what.data not in IMPORTERS:
        abort(400)
    try:
        report = load(form.what.data, (form.name.data or "–")[:200], raw, get_me().actor, now())
    except ImportRefused as refused:
        again = ImportForm(formdata=None, data={"what": form.what.data})
        again.file.errors = [gettext("Nothing was changed. The problems of the file stand below.")]
        return _imports_page(again, refused, 422)
    flash(report_line(report), "info")
    return redirect(url_for("desk.imports"), 303)


def _imports_page(form: ImportForm, refused: ImportRefused | None = None, status: int = 200) -> Response:
    problems = [line(error) for error in refused.errors] if refused else []
    loaded = acts(ActFilter(what="file_imported"))[:PAGE]
    page = render_template("desk/imports.html", form=form, problems=problems, loaded=loaded, told=told)
    return make_response(page, status)


def _check_page(form: ApplyForm, raw: bytes, report: ImportReport) -> Response:
    page = render_template(
        "desk/import_check.html",
        form=form,
        report=report,
        sha256=hashlib.sha256(raw).hexdigest(),
        size=len(raw),
    )
    return make_response(page)


# --- rules and settings ----------------------------------------------------------------------------


@blueprint.route("/rules", methods=["GET", "POST"])
@operators_only
@form_checks_token
def rules() -> Response:
    """Rules that operators change, with bounds and history, and the settings of this copy to read."""
    form = rules_form(all_rules(), settings().currency)
    if form.validate_on_submit():
        try:
            change_rules(form.rules, get_me().actor, reason=str(form["reason"].data), now=now())
        except ReasonMissing as missing:
            form["reason"].errors = [refusal_words(missing)]
        except Refusal as refusal:
            form[str(refusal.facts["key"])].errors = [refusal_words(refusal)]
        else:
            flash(gettext("The rules are kept."), "info")
            return redirect(url_for("desk.rules"), 303)
    page = render_template(
        "desk/rules.html",
        form=form,
        keys=list(RULES),
        history=acts(ActFilter(what="rule_changed"))[:PAGE],
        rule_value=_rule_value,
        settings=[
            (setting.name, setting.help, None if setting.secret and value else value)
            for setting in SETTINGS
            for value in [_setting(setting.name)]
        ],
    )
    return make_response(page, 422 if form.is_submitted() else 200)


def _rule_value(key: str, value: int) -> str:
    """A rule's value as its field takes it: a price with its currency, anything else as a number."""
    known = RULES.get(key)
    return money(Money(value, settings().currency)) if known and known.unit == "minor" else number(value)


def _setting(name: str) -> str:
    value = getattr(settings(), name.lower(), None)
    if isinstance(value, (frozenset, tuple)):
        return ", ".join(sorted(value))
    return "" if value is None else str(value)


# --- the trail -------------------------------------------------------------------------------------


@blueprint.get("/acts", endpoint="acts")
@operators_only
def act_list() -> Response:
    """Who did what, when and why, newest first; nothing where a day cannot be read."""
    days = _act_days()
    is_read = not any(day.error for day in days.values())
    wanted = _act_filter(days)
    rows = acts(wanted) if is_read else []
    more = rows[PAGE - 1].id if len(rows) > PAGE else None
    known = sorted(((code, act_words(code)) for code in codes()), key=lambda pair: pair[1])
    page = render_template(
        "desk/acts.html",
        rows=rows[:PAGE],
        wanted=wanted,
        days=days,
        is_read=is_read,
        codes=known,
        more=more,
        told=told,
    )
    return make_response(page, 200 if is_read else 422)


@blueprint.get("/acts.csv")
@operators_only
def acts_csv() -> Response:
    """The same as a file, without the end of a page. No file where a day cannot be read."""
    days = _act_days()
    if any(day.error for day in days.values()):
        abort(400)
    return _csv(
        "acts.csv",
        ("at", "person", "act", "words", "subject_kind", "subject", "reason", "facts"),
        (
            (
                row.at.isoformat(timespec="seconds").replace("+00:00", "Z"),
                row.actor,
                row.what,
                act_words(row.what),
                row.subject_kind,
                row.subject,
                row.reason,
                "; ".join(f"{name}: {value}" for name, value in told(row.facts)),
            )
            for row in every_act(_act_filter(days))
        ),
    )


def _act_days() -> dict[str, TypedDay]:
    return {name: read_day(request.args.get(name, "")) for name in ("first", "last")}


def _act_filter(days: dict[str, TypedDay]) -> ActFilter:
    given, before = request.args, request.args.get("before", "")
    return ActFilter(
        who=clean_line(given.get("who", ""))[:254],
        what=clean_line(given.get("what", ""))[:60],
        subject=clean_line(given.get("subject", ""))[:200],
        first=days["first"].day,
        last=days["last"].day,
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None,
    )


# --- money for participants ------------------------------------------------------------------------


@blueprint.get("/payouts")
@operators_only
def payouts() -> str:
    """Every participant: earned, paid out, due, and where the money goes."""
    return render_template("desk/payouts.html", rows=payout_rows(settings().keyring), Money=Money)


@blueprint.get("/payouts.csv")
@operators_only
def payouts_csv() -> Response:
    """The same as a file; amounts in minor units."""
    return _csv(
        "payouts.csv",
        ("participant", "name", "currency", "earned", "paid_out", "waiting", "due", "payee", "account_ends_in"),
        (
            (
                row.provider.code,
                row.provider.legal_name,
                row.currency,
                row.balance.earned,
                row.balance.paid_out,
                row.balance.waiting,
                row.balance.due,
                row.payee.holder if row.payee else "",
                row.payee.last_four if row.payee else "",
            )
            for row in payout_rows(settings().keyring)
        ),
    )


@blueprint.get("/payouts/<code>")
@operators_only
def payout(code: str) -> str:
    """One participant's money and every transfer."""
    rows = find_payout_rows(code, settings().keyring)
    if not rows:
        abort(404)
    return render_template(
        "desk/payout.html",
        rows=rows,
        provider=rows[0].provider,
        payee=rows[0].payee,
        sent=payouts_of(rows[0].provider.id),
        was_restored=hold.was_ever_put_up(),
        Money=Money,
    )


@blueprint.route("/payouts/<code>/record", methods=["GET", "POST"])
@blueprint.route("/payouts/<code>/record/<currency>", methods=["GET", "POST"])
@operators_only
@form_checks_token
def record_payout(code: str, currency: str = "") -> Response:
    """Propose to write a transfer down, in the house's currency unless the address names an earlier one."""
    currency = currency or settings().currency
    row = next((row for row in find_payout_rows(code, settings().keyring) if row.currency == currency), None)
    if row is None:
        abort(404)
    provider_id = row.provider.id
    form = PayoutForm(currency=currency, due=Money(max(row.balance.due, 0), currency))
    payee = f"{row.payee.holder}, {row.payee.bank}, …{row.payee.last_four}" if row.payee else "–"
    page = ActPage(
        title=gettext("Record a payout to %(name)s", name=row.provider.legal_name),
        words=[gettext("Only after the money was sent. Another operator has to agree.")],
        facts=[
            (gettext("Due"), money(Money(max(row.balance.due, 0), currency))),
            (gettext("Payee"), payee),
        ],
        button=gettext("Propose the payout"),
        back=url_for("desk.payout", code=code),
        fields={"amount": "amount", "reference": "reference", "day": "paid_on"},
        is_serious=True,
    )

    def do() -> str:
        amount, paid_on = form.transfer()
        propose_payout(
            provider_id,
            amount,
            form.reference.data or "",
            paid_on,
            get_me().actor,
            reason=form.reason.data or "",
            now=now(),
        )
        return proposed()

    return act(form, page, do)


def _csv(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A CSV file; every row of a demonstration says that it is one."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    remark = statement() if settings().is_demonstration else ""
    writer.writerow((*header, "demonstration"))
    for row in rows:
        writer.writerow([csv_cell(str(cell)) for cell in (*row, remark)])
    response = make_response(file.getvalue())
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
