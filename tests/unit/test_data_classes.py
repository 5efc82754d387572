"""`docs/security.md` gives each table one class of data, and what must be sealed or hashed has such a column."""

from __future__ import annotations

import re
from pathlib import Path

from app import models
from app.db import db

PAGE = (Path(__file__).parents[2] / "docs" / "security.md").read_text().partition("## Classes of data")[2]
CLASSES = {
    name: re.findall(r"`(\w+)`", tables)
    for name, tables in re.findall(r"^\| (public|inner|personal|secret) \| (`[^|]+) \|$", PAGE, flags=re.MULTILINE)
}
# Where others could read more than a number: addresses, names, links, keys, and what people wrote.
TELLING = re.compile(r"mail|password|totp|token|phone|user_agent|legal_name|contact_name|beneficiary_name")
ACCEPTED = {"provider.legal_name"}  # a seller is public


def test_every_table_has_one_class() -> None:
    assert models
    named = sorted(name for names in CLASSES.values() for name in names)

    assert sorted(db.metadata.tables) == named


def test_what_tells_who_somebody_is_or_opens_something_is_personal_or_secret() -> None:
    guarded = {*CLASSES["personal"], *CLASSES["secret"]}
    telling = {
        f"{table.name}.{column.name}"
        for table in db.metadata.tables.values()
        for column in table.columns
        if TELLING.search(column.name) and table.name not in guarded
    }

    assert telling == ACCEPTED
