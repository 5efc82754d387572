"""An imaginary registry administrator: reads the packages that leave the house and answers with files.

    world = BatchWorld(app)                     # inside an application context
    world.keeps("CDM-100-1")                    # the account is the administrator's now
    world.states("CDM-100-1", ("IN-1", 1_002_000, 1_002_999))
    adapter = world.adapter
    adapter.submit(request)                     # Pending: in the open batch
    package = world.hand_over()                 # close, pack, take the ZIP; None when there is nothing
    world.deliver(world.answer(package))        # process every line, answer, let us import the signed file
    world.round()                               # the three above in one
    world.effects(reference)                    # how often the administrator cancelled for it, by their own books

`answer` has the administrator's moods: `only` these references (a partial answer), `refuse` {reference: why},
`bad_line` (one line tells more units than asked for), `signed=False`, `reverse` (other order of lines). What was
answered is in `world.files`, so a lost file is one that nobody delivers, an old one can be delivered again, and two
can be delivered in the wrong order. The administrator processes a batch once, however often they get the package,
and stays with an answer once given.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from flask import Flask
from sqlalchemy import select, update

from app.audit.service import Actor
from app.config import Settings
from app.db import db, end_reading, transaction
from app.kernel.clock import FixedClock
from app.kernel.serials import Span
from app.registry.adapters.batch import BatchRegistry
from app.registry.batch import files, service
from app.registry.batch.answers import Receipt, receive
from app.registry.batch.errors import BatchEmpty
from app.registry.batch.models import Batch, RegistryMessage
from app.registry.batch.packages import pack_due, settle_due
from app.registry.batch.ports import ForwardingRequest
from app.registry.batch.response import SIGNATURE_PREFIX, signature_of
from app.registry.batch.statements import import_statements
from app.registry.batch.states import BatchState
from app.registry.models import RegistryAccount

SECRET = "a-secret-between-us-and-the-administrator"
SOMEBODY = Actor(None, "tests")


class FakeForms:
    """A renderer that writes the facts down instead of drawing them."""

    def __init__(self) -> None:
        self.drawn: list[ForwardingRequest] = []

    def forwarding_request(self, request: ForwardingRequest) -> bytes:
        """A file that begins as a PDF does."""
        self.drawn.append(request)
        return b"%PDF-1.7 " + repr(request).encode()


@dataclass
class Entry:
    """One line in the administrator's books."""

    batch: str
    line: str
    units: int
    blocks: tuple[Span, ...] = ()
    reason: str = ""
    transaction: str = ""
    completed_at: datetime | None = None


