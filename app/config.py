"""Every setting, in one table, read from the environment and checked at start."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.kernel.money import SMALLEST_PAYMENT

LIMITS = "[1-9][0-9]*/(second|minute|hour|day)(;[1-9][0-9]*/(second|minute|hour|day))*"


class BadSettings(ValueError):
    """The environment is missing something or contradicts itself; names every problem at once."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Setting:
    """One environment variable: its name, default, how it is read, and what it is for."""

    name: str
    default: str
    kind: str
    help: str
    choices: tuple[str, ...] = ()
    secret: bool = False


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "ENVIRONMENT",
        "development",
        "choice",
        "What this copy is for; production checks everything strictly.",
        ("development", "testing", "production"),
    ),
    Setting(
        "CLOCK_START",
        "",
        "instant",
        "Date, time and zone at which this copy’s clock starts, to see the shop of another day; not in production.",
    ),
    Setting("HOST", "127.0.0.1", "text", "Address the web server listens on."),
    Setting("PORT", "5000", "count", "Port the web server listens on."),
    Setting("PUBLIC_BASE_URL", "", "url", "Address people see, without a slash at the end; default http://HOST:PORT."),
    Setting("TRUSTED_PROXIES", "0", "int", "How many reverse proxies in front may set X-Forwarded-* headers."),
    Setting("WEB_WORKERS", "1", "count", "Web server processes."),
    Setting(
        "PAGE_CACHE_MILLISECONDS",
        "900",
        "int",
        "How long visitors without cookies share a drawn page; at most 1000, 0 draws each anew.",
    ),
    Setting("WEB_THREADS", "4", "count", "Threads in each web server process."),
    Setting("INSTANCE_PATH", "instance", "path", "Directory of the embedded databases."),
    Setting(
        "JOURNAL_PATH",
        "",
        "text",
        "File of what a restored database forgets, best on another disk; default journal.jsonl in INSTANCE_PATH.",
    ),
    Setting(
        "DATABASE_URL", "", "text", "SQLAlchemy address of the database; default SQLite in INSTANCE_PATH.", secret=True
    ),
    Setting("SECRET_KEY", "", "text", "Signs sessions and form tokens; at least 32 characters.", secret=True),
    Setting("LOG_LEVEL", "INFO", "choice", "How much the structured log says.", ("DEBUG", "INFO", "WARNING", "ERROR")),
    Setting(
        "METRICS_TOKEN",
        "",
        "text",
        "Lets whoever shows it as a bearer token read /metrics; without it only this machine may.",
        secret=True,
    ),
    Setting("OPERATOR_NAME", "Tonne Demo", "text", "Legal name of the operator of this marketplace."),
    Setting("OPERATOR_ADDRESS", "", "text", "Postal address of the operator, its lines separated by semicolons."),
    Setting("CONTACT_EMAIL", "", "text", "E-mail address at which the operator answers people."),
    Setting("ANSWER_DAYS", "5", "count", "Calendar days within which the operator answers an e-mail."),
    Setting("COMPLAINT_DAYS", "14", "count", "Calendar days within which the operator answers a complaint."),
    Setting(
        "LEGAL_TEXTS",
        "",
        "text",
        "Directory of the legal texts, as <language>/<name>@<day>.md; default the product's own.",
    ),
    Setting(
        "CURRENCY",
        "USD",
        "choice",
        "ISO 4217 code of the one currency that offers and payments use.",
        tuple(SMALLEST_PAYMENT),
    ),
    Setting("PAYMENT_GATEWAY", "testpay", "choice", "Who takes the payment.", ("testpay", "stripe")),
    Setting("PAYMENT_MINIMUM", "50", "int", "Smallest payment, in minor units."),
    Setting("PAYMENT_MAXIMUM", "99999999", "int", "Largest card payment, in minor units."),
    Setting("PAYMENT_COST_RATE", "290", "int", "Payment cost in basis points of the total, borne by the seller."),
    Setting("PAYMENT_COST_FIXED", "30", "int", "Fixed payment cost per order, in minor units, borne by the seller."),
    Setting("TAX_RATE", "0", "int", "Tax contained in the listed price, in basis points."),
    Setting("PLATFORM_FEE_RATE", "0", "int", "Platform fee contained in the listed price, in basis points."),
    Setting("TESTPAY_SECRET", "", "text", "Signs the test gateway's events; at least 32 characters.", secret=True),
    Setting(
        "TESTPAY_MISCHIEF",
        "",
        "text",
        "What the test gateway does wrong: any of duplicate, delay, reorder, lose, comma-separated.",
    ),
    Setting("STRIPE_SECRET_KEY", "", "text", "Stripe secret or restricted key.", secret=True),
    Setting(
        "STRIPE_WEBHOOK_SECRETS",
        "",
        "text",
        "Stripe webhook signing secrets, comma-separated; two while one is being replaced.",
        secret=True,
    ),
    Setting("STRIPE_API_BASE", "https://api.stripe.com", "url", "Stripe API address; https, or http on loopback."),
    Setting("STRIPE_CHECKOUT_ORIGIN", "https://checkout.stripe.com", "url", "Origin of the hosted payment page."),
    Setting(
        "REGISTRIES",
        "ledger",
        "text",
        "Codes of the registries to talk to, comma-separated; the first keeps the accounts that no other one keeps.",
    ),
    Setting("LEDGER_PROMISE_MINUTES", "5", "count", "How soon the embedded ledger is expected to cancel, in minutes."),
    Setting("BATCH_NAME", "CDM registry", "text", "Name of the registry that is reached by batches of files."),
    Setting("BATCH_PROMISE_HOURS", "240", "count", "How soon its administrator is expected to cancel, in hours."),
    Setting(
        "BATCH_ACQUIRING_ACCOUNT",
        "Voluntary cancellation account",
        "text",
        "Account of that registry in which cancelled units end, as its forms name it.",
    ),
    Setting(
        "BATCH_SHARED_SECRET",
        "",
        "text",
        "Signs that registry's response files; at least 32 characters. Without it each needs two operators.",
        secret=True,
    ),
    Setting(
        "REGISTRY_OF_RECORD_NAME",
        "",
        "text",
        "Legal name under which the operator declares the embedded ledger a registry of record.",
    ),
    Setting(
        "UNDP_URL", "", "url", "Address of a UNDP National Carbon Registry; https, or http on loopback. Empty: none."
    ),
    Setting("UNDP_NAME", "", "text", "What people know that registry as."),
    Setting("UNDP_ACCOUNT", "", "text", "How our books call the account of the operator's organisation there."),
    Setting("UNDP_UNIT_TYPE", "", "text", "Code in our catalogue of the units that it keeps."),
    Setting("UNDP_USERNAME", "", "text", "Who signs in there for the operator's organisation.", secret=True),
    Setting("UNDP_PASSWORD", "", "text", "The password of UNDP_USERNAME.", secret=True),
    Setting(
        "UNDP_AUTHORITY_USERNAME",
        "",
        "text",
        "Who accepts cancellations there, where the operator is the registry's authority; empty: others accept.",
        secret=True,
    ),
    Setting("UNDP_AUTHORITY_PASSWORD", "", "text", "The password of UNDP_AUTHORITY_USERNAME.", secret=True),
    Setting("UNDP_PROMISE_MINUTES", "1440", "count", "Minutes within which buyers are promised a cancellation in it."),
    Setting(
        "MAIL_URL",
        "console:",
        "text",
        "Where mail goes: console: or smtp://[user:password@]host[:port][?tls=starttls|implicit|none].",
        secret=True,
    ),
    Setting("MAIL_FROM", "Tonne <no-reply@localhost>", "text", "Sender of every mail."),
    Setting("LIMIT_CHECKOUT", "20/minute;200/hour", "limits", "Checkout submissions allowed for one address."),
    Setting("LIMIT_VERIFY", "30/minute;300/hour", "limits", "Look-ups on the verify page allowed for one address."),
    Setting("LIMIT_RESEND", "3/hour", "limits", "Mails that one order page may ask for again."),
    Setting("LIMIT_FILES", "20/minute;100/hour", "limits", "Files of the public register that one address may take."),
    Setting("LIMIT_COMPLAINT", "5/hour;20/day", "limits", "Complaints that one address may send."),
    Setting("LIMIT_SIGN_IN", "10/minute;100/hour", "limits", "Tries to sign in allowed for one address."),
    Setting("LIMIT_ACCOUNT_MAIL", "5/hour;20/day", "limits", "Mails about accounts that one address may ask for."),
)


