"""`docs/security.md` says what the product does: its numbers and words are those of the code."""

from __future__ import annotations

from pathlib import Path

from app.accounts.access import FRESH, IDLE
from app.accounts.adapters import passwords, totp
from app.accounts.service import links, locks, second_factor, sessions
from app.config import SETTINGS, Settings
from app.kernel.security_log import Event

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "security.md").read_text()
DEFAULTS = {setting.name: setting.default for setting in SETTINGS}


def test_locks_and_limits_are_as_the_page_says() -> None:
    assert (locks.FREE_TRIES, locks.FIRST_LOCK.seconds, locks.LONGEST_LOCK.seconds) == (5, 60, 3600)
    assert "| 5 wrong ones | 1 minute, doubled each time, at most an hour |" in PAGE
    assert DEFAULTS["LIMIT_SIGN_IN"] == "10/minute;100/hour"
    assert DEFAULTS["LIMIT_ACCOUNT_MAIL"] == "5/hour;20/day"
    assert (4, links.LIVES[links.Purpose.RECOVER]) == (links.MOST_FOR_ONE_ADDRESS, links.WITHIN)


def test_links_that_a_stranger_used_up_work_at_least_until_new_ones_are_written() -> None:
    assert links.LIVES[links.Purpose.RECOVER] >= links.WITHIN


def test_lives_of_sessions_are_as_the_page_says() -> None:
    assert f"| unused | {IDLE.days} days |" in PAGE
    assert f"| in all | {sessions.LIFE.days} days | {sessions.OPERATORS_LIFE.seconds // 3600} hours |" in PAGE
    assert f"| to change ways to sign in | {FRESH.seconds // 60} minutes" in PAGE
    assert f"a random text of {sessions.KNOWN_FOR.days} days" in PAGE


def test_passwords_and_codes_are_as_the_page_says() -> None:
    assert f"{passwords.SHORTEST} to {passwords.LONGEST} characters" in PAGE
    assert f"steps of {totp.STEP} seconds" in PAGE
    assert second_factor.CODES == 10


def test_every_word_of_the_house_is_on_the_page() -> None:
    settings = Settings.from_environment({"SECRET_KEY": "s" * 32, "TESTPAY_SECRET": "s" * 32})
    words = passwords.words_of_the_house(settings)

    assert f"- {', '.join(words[:-2])} (" in PAGE
    assert words[-2:] == [settings.operator_name, "127.0.0.1"]


def test_every_event_of_the_security_log_is_on_the_page_of_whoever_reads_it() -> None:
    page = (DOCS / "operate.md").read_text()

    assert [event.value for event in Event if f"| `{event.value}` |" not in page] == []
