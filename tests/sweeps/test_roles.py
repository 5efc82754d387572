"""Who gets into which page: every endpoint for every role, against the table below.

A new endpoint without a row, a row without an endpoint, and a changed mark all fail here. The guard is asked
about every method of every endpoint for every role, without the pages behind it; then the pages are opened
really: by those who may, and by a participant who puts another one's things into its own address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.accounts.roles import Role
from tests.house import OPERATORS, ROLES, STRONG, THEIRS, House, open_house

pytestmark = pytest.mark.xdist_group("roles")  # the house is filled once for all of them

# --- the table --------------------------------------------------------------------------------------
# open: everybody, signed in or not. signed in: whoever has an account. viewer, seller, owner: people of the
# organisation in the address, with at least that role; for everybody else it does not exist (404), for those of
# a lesser role it is refused (403). operator: operators; for everybody else it does not exist. strong: only with a
# second factor.

TABLE = """
open
    account.finish_joining account.finish_joining_with_passkey account.finish_recovering account.invitation
    account.join account.join_by_invitation account.mail_sent account.recover account.sign_in
    account.sign_in_with_passkey
    applying.how
    calculator.budget calculator.data calculator.factors calculator.start
    catalog.compare catalog.map catalog.prices catalog.project catalog.projects catalog.sorting
    certificate_links.follow
    certificates.attestation certificates.check_file
    certificates.data certificates.pdf certificates.show certificates.verify
    checkout.add checkout.attestation checkout.basket checkout.certificate_pdf checkout.details checkout.order
    checkout.order_data checkout.order_progress checkout.pay_again checkout.payment_return checkout.resend
    checkout.review
    checkout.remedy checkout.stop_waiting checkout.summary_pdf checkout.update checkout.withdraw
    complaints.ask_to_withdraw complaints.counts complaints.counts_csv complaints.show complaints.withdraw
    content.complaint content.contact content.index content.legal content.page
    design.design
    operations.metrics
    reconciliation.last reconciliation.last_json
    register.cancellation register.cancellations register.data register.table
    sellers.card
    sitemap.sitemap
    static
    statistics.cancelled_here statistics.money statistics.overview statistics.report statistics.rows
    testpay.act testpay.act_as_bank testpay.bank testpay.page
    web.favicon web.health web.live web.ready web.robots web.root
    webhooks.receive
signed in
    account.accept_invitation account.add_passkey account.ask_to_remove_passkey account.details account.email
    account.end_browser account.end_other_browsers account.home account.new_email account.organisations
    account.password account.prove account.prove_with_passkey account.remove_passkey account.second_factor
    account.second_factor_with_passkey
    account.security account.sign_out account.take_new_email
    applying.found applying.start
signed in, strong
    account.ask_to_remove_second_factor account.recovery_codes account.remove_second_factor
    account.renew_recovery_codes
viewer, strong
    account.people
    applying.application applying.seller
    dashboard.earnings dashboard.month_statement dashboard.orders dashboard.orders_csv dashboard.orders_json
    dashboard.start
    direct.cancellation direct.cancellations direct.data direct.pdf direct.progress
    selling.export selling.offer selling.offers selling.preview selling.template
seller, strong
    direct.new
    selling.apply_import selling.ask_to_pause_all selling.ask_to_withdraw selling.copy selling.drop_price
    selling.edit selling.import_offers selling.new selling.pause selling.pause_all selling.plan_price selling.resume
    selling.submit selling.withdraw
owner, strong
    applying.ask_to_withdraw applying.begin applying.certification applying.check applying.company applying.contact
    applying.documents applying.owners applying.projects applying.remove_claim applying.remove_document
    applying.remove_owner applying.submit applying.withdraw
    account.ask_to_remove_member account.invite account.member account.remove_member account.resend_invitation
    account.withdraw_invitation
    applying.change_payee applying.payee
