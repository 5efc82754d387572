"""The search: one document for each project, found by words in three languages.

SQLite answers with FTS5, PostgreSQL with its full text search; nothing outside this module knows
which. Both get ready words and hold no language of their own, so both give the same projects.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import ColumnElement, func, select, text, true
from sqlalchemy.orm import InstrumentedAttribute

from app.catalog.models import Project
from app.catalog.search_models import SearchDocument
from app.catalog.search_query import Group, exact_words, parse
from app.catalog.search_synonyms import vocabulary
from app.catalog.search_words import encode, stem, words
from app.db import db, one_at_a_time

MOST_IDS = 500  # in one statement

_ON_SQLITE = text("SELECT rowid FROM search_index WHERE search_index MATCH :wanted")
_ON_POSTGRESQL = text("SELECT project_id FROM search_document WHERE words @@ CAST(:wanted AS tsquery)")


def find(typed: str) -> frozenset[int] | None:
    """The ids of the projects that `typed` finds; None when it says nothing to search for. One query."""
    groups = parse(typed)
    if not groups:
        return None
    is_postgresql = _is_postgresql()
    wanted = _for_postgresql(groups) if is_postgresql else _for_sqlite(groups)
    # On a connection of its own: the request's may see the words as they were a while ago.
    with db.engine.connect() as connection:
        found = connection.execute(_ON_POSTGRESQL if is_postgresql else _ON_SQLITE, {"wanted": wanted})
        return frozenset(found.scalars())


def write_projects(projects: Iterable[Project]) -> None:
    """Write the documents of these projects anew, in the caller's transaction."""
    _write({project.id: project for project in projects}, {})


def write_sellers(sellers: Mapping[int, Iterable[str]]) -> None:
    """Say who sells units of projects (by their id), in the caller's transaction."""
    names = {project_id: "\n".join(sorted(set(given))) for project_id, given in sellers.items()}
    known = _documents(names)
    changed = {
        project_id: given
        for project_id, given in names.items()
        if project_id not in known or known[project_id].sellers != given
    }
    if changed:
        found = db.session.scalars(select(Project).where(_one_of(Project.id, changed)))
        projects = {project.id: project for project in found if project.id in changed}
        _write(projects, changed)


def unwritten() -> set[int]:
    """The ids of projects without a document: those that are older than the search."""
    return set(
        db.session.scalars(
            select(Project.id)
            .outerjoin(SearchDocument, SearchDocument.project_id == Project.id)
            .where(SearchDocument.project_id.is_(None))
        )
    )


def _documents(project_ids: Collection[int]) -> dict[int, SearchDocument]:
    found = db.session.scalars(select(SearchDocument).where(_one_of(SearchDocument.project_id, project_ids)))
    return {document.project_id: document for document in found}


def _one_of(column: InstrumentedAttribute[int], ids: Collection[int]) -> ColumnElement[bool]:
    # All of them rather than many: thousands of ids would not fit into one statement.
    return column.in_(ids) if len(ids) <= MOST_IDS else true()


def _write(projects: Mapping[int, Project], sellers: Mapping[int, str]) -> None:
    if not projects:
        return
    # The revision may never be given twice.
    one_at_a_time("search")
    revision = (db.session.scalar(select(func.max(SearchDocument.revision))) or 0) + 1
    known = _documents(projects)
    for project_id, project in projects.items():
        document = known.get(project_id)
        if document is None:
            document = SearchDocument(project_id=project_id, sellers="")
            db.session.add(document)
        document.sellers = sellers.get(project_id, document.sellers)
        written = " ".join(sorted(document_words(project, document.sellers)))
        # The cast to a tsvector would read the words again; made from an array they stay as they are.
        document.words = func.array_to_tsvector(func.string_to_array(written, " ")) if _is_postgresql() else written
        document.revision = revision
    db.session.flush()


def document_words(project: Project, sellers: str) -> set[str]:
    """Every word that finds a project.

    With `t` before it a word of the title, the technology, a number or a seller; the code of each
    idea that it is about; with `s` before it a word of those ideas' names, for who types only the
    beginning.
    """
    plain = words(" ".join((project.title, project.project_subtype, project.reference, sellers)))
    exact = [*exact_words(project.title), *exact_words(project.reference), *exact_words(project.methodologies)]
    ideas = vocabulary().ideas_of(
        project_type=project.project_type,
        subtype=project.project_subtype,
        region=project.region,
        parties=project.host_parties,
    )
    return {
        *("t" + encode(stem(word)) for word in plain),
        *("t" + encode(word) for word in exact),
        *(idea.code for idea in ideas),
        *("s" + encode(word) for idea in ideas for phrase in idea.phrases for word in phrase),
    }


def _is_postgresql() -> bool:
    return bool(db.session.get_bind().dialect.name == "postgresql")


def _for_sqlite(groups: Iterable[Group]) -> str:
    return " AND ".join(
        "("
        + " OR ".join(
            "(" + " AND ".join(f'"{term.word}"' + ("*" if term.is_prefix else "") for term in alternative) + ")"
            for alternative in sorted(group)
        )
        + ")"
        for group in groups
    )


def _for_postgresql(groups: Iterable[Group]) -> str:
    return " & ".join(
        "("
        + " | ".join(
            "(" + " & ".join(f"'{term.word}'" + (":*" if term.is_prefix else "") for term in alternative) + ")"
            for alternative in sorted(group)
        )
        + ")"
        for group in groups
    )
