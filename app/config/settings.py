"""The settings of one copy as values, read from the environment and systemd's credentials and checked at start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from app.config.checks import contradictions
from app.config.gateways import GATEWAYS
from app.config.reading import fill_derived, read, text_of
from app.config.table import SETTINGS
from app.kernel.sealing import Keyring


class BadSettings(ValueError):
    """The environment is missing something or contradicts itself; names every problem at once."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Settings:
    """The settings as values. Field names are the environment names in lower case.

    Secrets are not in the repr, so that no log line or traceback shows one.
    """

    environment: str
    clock_start: datetime | None
    host: str
    port: int
    socket_path: str
    public_base_url: str
    trusted_proxies: int
    web_workers: int
    page_cache_milliseconds: int
    web_threads: int
    instance_path: Path
    journal_path: Path
    database_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    secret_key_fallbacks: tuple[str, ...] = field(repr=False)
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
    clamd_address: str
    limit_checkout: str
    limit_verify: str
    limit_resend: str
    limit_files: str
    limit_complaint: str
    limit_sign_in: str
    limit_account_mail: str

    @property
    def keyring(self) -> Keyring:
        """What seals, and what opens what was sealed before SECRET_KEY was replaced."""
        return Keyring(self.secret_key, self.secret_key_fallbacks)

    @property
    def is_production(self) -> bool:
        """Whether real people rely on this copy."""
        return self.environment == "production"

    @property
    def is_demonstration(self) -> bool:
        """Whether nothing that happens here is real: test money, or a ledger nobody declared of record."""
        return not self.takes_real_money or ("ledger" in self.registries and not self.registry_of_record_name)

    @property
    def takes_real_money(self) -> bool:
        """Whether what a buyer pays is real."""
        return GATEWAYS[self.payment_gateway].takes_real_money(vars(self))

    @property
    def payment_company(self) -> str | None:
        """Who takes the money; None where it is our own test page."""
        return GATEWAYS[self.payment_gateway].company

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read and check every setting; secrets also from CREDENTIALS_DIRECTORY.

        Raises BadSettings with one sentence for each problem found.
        """
        source = os.environ if environment is None else environment
        problems: list[str] = []
        values: dict[str, Any] = {}
        for setting in SETTINGS:
            misplaced, text = text_of(setting, source)
            problem, value = read(setting, text)
            problems += [said for said in (misplaced, problem) if said is not None]
            if problem is not None:
                # So that the others can be checked in the same go.
                _, value = read(setting, setting.default)
            values[setting.name.lower()] = value
        fill_derived(values)
        problems.extend(contradictions(values))
        if problems:
            raise BadSettings(problems)
        return cls(**{field.name: values[field.name] for field in fields(cls)})
