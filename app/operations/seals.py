"""Everything that is sealed in the tables, and sealing it anew after SECRET_KEY was replaced."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from app.accounts.models import Person
from app.db import db, rows_changed, transaction
from app.kernel.sealing import Keyring, SealBroken, SealFor, is_present, seal, seal_text, unseal, unseal_text
from app.notifications.models import Mail
from app.notifications.states import MailState
from app.providers.models import Application, Evidence, Payee

LINK = "link_url"


@dataclass(frozen=True)
class Sealing:
    """One column of seals. `words` is what it holds, in the plural."""

    words: str
    model: Any
    column: Any
    purpose: SealFor


SEALINGS = (
    Sealing("second factors", Person, Person.totp_secret, SealFor.SECOND_FACTOR),
    Sealing("account numbers", Payee, Payee.account, SealFor.ACCOUNT_NUMBER),
    Sealing("account numbers of applications", Application, Application.payee_account, SealFor.ACCOUNT_NUMBER),
    Sealing("documents", Evidence, Evidence.content, SealFor.EVIDENCE),
)


@dataclass
class Resealed:
    """What became of the seals: `anew`, `present` already, or `broken`, by what they hold."""

    anew: Counter[str]
    present: Counter[str]
    broken: Counter[str]


def reseal(keys: Keyring) -> Resealed:
    """Seal everything with the present secret, row by row, while the shop goes on; may be stopped and begun again.

    A row that somebody changes meanwhile is theirs: it is sealed with the present secret by them.
    """
    report = Resealed(Counter(), Counter(), Counter())
    for sealing in SEALINGS:
        ids = db.session.scalars(select(sealing.model.id).where(sealing.column.is_not(None)).order_by(sealing.model.id))
        for row_id in list(ids):
            _reseal_one(row_id, sealing, keys, report)
    _reseal_mails(keys, report)
    return report


def _reseal_one(row_id: int, sealing: Sealing, keys: Keyring, report: Resealed) -> None:
    with transaction() as session:
        kept: bytes | str | None = session.scalar(select(sealing.column).where(sealing.model.id == row_id))
        if kept is None or is_present(kept, keys):
            report.present[sealing.words] += bool(kept)
            return
        try:
            anew = _anew(kept, keys, sealing.purpose)
        except SealBroken:
            report.broken[sealing.words] += 1
            return
        changed = session.execute(
            update(sealing.model)
            .where(sealing.model.id == row_id, sealing.column == kept)
            .values({sealing.column.key: anew})
            .execution_options(synchronize_session=False)
        )
        report.anew[sealing.words] += rows_changed(changed)


def _anew(kept: bytes | str, keys: Keyring, purpose: SealFor) -> bytes | str:
    if isinstance(kept, str):
        return seal_text(unseal_text(kept, keys, purpose), keys, purpose)
    return seal(unseal(kept, keys, purpose), keys, purpose)


def open_seal(kept: bytes | str, keys: Keyring, purpose: SealFor) -> None:
    """Only try whether it opens. Raises SealBroken."""
    _anew(kept, keys, purpose)


def _reseal_mails(keys: Keyring, report: Resealed) -> None:
    """Links in mails that wait to be sent; those of mails that were sent have served."""
    words = "links of waiting mails"
    waiting = select(Mail.id).where(Mail.state != MailState.SENT).order_by(Mail.id)
    for mail_id in list(db.session.scalars(waiting)):
        with transaction() as session:
            mail = session.get_one(Mail, mail_id, with_for_update=True)
            kept = str(mail.facts.get(LINK, ""))
            if is_present(kept, keys):
                report.present[words] += bool(kept)
                continue
            try:
                mail.facts = {**mail.facts, LINK: _anew(kept, keys, SealFor.MAILED_LINK)}
                report.anew[words] += 1
            except SealBroken:
                report.broken[words] += 1
