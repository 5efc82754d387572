"""How a visitor comes to see each state of each page. Every sweep goes through all of them."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Page

from tests.browser.browser import Watch
from tests.browser.reaching import Reach, open_path, send
from tests.browser.room_states import ROOM_STATES
from tests.browser.staged import NO_ORDER, PAUSED, SOLD_OUT, Stage


def _at(path: str, status: int = 200) -> Reach:
    """A page that has an address of its own; without one in the path's language for the test payment."""

    def reach(page: Page, stage: Stage, language: str, watch: Watch) -> None:
        open_path(page, stage.address, path, language, status, watch)

    return reach


def _staged(name: str, status: int = 200) -> Reach:
    def reach(page: Page, stage: Stage, language: str, watch: Watch) -> None:
        path = stage.paths.get(name) or stage.paths[f"{name} {language}"]
        open_path(page, stage.address, path, language, status, watch)

    return reach


def _with_basket(page: Page, stage: Stage, name: str) -> None:
    port = urlsplit(stage.address).port
    page.context.add_cookies([{"name": f"basket_{port}", "value": stage.baskets[name], "url": stage.address}])


def _projects_filtered(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    open_path(page, stage.address, "/?party=CL&party=IN&type=Hydro&year_from=2012&sort=price", language, 200, watch)
    page.locator(".filters summary").click()


def _projects_with_error(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    open_path(page, stage.address, "/?price_from=cheap&price_to=2", language, 422, watch)


def _project_with_error(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    open_path(page, stage.address, "/projects/KR-222", language, 200, watch)
    send(page, "/basket/add", {"units": "1.5"}, watch, 422)


def _basket(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    _with_basket(page, stage, "full")
    open_path(page, stage.address, "/basket", language, 200, watch)


def _basket_with_errors(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    _with_basket(page, stage, "wrong")
    open_path(page, stage.address, "/basket", language, 200, watch)
    for field, typed in zip(page.locator("input[name^=units-]").all(), ("0", "-1", "99999999"), strict=True):
        field.fill(typed)
    send(page, "/basket", {}, watch, 422, "button[value=checkout]")


def _basket_below_minimum(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    _with_basket(page, stage, "low")
    open_path(page, stage.address, "/basket", language, 200, watch)
    send(page, "/basket", {}, watch, 422, "button[value=checkout]")


def _details(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    _with_basket(page, stage, "full")
    open_path(page, stage.address, "/checkout", language, 200, watch)


def _details_with_errors(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    _details(page, stage, language, watch)
    send(page, "/checkout", {"email": "nobody", "beneficiary": "x" * 201, "purpose": "y" * 501}, watch, 422)


def _details_with_claim(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    _details(page, stage, language, watch)
    typed = {"email": "a@example.org", "beneficiary": "ACME (climate neutral)", "purpose": "100 % compensé"}
    send(page, "/checkout", typed, watch, 422)


def _review(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    _details(page, stage, language, watch)
    typed = {"email": "buyer@example.org", "beneficiary": "Amélie Nguyễn", "purpose": "Our office heating of 2025"}
    send(page, "/checkout", typed, watch, 200)


def _review_with_error(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    _review(page, stage, language, watch)
    send(page, "/checkout/review", {}, watch, 422)


def _payment_declined(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    open_path(page, stage.address, stage.paths[f"payment {language}"], language, 200, watch)
    watch.expected.add(402)
    with page.expect_navigation():
        page.locator("button[value=decline]").click()


def _complaint_with_errors(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    open_path(page, stage.address, "/complaint", language, 200, watch)
    send(page, "/complaint", {"email": "nobody", "about": "my order", "problem": "x" * 4_001}, watch, 422)


def _verify_another_file(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    open_path(page, stage.address, "/verify", language, 200, watch)
    page.locator("main input[type=file]").set_input_files(
        {"name": "certificate.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"}
    )
    send(page, "/verify/file", {}, watch, 422)


def _verify_with_error(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    open_path(page, stage.address, "/verify", language, 200, watch)
    send(page, "/verify", {"number": "12", "code": "z" * 61}, watch, 422)


def _too_many_tries(page: Page, stage: Stage, language: str, watch: Watch) -> None:
    watch.expected |= {404, 429}
    for _ in range(2):
        answer = page.goto(f"{stage.tight_address}/{language}/verify/TN999999-2026")
    assert answer is not None
    assert answer.status == 429


CALCULATED = (
    "version=2026-1&electricity=3500&grid=FR&gas=12000&car=9000&people=2"
    "&flight1-origin=Paris&flight1-destination=New+York&flight2-origin=MAD&flight2-destination=Lima&flight2-cabin=business"
)
MISTAKEN = (
    "version=2026-1&electricity=3%2C500&people=0&flight1-origin=Barcelona&flight1-destination=Oz&flight2-km=99999"
)
SHOP_STATES: dict[str, Reach] = {
    "projects": _at("/"),
    "projects found": _at("/?q=cocinas+Kenia&units=12"),
    "projects filtered": _projects_filtered,
    "projects none": _at("/?q=cocinas&party=MN"),
    "projects with error": _projects_with_error,
    "how we sort": _at("/how-we-sort"),
    "project": _at("/projects/KR-222"),
    "project with error": _project_with_error,
    "project sold out": _at(f"/projects/{SOLD_OUT}"),
    "project paused": _at(f"/projects/{PAUSED}"),
    "map": _at("/map"),
    "comparison empty": _at("/compare"),
    "comparison": _at("/compare?p=KR-222&p=IN-1&p=MW-9933&p=PE-86"),
    "comparison with error": _at("/compare?p=KR-222&p=XX-1", 422),
    "calculator": _at("/how-many-tonnes"),
    "calculator result": _at(f"/how-many-tonnes?{CALCULATED}"),
    "calculator with errors": _at(f"/how-many-tonnes?{MISTAKEN}", 422),
    "budget": _at("/how-many-tonnes/budget?amount=20"),
    "budget with error": _at("/how-many-tonnes/budget?amount=0.1", 422),
    "basket empty": _at("/basket"),
    "basket": _basket,
    "basket with errors": _basket_with_errors,
    "basket below minimum": _basket_below_minimum,
    "details": _details,
    "details with errors": _details_with_errors,
    "details with a claim": _details_with_claim,
    "review": _review,
    "review with error": _review_with_error,
    "payment": _staged("payment"),
    "payment declined": _payment_declined,
    "payment processing": _staged("payment processing"),
    "payment paid": _staged("payment paid"),
    "payment failed": _staged("payment failed"),
    "payment expired": _staged("payment expired"),
    "bank processing": _staged("bank processing"),
    "bank refunds": _staged("bank refunds"),
    "order unpaid": _staged("order unpaid"),
    "withdraw unpaid": _staged("withdraw unpaid"),
    "order remedy": _staged("order remedy"),
    "stop waiting": _staged("stop waiting"),
    "withdraw too late": _staged("withdraw too late"),
    "order waits for bank": _staged("order waits for bank"),
    "order under review": _staged("order under review"),
    "order paid": _staged("order paid"),
    "order at registry": _staged("order at registry"),
    "order fulfilled": _staged("order fulfilled"),
    "order of one": _staged("order of one"),
    "order partly fulfilled": _staged("order partly fulfilled"),
    "order refused": _staged("order refused"),
    "order expired": _staged("order expired"),
    "document preparing": _staged("document preparing", 202),
    "statistics": _at("/statistics"),
    "register": _at("/register"),
    "register none": _at("/register?q=nobody&year=2026"),
    "cancellation": _staged("cancellation"),
    "verify": _at("/verify"),
    "verify with error": _verify_with_error,
    "verify with another file": _verify_another_file,
    "verify not found": _at("/verify/TN999999-2026", 404),
    "certificate public": _staged("certificate public"),
    "certificate full": _staged("certificate full"),
    "certificate wrong code": _staged("certificate wrong code"),
    "certificate in arabic": _staged("certificate in arabic"),
    "questions": _at("/about"),
    "question with steps": _at("/about/how-it-works"),
    "question with figures": _at("/about/where-the-money-goes"),
    "question with sentences": _at("/about/what-you-may-say"),
    "claims": _at("/about/claims"),
    "terms": _at("/legal/terms"),
    "contact": _at("/contact"),
    "complaint with errors": _complaint_with_errors,
    "complaint waits": _staged("complaint waits"),
    "complaint taken back": _staged("complaint taken back"),
    "complaint answered": _staged("complaint answered"),
    "complaints in numbers": _at("/complaints"),
    "page not found": _at("/projects/XX-1", 404),
    "order not found": _at(f"/orders/{NO_ORDER}", 404),
    "too many tries": _too_many_tries,
    "fault of ours": _at("/broken", 500),
}
STATES = SHOP_STATES | ROOM_STATES
ERRORS = tuple(name for name in STATES if " with error" in name or name.endswith(("minimum", "with errors")))
