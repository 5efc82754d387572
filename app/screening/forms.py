"""The forms of sanctions screening."""

from __future__ import annotations

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import RadioField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # the stubs are older than 3.3
from wtforms.validators import DataRequired, InputRequired

from app.audit.service import LONGEST_REASON
from app.kernel.text import clean_lines
from app.screening.edition import Source
from app.screening.messages import SOURCE_NAMES
from app.screening.states import MatchState
from app.web.fields import Longest


class DecisionForm(FlaskForm):
    """Is it the listed one, and why."""

    outcome = RadioField(
        lazy_gettext("Is it the one on the list?"),
        choices=[
            SelectChoice(MatchState.CLEARED.value, lazy_gettext("No, it is somebody else")),
            SelectChoice(MatchState.CONFIRMED.value, lazy_gettext("Yes, it is the one on the list")),
        ],
        validators=[InputRequired(lazy_gettext("Choose one of the two."))],
    )
    reason = TextAreaField(
        lazy_gettext("Reason"),
        description=lazy_gettext("What you compared: birth, country, address, register number. It is kept for good."),
        filters=[lambda value: clean_lines(value or "")],
        validators=[
            DataRequired(lazy_gettext("Give a reason, so that others can understand the decision.")),
            Longest(LONGEST_REASON, lazy_gettext("Use at most %(max)s characters.")),
        ],
        render_kw={"rows": 4, "required": True},
    )


class ListForm(FlaskForm):
    """A new edition of a list."""

    source = SelectField(
        lazy_gettext("List"),
        choices=[SelectChoice(source.value, name) for source, name in SOURCE_NAMES.items()],
        default=Source.OFAC.value,
    )
    file = FileField(
        lazy_gettext("File"),
        description=lazy_gettext(
            "As the source publishes it: sdn.xml or sdn.csv (OFAC), XML 1.1 or CSV (European Union), "
            "XML (United Nations)."
        ),
        validators=[FileRequired(lazy_gettext("Choose a file."))],
        render_kw={"accept": ".xml,.csv"},
    )
    aliases = FileField(
        lazy_gettext("Aliases of OFAC (alt.csv), only together with sdn.csv"), render_kw={"accept": ".csv"}
    )
