"""A small world in CSV, for tests of importers and of what reads their rows."""

from __future__ import annotations

from datetime import UTC, datetime

from app.catalog.importer import import_issuances, import_projects
from app.catalog.mechanisms import ensure_mechanisms
from app.kernel.csvtable import ImportReport
from app.offers.importer import import_offers
from app.providers.importer import import_providers
from app.registry.ledger.importer import import_holdings
from app.registry.ports import current_registries

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

PROVIDERS = """\
code,legal_name,country,is_demonstration
wind,Salkhit Wind LLC,MN,no
stoves,Stoves Ltd,MW,yes
"""

PROJECTS = """\
reference,title,kind,project_type,host_parties,region,is_least_developed,sectoral_scopes,page_url
MN-5977,Salkhit Wind Farm,PA,Wind,MN,Asia and the Pacific,no,1,https://cdm.unfccc.int/p
MW-9933,Improved Cook Stove Project 1,PA,EE households,MW,Africa,yes,3,
GH-8438,Clean Cook Stoves,PoA,EE households,GH;KE,Africa,no,3,
"""

# MN: 1,000 units, of which the first 20 are the adaptation share; MW: a least developed country, no share.
ISSUANCES = """\
project,unit_type,commitment_period,originating_party,serial_first,serial_last,units,completed_at,monitoring_starts_on,monitoring_ends_on
MN-5977,CER,1,MN,1,1000,1000,2014-07-18T06:30:44Z,2012-06-24,2012-12-31
MN-5977,CER,2,MN,1001,3000,2000,2014-07-18T06:30:50Z,2013-01-01,2014-03-31
MW-9933,CER,2,MW,500,599,100,2017-01-30T10:00:00Z,2014-10-27,2015-12-31
GH-8438,CER,2,KE,7000,7999,1000,2020-08-05T09:50:43Z,2018-07-01,2019-06-30
"""

HOLDINGS = """\
account,provider,project,unit_type,commitment_period,originating_party,serial_first,serial_last
CDM-100-1,wind,MN-5977,CER,1,MN,21,120
CDM-100-1,wind,MN-5977,CER,1,MN,201,300
CDM-100-1,wind,MN-5977,CER,2,MN,1041,3000
CDM-100-2,stoves,MW-9933,CER,2,MW,500,599
"""

OFFERS = """\
code,provider,project,originating_party,serial_first,account,units,unit_price,currency
MN-5977-1,wind,MN-5977,MN,1,CDM-100-1,150,1.20,USD
MN-5977-2,wind,MN-5977,MN,1001,CDM-100-1,1960,0.38,USD
MW-9933-1,stoves,MW-9933,MW,500,CDM-100-2,100,8.50,USD
"""

# What the registry has published of MN-5977: two blocks in different years, one of the platform, and a later sum.
CANCELLATIONS = """\
project,channel,unit_type,commitment_period,originating_party,serial_first,serial_last,units,starts_at,completed_at,listed_until
MN-5977,registry,CER,1,MN,121,130,10,,2015-03-01T09:00:00Z,2017-09-22
MN-5977,registry,CER,1,MN,131,150,20,,2017-03-01T09:00:00Z,2017-09-22
MN-5977,platform,CER,1,MN,151,155,5,,2017-05-01T09:00:00Z,2017-09-22
MN-5977,platform,CER,,,,,700,2017-09-23T00:00:00Z,2023-11-30T23:59:59Z,2023-11-30
"""


def offers(text: str = OFFERS, now: datetime = NOW) -> ImportReport:
    """Load offers with the registry's own holdings."""
    return import_offers(text, now=now, holdings=current_registries().holdings, currency_code="USD")


def load_small_world() -> list[ImportReport]:
    """Two sellers, three projects, four issuances, four holdings, three offers."""
    ensure_mechanisms()
    return [
        import_providers(PROVIDERS, now=NOW),
        import_projects(PROJECTS, now=NOW),
        import_issuances(ISSUANCES, now=NOW),
        import_holdings(HOLDINGS, now=NOW),
        offers(),
    ]
