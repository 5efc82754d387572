"""What a holder may say a direct cancellation is for.

The categories are those of which 98.9 % of the period's units were cancelled (`shared/domain.md`,
paragraph 39 of the report): offset schemes of countries, other standards, and firms' own claims.
"""

from __future__ import annotations

from enum import StrEnum


class Purpose(StrEnum):
    """A category of purpose; its words are in `templates/_macros/purposes.html`."""

    OWN_EMISSIONS = "own_emissions"
    CUSTOMER_EMISSIONS = "customer_emissions"
    EVENT = "event"
    PRODUCT = "product"
    COMPLIANCE_SCHEME = "compliance_scheme"  # of a country, such as that of the Republic of Korea
    OTHER_STANDARD = "other_standard"  # units that become units of another standard
    CLIMATE_FINANCE = "climate_finance"
    OTHER = "other"


# These say nothing without the name of the scheme or standard.
NEED_A_SCHEME = frozenset({Purpose.COMPLIANCE_SCHEME, Purpose.OTHER_STANDARD})
