"""What we never say, and what is never ours, in everything that we publish."""

from __future__ import annotations

import re

from app.claims.checker import find_claims
from tests.conftest import ROOT

# EU 2024/825 and the French decrees of 2022: claims that no certificate can carry.
CLAIMS = re.compile(
    r"(carbon|climate|co2|co₂)[\s\-]*(neutral|positive|negative|free)|neutralit|net[\s\-]?zero"
    r"|neutr[eo]s?\s+en\s+(carbone|carbono)|(carbono|carbone|clim\w+)[\s\-]*neutr|z[ée]ro\s+carbone|cero\s+emisiones"
    r"|100\s*%\s*compens|compens\w+\s+(à\s+)?100|offsets?\s+your|(klima|climate)\s*neutral",
    re.IGNORECASE,
)
EMBLEMS = re.compile(
    r"United Nations (certificate|platform|registry of)|UNFCCC (certificate|approved|endorsed)", re.IGNORECASE
)

PUBLISHED = sorted(
    path
    for folder, endings in (
        ("templates", {".html", ".txt"}),
        ("app", {".py", ".po", ".csv", ".toml", ".json", ".md"}),
        ("static", {".css", ".js", ".svg", ".txt"}),
    )
    for path in (ROOT / folder).rglob("*")
    if path.suffix in endings
)

# The only files that may hold such words, and why.
ALLOWED = {
    "app/claims/expressions.csv": "what buyers are warned of: the list itself",
    "app/calculator/data/factors-2026-1.csv": "the publisher is the Department for Energy Security and Net Zero",
    "app/catalog/data/criticism.csv": "titles and addresses of what others have published",
    "app/content/texts/sources.toml": "titles and addresses of laws and studies",
    "app/content/texts/en/claims.md": "quotations, each of them listed in test_content.py",
    "app/content/texts/es/claims.md": "quotations, each of them listed in test_content.py",
    "app/content/texts/fr/claims.md": "quotations, each of them listed in test_content.py",
}


def claims_in(text: str) -> list[str]:
    """What the pattern above or the checker for what buyers type finds."""
    return [match[0] for match in CLAIMS.finditer(text)] + [finding.quote for finding in find_claims(text)]


def test_nothing_we_publish_claims_neutrality_or_borrows_a_name() -> None:
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in PUBLISHED}

    assert {name: found for name, text in texts.items() if name not in ALLOWED and (found := claims_in(text))} == {}
    assert {name: found for name, text in texts.items() if (found := EMBLEMS.findall(text))} == {}


def test_no_file_is_excused_without_need() -> None:
    assert [name for name in ALLOWED if not claims_in((ROOT / name).read_text(encoding="utf-8"))] == []


def test_the_scan_finds_what_it_is_meant_to_find() -> None:
    for claim in (
        "climate neutral",
        "Carbon-neutral",
        "neutre en carbone",
        "carbono neutral",
        "100 % compensé",
        "net zero",
    ):
        assert CLAIMS.search(claim), claim
        assert find_claims(claim), claim
