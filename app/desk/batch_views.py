"""Batches for a registry's administrator: what is in them, handing over, and what came back."""

from __future__ import annotations

import io

from flask import abort, flash, make_response, redirect, render_template, send_file, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from app import jobs
from app.accounts.access import get_me, operators_only
from app.audit.errors import ReasonMissing
from app.current import now, settings
from app.desk.acting import ActPage, act, blueprint, proposed, refusal_words
from app.desk.batch_forms import AcknowledgeForm, AttestationForm, CloseForm, ResponseForm
from app.kernel.csvtable import MAXIMUM_BYTES, ImportRefused
from app.kernel.errors import Refusal
from app.registry.adapters.batch import BatchRegistry
from app.registry.batch import queries, service
from app.registry.batch.answers import Fate, receive
from app.registry.batch.errors import BatchHeldBack, SignatureWrong
from app.registry.batch.queries import BatchRow
from app.registry.batch.service import LARGEST_ATTESTATION
from app.registry.batch.states import BatchState, LineState
from app.web.filters import number
from app.web.import_errors import line as problem_line
from app.web.security import form_checks_token, takes_up_to

MOST_ROWS = 200
_AROUND_A_FILE = 100_000  # bytes that a form puts around it


@blueprint.get("/batches")
@operators_only
def batches() -> str:
    """Batches that need somebody, then those that are settled."""
    return render_template("desk/batches.html", rows=queries.batch_rows(MOST_ROWS), at=now())


@blueprint.get("/batches/<batch>")
@operators_only
def batch(batch: str) -> str:
    """One batch with its lines, the registry's words about each, and every file."""
    row = _batch(batch)
    lines = queries.lines_of(row.batch.id)
    return render_template(
        "desk/batch.html",
        row=row,
        lines=lines,
        files=queries.messages_of(row.batch.id),
        has_processed=any(line.state is LineState.PROCESSED for line in lines),
        states=BatchState,
        at=now(),
    )


@blueprint.route("/batches/<batch>/close", methods=["GET", "POST"])
@operators_only
@form_checks_token
def close_batch(batch: str) -> Response:
    """Freeze what is in a batch; the worker makes its package."""
    row = _batch(batch)
    page = ActPage(
        title=gettext("Close batch %(code)s", code=batch),
        words=[
            gettext(
                "Its lines are numbered and fixed, and the package for the administrator is made. "
                "From then on no line can be taken out here: only the registry can say what becomes of it."
            )
        ],
        facts=[
            (gettext("Registry"), settings().batch_name),
            (gettext("Lines"), number(row.lines)),
            (gettext("Units"), number(row.units)),
        ],
        button=gettext("Close the batch"),
        back=url_for("desk.batch", batch=batch),
        is_serious=True,
    )

    def do() -> str:
        service.close(
            row.batch.id,
            get_me().actor,
            acquiring_account=settings().batch_acquiring_account,
            is_demonstration=settings().is_demonstration,
            now=now(),
        )
        return gettext("The batch is closed. Its package will be here within the minute.")

    return act(CloseForm(), page, do)


@blueprint.route("/batches/<batch>/acknowledge", methods=["GET", "POST"])
@operators_only
@form_checks_token
def acknowledge_batch(batch: str) -> Response:
    """Note that the administrator has it."""
    row, form = _batch(batch), AcknowledgeForm()
    page = ActPage(
        title=gettext("Note that batch %(code)s was acknowledged", code=batch),
        words=[gettext("Nothing is cancelled by this. It says that the package arrived.")],
        button=gettext("Keep the reference"),
        back=url_for("desk.batch", batch=batch),
    )

    def do() -> str:
        service.acknowledge(row.batch.id, get_me().actor, reference=form.reference.data or "", now=now())
        return gettext("The reference is kept.")

    return act(form, page, do)


@blueprint.route("/batches/response", methods=["GET", "POST"])
@operators_only
@form_checks_token
@takes_up_to(MAXIMUM_BYTES + _AROUND_A_FILE)
def batch_response() -> Response:
    """Take in the administrator's answers, or name everything that is wrong with them."""
    form = ResponseForm()
    problems: list[str] = []
    if form.validate_on_submit():
        try:
            receipt = receive(
                form.file.data.read(),
                name=form.file.data.filename or "",
                signature=form.signature.data or "",
                reason=form.reason.data or "",
                actor=get_me().actor,
                registry_code=BatchRegistry.name,
                secret=settings().batch_shared_secret,
                now=now(),
            )
        except ImportRefused as refused:
            form.file.errors = [gettext("Nothing was changed. The problems of the file stand below.")]
            problems = [problem_line(error) for error in refused.errors]
        except SignatureWrong as wrong:
            form.signature.errors = [refusal_words(wrong)]
        except ReasonMissing:
            form.reason.errors = [gettext("The file is not signed. Say how it came to you.")]
        except Refusal as refusal:
            form.form_errors.append(refusal_words(refusal))
        else:
            jobs.wake()
            flash(_said(receipt.fate), "info")
            return redirect(url_for("desk.batch", batch=receipt.batch), 303)
    page = render_template(
        "desk/batch_response.html", form=form, problems=problems, can_sign=bool(settings().batch_shared_secret)
    )
    return make_response(page, 422 if form.is_submitted() else 200)


@blueprint.route("/batches/<batch>/attestation", methods=["GET", "POST"])
@operators_only
@form_checks_token
@takes_up_to(LARGEST_ATTESTATION + _AROUND_A_FILE)
def batch_attestation(batch: str) -> Response:
    """Archive the registry's own document for lines that it processed."""
    row = _batch(batch)
    processed = [line for line in queries.lines_of(row.batch.id) if line.state is LineState.PROCESSED]
    form = AttestationForm(processed)
    if form.validate_on_submit():
        try:
            numbers = form.lines.data or []
            is_offered = service.attest(row.batch.id, numbers, form.file.data.read(), get_me().actor, now=now())
        except Refusal as refusal:
            form.file.errors = [refusal_words(refusal)]
        else:
            if is_offered:
                flash(gettext("The attestation is archived, and its buyer can download it."), "info")
            else:
                flash(
                    gettext("The attestation is archived. It is about several orders and offered to no buyer."), "info"
                )
            return redirect(url_for("desk.batch", batch=batch), 303)
    page = render_template("desk/batch_attestation.html", form=form, row=row)
    return make_response(page, 422 if form.is_submitted() else 200)


@blueprint.get("/registry-files/<sha256>")
@operators_only
def registry_file(sha256: str) -> Response:
    """A file that went to a registry or came from it, byte for byte; who takes it is written down."""
    found = queries.find_message(sha256)
    if found is None:
        abort(404)
    content, name, media_type = found.body, found.name, found.media_type
    try:
        service.note_download(found.id, get_me().actor, now())
    except BatchHeldBack as refusal:
        flash(refusal_words(refusal), "stop")
        return redirect(url_for("desk.batches"), 303)
    return send_file(io.BytesIO(content), mimetype=media_type, as_attachment=True, download_name=name)


def _batch(code: str) -> BatchRow:
    row = queries.find_batch(code)
    if row is None:
        abort(404)
    return row


def _said(fate: Fate) -> str:
    if fate is Fate.PROPOSED:
        return proposed()
    if fate is Fate.KNOWN:
        return gettext("This file was taken in before. Nothing was changed.")
    return gettext("The answers are taken in. Certificates and refunds follow by themselves.")
