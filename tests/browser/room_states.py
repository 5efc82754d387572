"""How somebody who is signed in comes to see each state of each page of the rooms: account, sell, desk.

`{…}` in an address is the name of what `tests/browser/staged_rooms.py` put on stage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playwright.sync_api import Page

from tests.browser.browser import Watch
from tests.browser.reaching import Reach, open_path, send
from tests.browser.staged_rooms import APPLICANT, BEGINNER, HOUSE, SELLER

if TYPE_CHECKING:
    from tests.browser.staged import Stage

NOBODY = ""
LONG = "x" * 4_001
BROKEN_OFFERS: dict[str, Any] = {"name": "offers.csv", "mimeType": "text/csv", "buffer": b"code,units\nIN-1-1,many\n"}

NEW_SELLER = b"code,legal_name,country,is_demonstration\nnew-1,New,GH,yes\n"


def _at(who: str, path: str, status: int = 200) -> Reach:
    """A page that has an address of its own."""

    def reach(page: Page, stage: Stage, language: str, watch: Watch) -> None:
        _sign_in(page, stage, who)
        open_path(page, stage.address, path.format_map(stage.paths), language, status, watch)

    return reach


def _wrong(who: str, path: str, ending: str = "", *, button: str = "", **typed: str) -> Reach:
    """The same after its form, whose address ends with `ending`, was sent with mistakes."""

    def reach(page: Page, stage: Stage, language: str, watch: Watch) -> None:
        _at(who, path)(page, stage, language, watch)
        # A form that is folded away is unfolded first.
        for folded in page.locator("main details:has(form) > summary").all():
            folded.click()
        send(page, (ending or path).format_map(stage.paths), typed, watch, 422, button)

    return reach


def _wrong_file(who: str, path: str, ending: str = "") -> Reach:
    def reach(page: Page, stage: Stage, language: str, watch: Watch) -> None:
        _at(who, path)(page, stage, language, watch)
        page.locator("main input[type=file]").set_input_files(BROKEN_OFFERS)
        send(page, ending or path, {}, watch, 422)

    return reach


def _form_kept(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    _at("sam", "/account/details")(page, stage, language, watch)
    page.context.clear_cookies()
    send(page, "/account/details", {"name": "Sam Kept"}, watch, 403)


def _sign_in(page: Page, stage: Stage, who: str) -> None:
    if who:
        name, value = stage.cookies[who]
        page.context.add_cookies([{"name": name, "value": value, "url": stage.address, "httpOnly": True}])


def _file_checked(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    _at("sam", f"/sell/{HOUSE}/offers/import")(page, stage, language, watch)
    answer = page.request.get(f"{stage.address}/{language}/sell/{HOUSE}/offers/offers.csv")
    text = answer.text().replace("3.62", "3.60")
    page.locator("main input[type=file]").set_input_files(
        {"name": "offers.csv", "mimeType": "text/csv", "buffer": text.encode()}
    )
    send(page, "/offers/import", {}, watch, 200)


def _imports_checked(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    _at("eva", "/desk/imports")(page, stage, language, watch)
    page.locator("main select[name=what]").select_option("providers")
    page.locator("main input[type=file]").set_input_files(
        {
            "name": "p.csv",
            "mimeType": "text/csv",
            "buffer": b"code,legal_name,country,is_demonstration\nnew-1,New,GH,yes\n",
        }
    )
    send(page, "/desk/imports", {}, watch, 200)


def _direct_wish(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    _at("sam", f"/sell/{HOUSE}/cancellations/new")(page, stage, language, watch)
    page.locator("select[name=pool]").select_option(index=1)
    page.locator("input[name=on_behalf_of]").last.check()
    page.locator("select[name=purpose_category]").select_option("compliance_scheme")
    page.locator("input[name=intent]").first.check()


DIRECT = {"units": "12", "name": "Hanul Electric Co.", "scheme_name": "Korean offset scheme"}


def _direct_check(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    _direct_wish(page, stage, language, watch)
    send(page, "/cancellations/new", DIRECT, watch, 200)


def _direct_check_with_errors(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    _direct_check(page, stage, language, watch)
    send(page, "/cancellations/new", {}, watch, 422, "button[value=place]")


_SELL, _DESK = f"/sell/{HOUSE}", "/desk"
_APPLY = f"/sell/{BEGINNER}/application"

ACCOUNT: dict[str, Reach] = {
    "account sign-in": _at(NOBODY, "/account/sign-in"),
    "account sign-in with errors": _wrong(NOBODY, "/account/sign-in"),
    "account join": _at(NOBODY, "/account/join"),
    "account join with errors": _wrong(NOBODY, "/account/join", email="nobody"),
    "account mail sent": _at(NOBODY, "/account/mail-sent"),
    "account link gone": _at(NOBODY, "/account/join/gone", 410),
    "account finish joining": _at(NOBODY, "/account/join/{link join}"),
    "account finish joining with errors": _wrong(NOBODY, "/account/join/{link join}", password="short"),
    "account recover": _at(NOBODY, "/account/recover"),
    "account recover with errors": _wrong(NOBODY, "/account/recover"),
    "account finish recovering": _at(NOBODY, "/account/recover/{link recover}"),
    "account finish recovering with errors": _wrong(NOBODY, "/account/recover/{link recover}", password="short"),
    "account new email": _at(NOBODY, "/account/email/{link new email}"),
    "account invitation": _at(NOBODY, "/account/invitation/{link invitation}"),
    "account invitation of mine": _at("mia", "/account/invitation/{link invitation}"),
    "account second factor": _at("sam, half", "/account/second-factor"),
    "account second factor with errors": _wrong("sam, half", "/account/second-factor", code="12"),
    "account second factor set up": _at("mia", "/account/second-factor"),
    "account second factor set up with errors": _wrong("mia", "/account/second-factor"),
    "account": _at("sam", "/account"),
    "account new": _at("mia", "/account"),
    "account details": _at("sam", "/account/details"),
    "account details with errors": _wrong("sam", "/account/details", name=""),
    "account form kept": _form_kept,
    "account email": _at("sam", "/account/details/email"),
    "account email with errors": _wrong("sam", "/account/details/email", email="nobody"),
    "account security": _at("sam", "/account/security"),
    "account security new": _at("mia", "/account/security"),
    "account password": _at("sam", "/account/security/password"),
    "account password with errors": _wrong("sam", "/account/security/password"),
    "account recovery codes": _at("sam", "/account/security/recovery-codes"),
    "account prove": _at("sam", "/account/prove"),
    "account prove with errors": _wrong("sam", "/account/prove"),
    "account passkey": _at("sam", "/account/security/passkeys"),
    "account passkey gone": _at("sam", "/account/security/passkeys/{passkey}/remove"),
    "account second factor gone": _at("sam", "/account/security/second-factor/remove"),
    "account organisations": _at("sam", "/account/organisations"),
    "account organisations with errors": _wrong("mia", "/account/organisations"),
}
SELL: dict[str, Reach] = {
    "sell": _at(NOBODY, "/sell"),
    "sell begin": _at("mia", "/sell/begin"),
    "sell begin with errors": _wrong("mia", "/sell/begin"),
    "sell people": _at("sam", f"{_SELL}/people"),
    "sell people with errors": _wrong("sam", f"{_SELL}/people", email="nobody"),
    "sell member": _at("sam", f"{_SELL}/people/{{asha}}"),
    "sell member gone": _at("sam", f"{_SELL}/people/{{asha}}/remove"),
    "sell before": _at("cora", "/sell/dams3333"),
    "sell before, submitted": _at("ana", f"/sell/{APPLICANT}"),
    "sell application not begun": _at("cora", "/sell/dams3333/application"),
    "sell application": _at("bea", _APPLY),
    "sell application submitted": _at("ana", f"/sell/{APPLICANT}/application"),
    "sell application withdrawn": _at("bea", f"{_APPLY}/withdraw"),
    "sell application company": _at("bea", f"{_APPLY}/company"),
    "sell application company with errors": _wrong("bea", f"{_APPLY}/company", legal_name=""),
    "sell application contact with errors": _wrong("bea", f"{_APPLY}/contact", contact_name=""),
    "sell application owners": _at("bea", f"{_APPLY}/owners"),
    "sell application owners with errors": _wrong("bea", f"{_APPLY}/owners", birth_year="19", share="101"),
    "sell application documents": _at("bea", f"{_APPLY}/documents"),
    "sell application documents with errors": _wrong("bea", f"{_APPLY}/documents"),
    "sell application payee with errors": _wrong("bea", f"{_APPLY}/payee", account="DE1"),
    "sell application projects": _at("bea", f"{_APPLY}/projects"),
    "sell application projects with errors": _wrong("bea", f"{_APPLY}/projects"),
    "sell application certification": _at("bea", f"{_APPLY}/certification"),
    "sell application certification with errors": _wrong("bea", f"{_APPLY}/certification"),
    "sell application check": _at("bea", f"{_APPLY}/check"),
    "sell overview": _at("sam", _SELL),
    "sell overview of a viewer": _at("asha", _SELL),
    "sell orders": _at("sam", f"{_SELL}/orders"),
    "sell orders none": _at("sam", f"{_SELL}/orders?from=2020-01-01&to=2020-01-02"),
    "sell earnings": _at("sam", f"{_SELL}/earnings"),
    "sell seller": _at("sam", f"{_SELL}/seller"),
    "sell seller with errors": _wrong("sam", f"{_SELL}/seller", website="ganges", about_en="climate neutral"),
    "sell payee": _at("sam", f"{_SELL}/seller/payee"),
    "sell payee with errors": _wrong("sam", f"{_SELL}/seller/payee"),
    "sell offers": _at("sam", f"{_SELL}/offers"),
    "sell offers of a viewer": _at("asha", f"{_SELL}/offers"),
    "sell offer live": _at("sam", f"{_SELL}/offers/{{offer live}}"),
    "sell offer live with errors": _wrong("sam", f"{_SELL}/offers/{{offer submitted}}", "/price"),
    "sell offer draft": _at("sam", f"{_SELL}/offers/{{offer draft}}"),
    "sell offer sent back": _at("sam", f"{_SELL}/offers/{{offer sent back}}"),
    "sell offer submitted": _at("sam", f"{_SELL}/offers/{{offer submitted}}"),
    "sell offer paused": _at("sam", f"{_SELL}/offers/{{offer paused}}"),
    "sell offer frozen": _at("sam", f"{_SELL}/offers/{{offer frozen}}"),
    "sell offer withdrawn": _at("sam", f"{_SELL}/offers/{{offer withdrawn}}"),
    "sell offer expired": _at("sam", f"{_SELL}/offers/{{offer expired}}"),
    "sell offer preview": _at("sam", f"{_SELL}/offers/{{offer live}}/preview"),
    "sell offer taken away": _at("sam", f"{_SELL}/offers/{{offer live}}/withdraw"),
    "sell offer changed": _at("sam", f"{_SELL}/offers/{{offer live}}/edit"),
    "sell offer changed with errors": _wrong(
        "sam", f"{_SELL}/offers/{{offer live}}/edit", units="0", unit_price="cheap", tier1_units="5"
    ),
    "sell offer new": _at("sam", f"{_SELL}/offers/new"),
    "sell offers all paused": _at("sam", f"{_SELL}/offers/pause-all"),
    "sell offers file": _at("sam", f"{_SELL}/offers/import"),
    "sell offers file with problems": _wrong_file("sam", f"{_SELL}/offers/import"),
    "sell offers file checked": _file_checked,
    "sell cancellations": _at("sam", f"{_SELL}/cancellations"),
    "sell cancellation": _at("sam", f"{_SELL}/cancellations/{{direct fulfilled}}"),
    "sell cancellation waits": _at("sam", f"{_SELL}/cancellations/{{direct waiting}}"),
    "sell cancellation held": _at("sam", f"{_SELL}/cancellations/{{direct held}}"),
    "sell cancellation new": _at("sam", f"{_SELL}/cancellations/new"),
    "sell cancellation new with errors": _wrong("sam", f"{_SELL}/cancellations/new", units="0"),
    "sell cancellation checked": _direct_check,
    "sell cancellation checked with errors": _direct_check_with_errors,
    "sell not mine": _at("mia", _SELL, 404),
    "sell not for viewers": _at("asha", f"{_SELL}/offers/new", 403),
    "seller": _at(NOBODY, f"/sellers/{SELLER}"),
    "seller imported": _at(NOBODY, "/sellers/demo-seller-1"),
}
DESK: dict[str, Reach] = {
    "desk": _at("eva", _DESK),
    "desk orders": _at("eva", "/desk/orders"),
    "desk orders found": _at("eva", "/desk/orders?q=hanul"),
    "desk orders none": _at("eva", "/desk/orders?q=zzzzzz"),
    "desk order": _at("eva", "/desk/orders/{desk order}"),
    "desk order refused": _at("eva", "/desk/orders/{desk order refused}"),
    "desk order held": _at("eva", "/desk/orders/{desk order held}"),
    "desk order listed": _at("eva", "/desk/orders/{desk order listed}"),
    "desk order at registry": _at("eva", "/desk/orders/{desk order at registry}"),
    "desk order with errors": _wrong("eva", "/desk/orders/{desk order}", "/note"),
    "desk order address with errors": _wrong("eva", "/desk/orders/{desk order}/address", email="nobody"),
    "desk order beneficiary": _at("eva", "/desk/orders/{desk order paid}/beneficiary"),
    "desk order beneficiary with errors": _wrong("eva", "/desk/orders/{desk order paid}/beneficiary", name="x" * 201),
    "desk order beneficiary impossible": _at("eva", "/desk/orders/{desk order}/beneficiary"),
    "desk order hold": _at("eva", "/desk/orders/{desk order paid}/hold"),
    "desk order let go with errors": _wrong("eva", "/desk/orders/{desk order held}/let-go"),
    "desk order refusal": _at("eva", "/desk/orders/{desk order listed}/refuse"),
    "desk order end": _at("eva", "/desk/orders/{desk order paid}/end"),
    "desk order refund": _at("eva", "/desk/orders/{desk order paid}/refund"),
    "desk refunds": _at("eva", "/desk/refunds"),
    "desk refund retried": _at("eva", "/desk/refunds/{desk refund failed}/retry"),
    "desk refund by hand with errors": _wrong("eva", "/desk/refunds/{desk refund failed}/by-hand"),
    "desk batches": _at("eva", "/desk/batches"),
    "desk batch response": _at("eva", "/desk/batches/response"),
    "desk ledger": _at("eva", "/desk/ledger"),
    "desk reconciliation": _at("eva", "/desk/reconciliation"),
    "desk cancellations": _at("eva", "/desk/cancellations"),
    "desk cancellation": _at("eva", "/desk/cancellations/{desk cancellation}"),
    "desk cancellation settled": _at("eva", "/desk/cancellations/{desk cancellation}/settle"),
    "desk cancellation settled with errors": _wrong("eva", "/desk/cancellations/{desk cancellation}/settle"),
    "desk proposals": _at("eva", "/desk/proposals"),
    "desk proposal of mine": _at("eva", "/desk/proposals/{desk proposal of mine}"),
    "desk proposal of another": _at("eva", "/desk/proposals/{desk proposal of another}"),
    "desk proposal with errors": _wrong("eva", "/desk/proposals/{desk proposal of another}"),
    "desk proposal closed": _at("eva", "/desk/proposals/{desk proposal closed}"),
    "desk wordings": _at("eva", "/desk/wordings"),
    "desk wording": _at("eva", "/desk/wordings/{desk wording}"),
    "desk wording with errors": _wrong("eva", "/desk/wordings/{desk wording}"),
    "desk complaints": _at("eva", "/desk/complaints"),
    "desk complaint": _at("eva", "/desk/complaints/{desk complaint}"),
    "desk complaint with errors": _wrong("eva", "/desk/complaints/{desk complaint}"),
    "desk complaint closed": _at("eva", "/desk/complaints/C2-2026"),
    "desk people": _at("eva", "/desk/people"),
    "desk people none": _at("eva", "/desk/people?q=zzzzzz"),
    "desk person": _at("eva", "/desk/people/{desk person}"),
    "desk person suspended": _at("eva", "/desk/people/{desk person suspended}"),
    "desk person suspended with errors": _wrong("eva", "/desk/people/{desk person}/suspend"),
    "desk payouts": _at("eva", "/desk/payouts"),
    "desk payout": _at("eva", f"/desk/payouts/{SELLER}"),
    "desk payout recorded": _at("eva", f"/desk/payouts/{SELLER}/record"),
    "desk payout recorded with errors": _wrong("eva", f"/desk/payouts/{SELLER}/record", amount="all"),
    "desk rules": _at("eva", "/desk/rules"),
    "desk rules with errors": _wrong("eva", "/desk/rules"),
    "desk imports": _at("eva", "/desk/imports"),
    "desk imports with errors": _wrong_file("eva", "/desk/imports"),
    "desk imports checked": _imports_checked,
    "desk acts": _at("eva", "/desk/acts"),
    "desk acts none": _at("eva", "/desk/acts?who=zzzzzz"),
    "desk offers": _at("eva", "/desk/offers"),
    "desk offers all": _at("eva", "/desk/offers/all"),
    "desk offer": _at("eva", "/desk/offers/{offer submitted}"),
    "desk offer live": _at("eva", "/desk/offers/{offer live}"),
    "desk offer sent back with errors": _wrong("eva", "/desk/offers/{offer submitted}/send-back"),
    "desk offer freezes": _at("eva", "/desk/offers/{offer live}/freeze"),
    "desk offer withdrawn": _at("eva", "/desk/offers/{offer live}/withdraw"),
    "desk applications": _at("eva", "/desk/applications"),
    "desk application": _at("eva", "/desk/applications/{desk application}"),
    "desk application approved with errors": _wrong("ole", "/desk/applications/{desk application}/approve"),
    "desk application returned": _at("eva", "/desk/applications/{desk application}/return"),
    "desk application refused with errors": _wrong("eva", "/desk/applications/{desk application}/refuse"),
    "desk sellers": _at("eva", "/desk/sellers"),
    "desk seller suspended": _at("eva", "/desk/sellers/{desk seller}/suspend"),
    "desk seller suspended with errors": _wrong("eva", "/desk/sellers/{desk seller}/suspend"),
    "desk seller renamed": _at("eva", "/desk/sellers/{desk seller}/rename"),
    "desk seller renamed with errors": _wrong("eva", "/desk/sellers/{desk seller}/rename"),
    "desk payee": _at("eva", "/desk/payees/{desk payee}"),
    "desk payee accepted": _at("eva", "/desk/payees/{desk payee}/accept"),
    "desk authority accepted": _at("eva", "/desk/authorities/{desk authority}/accept"),
    "desk screening": _at("eva", "/desk/screening"),
    "desk screening with errors": _wrong("eva", "/desk/screening"),
    "desk match": _at("eva", "/desk/screening/{desk match}"),
    "desk match with errors": _wrong("eva", "/desk/screening/{desk match}"),
    "desk direct cancellations": _at("eva", "/desk/direct-cancellations"),
    "desk direct cancellations with errors": _wrong(
        "eva", "/desk/direct-cancellations", "/{direct held}", button="button[value=refuse]"
    ),
    "desk for operators only": _at("sam", _DESK, 404),
}
ROOM_STATES: dict[str, Reach] = ACCOUNT | SELL | DESK
