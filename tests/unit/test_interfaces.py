"""`docs/interfaces.md` lists what people and programs rely on; this keeps it true."""

from __future__ import annotations

import re
from pathlib import Path

import click
from flask import Flask
from flask_wtf import FlaskForm

from app.calculator.entry import NAMES
from app.certificates.forms import FileForm, VerifyForm
from app.checkout.forms import DetailsForm, ReviewForm
from app.complaints.forms import ComplaintForm
from app.config import SETTINGS
from app.offers.arrangement import FACETS

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "interfaces.md"


def table(heading: str) -> list[list[str]]:
    """The rows of the table under a heading of the document, cells without back-quotes."""
    section = DOCUMENT.read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip().replace("`", "") for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[1:]]


def test_every_route_is_listed_and_every_listed_route_exists(make_app: object) -> None:
    app: Flask = make_app()  # type: ignore[operator]  # a fixture's function
    routes = {
        (method, str(rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if method in {"GET", "POST", "PUT", "PATCH", "DELETE"}
    }

    assert {(row[0], row[1]) for row in table("Routes")} == routes


def test_every_form_field_is_listed(context: Flask) -> None:
    with context.test_request_context("/en/"):
        forms: dict[str, FlaskForm] = {
            "details": DetailsForm(),
            "review": ReviewForm(),
            "verify": VerifyForm(),
            "verify, file": FileForm(prefix="file-"),
            "complaint": ComplaintForm(),
        }
        fields = {(name, field.name) for name, form in forms.items() for field in form}
    plain = {("add", "offer_id"), ("add", "units"), ("basket", "units-<offer_id>"), ("basket", "action")}
    plain |= {("withdraw", "csrf_token"), ("testpay", "action"), ("resend", "csrf_token"), ("pay", "csrf_token")}

    ranges = ("year_from", "year_to", "price_from", "price_to")
    plain |= {("details", "beneficiary_wording"), ("details", "purpose_wording")}
    plain |= {("statistics", field) for field in ("from", "to", "serial")}
    plain |= {("register", field) for field in ("q", "year", "host", "type", "intent")}
    plain |= {("participant’s orders", field) for field in ("project", "state", "from", "to")}
    plain |= {("projects", field) for field in ("q", *FACETS, *ranges, "units", "sort", "page")}

    plain |= {("calculator", re.sub(r"^flight[0-9]", "flight<n>", name)) for name in NAMES} | {("budget", "amount")}
    assert {(row[0], row[1]) for row in table("Form fields")} == fields | plain


def test_every_command_is_listed(make_app: object) -> None:
    app: Flask = make_app()  # type: ignore[operator]  # a fixture's function
    ours = {
        "backup", "catalog", "claims", "complaints", "demo", "doctor", "grant", "import", "ledger", "operator",
        "people", "reconcile", "registry", "reseal", "restore", "sanctions", "search", "work",
    }  # fmt: skip
    commands = {"python -m app.serving"}
    for name in ours:
        command = app.cli.commands[name]
        if isinstance(command, click.Group):
            commands |= {f"flask {name} {sub}" for sub in command.commands}
        else:
            commands.add(f"flask {name}")

    argument = " (?:FILE|NUMBER|REVIEW|EMAIL|SOURCE|TARGET|PROJECT|ISSUANCE|ROLE|WHAT)"
    assert {re.split(argument, row[0])[0] for row in table("Commands")} == commands


def test_every_setting_is_listed_with_its_default_and_its_words() -> None:
    listed = {row[0]: (row[1], row[2]) for row in table("Settings")}

    assert listed == {
        s.name: (
            s.default or "–",
            s.help.replace("|", "\\|")
            + (f" One of {', '.join(s.choices)}." if s.choices else "")
            + (" Secret." if s.secret else ""),
        )
        for s in SETTINGS
    }
