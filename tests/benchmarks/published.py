"""Published ledgers of any length for benchmarks, by default as long as the registry's were in November 2023."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from app.registry.ledger.history.reading import Kind, PublishedFile

ISSUANCES, BLOCKS = 12_569, 27_746
PROJECTS, PARTIES = 3_400, ("IN", "CN", "BR", "CL", "MX", "VN", "KR", "TH", "KE", "MW")
SEED = 2_017
_BEGIN = datetime(2007, 11, 9, 10, tzinfo=UTC)


def ledgers(issuances: int = ISSUANCES, blocks: int = BLOCKS) -> list[PublishedFile]:
    """The two files. The same numbers give the same bytes; few issuances carry most of the cancellations."""
    chance = random.Random(SEED)  # noqa: S311 - made-up rows
    issued, lots = _issued(issuances, chance)
    cancelled = _cancelled(blocks, lots, issuances, chance)
    return [
        PublishedFile(Kind.ISSUANCES, "issuances.csv", "\n".join(issued).encode()),
        PublishedFile(Kind.CANCELLATIONS, "cancellations.csv", "\n".join(cancelled).encode()),
    ]


def _issued(issuances: int, chance: random.Random) -> tuple[list[str], list[tuple[str, int, int, int]]]:
    lines = ["completed_at,registry_project_id,unit_type,commitment_period,serial_start,serial_end,units"]
    lots = []
    last = dict.fromkeys(PARTIES, 0)
    for number in range(issuances):
        party = PARTIES[number % PROJECTS % len(PARTIES)]
        units = chance.randint(3_000, 300_000)
        first = last[party] + 1
        last[party] = first + units - 1
        period = 1 if number < issuances * 0.7 else 2
        project = f"{party}-{number % PROJECTS + 1}"
        lines.append(f"{_at(number)},{project},CER,{period},{first},{last[party]},{units}")
        lots.append((project, period, first, last[party]))
    return lines, lots


def _cancelled(blocks: int, lots: list[tuple[str, int, int, int]], issuances: int, chance: random.Random) -> list[str]:
    """One per cent of the transactions have two blocks; each takes the lowest numbers that an issuance has left."""
    lines = ["completed_at,channel,registry_project_id,unit_type,commitment_period,serial_start,serial_end,units"]
    sold = chance.sample(range(len(lots)), len(lots) // 8)
    begins = {place: lots[place][2] for place in sold}
    number, left = issuances, blocks
    while left:
        place = chance.choice(sold)
        project, period, _first, end = lots[place]
        at, channel = _at(number), "platform" if chance.random() < 0.8 else "registry"
        number += 1
        for _block in range(2 if left > 1 and chance.random() < 0.01 else 1):
            first = begins[place]
            units = min(chance.choice((1, 2, 5, 10, 20, 60, 300)), end - first + 1)
            if units < 1:
                break
            begins[place] = first + units
            lines.append(f"{at},{channel},{project},CER,{period},{first},{first + units - 1},{units}")
            left -= 1
    return lines


def _at(number: int) -> str:
    at = _BEGIN + timedelta(minutes=number * 200, milliseconds=number % 1_000)
    return at.isoformat(timespec="milliseconds").removesuffix("+00:00")