operator, strong
    desk.acknowledge_batch desk.batch desk.batch_attestation desk.batch_response desk.batches desk.close_batch
    desk.registry_file
    desk.acts desk.acts_csv desk.apply_import desk.cancellation desk.cancellations desk.check_import desk.complaint
    desk.complaints desk.correct_address desk.correct_beneficiary desk.decide_proposal desk.hold_order desk.imports
    desk.forward_units desk.ledger desk.ledger_issuance desk.pay_share
    desk.let_order_go desk.look_again desk.note_order desk.order desk.orders desk.payout desk.payouts
    desk.payouts_csv desk.people desk.person desk.proposal desk.proposals desk.record_payout desk.refund_by_hand
    desk.refund_order desk.refunds desk.refuse_order desk.reinstate_person desk.resend_mails desk.retry_refund
    desk.dispute desk.disputes
    desk.end_order desk.rules desk.settle desk.start desk.suspend_person desk.take_back desk.wording desk.wordings
    desk_direct.decide desk_direct.held
    desk_offers.all_of_them desk_offers.approve desk_offers.approve_several desk_offers.freeze desk_offers.offer
    desk_offers.offers desk_offers.send_back desk_offers.thaw desk_offers.withdraw
    desk_reconciliation.books desk_reconciliation.compare desk_reconciliation.finding desk_reconciliation.lift
    desk_screening.decide desk_screening.match desk_screening.matches desk_screening.take_list
    desk_sellers.accept_authority desk_sellers.accept_payee desk_sellers.application desk_sellers.applications
    desk_sellers.approve desk_sellers.document desk_sellers.give_back desk_sellers.payee desk_sellers.refuse
    desk_sellers.refuse_authority desk_sellers.refuse_payee desk_sellers.reinstate desk_sellers.rename
    desk_sellers.sellers desk_sellers.suspend
