"""Projects and issuances from CSV files: the whole file or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.catalog import number_forms, search
from app.catalog.mechanisms import CDM
from app.catalog.models import Issuance, Mechanism, Project, ProjectParty, UnitType
from app.db import db, one_at_a_time, transaction
from app.kernel.csvtable import (
    Column,
    ImportRefused,
    ImportReport,
    Row,
    RowError,
    choice,
    country,
    country_list,
    day,
    instant,
    matching,
    nothing_more,
    read_table,
    repeated,
    text,
    web_address,
    whole_number,
    yes_or_no,
)
from app.kernel.serials import Span, overlaps

# A mechanism's own form is judged with the row; this is what no reference can be without.
REFERENCE = matching(r"[A-Za-z0-9][A-Za-z0-9.:/-]{0,23}", "IN-1514")
AUTHORISATION = matching(r"[a-z][a-z_]{1,23}", "authorised")
FIRST_VINTAGE, LAST_VINTAGE = 1990, 2099
REGIONS = ("Africa", "Asia and the Pacific", "Economies in transition", "Latin America and the Caribbean")
KINDS = ("PA", "PoA", "CPA")

PROJECT_COLUMNS = (
    Column("reference", REFERENCE),
    Column("mechanism_code", text(12), required=False, default=CDM),
    Column("title", text(500)),
    Column("kind", choice(*KINDS)),
    Column("project_type", text(60)),
    Column("project_subtype", text(120), required=False, default=""),
    Column("sectoral_scopes", matching(r"[1-9][0-9]?(;[1-9][0-9]?)*", "1;13"), required=False, default=""),
    Column("methodologies", text(200), required=False, default=""),
    Column("host_parties", country_list),
    Column("region", choice(*REGIONS)),
    Column("subregion", text(120), required=False, default=""),
    Column("is_least_developed", yes_or_no),
    Column("validator", text(200), required=False, default=""),
    Column("crediting_starts_on", day, required=False),
    Column("crediting_ends_on", day, required=False),
    Column("page_url", web_address(300), required=False, default=""),
    Column("facts_on", day, required=False),
)

ISSUANCE_COLUMNS = (
    Column("project", REFERENCE),
    Column("unit_type", text(12)),
    Column("commitment_period", whole_number(1, 2), required=False),
    Column("vintage_year", whole_number(FIRST_VINTAGE, LAST_VINTAGE), required=False),
    Column("authorisation", AUTHORISATION, required=False),
    Column("originating_party", country),
    Column("serial_first", whole_number(1)),
    Column("serial_last", whole_number(1)),
    Column("units", whole_number(1)),
    Column("completed_at", instant),
    Column("monitoring_starts_on", day),
    Column("monitoring_ends_on", day),
)


def import_projects(
    csv_text: str,
    *,
    now: datetime,  # noqa: ARG001 - one shape for every importer
    then: Callable[[ImportReport], None] = nothing_more,
) -> ImportReport:
    """Add the projects of a file and correct what may be corrected of those that are there.

    Refused for a project that has issuances: another answer to "least developed country", which
    decides the adaptation share, and the loss of a host Party that units come from. Raises
    ImportRefused with every problem; then nothing was changed.
    """
    table = read_table(csv_text, PROJECT_COLUMNS)
    errors = [*table.errors, *repeated(table.rows, "reference")]
    with transaction():
        one_at_a_time("import")
        known = _projects(row["reference"] for row in table.rows)
        parties = _originating_parties(project.id for project in known.values())
        mechanisms = _mechanisms()
        for row in table.rows:
            errors += _project_problems(row, known.get(row["reference"]), mechanisms, parties)
        if errors:
            raise ImportRefused(errors)
        created = updated = 0
        changed = []
        for row in table.rows:
            project = known.get(row["reference"])
            if project is None:
                changed.append(_new_project(row, mechanisms[row["mechanism_code"]]))
                db.session.add(changed[-1])
                created += 1
            elif _correct(project, row):
                changed.append(project)
                updated += 1
        db.session.flush()
        unwritten = search.unwritten()
        search.write_projects([*changed, *(project for project in known.values() if project.id in unwritten)])
        report = ImportReport(created, updated, len(table.rows) - created - updated)
        then(report)
    return report


def _mechanisms() -> dict[str, Mechanism]:
    return {mechanism.code: mechanism for mechanism in db.session.scalars(select(Mechanism))}


def _projects(references: Iterable[str]) -> dict[str, Project]:
    # All in one query: thousands of references would not fit into one statement.
    known = {project.reference: project for project in db.session.scalars(select(Project))}
    return {reference: known[reference] for reference in references if reference in known}


def _originating_parties(project_ids: Iterable[int]) -> dict[int, set[str]]:
    wanted = set(project_ids)
    parties: dict[int, set[str]] = {}
    for project_id, party in db.session.execute(select(Issuance.project_id, Issuance.originating_party).distinct()):
        if project_id in wanted:
            parties.setdefault(project_id, set()).add(party)
    return parties


def _project_problems(
    row: Row, project: Project | None, mechanisms: Mapping[str, Mechanism], originating: Mapping[int, set[str]]
) -> list[RowError]:
    problems = []
    mechanism = mechanisms.get(row["mechanism_code"])
    if mechanism is None:
        problems.append(row.error("mechanism_code", "unknown_mechanism", value=row["mechanism_code"]))
    elif (named := number_forms.read(mechanism.reference_form, row["reference"])) is None:
        problems.append(row.error("reference", "wrong_form", example=number_forms.example(mechanism.reference_form)))
    elif named.get("party", row["host_parties"][0]) != row["host_parties"][0]:
        problems.append(row.error("host_parties", "reference_party", reference=row["reference"]))
    starts_on, ends_on = row["crediting_starts_on"], row["crediting_ends_on"]
    if starts_on and ends_on and ends_on < starts_on:
        problems.append(row.error("crediting_ends_on", "ends_before_start"))
    if project is not None:
        issuing = originating.get(project.id, set())
        if project.mechanism_code != row["mechanism_code"]:
            problems.append(row.error("mechanism_code", "cannot_change"))
        if issuing and project.is_least_developed != row["is_least_developed"]:
            problems.append(row.error("is_least_developed", "cannot_change"))
        if lost := issuing - set(row["host_parties"]):
            problems.append(row.error("host_parties", "party_in_use", parties=", ".join(sorted(lost))))
    return problems


def _plain_values(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.values.items() if name != "host_parties"}


def _new_project(row: Row, mechanism: Mechanism) -> Project:
    return Project(
        **_plain_values(row),
        reference_number=int((number_forms.read(mechanism.reference_form, row["reference"]) or {})["project"]),
        parties=_party_rows(row),
    )


def _party_rows(row: Row) -> list[ProjectParty]:
    return [ProjectParty(country=code, position=position) for position, code in enumerate(row["host_parties"])]


def _correct(project: Project, row: Row) -> bool:
    changes = {name: value for name, value in _plain_values(row).items() if getattr(project, name) != value}
    for name, value in changes.items():
        setattr(project, name, value)
    if project.host_parties != row["host_parties"]:
        _set_parties(project, row["host_parties"])
        return True
    return bool(changes)


def _set_parties(project: Project, codes: tuple[str, ...]) -> None:
    kept = {party.country: party for party in project.parties if party.country in codes}
    for position, code in enumerate(codes):
        kept.setdefault(code, ProjectParty(country=code)).position = position
    project.parties = [kept[code] for code in codes]


def import_issuances(
    csv_text: str, *, now: datetime, then: Callable[[ImportReport], None] = nothing_more
) -> ImportReport:
    """Add the issuances of a file. An issuance is a fact of the registry: what is there never changes.

    Raises ImportRefused with every problem; then nothing was changed.
    """
    table = read_table(csv_text, ISSUANCE_COLUMNS)
    errors = list(table.errors)
    with transaction():
        one_at_a_time("import")
        projects = _projects(row["project"] for row in table.rows)
        unit_types = {unit.code: unit.mechanism_code for unit in db.session.scalars(select(UnitType))}
        mechanisms = _mechanisms()
        spaces = {row.number: space_of(row, projects.get(row["project"]), mechanisms) for row in table.rows}
        known = db.session.scalars(select(Issuance).where(Issuance.space.in_(set(spaces.values())))).all()
        by_key = {(issuance.space, issuance.serial_first): issuance for issuance in known}
        errors += _repeated(table.rows, spaces)
        for row in table.rows:
            project = projects.get(row["project"])
            errors += _issuance_problems(row, project, unit_types, now)
            errors += _period_problems(row, None if project is None else mechanisms[project.mechanism_code])
            errors += _changes(row, by_key.get((spaces[row.number], row["serial_first"])), projects)
        new = [row for row in table.rows if (spaces[row.number], row["serial_first"]) not in by_key]
        errors += [
            row.error("serial_first", "overlap", party=taken.space, first=taken.first, last=taken.last)
            for row, taken in overlaps(
                (Span(issuance.space, issuance.serial_first, issuance.serial_last) for issuance in known),
                ((Span(spaces[row.number], row["serial_first"], row["serial_last"]), row) for row in new),
            )
        ]
        if errors:
            raise ImportRefused(errors)
        db.session.add_all(_new_issuance(row, projects[row["project"]], spaces[row.number]) for row in new)
        report = ImportReport(len(new), 0, len(table.rows) - len(new))
        then(report)
    return report


def _issuance_problems(
    row: Row, project: Project | None, unit_types: Mapping[str, str], now: datetime
) -> list[RowError]:
    problems = []
    if project is None:
        problems.append(row.error("project", "unknown_project", value=row["project"]))
    else:
        if row["originating_party"] not in project.host_parties:
            problems.append(row.error("originating_party", "not_a_host", project=project.reference))
        if unit_types.get(row["unit_type"]) != project.mechanism_code:
            problems.append(row.error("unit_type", "unknown_unit_type", value=row["unit_type"]))
    if row["serial_last"] - row["serial_first"] + 1 != row["units"]:
        problems.append(row.error("units", "wrong_length", length=row["serial_last"] - row["serial_first"] + 1))
    if row["monitoring_ends_on"] < row["monitoring_starts_on"]:
        problems.append(row.error("monitoring_ends_on", "ends_before_start"))
    if row["completed_at"] > now:
        problems.append(row.error("completed_at", "in_the_future"))
    elif row["completed_at"].date() < row["monitoring_ends_on"]:
        problems.append(row.error("completed_at", "before_monitoring_ended"))
    return problems


def _repeated(rows: Iterable[Row], spaces: Mapping[int, str]) -> list[RowError]:
    """One problem for each row whose first number stands in an earlier row of the same space."""
    seen: dict[tuple[str, int], int] = {}
    found = []
    for row in rows:
        first = seen.setdefault((spaces[row.number], row["serial_first"]), row.number)
        if first != row.number:
            found.append(row.error("serial_first", "repeated", first=first))
    return found


def space_of(row: Row, project: Project | None, mechanisms: Mapping[str, Mechanism]) -> str:
    """The number space that the serial numbers of a row count in: what its mechanism's `space_form` makes.

    Where the project is unknown, or an element of the form, it is the originating Party.
    """
    if project is None:
        return str(row["originating_party"])
    values = {
        "party": row["originating_party"],
        "project": project.reference_number,
        "unit": row["unit_type"],
        "vintage": row["vintage_year"] or "",
    }
    return number_forms.fill(mechanisms[project.mechanism_code].space_form, values)


def _period_problems(row: Row, mechanism: Mechanism | None) -> list[RowError]:
    """Units have the kind of period that their mechanism has, and an authorisation exactly where it knows some."""
    if mechanism is None:
        return []
    problems = []
    other = {"commitment_period": "vintage_year", "vintage_year": "commitment_period"}[mechanism.period_kind]
    if row[mechanism.period_kind] is None:
        problems.append(row.error(mechanism.period_kind, "required"))
    if row[other] is not None:
        problems.append(row.error(other, "not_of_mechanism", mechanism=mechanism.code))
    known = mechanism.authorisations
    if known and row["authorisation"] not in known:
        problems.append(row.error("authorisation", "not_a_choice", options=", ".join(sorted(known))))
    elif not known and row["authorisation"] is not None:
        problems.append(row.error("authorisation", "not_of_mechanism", mechanism=mechanism.code))
    return problems


def _changes(row: Row, issuance: Issuance | None, projects: Mapping[str, Project]) -> list[RowError]:
    project = projects.get(row["project"])
    if issuance is None or project is None:
        return []
    problems = [
        row.error(name, "cannot_change")
        for name, value in row.values.items()
        if name != "project" and getattr(issuance, name) != value
    ]
    if issuance.project_id != project.id:
        problems.append(row.error("project", "cannot_change"))
    return problems


def _new_issuance(row: Row, project: Project, space: str) -> Issuance:
    values = {name: value for name, value in row.values.items() if name != "project"}
    return Issuance(project_id=project.id, space=space, **values)