@dataclass
class BatchWorld:
    """The administrator with their books, and what stands on our side of the counter."""

    app: Flask
    clock: FixedClock = field(init=False)
    settings: Settings = field(init=False)
    adapter: BatchRegistry = field(init=False)
    forms: FakeForms = field(default_factory=FakeForms)
    entries: dict[str, list[Entry]] = field(default_factory=dict)
    files: list[bytes] = field(default_factory=list)
    taken: dict[str, int] = field(default_factory=dict)  # the next free serial number of each issuance

    def __post_init__(self) -> None:
        self.clock = self.app.extensions["tonne.clock"]
        self.settings = self.app.extensions["tonne.settings"]
        self.adapter = BatchRegistry(self.settings, self.clock)

    # --- our side ---------------------------------------------------------------------------------

    def keeps(self, *accounts: str) -> None:
        """Let this registry keep accounts that somebody made for another one."""
        with transaction() as session:
            session.execute(
                update(RegistryAccount)
                .where(RegistryAccount.identifier.in_(accounts))
                .values(registry_code=self.adapter.name)
            )

    def states(self, account: str, *ranges: tuple[str, int, int]) -> None:
        """State what lies in an account now, as (project, first, last)."""
        as_of = self.clock.now().isoformat()
        rows = [f"{account},seller,{as_of},{project},{first},{last}" for project, first, last in ranges]
        text = "account,provider,as_of,project,serial_first,serial_last\n" + "\n".join(
            rows or [f"{account},seller,{as_of},,,"]
        )
        import_statements(text, now=self.clock.now(), registry_code=self.adapter.name)

    def open_batch(self) -> int | None:
        """The id of the open batch; None if there is none."""
        found = db.session.scalar(select(Batch.id).where(Batch.state == BatchState.OPEN))
        end_reading()
        return found

    def close(self) -> int:
        """Close the open batch; gives its id."""
        batch_id = self.open_batch()
        assert batch_id is not None
        account = self.settings.batch_acquiring_account
        service.close(batch_id, SOMEBODY, acquiring_account=account, is_demonstration=False, now=self.clock.now())
        return batch_id

    def pack(self) -> int:
        """What the worker does: make packages, and settle what is answered; gives how much it did."""
        now = self.clock.now()
        return pack_due(self.forms, self.settings, now) + settle_due(now)

    def package(self, batch_id: int) -> bytes:
        """The package of an exported batch."""
        body = db.session.scalars(
            select(RegistryMessage.body).where(RegistryMessage.batch_id == batch_id, RegistryMessage.kind == "package")
        ).one()
        end_reading()
        return body

    def hand_over(self) -> bytes | None:
        """Close the open batch and take its package; None if nothing is in it."""
        try:
            batch_id = self.close()
        except (AssertionError, BatchEmpty):
            return None
        self.pack()
        return self.package(batch_id)

    def deliver(self, raw: bytes, *, actor: Actor = SOMEBODY, reason: str = "", signature: str = "") -> Receipt:
        """Import a response file as an operator does."""
        return receive(
            raw,
            name="response.csv",
            signature=signature,
            reason=reason,
            actor=actor,
            registry_code=self.adapter.name,
            secret=self.settings.batch_shared_secret,
            now=self.clock.now(),
        )

    def round(self) -> None:
        """Hand over what is there, and take in the administrator's answer to all of it."""
        package = self.hand_over()
        if package is not None:
            self.deliver(self.answer(package))

    # --- the administrator's side -----------------------------------------------------------------

    def effects(self, reference: str) -> int:
        """How often the administrator cancelled units for a reference."""
        return sum(bool(entry.blocks) for entry in self.entries.get(reference, []))

    def answer(
        self,
        package: bytes,
        *,
        only: Collection[str] | None = None,
        refuse: Mapping[str, str] | None = None,
        bad_line: bool = False,
        signed: bool = True,
        reverse: bool = False,
    ) -> bytes:
        """Process lines of a package and write the response file for all that was processed of its batch."""
        rows = read_lines(package)
        for row in rows:
            if only is None or row["reference"] in only:
                self._process(row, (refuse or {}).get(row["reference"], ""))
        answered = [row for row in rows if row["reference"] in self.entries]
        cells = [self._cells(row["reference"]) for row in (reversed(answered) if reverse else answered)]
        if bad_line:
            cells[0]["units"] = str(int(cells[0]["units"]) + 1)
        raw = response_file(cells, sign_with=self.settings.batch_shared_secret if signed else "")
        self.files.append(raw)
        return raw

    def _process(self, row: Mapping[str, str], reason: str) -> None:
        entries = self.entries.setdefault(row["reference"], [])
        if any(entry.batch == row["batch"] for entry in entries):
            return
        entry = Entry(row["batch"], row["line"], int(row["units"]), reason=reason)
        if not reason:
            issuance = f"{row['space']} {row['serial_first']}"
            # Above the adaptation share, where the builders' offers lie.
            first = self.taken.setdefault(issuance, int(row["serial_first"]) + 2_000)
            self.taken[issuance] = first + entry.units
            entry.blocks = (Span(row["space"], first, first + entry.units - 1),)
            entry.transaction = f"CDM{sum(map(len, self.entries.values())) + 1:06d}"
            entry.completed_at = self.clock.now()
        entries.append(entry)

    def _cells(self, reference: str) -> dict[str, str]:
        entry = self.entries[reference][-1]
        return {
            "batch": entry.batch,
            "line": entry.line,
            "reference": reference,
            "outcome": "not_processed" if entry.reason else "processed",
            "reason": entry.reason,
            "units": str(entry.units),
            "registry_transaction": entry.transaction,
            "completed_at": entry.completed_at.astimezone(UTC).isoformat() if entry.completed_at else "",
            "serial_numbers": "; ".join(f"{block.first}-{block.last}" for block in entry.blocks),
        }


def read_lines(package: bytes) -> list[dict[str, str]]:
    """The lines of a package, after its manifest was compared with its files."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        manifest = json.loads(archive.read(files.MANIFEST_NAME))
        for name, sha256 in manifest["files"].items():
            assert files.sha256(archive.read(name)) == sha256, name
        assert set(archive.namelist()) == {files.MANIFEST_NAME, *manifest["files"]}
        lines = archive.read(files.LINES_NAME)
    rows = list(csv.DictReader(io.StringIO(lines.decode("utf-8-sig"))))
    assert manifest["lines_sha256"] == files.sha256(lines)
    assert (manifest["lines"], manifest["units"]) == (len(rows), sum(int(row["units"]) for row in rows))
    return rows


def response_file(rows: Sequence[Mapping[str, str]], *, sign_with: str = "") -> bytes:
    """A response file of these rows, signed in its first line where there is a secret."""
    out = io.StringIO()
    writer = csv.DictWriter(out, files.ANSWER_COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    raw = out.getvalue().encode()
    return f"{SIGNATURE_PREFIX}{signature_of(raw, sign_with)}\r\n".encode() + raw if sign_with else raw
