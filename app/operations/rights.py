"""What the role of the services may do in PostgreSQL: read and write rows, and nothing to what they stand in.

Another role owns the tables and migrates them. Whoever takes a web server over can then neither drop a table nor
change what was recorded (OWASP ASVS 5.0, 13.2.2). SQLite has no roles: there the owner of the file may do everything.
"""

from __future__ import annotations

from sqlalchemy import text

from app.audit.models import Act
from app.db import StateEvent, db

RECORDED = (Act.__tablename__, StateEvent.__tablename__)  # what happened is added, and never changed or taken away
TO_LOOK_AT = ("alembic_version",)
OF_THE_QUEUE = ("huey_kv", "huey_schedule", "huey_task", "huey_counter")  # migration 0011


class NoRolesHere(Exception):
    """The database is none that has roles."""


def grant(role: str) -> None:
    """Give `role` the rights that the services need, and take all others of these tables away.

    To be run as the owner of the tables, after every migration. Raises NoRolesHere on SQLite, and ProgrammingError
    where there is no such role.
    """
    if db.engine.dialect.name != "postgresql":
        raise NoRolesHere
    with db.engine.begin() as connection:
        for statement in _statements(role):
            connection.execute(text(statement))


def is_owner() -> bool:
    """Whether this connection's role may do anything to the tables: they are its own, or it is a superuser."""
    with db.engine.connect() as connection:
        return bool(
            connection.scalar(
                text("SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class WHERE oid = 'act'::regclass")
            )
        )


def _statements(role: str) -> list[str]:
    quote = db.engine.dialect.identifier_preparer.quote_identifier
    others = [name for name in db.metadata.tables if name not in RECORDED]
    whom = quote(role)
    return [
        # PostgreSQL before 15 lets everybody make tables here.
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {whom}",
        f"GRANT USAGE ON SCHEMA public TO {whom}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {whom}",
        f"GRANT SELECT ON {', '.join(map(quote, TO_LOOK_AT))} TO {whom}",
        f"GRANT SELECT, INSERT ON {', '.join(map(quote, RECORDED))} TO {whom}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(map(quote, [*others, *OF_THE_QUEUE]))} TO {whom}",
    ]
