"""People in front of the browser: one with a mouse, one with a keyboard only. Both buy the same way."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Download, Locator, Page

MOST_TABS = 150
SECONDS_FOR_CERTIFICATES = 40

# Why the element with the keyboard's focus cannot be seen or told from others; empty when it can.
FOCUS_PROBLEM = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return "nothing has the focus";
  const name = element.outerHTML.slice(0, 160);
  const style = getComputedStyle(element);
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  if (!outlined && style.boxShadow === "none") return "no mark on what has the focus: " + name;
  const box = element.getClientRects()[0];
  if (!box || box.width < 2 || box.height < 2) return "what has the focus has no size: " + name;
  const left = Math.max(box.left, 0), right = Math.min(box.right, innerWidth);
  const upper = Math.max(box.top, 0), lower = Math.min(box.bottom, innerHeight);
  if (right - left < 2 || lower - upper < 2) return "what has the focus is out of sight: " + name;
  const x = (left + right) / 2, y = (upper + lower) / 2;
  const top = document.elementFromPoint(x, y);
  if (!top || !(element.contains(top) || top.contains(element))) return "what has the focus is covered: " + name;
  return "";
}"""

# That, and whether the element is the wanted one.
FOCUS = f"wanted => [({FOCUS_PROBLEM})(), wanted === document.activeElement]"

# What sticks out to the right, so that one must scroll sideways to read it.
TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth, found = [];
  if (document.documentElement.scrollWidth > width) found.push("the page is " + document.documentElement.scrollWidth);
  for (const element of document.body.querySelectorAll("*")) {
    const box = element.getBoundingClientRect();
    if (box.right <= width + 1 || box.width === 0) continue;
    let inside = element, held = false;
    while ((inside = inside.parentElement) && inside !== document.body) {
      const overflow = getComputedStyle(inside);
      if (overflow.overflowX !== "visible" || overflow.clipPath !== "none") { held = true; break; }
    }
    if (!held && getComputedStyle(element).clipPath === "none") found.push(element.outerHTML.slice(0, 120));
  }
  return found.slice(0, 3);
}"""


@dataclass
class Person:
    """Somebody in front of `page`, reading `language`, at the shop's `address`; acts by mouse."""

    page: Page
    address: str
    language: str
    is_narrow: bool = False
    seen: list[str] = field(default_factory=list)

    # --- hands -----------------------------------------------------------------------------------------

    def press(self, target: Locator) -> None:
        """Press a link or button that stays on the page."""
        target.click()

    def write(self, target: Locator, text: str) -> None:
        """Put a text into a field in place of what is there."""
        target.click()
        target.press("Control+a")
        self.page.keyboard.insert_text(text)

    def tick(self, target: Locator) -> None:
        """Tick a box."""
        target.click()
        assert target.is_checked()

    # --- eyes ------------------------------------------------------------------------------------------

    def follow(self, target: Locator) -> None:
        """Press a link or button that leads to a page, and look at it."""
        with self.page.expect_navigation(wait_until="load"):
            self.press(target)
        self.look()

    def look(self) -> None:
        """Take a page in: its language, one heading, nothing sticking out."""
        page = self.page
        self.seen.append(page.url)
        if "/testpay/" not in page.url:
            assert f"/{self.language}/" in page.url
        assert page.locator("html").get_attribute("lang") == self.language
        assert page.locator("h1").count() == 1, page.url
        if self.is_narrow:
            assert page.evaluate(TOO_WIDE) == [], page.url

    def fetch(self, target: Locator, directory: Path) -> Path:
        """Press a link to a file and keep the file; a page that makes it first is waited for."""
        here = self.page.url
        with self.page.expect_download(timeout=60_000) as waited:
            self.press(target)
        download: Download = waited.value
        path = directory / download.suggested_filename
        download.save_as(path)
        if self.page.url != here:
            # The page that said that the file is being made, in the file's language, leads back.
            order = urlsplit(here).path.removeprefix(f"/{self.language}")
            with self.page.expect_navigation():
                self.press(self.page.locator(f"main a[href$='{order}']"))
            self.page.goto(here)
        return path

    # --- buying ----------------------------------------------------------------------------------------

    def open(self, path: str = "/") -> None:
        """Type an address of the shop into the browser."""
        self.page.goto(f"{self.address}/{self.language}{path}")
        self.look()

    def add(self, reference: str, units: int) -> None:
        """From the list of projects, put units of a project's first offer into the basket."""
        self.follow(self.page.locator(f"main a[href$='/projects/{reference}']").first)
        offer = self.page.locator("form[action$='/basket/add']").first
        self.write(offer.locator("input[name=units]"), str(units))
        self.follow(offer.get_by_role("button"))

    def fill_basket(self, wanted: dict[str, int]) -> None:
        """Choose units of several projects, one after the other, and end in the basket."""
        for position, (reference, units) in enumerate(wanted.items()):
            if position:
                self.follow(self.page.locator(f"main form a[href$='/{self.language}/']"))
            self.add(reference, units)

    def check_out(self) -> None:
        """From the basket to the page for details."""
        self.follow(self.page.locator("button[name=action][value=checkout]"))

    def give_details(self, email: str, beneficiary: str = "", purpose: str = "") -> None:
        """Fill in who gets the certificates, and go on."""
        form = self.page.locator("main form[action$='/checkout']")
        self.write(form.locator("[name=email]"), email)
        if beneficiary:
            self.write(form.locator("[name=beneficiary]"), beneficiary)
        if purpose:
            self.write(form.locator("[name=purpose]"), purpose)
        self.follow(form.get_by_role("button"))

    def order(self) -> None:
        """Agree, and order with the obligation to pay; ends on the payment page."""
        form = self.page.locator("main form[action$='/checkout/review']")
        self.tick(form.locator("[name=consent]"))
        self.follow(form.get_by_role("button"))

    def pay(self, how: str = "pay") -> None:
        """Choose a way on the payment page."""
        self.follow(self.page.locator(f"button[name=action][value={how}]"))

    def go_as_far_as_payment(self, wanted: dict[str, int], email: str, beneficiary: str = "", purpose: str = "") -> str:
        """From the first page to the payment page; gives the certificate's preview as it was shown."""
        self.open()
        self.fill_basket(wanted)
        self.check_out()
        self.give_details(email, beneficiary, purpose)
        preview = self.page.locator("main").inner_text()
        self.order()
        return preview

    def wait_for_certificates(self, count: int) -> None:
        """Do nothing until the order's page shows them by itself."""
        last = self.certificates().nth(count - 1)
        last.wait_for(timeout=SECONDS_FOR_CERTIFICATES * 1000)
        assert self.certificates().count() == count
        if self.is_narrow:
            assert self.page.evaluate(TOO_WIDE) == []

    def certificates(self, language: str = "") -> Locator:
        """Links to the certificates' PDF files in a language, by default one's own."""
        return self.page.locator(f"a[href*='/{language or self.language}/'][href*='/certificates/'][href$='.pdf']")

    def summary(self) -> Locator:
        """The link to the summary of the order."""
        return self.page.locator(f"a[href*='/{self.language}/'][href$='/summary.pdf']")


