"""Links that prove who reads an address are kept sealed: whoever reads the table of mails cannot use them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.current import settings
from app.kernel.sealing import SealFor, seal_text, unseal_text

_LINK = "link_url"


def sealed(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a mail as its row keeps them."""
    if _LINK not in facts:
        return dict(facts)
    return {**facts, _LINK: seal_text(facts[_LINK], settings().keyring, SealFor.MAILED_LINK)}


def opened(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that `sealed` was given. Raises SealBroken for a link of an unknown SECRET_KEY."""
    if _LINK not in facts:
        return dict(facts)
    return {**facts, _LINK: unseal_text(facts[_LINK], settings().keyring, SealFor.MAILED_LINK)}