@dataclass(frozen=True)
class Settings:
    """The settings as values. Field names are the environment names in lower case.

    Secrets are not in the repr, so that no log line or traceback shows one.
    """

    environment: str
    clock_start: datetime | None
    host: str
    port: int
    public_base_url: str
    trusted_proxies: int
    web_workers: int
    page_cache_milliseconds: int
    web_threads: int
    instance_path: Path
    journal_path: Path
    database_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    log_level: str
    metrics_token: str = field(repr=False)
    operator_name: str
    operator_address: str
    contact_email: str
    answer_days: int
    complaint_days: int
    legal_texts: Path
    currency: str
    payment_gateway: str
    payment_minimum: int
    payment_maximum: int
    payment_cost_rate: int
    payment_cost_fixed: int
    tax_rate: int
    platform_fee_rate: int
    testpay_secret: str = field(repr=False)
    testpay_mischief: frozenset[str]
    stripe_secret_key: str = field(repr=False)
    stripe_webhook_secrets: tuple[str, ...] = field(repr=False)
    stripe_api_base: str
    stripe_checkout_origin: str
    registries: tuple[str, ...]
    ledger_promise_minutes: int
    batch_name: str
    batch_promise_hours: int
    batch_acquiring_account: str
    batch_shared_secret: str = field(repr=False)
    registry_of_record_name: str
    undp_url: str
    undp_name: str
    undp_account: str
    undp_unit_type: str
    undp_username: str = field(repr=False)
    undp_password: str = field(repr=False)
    undp_authority_username: str = field(repr=False)
    undp_authority_password: str = field(repr=False)
    undp_promise_minutes: int
    mail_url: str = field(repr=False)
    mail_from: str
    limit_checkout: str
    limit_verify: str
    limit_resend: str
    limit_files: str
    limit_complaint: str
    limit_sign_in: str
    limit_account_mail: str

    @property
    def is_production(self) -> bool:
        """Whether real people rely on this copy."""
        return self.environment == "production"

    @property
    def is_demonstration(self) -> bool:
        """Whether nothing that happens here is real: test money, or a ledger nobody declared of record."""
        return (
            self.payment_gateway == "testpay"
            or ("ledger" in self.registries and not self.registry_of_record_name)
            or self.stripe_secret_key.startswith(("sk_test_", "rk_test_"))
        )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read and check every setting.

        Raises BadSettings with one sentence for each problem found.
        """
        source = os.environ if environment is None else environment
        problems: list[str] = []
        values: dict[str, Any] = {}
        for setting in SETTINGS:
            problem, value = _read(setting, source.get(setting.name, setting.default).strip())
            if problem is not None:
                problems.append(problem)
                # So that the others can be checked in the same go.
                _, value = _read(setting, setting.default)
            values[setting.name.lower()] = value
        _fill_derived(values)
        problems.extend(_contradictions(values))
        if problems:
            raise BadSettings(problems)
        return cls(**{field.name: values[field.name] for field in fields(cls)})


def _read(setting: Setting, raw: str) -> tuple[str | None, object]:
    """What is wrong with one value, if anything, and what it means."""
    if setting.kind in {"int", "count"}:
        least = 1 if setting.kind == "count" else 0
        if not re.fullmatch("[0-9]{1,12}", raw) or int(raw) < least:
            return f"{setting.name} must be a whole number of at least {least}, not {raw[:40]!r}", None
        return None, int(raw)
    if setting.kind == "instant":
        return _read_instant(setting, raw)
    if setting.kind == "choice" and raw not in setting.choices:
        return f"{setting.name} must be one of {', '.join(setting.choices)}, not {raw!r}", None
    if setting.kind == "url" and raw and not _is_url(raw):
        return f"{setting.name} must be an http or https address without a path, not {raw!r}", None
    if setting.kind == "limits" and not re.fullmatch(LIMITS, raw):
        return f"{setting.name} must look like 20/minute;200/hour, not {raw!r}", None
    return None, Path(raw).absolute() if setting.kind == "path" else raw


def _read_instant(setting: Setting, raw: str) -> tuple[str | None, datetime | None]:
    try:
        value = datetime.fromisoformat(raw) if raw else None
        if value is None or value.tzinfo is not None:
            return None, value
    except ValueError:
        pass
    return f"{setting.name} must be a date, time and zone such as 2026-12-31T13:00:00Z, not {raw[:40]!r}", None


def _is_url(raw: str) -> bool:
    try:
        parts = urlsplit(raw)
        is_whole = parts.port != 0 and bool(parts.hostname)
    except ValueError:  # an unclosed bracket, or a port that no port can have
        return False
    return is_whole and raw == f"{parts.scheme}://{parts.netloc}" and parts.scheme in {"http", "https"}


def _fill_derived(values: dict[str, Any]) -> None:
    host = f"[{values['host']}]" if ":" in values["host"] else values["host"]
    values["public_base_url"] = values["public_base_url"] or f"http://{host}:{values['port']}"
    values["database_url"] = values["database_url"] or f"sqlite:///{values['instance_path'] / 'tonne.sqlite'}"
    values["journal_path"] = Path(values["journal_path"] or values["instance_path"] / "journal.jsonl").absolute()
    values["legal_texts"] = Path(values["legal_texts"] or LEGAL_TEXTS).absolute()
    values["stripe_webhook_secrets"] = tuple(
        secret.strip() for secret in values["stripe_webhook_secrets"].split(",") if secret.strip()
    )
    values["registries"] = tuple(code.strip() for code in values["registries"].split(",") if code.strip())
    values["testpay_mischief"] = frozenset(s.strip() for s in values["testpay_mischief"].split(",") if s.strip())


REGISTRY_CODES = frozenset({"batch", "ledger", "undp"})
LEGAL_TEXTS = Path(__file__).parent / "content" / "legal_texts"
MISCHIEF = frozenset({"duplicate", "delay", "reorder", "lose"})
SECRET_LENGTH = 32
SHORTEST_TOKEN = 16
LARGEST_PORT = 65_535
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
OLDEST_PAGE = 1_000  # milliseconds: units left are never older


def _contradictions(values: Mapping[str, Any]) -> list[str]:
    problems = [*_address_problems(values), *_money_problems(values)]
    if len(values["secret_key"]) < SECRET_LENGTH:
        problems.append(f"SECRET_KEY must be set, with at least {SECRET_LENGTH} characters")
    if not values["registries"] or set(values["registries"]) - REGISTRY_CODES:
        problems.append(f"REGISTRIES must name one or more of {', '.join(sorted(REGISTRY_CODES))}")
    if 0 < len(values["batch_shared_secret"]) < SECRET_LENGTH:
        problems.append(f"BATCH_SHARED_SECRET must have at least {SECRET_LENGTH} characters, or be empty")
    if 0 < len(values["metrics_token"]) < SHORTEST_TOKEN:
        problems.append(f"METRICS_TOKEN must have at least {SHORTEST_TOKEN} characters, or be empty")
    if values["payment_gateway"] == "testpay":
        problems.extend(_testpay_problems(values))
    else:
        problems.extend(_stripe_problems(values))
    problems.extend(_undp_problems(values))
    if values["environment"] == "production":
        problems.extend(_production_problems(values))
    return problems


def _address_problems(values: Mapping[str, Any]) -> list[str]:
    problems = []
    if values["port"] > LARGEST_PORT:
        problems.append(f"PORT must be at most {LARGEST_PORT}")
    if values["page_cache_milliseconds"] > OLDEST_PAGE:
        problems.append(f"PAGE_CACHE_MILLISECONDS must be at most {OLDEST_PAGE}")
    if not values["database_url"].startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        problems.append("DATABASE_URL must begin with sqlite:/// or postgresql://")
    if not values["mail_url"].startswith(("console:", "smtp://")):
        problems.append("MAIL_URL must begin with console: or smtp://")
    if values["contact_email"] and not re.fullmatch(r"[^\s@<>]+@[^\s@<>]+", values["contact_email"]):
        problems.append(f"CONTACT_EMAIL must be one e-mail address, not {values['contact_email']!r}")
    return problems


def _money_problems(values: Mapping[str, Any]) -> list[str]:
    problems = []
    if not 0 < values["payment_minimum"] <= values["payment_maximum"]:
        problems.append("PAYMENT_MINIMUM must be above zero and at most PAYMENT_MAXIMUM")
    if values["tax_rate"] + values["platform_fee_rate"] + values["payment_cost_rate"] > 9_000:
        problems.append("TAX_RATE, PLATFORM_FEE_RATE and PAYMENT_COST_RATE leave the seller less than a tenth")
    return problems


def _testpay_problems(values: Mapping[str, Any]) -> list[str]:
    problems = []
    if values["testpay_mischief"] - MISCHIEF:
        problems.append(f"TESTPAY_MISCHIEF knows only {', '.join(sorted(MISCHIEF))}")
    if len(values["testpay_secret"]) < SECRET_LENGTH:
        problems.append(f"TESTPAY_SECRET must be set, with at least {SECRET_LENGTH} characters")
    return problems


def _stripe_problems(values: Mapping[str, Any]) -> list[str]:
    problems = []
    if not values["stripe_secret_key"].startswith(("sk_", "rk_")):
        problems.append("STRIPE_SECRET_KEY must be set when PAYMENT_GATEWAY is stripe")
    if not values["stripe_webhook_secrets"]:
        problems.append("STRIPE_WEBHOOK_SECRETS must be set when PAYMENT_GATEWAY is stripe")
    for name in ("stripe_api_base", "stripe_checkout_origin"):
        base = urlsplit(values[name])
        if base.scheme != "https" and base.hostname not in LOOPBACK:
            problems.append(f"{name.upper()} must be https, or on loopback")
    return problems


def _undp_problems(values: Mapping[str, Any]) -> list[str]:
    problems = []
    needed = ("undp_name", "undp_account", "undp_unit_type", "undp_username", "undp_password")
    authority = ("undp_authority_username", "undp_authority_password")
    if not values["undp_url"]:
        if "undp" in values["registries"]:
            problems.append("UNDP_URL must be set when REGISTRIES names undp")
        alone = [name.upper() for name in (*needed, *authority) if values[name]]
        return [*problems, f"{', '.join(alone)} must be empty when UNDP_URL is"] if alone else problems
    base = urlsplit(values["undp_url"])
    if base.scheme != "https" and base.hostname not in LOOPBACK:
        problems.append("UNDP_URL must be https, or on loopback")
    missing = [name.upper() for name in needed if not values[name]]
    if missing:
        problems.append(f"{', '.join(missing)} must be set when UNDP_URL is")
    if bool(values[authority[0]]) != bool(values[authority[1]]):
        problems.append("UNDP_AUTHORITY_USERNAME and UNDP_AUTHORITY_PASSWORD must be set together")
    return problems


def _operator_problems(values: Mapping[str, Any]) -> list[str]:
    problems = []
    if values["operator_name"] == "Tonne Demo":
        problems.append("OPERATOR_NAME must be the operator's legal name in production")
    if not values["operator_address"]:
        problems.append("OPERATOR_ADDRESS must be where people can write to the operator in production")
    if not values["contact_email"]:
        problems.append("CONTACT_EMAIL must be where the operator answers people in production")
    return problems


def _production_problems(values: Mapping[str, Any]) -> list[str]:
    problems = []
    if values["clock_start"] is not None:
        problems.append("CLOCK_START must be empty in production")
    if values["payment_gateway"] == "testpay":
        problems.append("PAYMENT_GATEWAY must not be testpay in production")
    if values["stripe_secret_key"].startswith(("sk_test_", "rk_test_")):
        problems.append("STRIPE_SECRET_KEY is a test key; production needs a live one")
    if values["payment_gateway"] == "stripe" and values["stripe_api_base"] != "https://api.stripe.com":
        problems.append("STRIPE_API_BASE must be Stripe's own address in production")
    if "ledger" in values["registries"] and not values["registry_of_record_name"]:
        problems.append("REGISTRY_OF_RECORD_NAME must name the operator who declares the embedded ledger of record")
    if not values["public_base_url"].startswith("https://"):
        problems.append("PUBLIC_BASE_URL must be https in production")
    if not values["mail_url"].startswith("smtp://"):
        problems.append("MAIL_URL must be smtp:// in production")
    problems.extend(_operator_problems(values))
    return problems
