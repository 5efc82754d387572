"""What FCCC/KP/CMP/2017/5 says, to hold the rows against: annual report of the Executive Board, 19 October 2017.

Figures are cited by paragraph and table. Transactions, units and projects; None where the report gives none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

SYMBOL = "FCCC/KP/CMP/2017/5"
TITLE = "Annual report of the Executive Board of the clean development mechanism, 19 October 2017"


@dataclass(frozen=True)
class Said:
    """One figure of the report."""

    transactions: int | None = None
    units: int | None = None
    projects: int | None = None


SAID: Mapping[str, Said] = {
    # Table 3, cumulative and in the period
    "issuance_all": Said(10_078, 1_872_932_084),
    "issuance_period": Said(616, 149_943_790),
    "adaptation_all": Said(9_941, 37_185_945),
    "adaptation_period": Said(580, 2_913_304),
    "transfers_all": Said(17_832, 1_572_209_203),
    "transfers_period": Said(881, 58_565_320),
    "forwarding_all": Said(315, 26_308_284),
    "forwarding_period": Said(18, 352_807),
    "voluntary_all": Said(2_290, 23_580_678),
    "voluntary_period": Said(1_085, 9_853_833),
    "administrative_all": Said(6, 1_035_475),
    "administrative_period": Said(0, 0),
    # Paragraph 23
    "CER": Said(units=1_861_199_130),
    "tCER": Said(units=11_227_869),
    "lCER": Said(units=505_085),
    "tCER_period": Said(units=0),
    "lCER_period": Said(units=0),
    # Paragraph 24
    "period_1": Said(units=1_477_529_971),
    "period_2": Said(units=395_402_113),
    "tCER_1": Said(units=11_218_844),
    "tCER_2": Said(units=9_025),
    "lCER_1": Said(units=505_085),
    # Paragraph 26: 3,086 projects and 49 programmes
    "projects": Said(projects=3_135),
    # Paragraphs 36 and 38. Paragraph 39 rounds: 9.7 million.
    "platform": Said(740, 95_561),
    "ctx": Said(3, 10_600),
    "direct": Said(),
    # Table 1, by the first year of each row
    "year_2011": Said(projects=1_256, units=264_495_437),
    "year_2012": Said(projects=1_779, units=379_458_772),
    "year_2013": Said(projects=575, units=104_113_269),
    "year_2014": Said(projects=465, units=129_451_024),
    "year_2015": Said(projects=434, units=105_331_578),
    "year_2016": Said(projects=456, units=144_104_689),
}

TABLE_1_BEGINS = date(2011, 10, 1)
