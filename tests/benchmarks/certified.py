"""Facts of made-up certificates, no two alike, for benchmarks that draw them."""

from __future__ import annotations

from datetime import date, timedelta

from app.certificates.facts import SCHEMA
from app.certificates.ports import CertificateFacts, SerialRange, TransactionFacts
from tests.builders import NOW

LATIN = (
    "Amélie Nguyễn", "Zoë Ångström & Söhne", "Mairie de Saint-Étienne", "José María Núñez", "Łukasz Żółkiewski",
    "Büro für Klimaschutz", "Çağla Şahin", "Océane Lefèvre", "Björk Guðmundsdóttir", "The Lighthouse Company",
)  # fmt: skip
CHINESE = (
    "上海绿色能源有限公司", "北京环境保护基金会", "深圳市南山区低碳协会", "王小明", "成都清洁技术研究院",
    "廣州可持續發展中心", "杭州西湖茶叶合作社", "陳美玲", "青岛海洋观测站", "昆明森林恢复项目办公室",
)  # fmt: skip
PURPOSES = ("Our office heating of 2025", "Flights of the team, January to June", "Déplacements professionnels", "")
CHINESE_PURPOSES = ("抵消二〇二五年办公室供暖的排放", "感谢所有参与项目的村民", "年度会议差旅", "本公司产品运输")


def facts_of(number: int, *, chinese_of_hundred: int = 0) -> CertificateFacts:
    """The facts of certificate `number`; so many of every hundred have Chinese names and purposes."""
    is_chinese = number % 100 < chinese_of_hundred
    # Each of the Chinese ones has other characters, as customers' names do: fonts are kept by what they were asked for.
    name = (CHINESE if is_chinese else LATIN)[number // (100 if is_chinese else 1) % 10]
    stroke = chr(0x4E00 + number * 37 % 20_000) if is_chinese else ""
    first = 1_000_000 + number * 100
    return CertificateFacts(
        schema=SCHEMA,
        number=f"T-2026-{number + 1:06}",
        verification_code=f"{number:04}-{number * 7 % 10_000:04}-7KQ2",
        verify_url=f"https://tonne.example/verify/t-2026-{number + 1:06}",
        order_reference=f"T-{number:04}-HTE9",
        beneficiary_name=f"{name}{stroke}",
        purpose=(CHINESE_PURPOSES if is_chinese else PURPOSES)[number % 4],
        intent="contribution",
        country="CN" if is_chinese else "FR",
        units=1 + number % 90,
        unit_type="CER",
        mechanism="CDM",
        project_reference=f"IN-{1 + number % 48}",
        project_title="Improved cook stoves for households, schools and small enterprises",
        project_kind="PA",
        project_type="EE households",
        project_url="https://cdm.unfccc.int/Projects/DB/example/view",
        host_parties=("IN",),
        methodologies="AMS-II.G.",
        transactions=(
            TransactionFacts(
                identifier=f"TN-{number + 1}",
                unit_type="CER",
                commitment_period=2,
                units=1 + number % 90,
                ranges=(SerialRange(f"IN-5-{first}-2-2-0-1", f"IN-5-{first + number % 90}-2-2-0-1", 1 + number % 90),),
                completed_at=NOW,
                monitoring_starts_on=date(2014, 1, 1),
                monitoring_ends_on=date(2014, 12, 31),
                holder="Demonstration seller 1",
                reference=f"T-{number:04}-HTE9-1",
            ),
        ),
        registry_name="Tonne demonstration ledger",
        registry_of_record=False,
        operator_name="Tonne Demo",
        is_demonstration=True,
        placed_at=NOW - timedelta(minutes=9),
        paid_at=NOW - timedelta(minutes=8),
        sent_at=NOW - timedelta(minutes=7),
        cancelled_at=NOW - timedelta(minutes=6),
        issued_at=NOW,
    )
