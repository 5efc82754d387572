"""Settings are read once, checked whole, and keep their secrets to themselves."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.config import SETTINGS, BadSettings, Settings
from app.kernel.sealing import SealFor, seal_text, unseal_text

SECRET = "a-secret-of-more-than-thirty-two-characters"
GENERATED = "7d1c0a6e94b3f2587d1c0a6e94b3f258"
DEVELOPMENT = {"SECRET_KEY": SECRET, "TESTPAY_SECRET": SECRET}
PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": GENERATED,
    "PUBLIC_BASE_URL": "https://tonne.example",
    "DATABASE_URL": "postgresql+psycopg://tonne@db/tonne?sslmode=verify-full",
    "OPERATOR_NAME": "Tonne Cooperative",
    "OPERATOR_ADDRESS": "1 Long Street; 1200 Geneva; Switzerland",
    "CONTACT_EMAIL": "people@tonne.example",
    "PAYMENT_GATEWAY": "stripe",
    "STRIPE_SECRET_KEY": "rk_live_123",
    "STRIPE_WEBHOOK_SECRETS": "whsec_new, whsec_old",
    "REGISTRY_OF_RECORD_NAME": "Tonne Registry Ltd",
    "MAIL_URL": "smtp://mail.example",
}


def problems(environment: dict[str, str]) -> list[str]:
    try:
        Settings.from_environment(environment)
    except BadSettings as refused:
        said, found = str(refused), refused.problems
    else:
        return []
    assert said == "; ".join(found)
    return found


def conf(name: str) -> str:
    return (Path(__file__).parents[3] / "docs" / "systemd" / name).read_text()


def test_two_secrets_are_enough_for_development() -> None:
    settings = Settings.from_environment(DEVELOPMENT)

    assert settings.public_base_url == "http://127.0.0.1:5000"
    assert settings.database_url == f"sqlite:///{Path('instance').absolute() / 'tonne.sqlite'}"
    assert settings.is_demonstration
    assert not settings.is_production


def test_the_settings_come_from_the_processes_environment_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**DEVELOPMENT, "PORT": "5077"}.items():
        monkeypatch.setenv(name, value)

    assert Settings.from_environment().port == 5077


def test_secrets_may_be_files_that_systemd_opens_for_the_service_alone(tmp_path: Path) -> None:
    kept = {"SECRET_KEY": GENERATED, "STRIPE_WEBHOOK_SECRETS": "whsec_new, whsec_old", "MAIL_URL": "smtp://u:p@mail"}
    for name, value in kept.items():
        (tmp_path / name).write_text(f"{value}\n")
    # What is no secret is not looked for there.
    (tmp_path / "PORT").write_text("1")
    environment = {name: value for name, value in PRODUCTION.items() if name not in kept}

    settings = Settings.from_environment(environment | {"CREDENTIALS_DIRECTORY": str(tmp_path), "SECRET_KEY": ""})

    assert (settings.secret_key, settings.mail_url, settings.port) == (GENERATED, "smtp://u:p@mail", 5000)
    assert settings.stripe_webhook_secrets == ("whsec_new", "whsec_old")
    assert settings.stripe_secret_key == "rk_live_123"  # the environment has it, and the directory no such file


def test_what_is_sealed_for_the_services_are_secrets_and_the_file_of_settings_holds_none() -> None:
    secret = {setting.name for setting in SETTINGS if setting.secret}
    sealed = re.findall(r"^LoadCredentialEncrypted=(\w+):/etc/tonne/secrets/(\w+)$", conf("secrets.conf"), re.MULTILINE)
    plain = dict(re.findall(r"^(\w+)='(.*)'$", conf("tonne.env.example"), re.MULTILINE))

    assert {"SECRET_KEY", "STRIPE_SECRET_KEY", "MAIL_URL"} <= {name for name, _file in sealed} <= secret
    assert [name for name, file in sealed if name != file] == []
    # A database on this machine knows its user without a password.
    assert secret & set(plain) == {"DATABASE_URL"}
    assert plain["DATABASE_URL"].startswith("postgresql+psycopg://tonne@/")
    assert set(plain) <= {setting.name for setting in SETTINGS}


def test_a_secret_in_two_places_or_one_that_cannot_be_read_is_named_without_its_value(tmp_path: Path) -> None:
    for name, content in {"SECRET_KEY": GENERATED.encode(), "METRICS_TOKEN": b"\xff\xfe"}.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "STRIPE_SECRET_KEY").mkdir()

    assert problems(PRODUCTION | {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == [
        "SECRET_KEY is in the environment and in CREDENTIALS_DIRECTORY: take it out of one",
        "METRICS_TOKEN in CREDENTIALS_DIRECTORY cannot be read",
        "STRIPE_SECRET_KEY in CREDENTIALS_DIRECTORY cannot be read",
    ]


def test_production_with_everything_said_starts_and_is_no_demonstration() -> None:
    settings = Settings.from_environment(PRODUCTION)

    assert settings.is_production
    assert not settings.is_demonstration
    assert settings.stripe_webhook_secrets == ("whsec_new", "whsec_old")


def test_the_clock_of_a_copy_can_start_on_another_day_and_never_in_production() -> None:
    start = "2026-12-31T13:00:00Z"

    assert Settings.from_environment(DEVELOPMENT | {"CLOCK_START": start}).clock_start == datetime(
        2026, 12, 31, 13, tzinfo=UTC
    )
    assert Settings.from_environment(DEVELOPMENT).clock_start is None
    assert problems(PRODUCTION | {"CLOCK_START": start}) == ["CLOCK_START must be empty in production"]
    for wrong in ("2026-12-31T13:00:00", "yesterday"):
        (problem,) = problems(DEVELOPMENT | {"CLOCK_START": wrong})
        assert problem.startswith("CLOCK_START must be a date, time and zone")


def test_every_setting_of_the_table_has_a_value_and_an_explanation() -> None:
    settings = Settings.from_environment(DEVELOPMENT)

    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)
    for setting in SETTINGS:
        assert hasattr(settings, setting.name.lower())
        assert setting.help.endswith((".", "none]."))


def test_blanks_around_a_value_do_not_count() -> None:
    settings = Settings.from_environment({**DEVELOPMENT, "PORT": " 5001 ", "TESTPAY_MISCHIEF": " lose, delay ,"})

    assert settings.port == 5001
    assert settings.testpay_mischief == {"lose", "delay"}


def test_a_copy_on_an_ipv6_address_has_a_valid_public_address() -> None:
    assert Settings.from_environment({**DEVELOPMENT, "HOST": "::1"}).public_base_url == "http://[::1]:5000"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "abc", "PORT must be a whole number"),
        ("PORT", "-1", "PORT must be a whole number"),
        ("PORT", "٣", "PORT must be a whole number"),
        ("PORT", "9" * 5000, "PORT must be a whole number"),
        ("PORT", "0", "PORT must be a whole number of at least 1"),
        ("PORT", "65536", "PORT must be at most 65535"),
        ("PAGE_CACHE_MILLISECONDS", "1001", "PAGE_CACHE_MILLISECONDS must be at most 1000"),
        ("WEB_THREADS", "0", "WEB_THREADS must be a whole number of at least 1"),
        ("TAX_RATE", "-1", "TAX_RATE must be a whole number of at least 0"),
        ("ENVIRONMENT", "prod", "ENVIRONMENT must be one of development, testing, production"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL must be one of"),
        ("PUBLIC_BASE_URL", "tonne.example", "PUBLIC_BASE_URL must be an http or https address"),
        ("PUBLIC_BASE_URL", "ftp://tonne.example", "PUBLIC_BASE_URL must be an http or https address"),
        ("PUBLIC_BASE_URL", "https://tonne.example/shop", "without a path"),
        ("PUBLIC_BASE_URL", "https://tonne.example/", "without a path"),
        ("PUBLIC_BASE_URL", "https://tonne.example?a=b", "without a path"),
        ("PUBLIC_BASE_URL", "https://tonne.example#a", "without a path"),
        ("PUBLIC_BASE_URL", "https://tonne.example:99999", "without a path"),
        ("PUBLIC_BASE_URL", "https://tonne.example:0", "without a path"),
        ("PUBLIC_BASE_URL", "https://[::1", "without a path"),
        ("PUBLIC_BASE_URL", "https://:5000", "without a path"),
        ("DATABASE_URL", "mysql://db/tonne", "DATABASE_URL must begin with sqlite:/// or postgresql://"),
        ("SECRET_KEY", "short", "SECRET_KEY must be set, with at least 32 characters"),
        ("TESTPAY_SECRET", "", "TESTPAY_SECRET must be set"),
        ("TESTPAY_MISCHIEF", "explode", "TESTPAY_MISCHIEF knows only delay, duplicate, lose, reorder"),
        ("CURRENCY", "usd", "CURRENCY must be one of AED,"),
        ("CURRENCY", "KWD", "CURRENCY must be one of AED,"),
        ("PAYMENT_MINIMUM", "0", "PAYMENT_MINIMUM must be above zero"),
        ("PAYMENT_MAXIMUM", "10", "PAYMENT_MINIMUM must be above zero and at most PAYMENT_MAXIMUM"),
        ("TAX_RATE", "9000", "leave the seller less than a tenth"),
        ("MAIL_URL", "pop3://mail", "MAIL_URL must begin with console: or smtp://"),
        ("CONTACT_EMAIL", "Tonne <people@tonne.example>", "CONTACT_EMAIL must be one e-mail address"),
        ("CLAMD_ADDRESS", "scanner.example:3310", "CLAMD_ADDRESS must be unix:/path or host:port on loopback"),
        ("CONTACT_EMAIL", "people", "CONTACT_EMAIL must be one e-mail address"),
        ("COMPLAINT_DAYS", "0", "COMPLAINT_DAYS must be a whole number of at least 1"),
        ("LIMIT_VERIFY", "often", "LIMIT_VERIFY must look like 20/minute;200/hour"),
        ("LIMIT_VERIFY", "0/minute", "LIMIT_VERIFY must look like"),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_must_be(name: str, value: str, said: str) -> None:
    found = problems({**DEVELOPMENT, name: value})

    assert len(found) == 1
    assert said in found[0]


def test_every_problem_is_named_at_once_what_cannot_be_read_and_what_contradicts_itself() -> None:
    assert len(problems({**DEVELOPMENT, "PORT": "x", "ENVIRONMENT": "y", "PUBLIC_BASE_URL": "z"})) == 3
    assert len(problems({"PORT": "x", "SECRET_KEY": "", "TESTPAY_SECRET": "", "CURRENCY": "dollar"})) == 4


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("STRIPE_SECRET_KEY", "pk_live_1", "STRIPE_SECRET_KEY must be set when PAYMENT_GATEWAY is stripe"),
        ("STRIPE_WEBHOOK_SECRETS", " , ", "STRIPE_WEBHOOK_SECRETS must be set when PAYMENT_GATEWAY is stripe"),
        ("STRIPE_CHECKOUT_ORIGIN", "http://pay.example", "STRIPE_CHECKOUT_ORIGIN must be https, or on loopback"),
        ("STRIPE_SECRET_KEY", "sk_test_1", "STRIPE_SECRET_KEY is a test key"),
        ("STRIPE_API_BASE", "https://stripe.example", "STRIPE_API_BASE must be Stripe's own address"),
        ("REGISTRY_OF_RECORD_NAME", "", "REGISTRY_OF_RECORD_NAME must name the operator"),
        ("PUBLIC_BASE_URL", "http://tonne.example", "PUBLIC_BASE_URL must be https"),
        ("MAIL_URL", "console:", "MAIL_URL must be smtp://"),
        ("MAIL_URL", "smtp://mail.example?tls=none", "MAIL_URL must not say tls=none"),
        ("DATABASE_URL", "postgresql://tonne@db.example/tonne", "DATABASE_URL of another machine must say sslmode"),
        ("DATABASE_URL", "postgresql://db.example/tonne?sslmode=require", "must say sslmode=verify-full"),
        ("DATABASE_URL", "postgresql:///tonne?host=/run,db.example", "must say sslmode=verify-full"),
        ("OPERATOR_NAME", "Tonne Demo", "OPERATOR_NAME must be the operator's legal name"),
        ("OPERATOR_ADDRESS", "", "OPERATOR_ADDRESS must be where people can write"),
        ("CONTACT_EMAIL", "", "CONTACT_EMAIL must be where the operator answers"),
    ],
)
def test_production_refuses_to_start_with_one_thing_missing(name: str, value: str, said: str) -> None:
    found = problems({**PRODUCTION, name: value})

    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAIL_URL", "smtp://mail.example?tls=implicit"),
        ("MAIL_URL", "smtp://localhost?tls=none"),
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "postgresql:///tonne"),
        ("DATABASE_URL", "postgresql+psycopg://tonne@/tonne?host=/var/run/postgresql"),
        ("DATABASE_URL", "postgresql://tonne:word@127.0.0.1:5432/tonne"),
        ("DATABASE_URL", "postgresql://tonne@one.example/tonne?host=two.example&sslmode=verify-full"),
    ],
)
def test_in_production_nothing_leaves_the_machine_unencrypted(name: str, value: str) -> None:
    assert Settings.from_environment({**PRODUCTION, name: value}).is_production


@pytest.mark.parametrize(
    "secret",
    [
        SECRET,
        "a sentence of more than thirty-two letters and 1 digit",
        "Tonne-Is-A-House-With-One-Password-For-All",
        "0" * 64,
        "abcabcabc1abcabcabc1abcabcabc1abcabcabc1",
    ],
)
def test_production_refuses_a_secret_that_no_generator_made(secret: str) -> None:
    assert problems({**PRODUCTION, "SECRET_KEY": secret}) == [
        "SECRET_KEY must come from a generator in production: openssl rand -hex 32"
    ]
    assert problems({**PRODUCTION, "SECRET_KEY": secret, "ENVIRONMENT": "testing"}) == []


def test_production_takes_what_generators_print() -> None:
    # One in two thousand of the other two has no digit and is refused: the words of the refusal lead to the first.
    for secret in (
        secrets.token_hex(32),
        "y2zKq0HkAtz6H8bS4cT5r_Vx-3mPzQyLw1nRfUoGdE7J",
        "Jv9+Qm2/TfYw0aXkZr5LsHbN8ceGdU3iPoV1tC6yKx4=",
    ):
        assert problems({**PRODUCTION, "SECRET_KEY": secret}) == []
    assert problems({**PRODUCTION, "SECRET_KEY": "short"}) == ["SECRET_KEY must be set, with at least 32 characters"]


def test_former_secrets_are_read_by_commas_and_open_what_they_sealed() -> None:
    former = Settings.from_environment({**DEVELOPMENT, "SECRET_KEY": SECRET})
    sealed = seal_text("IBAN", former.keyring, SealFor.ACCOUNT_NUMBER)
    now = Settings.from_environment({**DEVELOPMENT, "SECRET_KEY": GENERATED, "SECRET_KEY_FALLBACKS": f" {SECRET} ,, "})

    assert now.secret_key_fallbacks == (SECRET,)
    assert unseal_text(sealed, now.keyring, SealFor.ACCOUNT_NUMBER) == "IBAN"


def test_production_refuses_the_test_gateway() -> None:
    assert problems({**PRODUCTION, "PAYMENT_GATEWAY": "testpay", "TESTPAY_SECRET": SECRET}) == [
        "PAYMENT_GATEWAY must not be testpay in production"
    ]


@pytest.mark.parametrize("base", ["http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000"])
def test_outside_production_stripe_may_be_a_stand_in_on_loopback(base: str) -> None:
    environment = {**PRODUCTION, "ENVIRONMENT": "testing", "STRIPE_API_BASE": base}

    assert Settings.from_environment(environment).stripe_api_base == base
    assert len(problems({**environment, "STRIPE_API_BASE": "http://stripe.example"})) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"PAYMENT_GATEWAY": "testpay", "TESTPAY_SECRET": SECRET},
        {"REGISTRY_OF_RECORD_NAME": ""},
        {"STRIPE_SECRET_KEY": "sk_test_1"},
        {"STRIPE_SECRET_KEY": "rk_test_1"},
    ],
)
def test_test_money_or_an_undeclared_ledger_makes_it_a_demonstration(change: dict[str, str]) -> None:
    assert Settings.from_environment({**PRODUCTION, "ENVIRONMENT": "testing", **change}).is_demonstration


def test_no_secret_shows_when_the_settings_are_printed() -> None:
    environment = {
        **PRODUCTION,
        "DATABASE_URL": "postgresql://tonne:hunter2@db/tonne?sslmode=verify-full",
        "MAIL_URL": "smtp://user:hunter2@mail.example",
        "TESTPAY_SECRET": f"hunter2{SECRET}",
    }
    printed = repr(Settings.from_environment(environment))

    assert "Tonne Cooperative" in printed
    for secret in (SECRET, GENERATED, "hunter2", "rk_live_123", "whsec_new"):
        assert secret not in printed
