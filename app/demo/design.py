"""`/<lang>/design`: every component in every state on one page, so that it can be looked at. Not in production."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from flask import Blueprint, Flask, render_template
from flask_wtf import FlaskForm
from wtforms import BooleanField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # the stubs are older than 3.3

from app.certificates.ports import SerialRange
from app.certificates.proof import Step
from app.checkout.pricing import Breakdown, breakdown
from app.current import settings
from app.kernel.money import Money
from app.offers.queries import OfferRow
from app.payments.split import split
from app.registry.states import CancellationState
from app.web.charts import bar_chart, step_chart

blueprint = Blueprint("design", __name__, url_prefix="/<lang>")

_PAID = datetime(2026, 11, 22, 9, 12, 3, tzinfo=UTC)
_KEYS = ("paid", "sent", "cancelled", "certified")
# Hard cases of `shared/design.md`.
LONG_NAME = "Gemeinnützige Genossenschaft für die Energieversorgung der Gemeinden am Oberen Wörthersee und Umgebung"
NAMES = (
    LONG_NAME,
    "مؤسسة الأمل للتنمية المستدامة",
    "北京市朝阳区可再生能源合作社",
    "सौर ऊर्जा सहकारी समिति",
    "Энергия завтрашнего дня",
)


def init_app(app: Flask) -> None:
    """Serve the page where nobody buys for real."""
    if not app.extensions["tonne.settings"].is_production:
        app.register_blueprint(blueprint)


def _choices(*labels: str) -> list[SelectChoice]:
    return [SelectChoice(str(value), label) for value, label in enumerate(labels)]


class _Sample(FlaskForm):
    """One field of each kind. Its labels are developers' words and stay in English."""

    text = StringField("Text field", description="A hint stands between label and field.")
    area = TextAreaField("Text area", render_kw={"rows": 3})
    choice = SelectField("List of choices", choices=_choices("First", "Second"))
    radios = RadioField("One of a few", choices=_choices("First answer", "Second answer"), default="0")
    box = BooleanField("A tick of one’s own", description="Never ticked beforehand.")


@dataclass(frozen=True)
class _Amount:
    label: str
    breakdown: Breakdown


@blueprint.get("/design")
def design() -> str:
    """Every component in every state, in the language of the address."""
    return render_template(
        "demo/design.html",
        form=_Sample(formdata=None, prefix="plain-"),
        wrong=_with_errors(),
        proofs=_proofs(),
        states=[state.value for state in CancellationState],
        names=NAMES,
        amounts=[_amount("Two sellers", 38, 1_999), _amount("The largest card payment", 99_999_950)],
        blocks=[
            SerialRange(f"IN-5-{n}-1-1-0", f"IN-5-{n + 41}-1-1-0", 42) for n in range(175_771_700, 175_791_700, 1_000)
        ],
        moment=_PAID,
        offers=[_offer(1, is_for_sale=True), _offer(2, is_for_sale=False, is_reserved=True), _offer(3)],
        bars=bar_chart(
            [(str(year), {"issued": None if year == 2020 else 90 * (year % 7)}) for year in range(2012, 2021)]
        ),
        prices=step_chart([[(_PAID - timedelta(days=400 - 90 * n), 300 + 45 * n) for n in range(4)]], _PAID),
        registry_bars=bar_chart(
            [
                (str(year), {"registry": 40 + year % 5, "platform": 25, "exchange": 12, "here": 6})
                for year in range(2012, 2018)
            ]
        ),
    )


def _offer(number: int, *, is_for_sale: bool = False, is_reserved: bool = False) -> OfferRow:
    return OfferRow(
        id=number,
        code=f"SAMPLE-{number}",
        unit_type="CER",
        commitment_period=2,
        vintage_year=None,
        authorisation="",
        monitoring_starts_on=date(2015, 1, 1),
        monitoring_ends_on=date(2015, 12, 31),
        issued_at=_PAID.replace(year=2016),
        originating_party="KE",
        serial_first=148_155_680,
        serial_last=148_173_679,
        price=Money(38 * number, settings().currency),
        units_left=450_000 if is_for_sale else 0,
        minimum_units=2,
        provider_name=LONG_NAME,
        provider_is_demonstration=True,
        is_for_sale=is_for_sale,
        is_reserved=is_reserved,
        confirmed_at=_PAID,
        provider_code="sample",
        lot=2 if is_for_sale else 1,
        minimum_price=Money(38 * number, settings().currency),
        tiers=((1_000, Money(36 * number, settings().currency)),) if is_for_sale else (),
        opens_at=None,
        expires_at=_PAID.replace(year=2027) if is_for_sale else None,
        texts={"en": "Text in the seller’s own words."} if is_for_sale else {},
    )


def _with_errors() -> FlaskForm:
    form = _Sample(formdata=None, prefix="wrong-")
    for field in form:
        field.errors = ["The message says what is wrong and what to do."]
    form.text.data = "What was typed stays"
    return form


def _proofs() -> list[tuple[Step, ...]]:
    """The line of proof at each of its stations, complete, and stopped."""
    lines = [_proof(done) for done in range(5)]
    return [*lines, _proof(2, stopped=True)]


def _proof(done: int, *, stopped: bool = False) -> tuple[Step, ...]:
    return tuple(
        Step(
            key=key,
            at=_PAID + timedelta(seconds=37 * position) if position < done else None,
            is_current=position == done and not stopped,
            is_failed=stopped and position >= done,
        )
        for position, key in enumerate(_KEYS)
    )


def _block(first: int) -> SerialRange:
    return SerialRange(f"IN-5-{first}-1-1-0", f"IN-5-{first + 41}-1-1-0", 42)


def _amount(label: str, *amounts: int) -> _Amount:
    shares = split(list(amounts), settings())
    sellers = [f"Seller {number}" for number in range(1, len(amounts) + 1)]
    return _Amount(label, breakdown(zip(sellers, shares, strict=True), settings().currency))
