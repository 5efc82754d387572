"""Scanners that try: wapiti and sqlmap against a demonstration on loopback, signed in and not."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.scan.code import ROOT, TOOLS, run, version_of
from tests.scan.findings import Finding, Report
from tests.scan.site import Site

WAPITI = ROOT / ".venv-scan" / "wapiti" / "bin" / "wapiti"
# Left out are guessing of passwords and of file names, and what asks other machines or knows other products.
MODULES = (
    "backup", "cookieflags", "crlf", "csp", "csrf", "exec", "file", "htaccess", "http_headers", "methods",
    "permanentxss", "redirect", "shellshock", "sql", "timesql", "upload", "xss",
)  # fmt: skip
SECONDS_TO_CRAWL, SECONDS_FOR_A_MODULE = 30, 12
FORGERY = "Cross Site Request Forgery"
EARLIER_VISIT = "Nothing was sent yet: this page belongs to an earlier visit."
# One address of each kind is enough: there are thousands of days and sellers.
PAGES_OF_A_KIND = 12


@dataclass(frozen=True)
class Target:
    """An address to try SQL at, as whom, and with which form; `*` marks a part of the path to try."""

    path: str
    who: str = ""
    form: str = ""


def targets(site: Site, organisation: str) -> Iterator[Target]:
    """Every address that takes words into a query: public pages, a seller's and the desk's."""
    yield Target(
        "/en/?q=wind&type=WIND&party=IN&year_from=2013&year_to=2016&price_from=1&price_to=9&sort=price&unit=CER"
    )
    yield Target("/en/?region=Africa&methodology=ACM0002&period=1&ccp=rejected&units=5&page=1")
    yield Target("/en/compare?p=IN-1514&p=BR-1800")
    yield Target("/en/projects/IN-1514*?units=5&compare=BR-1800")
    yield Target("/en/projects/IN-1514*/prices.csv")
    yield Target("/en/sellers/demo-seller-2*")
    yield Target("/en/register?q=wind&host=IN&type=WIND&year=2026&intent=offset&after=1&before=2")
    yield Target("/en/register.json?q=wind&host=IN&type=Wind")
    yield Target("/en/register/T-2026-1*")
    yield Target("/en/verify/T-2026-1*?code=ABCD&file=abcd")
    for room in ("orders", "complaint", "account/invitation"):
        yield Target(f"/en/{room}/NobodysSecret*")
    yield Target("/en/statistics?from=2026-01-01&to=2026-12-31&serial=IN-5-1-1-1-0-1514")
    yield Target("/en/statistics/rows.json?kind=cancellation&from=2016-01-01&to=2017-01-01&host=IN&limit=5&after=1")
    yield Target("/en/statistics/rows.json?project=IN-1514&type=Wind&region=Africa&channel=x&unit_type=CER&size=1")
    yield Target("/en/statistics/here.json?from=2026-01-01&to=2026-12-31&limit=5&after=1")
    yield Target("/en/statistics/here.json?channel=sale&host=IN&type=Wind&vintage=2012&unit_type=CER")
    yield Target("/en/how-many-tonnes/budget?amount=20")
    yield Target("/en/legal/terms?version=2026-01-01")
    yield Target("/en/account/sign-in", form="email=a@b.example&password=c&next=/en/")
    yield Target("/en/account/join", form="email=a@b.example")
    yield Target("/en/verify", form="number=T-2026-1&code=ABCD")
    for page in ("orders", "orders.csv", "orders.json"):
        yield Target(
            f"/en/sell/{organisation}/{page}?q=a&project=IN-1&state=paid&from=2026-01-01&after=1&before=2", who="sam"
        )
    yield Target(f"/en/sell/{organisation}/cancellations/new?account=CDM-100-1&issuance=1", who="sam")
    yield Target(f"/en/sell/{organisation}*", who="sam")
    yield Target("/en/desk?q=a", who="eva")
    yield Target("/en/desk/people?q=a", who="eva")
    yield Target("/en/desk/orders?state=paid&before=2&day=2026-01-01&email=a", who="eva")
    yield Target("/en/desk/ledger?project=IN-1514", who="eva")
    yield Target(
        "/en/desk/acts?first=2026-01-01&last=2026-12-31&subject=order&what=operator_added&who=1&before=9", who="eva"
    )


def sqlmap(site: Site) -> Report:
    """Every such address, each parameter: by yes and no, by errors and by UNION, for the demonstration's SQLite.

    Not by waiting: SQLite has no sleep, and its heavy queries cannot be told from a busy machine.
    """
    organisation = _organisation(site)
    cookies = {name: site.cookie_of(name) for name in ("sam", "eva")}
    found, tried, unreached = [], 0, []
    with tempfile.TemporaryDirectory(prefix="tonne-sqlmap-") as directory:
        for target in targets(site, organisation):
            command = [
                str(TOOLS / "sqlmap"), f"--url={site.address}{target.path}", "--batch", "--level=1", "--risk=2",
                "--technique=BEU",
                "--dbms=SQLite", "--flush-session", "--disable-coloring", f"--output-dir={directory}",
                # A wrong value is answered by a page that says so, 404 or 422, and that is looked at too.
                "--ignore-code=400,404,422", "--skip=csrf_token",
            ]  # fmt: skip
            command += [f"--cookie={cookies[target.who]}"] if target.who else []
            # With a form token the requests come one after the other, each with a new one.
            form = [f"--data={target.form}&csrf_token=1", "--csrf-token=csrf_token"]
            command += form if target.form else ["--threads=4"]
            said = run(command)
            tried += 1
            if "identified the following injection point" in said:
                found.append(Finding("sqlmap", "injection", target.path))
            elif "all tested parameters do not appear to be injectable" not in said:
                unreached.append(f"{target.path}: {said.strip()[-200:]}")
    found += [Finding("sqlmap", "not tried", place) for place in unreached]
    return Report("sqlmap", version_of(TOOLS / "sqlmap"), f"{tried} addresses and forms", found)


def wapiti(site: Site) -> Report:
    """Crawl as a visitor, a seller and an operator, and try each form and address."""
    organisation = _organisation(site)
    found: set[Finding] = set()
    pages = 0
    for who, start in (("", "/en/"), ("sam", f"/en/sell/{organisation}"), ("eva", "/en/desk")):
        said = _wapiti(site, who, start) or _wapiti(site, who, start)
        assert said is not None, f"wapiti ended twice without a report of {start}"
        pages += int(said["infos"]["crawled_pages_nbr"])
        for kind in ("vulnerabilities", "anomalies"):
            for rule, rows in said[kind].items():
                found |= {
                    Finding("wapiti", rule, _kind_of(row))
                    for row in rows
                    if rule != FORGERY or not _refuses_forgeries(site, who, row)
                }
    return Report("wapiti", version_of(WAPITI), f"{pages} pages", sorted(found), ends_by_time=True)


def _wapiti(site: Site, who: str, start: str) -> dict[str, Any] | None:
    """What it found from one page on; None when it fell over its own notes, which it does on a busy machine.

    A module that is stopped at the end of its time may leave the file of its session locked: "database is locked".
    """
    with tempfile.TemporaryDirectory(prefix="tonne-wapiti-") as directory:
        report = Path(directory) / "report.json"
        command = [
            str(WAPITI), f"--url={site.address}{start}", "--scope=folder", f"--module={','.join(MODULES)}",
            f"--max-files-per-dir={PAGES_OF_A_KIND}", "--max-links-per-page=80", "--max-parameters=16", "--depth=4",
            f"--max-scan-time={SECONDS_TO_CRAWL}", f"--max-attack-time={SECONDS_FOR_A_MODULE}", "--timeout=15",
            "--tasks=4", "--flush-session", "--no-bugreport", f"--store-session={directory}", "--verbose=0",
            f"--exclude={site.address}/en/account/sign-out", "--format=json", f"--output={report}",
        ]  # fmt: skip
        command += [f"--cookie-value={site.cookie_of(who)}"] if who else []
        run(command)
        return dict(json.loads(report.read_text())) if report.exists() else None


def _refuses_forgeries(site: Site, who: str, row: dict[str, str]) -> bool:
    """Whether a form with a wrong token and one with none are both refused, which wapiti takes for one answer to both.

    A form that checks its token itself is shown again, with what is wrong.
    """
    address = site.address + urlsplit(row["path"]).path
    headers = {"Cookie": site.cookie_of(who)} if who else {}
    answers = [httpx.post(address, data=form, headers=headers, timeout=30) for form in ({}, {"csrf_token": "wrong"})]
    return all(answer.status_code == 400 or EARLIER_VISIT in answer.text for answer in answers)


def _kind_of(row: dict[str, str]) -> str:
    """The address of a finding without what differs from run to run."""
    path = urlsplit(row.get("path", "")).path
    parameter = row.get("parameter") or ""
    plain = re.sub(r"(?<=/)[A-Z]{2}-\d+(-\d+)?", "<code>", re.sub(r"(?<=/sell/)\w+", "<seller>", path))
    return f"{plain} {parameter}".strip()


def _organisation(site: Site) -> str:
    """The seller's organisation, as addresses name it."""
    cookie = site.cookie_of("sam")
    page = httpx.get(f"{site.address}/en/account", headers={"Cookie": cookie}, timeout=30, follow_redirects=True).text
    found = re.search(r"/en/sell/(\w{6,})", page)
    assert found, "the seller has no organisation"
    return found[1]
