"""What settings must not say together, and what production must not do without."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from app.config.gateways import GATEWAYS, LOOPBACK, SECRET_LENGTH

REGISTRY_CODES = frozenset({"batch", "ledger", "undp"})
SHORTEST_TOKEN = 16
LARGEST_PORT = 65_535
# What a generator prints, with at least 128 bits in 32 characters: hexadecimal, or letters of both cases and digits.
GENERATED = re.compile(r"[0-9a-f]{32,}|[0-9A-F]{32,}|(?=.*[A-Z])(?=.*[a-z])(?=.*[0-9])[A-Za-z0-9+/_=-]{32,}")
CLAMD = re.compile(r"unix:/.+|(127\.0\.0\.1|localhost|\[::1\]):[0-9]{1,5}")
FEWEST_DIFFERENT = 10  # characters; among 32 of chance there are hardly ever fewer
OLDEST_PAGE = 1_000  # milliseconds: units left are never older


def contradictions(values: Mapping[str, Any]) -> list[str]:
    """One sentence for each problem that the values, by the names of `Settings`, have with each other."""
    problems = [*_address_problems(values), *_money_problems(values)]
    if len(values["secret_key"]) < SECRET_LENGTH:
        problems.append(f"SECRET_KEY must be set, with at least {SECRET_LENGTH} characters")
    if not values["registries"] or set(values["registries"]) - REGISTRY_CODES:
        problems.append(f"REGISTRIES must name one or more of {', '.join(sorted(REGISTRY_CODES))}")
    if 0 < len(values["batch_shared_secret"]) < SECRET_LENGTH:
        problems.append(f"BATCH_SHARED_SECRET must have at least {SECRET_LENGTH} characters, or be empty")
    if 0 < len(values["metrics_token"]) < SHORTEST_TOKEN:
        problems.append(f"METRICS_TOKEN must have at least {SHORTEST_TOKEN} characters, or be empty")
    problems.extend(GATEWAYS[values["payment_gateway"]].problems(values))
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
    if values["clamd_address"] and not CLAMD.fullmatch(values["clamd_address"]):
        problems.append("CLAMD_ADDRESS must be unix:/path or host:port on loopback; clamd knows no TLS")
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
    if not _is_generated(values["secret_key"]):
        problems.append("SECRET_KEY must come from a generator in production: openssl rand -hex 32")
    if values["clock_start"] is not None:
        problems.append("CLOCK_START must be empty in production")
    problems.extend(GATEWAYS[values["payment_gateway"]].production_problems(values))
    if "ledger" in values["registries"] and not values["registry_of_record_name"]:
        problems.append("REGISTRY_OF_RECORD_NAME must name the operator who declares the embedded ledger of record")
    if not values["public_base_url"].startswith("https://"):
        problems.append("PUBLIC_BASE_URL must be https in production")
    if not values["mail_url"].startswith("smtp://"):
        problems.append("MAIL_URL must be smtp:// in production")
    problems.extend(_unencrypted_problems(values))
    problems.extend(_operator_problems(values))
    return problems


def _unencrypted_problems(values: Mapping[str, Any]) -> list[str]:
    problems = []
    if _is_in_the_clear(values["mail_url"]):
        problems.append("MAIL_URL must not say tls=none in production, except for a server on loopback")
    if not _is_safe_connection(values["database_url"]):
        problems.append("DATABASE_URL of another machine must say sslmode=verify-full in production")
    return problems


def _is_in_the_clear(mail_url: str) -> bool:
    server = urlsplit(mail_url)
    return "none" in parse_qs(server.query).get("tls", []) and server.hostname not in LOOPBACK


def _is_safe_connection(database_url: str) -> bool:
    """Whether nobody else can read what goes there: it stays on this machine, or TLS proves whose it is."""
    server = urlsplit(database_url)
    words = parse_qs(server.query)
    # libpq: a host that begins with a slash is the directory of a socket, and the query wins over the address.
    hosts = ",".join(words.get("host", [server.hostname or ""])).split(",")
    stays_here = all(host == "" or host.startswith("/") or host in LOOPBACK for host in hosts)
    return stays_here or words.get("sslmode") == ["verify-full"]


def _is_generated(secret: str) -> bool:
    # Too short is said already.
    is_long = len(secret) >= SECRET_LENGTH
    return not is_long or (GENERATED.fullmatch(secret) is not None and len(set(secret)) >= FEWEST_DIFFERENT)
