"""Every setting: its name, its default, how it is read, and what it is for."""

from __future__ import annotations

from dataclasses import dataclass

from app.config.gateways import GATEWAYS
from app.kernel.money import SMALLEST_PAYMENT


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
    Setting(
        "SOCKET_PATH",
        "",
        "text",
        "File of a Unix socket that the web server listens on instead, open to its user and group alone.",
    ),
    Setting("PUBLIC_BASE_URL", "", "url", "Address people see, without a slash at the end; default http://HOST:PORT."),
    Setting("TRUSTED_PROXIES", "0", "int", "How many reverse proxies in front may set X-Forwarded-* headers."),
    Setting("WEB_WORKERS", "1", "count", "Web server processes."),
    Setting(
        "PAGE_CACHE_MILLISECONDS",
        "900",
        "int",
        "How long visitors share a drawn page; at most 1000, 0 draws each anew.",
    ),
    Setting("WEB_THREADS", "4", "count", "Threads in each web server process."),
    Setting("INSTANCE_PATH", "instance", "path", "Directory of the embedded databases and of compiled templates."),
    Setting(
        "JOURNAL_PATH",
        "",
        "text",
        "File of what a restored database forgets, best on another disk; default journal.jsonl in INSTANCE_PATH.",
    ),
    Setting(
        "DATABASE_URL", "", "text", "SQLAlchemy address of the database; default SQLite in INSTANCE_PATH.", secret=True
    ),
    Setting(
        "SECRET_KEY", "", "text", "Signs sessions and form tokens, and seals; at least 32 characters.", secret=True
    ),
    Setting(
        "SECRET_KEY_FALLBACKS",
        "",
        "text",
        "Former values of SECRET_KEY, by commas: still read until flask reseal is done.",
        secret=True,
    ),
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
        "ISO 4217 code of the one currency that offers and payments use; offers in another are sold to nobody.",
        tuple(SMALLEST_PAYMENT),
    ),
    Setting("PAYMENT_GATEWAY", "testpay", "choice", "Who takes the payment.", tuple(GATEWAYS)),
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
    Setting(
        "CLAMD_ADDRESS",
        "",
        "text",
        "ClamAV’s daemon, which looks at documents of applicants: unix:/path or host:port on loopback. Empty: nobody.",
    ),
    Setting("LIMIT_CHECKOUT", "20/minute;200/hour", "limits", "Checkout submissions allowed for one address."),
    Setting("LIMIT_VERIFY", "30/minute;300/hour", "limits", "Look-ups on the verify page allowed for one address."),
    Setting("LIMIT_RESEND", "3/hour", "limits", "Mails that one order page may ask for again."),
    Setting("LIMIT_FILES", "20/minute;100/hour", "limits", "Files of the public register that one address may take."),
    Setting("LIMIT_COMPLAINT", "5/hour;20/day", "limits", "Complaints that one address may send."),
    Setting("LIMIT_SIGN_IN", "10/minute;100/hour", "limits", "Tries to sign in allowed for one address."),
    Setting("LIMIT_ACCOUNT_MAIL", "5/hour;20/day", "limits", "Mails about accounts that one address may ask for."),
)