@dataclass
class KeyboardPerson(Person):
    """Uses Tab, Enter and Space only, and must see at every step where the focus is."""

    tabs: int = 0

    def __post_init__(self) -> None:
        # Chromium hands a choice of files over only where somebody has long been listening.
        self.page.on("filechooser", lambda _chooser: None)

    def press(self, target: Locator) -> None:
        self.reach(target)
        self.page.keyboard.press("Enter")

    def write(self, target: Locator, text: str) -> None:
        self.reach(target)  # a field entered by Tab has its text selected
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)

    def tick(self, target: Locator) -> None:
        self.reach(target)
        self.page.keyboard.press("Space")
        assert target.is_checked()

    def choose(self, target: Locator, value: str) -> None:
        """Pick from a list of choices by typing what the choice is called."""
        name = target.locator(f"option[value='{value}']").inner_text()
        self.reach(target)
        self.page.keyboard.type(name)
        assert target.input_value() == value

    def attach(self, target: Locator, file: Path) -> None:
        """Press the button of a field for files, and pick a file."""
        self.reach(target)
        with self.page.expect_file_chooser() as waited:
            self.page.keyboard.press("Space")
        waited.value.set_files(file)

    def reach(self, target: Locator) -> None:
        """Press Tab until the target has the focus, looking at each stop."""
        wanted = target.element_handle()
        came_round = False
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            self.tabs += 1
            problem, is_there = self.page.evaluate(FOCUS, wanted)
            if problem == "nothing has the focus" and not came_round:
                came_round = True  # the end of the page; the next Tab begins again at its top
                continue
            assert not problem, f"{self.page.url}: {problem}"
            if is_there:
                return
        raise AssertionError(f"Tab never reached {target} on {self.page.url}")
