"""What registries without an interface state to lie in their accounts, imported by operators."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from sqlalchemy import func, select

from app.catalog.importer import REFERENCE
from app.catalog.models import Issuance, Project
from app.db import db, one_at_a_time, transaction
from app.kernel.csvtable import (
    Column,
    ImportRefused,
    ImportReport,
    Row,
    RowError,
    instant,
    nothing_more,
    read_table,
    text,
    whole_number,
)
from app.kernel.serials import Span, overlaps
from app.providers.importer import CODE
from app.providers.models import Provider
from app.registry.batch import messages
from app.registry.batch.models import AccountStatement, StatedHolding
from app.registry.models import RegistryAccount

COLUMNS = (
    Column("account", text(60)),
    Column("provider", CODE),
    Column("as_of", instant),
    Column("project", REFERENCE, required=False),
    Column("serial_first", whole_number(1), required=False),
    Column("serial_last", whole_number(1), required=False),
)


def import_statements(
    csv_text: str,
    *,
    now: datetime,
    registry_code: str,
    then: Callable[[ImportReport], None] = nothing_more,
) -> ImportReport:
    """Take in what one or more accounts hold, each as of one instant; it replaces what was stated of them before.

    An account that nobody knew is opened here for its participant. A row without project and serial numbers
    says that an account is empty. Every range must lie inside one issuance of its project. Raises ImportRefused
    with every problem; then nothing was changed.
    """
    table = read_table(csv_text, COLUMNS)
    errors = list(table.errors)
    with transaction() as session:
        one_at_a_time("import")
        latest = _latest(registry_code)
        errors += _time_problems(table.rows, latest, now)
        errors += _owner_problems(table.rows, registry_code)
        holdings, problems = _holdings(table.rows)
        errors += problems
        errors += [
            row.error("serial_first", "overlap", party=span.space, first=span.first, last=span.last)
            for row, span in overlaps((), ((_span(holding), row) for row, holding in holdings))
        ]
        if errors:
            raise ImportRefused(errors)
        accounts = {row["account"]: row["as_of"] for row in table.rows}
        new = {account: as_of for account, as_of in accounts.items() if latest.get(account) != as_of}
        _open_accounts(table.rows, registry_code)
        message = messages.keep(
            csv_text.encode(),
            registry_code=registry_code,
            direction="in",
            kind="statement",
            name="statement.csv",
            media_type=messages.CSV,
            now=now,
            applied_at=now,
        )
        for account, as_of in new.items():
            session.add(
                AccountStatement(
                    registry_code=registry_code,
                    account=account,
                    as_of=as_of,
                    message_id=message.id,
                    holdings=[holding for row, holding in holdings if row["account"] == account],
                )
            )
        session.flush()
        created = sum(row["account"] in new for row in table.rows)
        report = ImportReport(created, 0, len(table.rows) - created)
        then(report)
    return report


def _latest(registry_code: str) -> dict[str, datetime]:
    """As of when the newest statement of each account is."""
    return dict(
        db.session.execute(
            select(AccountStatement.account, func.max(AccountStatement.as_of))
            .where(AccountStatement.registry_code == registry_code)
            .group_by(AccountStatement.account)
        ).all()
    )


def _time_problems(rows: Sequence[Row], latest: dict[str, datetime], now: datetime) -> Iterable[RowError]:
    instants: dict[str, datetime] = {}
    for row in rows:
        account, as_of = row["account"], row["as_of"]
        if instants.setdefault(account, as_of) != as_of:
            yield row.error("as_of", "another_instant", account=account)
        if as_of > now:
            yield row.error("as_of", "in_the_future")
        if account in latest and as_of < latest[account]:
            yield row.error("as_of", "newer_statement", account=account)


def _owner_problems(rows: Sequence[Row], registry_code: str) -> Iterable[RowError]:
    """An account has one owner and one registry, in the books and in the file."""
    providers = dict(db.session.execute(select(Provider.code, Provider.id)).all())
    known = {account.identifier: account for account in db.session.scalars(select(RegistryAccount))}
    owners = {identifier: account.provider_id for identifier, account in known.items()}
    for row in rows:
        account, provider_id = row["account"], providers.get(row["provider"])
        if provider_id is None:
            yield row.error("provider", "unknown_provider", value=row["provider"])
        elif owners.setdefault(account, provider_id) != provider_id:
            yield row.error("provider", "other_owner", account=account)
        if account in known and known[account].registry_code != registry_code:
            yield row.error("account", "not_of_this_registry", account=account)


def _open_accounts(rows: Sequence[Row], registry_code: str) -> None:
    for account, code in {row["account"]: row["provider"] for row in rows}.items():
        if db.session.get(RegistryAccount, account) is None:
            provider = db.session.scalars(select(Provider).where(Provider.code == code)).one()
            db.session.add(
                RegistryAccount(
                    identifier=account,
                    registry_code=registry_code,
                    provider_id=provider.id,
                    holder=provider.legal_name,
                )
            )


def _holdings(rows: Sequence[Row]) -> tuple[list[tuple[Row, StatedHolding]], list[RowError]]:
    found, errors = [], []
    for row in rows:
        given = [row[name] for name in ("project", "serial_first", "serial_last")]
        if not any(given):
            continue
        if not all(given):
            names = ("project", "serial_first", "serial_last")
            errors += [row.error(name, "required") for name in names if not row[name]]
            continue
        issuance = _issuance(row)
        if issuance is None:
            errors.append(row.error("serial_first", "outside_issuance", project=row["project"]))
            continue
        holding = StatedHolding(
            project_reference=row["project"],
            unit_type=issuance.unit_type,
            commitment_period=issuance.commitment_period,
            vintage_year=issuance.vintage_year,
            space=issuance.space,
            first=row["serial_first"],
            last=row["serial_last"],
        )
        found.append((row, holding))
    return found, errors


def _issuance(row: Row) -> Issuance | None:
    """The issuance of the row's project that holds its whole range; none holds one that ends before it begins."""
    return db.session.scalar(
        select(Issuance)
        .join(Project, Project.id == Issuance.project_id)
        .where(
            Project.reference == row["project"],
            Issuance.serial_first <= row["serial_first"],
            Issuance.serial_last >= row["serial_last"],
            row["serial_first"] <= row["serial_last"],
        )
    )


def _span(holding: StatedHolding) -> Span:
    return Span(holding.space, holding.first, holding.last)
