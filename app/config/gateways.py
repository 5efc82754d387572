"""What each payment gateway needs to be set to, and whether the money it takes is real. One entry each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
MISCHIEF = frozenset({"duplicate", "delay", "reorder", "lose"})
SECRET_LENGTH = 32

Values = Mapping[str, Any]
Problems = list[str]


@dataclass(frozen=True)
class Gateway:
    """One gateway: `company` is who takes the money (None: nobody, it is our own test page).

    `takes_real_money` tells by the values of settings; `problems` are those of its own settings, and
    `production_problems` those that only production has.
    """

    company: str | None
    takes_real_money: Callable[[Values], bool]
    problems: Callable[[Values], Problems]
    production_problems: Callable[[Values], Problems]


def _testpay_problems(values: Values) -> Problems:
    problems = []
    if values["testpay_mischief"] - MISCHIEF:
        problems.append(f"TESTPAY_MISCHIEF knows only {', '.join(sorted(MISCHIEF))}")
    if values["socket_path"]:
        problems.append("SOCKET_PATH is for a copy behind a proxy; the test gateway calls HOST and PORT")
    if len(values["testpay_secret"]) < SECRET_LENGTH:
        problems.append(f"TESTPAY_SECRET must be set, with at least {SECRET_LENGTH} characters")
    return problems


def _stripe_problems(values: Values) -> Problems:
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


def _is_live_stripe(values: Values) -> bool:
    return not values["stripe_secret_key"].startswith(("sk_test_", "rk_test_"))


def _stripe_problems_in_production(values: Values) -> Problems:
    problems = []
    if not _is_live_stripe(values):
        problems.append("STRIPE_SECRET_KEY is a test key; production needs a live one")
    if values["stripe_api_base"] != "https://api.stripe.com":
        problems.append("STRIPE_API_BASE must be Stripe's own address in production")
    return problems


GATEWAYS: Mapping[str, Gateway] = {
    "testpay": Gateway(
        company=None,
        takes_real_money=lambda _values: False,
        problems=_testpay_problems,
        production_problems=lambda _values: ["PAYMENT_GATEWAY must not be testpay in production"],
    ),
    "stripe": Gateway(
        company="Stripe",
        takes_real_money=_is_live_stripe,
        problems=_stripe_problems,
        production_problems=_stripe_problems_in_production,
    ),
}
