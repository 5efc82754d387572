"""The forms of the batch pages. What is handed in is checked where it is kept, by its bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # the stubs are older than 3.3
from wtforms.validators import DataRequired, InputRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from app.audit.service import LONGEST_REASON
from app.kernel.text import clean_lines
from app.registry.batch.models import BatchLine
from app.registry.batch.service import LONGEST_ACKNOWLEDGEMENT
from app.web.fields import Longest, cleaned
from app.web.filters import number

_PLAIN = {"autocomplete": "off", "spellcheck": "false"}


def _lines(value: str | None) -> str:
    return clean_lines(value or "")


class CloseForm(FlaskForm):
    """Nothing to fill in: the page says what will happen."""


class AcknowledgeForm(FlaskForm):
    """How the administrator calls what they received."""

    reference = StringField(
        lazy_gettext("The administrator’s reference"),
        description=lazy_gettext("As it stands in their acknowledgement: a number, or who wrote it and when."),
        filters=[cleaned],
        validators=[
            DataRequired(lazy_gettext("Enter the administrator’s reference.")),
            Longest(LONGEST_ACKNOWLEDGEMENT, lazy_gettext("Use at most %(max)s characters here.")),
        ],
        render_kw=_PLAIN | {"required": True},
    )


class ResponseForm(FlaskForm):
    """The administrator's answers."""

    file = FileField(
        lazy_gettext("Response file (CSV)"),
        description=lazy_gettext("The file response.csv of the package, as the administrator filled it in."),
        validators=[FileRequired(lazy_gettext("Choose a file."))],
    )
    signature = StringField(
        lazy_gettext("Signature"),
        description=lazy_gettext("Only where it came apart from the file: 64 hexadecimal characters."),
        filters=[cleaned],
        validators=[Length(max=64, message=lazy_gettext("A signature has 64 characters."))],
        render_kw=_PLAIN | {"dir": "ltr"},
    )
    reason = TextAreaField(
        lazy_gettext("How it came to you"),
        description=lazy_gettext(
            "Needed where the file is not signed: who at the registry sent it, when, and to whom. "
            "Another operator reads it and has to agree."
        ),
        filters=[_lines],
        validators=[Longest(LONGEST_REASON, lazy_gettext("Use at most %(max)s characters here."))],
        render_kw={"rows": 3, "dir": "auto", "autocomplete": "off"},
    )


class AttestationForm(FlaskForm):
    """The registry's own document, and the lines that it attests."""

    file = FileField(
        lazy_gettext("Attestation (PDF)"),
        description=lazy_gettext("At most 10 megabytes. It is kept as it is and never changed."),
        validators=[FileRequired(lazy_gettext("Choose a file."))],
    )
    lines = SelectMultipleField(
        lazy_gettext("Lines that it attests"),
        description=lazy_gettext(
            "Choose every line that the file names. If all of them are of one order, its buyer can download the file. "
            "A file about several orders is kept here and offered to nobody, because it would show each buyer the "
            "others: ask the registry for one for each order, or make extracts and archive those."
        ),
        choices=[],
        coerce=int,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        validators=[InputRequired(lazy_gettext("Choose at least one line."))],
    )

    is_read = BooleanField(
        lazy_gettext("I have read the file. It names nobody but the buyers of the lines that I have chosen."),
        validators=[InputRequired(lazy_gettext("Read the file first, and say so."))],
    )

    def __init__(self, lines: Iterable[BatchLine], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lines.choices = [
            SelectChoice(
                line.number,
                lazy_gettext(
                    "Line %(number)s: %(project)s, quantity %(units)s, transaction %(transaction)s",
                    number=line.number,
                    units=number(line.units),
                    project=line.project_reference,
                    transaction=line.registry_transaction,
                ),
            )
            for line in lines
        ]
