"""Why an offer is where it is: codes that are kept, and words for them at the edge."""

from __future__ import annotations

from flask_babel import gettext

BY_SELLER = "by_seller"
BY_OPERATOR = "by_operator"
SELLER_SUSPENDED = "seller_suspended"
BOOKS_DIFFER = "books_differ"
MECHANISM_CLOSED = "mechanism_closed"


def describe(reason: str) -> str:
    """A kept reason in the reader's language; an operator's own words are given as they are."""
    words = {
        BY_SELLER: gettext("The seller did this."),
        BY_OPERATOR: gettext("Tonne did this."),
        SELLER_SUSPENDED: gettext("The seller is suspended."),
        MECHANISM_CLOSED: gettext("The sale of these units has closed for good, because their registry closes."),
        BOOKS_DIFFER: gettext("The registry’s books differ from ours; we are finding out why."),
    }
    return words.get(reason, reason)