"""

# Methods that the table speaks of.
METHODS = ("GET", "POST")

IN, SIGN_IN, SECOND_FACTOR, REFUSED, NOT_THERE = "in", "sign in", "second factor", "refused", "not there"


def rows() -> dict[str, str]:
    """What the table says of each endpoint."""
    found: dict[str, str] = {}
    heading = ""
    for line in TABLE.strip("\n").splitlines():
        if not line.startswith(" "):
            heading = line
            continue
        for endpoint in line.split():
            assert endpoint not in found, f"{endpoint} stands in the table twice"
            found[endpoint] = heading
    return found


def expected(heading: str, role: str) -> str:
    """What somebody of a role meets at an address of the first participant."""
    who, _, strong = heading.partition(", ")
    if who == "open":
        return IN
    if role == "visitor":
        return SIGN_IN
    if who == "operator" and role not in OPERATORS:
        return NOT_THERE
    if who in set(Role):
        if role not in set(Role):
            return NOT_THERE
        if not Role(role).covers(Role(who)):
            return REFUSED
    return SECOND_FACTOR if strong and role not in STRONG else IN


@pytest.fixture(scope="module")
def house(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(sqlite_template, tmp_path_factory.mktemp("roles")) as house:
        yield house


# --- every mark, without the pages behind it --------------------------------------------------------


def test_every_endpoint_has_a_row_and_every_row_an_endpoint(house: House) -> None:
    endpoints = {rule.endpoint for rule in house.rules()}

    assert sorted(endpoints - set(rows())) == [], "say in the table who may see these"
    assert sorted(set(rows()) - endpoints) == [], "these are gone"


def test_every_method_that_pages_have_is_tested(house: House) -> None:
    methods = {method for rule in house.rules() for method in rule.methods or ()}

    assert methods - {"HEAD", "OPTIONS"} == set(METHODS)


@pytest.mark.parametrize("role", ROLES)
def test_the_guard_lets_in_whom_the_table_lets_in(house: House, role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for endpoint, view in house.app.view_functions.items():
        monkeypatch.setitem(house.app.view_functions, endpoint, _let_in(view))
    headings = rows()
    wrong = {}
    for rule in house.rules():
        for method in METHODS:
            if method in (rule.methods or ()):
                found = _met(house, role, method, house.address(rule))
                if found != expected(headings.get(rule.endpoint, "open"), role):
                    wrong[f"{method} {rule}"] = f"{found}, not {expected(headings[rule.endpoint], role)}"

    assert wrong == {}


def _let_in(view: Any) -> Any:
    def let_in(**_arguments: Any) -> tuple[str, int]:
        return "let in", 299

    let_in.__dict__.update(view.__dict__)
    return let_in


def _met(house: House, role: str, method: str, address: str) -> str:
    answer = house.browsers[role].open(address, method=method)
    place = answer.headers.get("Location", "")
    if answer.status_code == 303 and re.search(r"/account/sign-in(\?|$)", place):
        return SIGN_IN
    if answer.status_code == 303 and re.search(r"/account/second-factor(\?|$)", place):
        return SECOND_FACTOR
    return {299: IN, 403: REFUSED, 404: NOT_THERE}.get(answer.status_code, str(answer.status_code))


def test_the_organisation_of_another_is_not_there_whatever_its_pages_are(house: House) -> None:
    """Not refused: 403 would say that it exists."""
    for rule in house.rules():
        if "organisation" in rule.arguments:
            for method in sorted(set(METHODS) & (rule.methods or set())):
                for role in ("buyer", "other owner", "operator"):
                    answer = house.browsers[role].open(house.address(rule), method=method)
                    assert answer.status_code == 404, (method, str(rule), role, answer.status_code)
                unknown = house.browsers["owner"].open(house.address(rule, organisation="nobody99"), method=method)
                assert unknown.status_code == 404, (method, str(rule), unknown.status_code)


# --- the pages themselves ---------------------------------------------------------------------------

# Arguments that name one thing of a participant. Everybody who puts somebody else's into an address of
# their own must be told that it is not there.
# Pages of things that this world does not have, or not in a state that has the page.
NOTHING_TO_OPEN = frozenset(
    {
        "account.ask_to_remove_passkey",  # a passkey that somebody else’s browser made
        "certificates.attestation",  # only with a code
        "certificates.pdf",  # only with a code
        "direct.pdf",  # of a certificate that is not drawn yet
        "testpay.bank",
        "testpay.page",  # of a payment that the fake gateway took
        "web.health",  # no worker runs here
    }
)

OF_A_PARTICIPANT = frozenset(
    {
        *("application_id", "authority_id", "change_id", "code", "evidence_id", "invitation_id", "offer"),
        *("offer_id", "order", "payee_id", "person_id", "reference", "thing_id"),
    }
)


def test_things_of_another_participant_are_not_there_in_ones_own_rooms(house: House) -> None:
    wrong = {}
    for rule in house.rules():
        if "organisation" not in rule.arguments or not OF_A_PARTICIPANT & rule.arguments:
            continue
        for method in sorted(set(METHODS) & (rule.methods or set())):
            answer = house.browsers["other owner"].open(house.address(rule, organisation=THEIRS), method=method)
            if answer.status_code != 404:
                wrong[f"{method} {rule}"] = answer.status_code

    assert wrong == {}


def _has_no_way_out(answer: TestResponse) -> bool:
    """Whether a page of a room does not let its reader sign out."""
    text = answer.get_data(as_text=True) if answer.status_code == 200 and answer.mimetype == "text/html" else ""
    # A part that a script puts into a page is none.
    return text.startswith("<!doctype") and "/account/sign-out" not in text


@pytest.mark.parametrize("role", ROLES)
def test_whoever_may_open_a_page_finds_one_with_the_way_out_and_nobody_finds_a_fault(house: House, role: str) -> None:
    headings = rows()
    wrong: dict[str, int | str] = {}
    for rule in house.rules():
        if "GET" in (rule.methods or ()) and rule.endpoint not in NOTHING_TO_OPEN:
            answer = house.browsers[role].get(house.address(rule))
            may = expected(headings.get(rule.endpoint, "open"), role) == IN
            if answer.status_code >= 500 or (may and answer.status_code in {400, 403, 404, 405}):
                wrong[f"GET {rule}"] = answer.status_code
            elif headings.get(rule.endpoint, "open") != "open" and _has_no_way_out(answer):
                wrong[f"GET {rule}"] = "no way out"
            answer.close()

    assert wrong == {}
