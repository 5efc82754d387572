"""A passkey in a real browser: Chromium with a device that it plays itself, against pages of this process."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select
from werkzeug.serving import WSGIRequestHandler, make_server

from app.accounts.models import Passkey, Person
from app.accounts.service import joining
from app.db import db
from app.kernel.clock import FixedClock
from app.notifications import links
from app.notifications.models import Mail
from tests.browser.browser import ARGUMENTS, executable
from tests.builders import NOW
from tests.conftest import application, environment

pytestmark = pytest.mark.browser


class _Quiet(WSGIRequestHandler):
    def log(self, *_arguments: Any) -> None:
        """Say nothing about each request."""


@dataclass
class Place:
    """An application under a name that passkeys may belong to, and its address."""

    app: Flask
    address: str


@pytest.fixture
def place(sqlite_template: Path, tmp_path: Path) -> Iterator[Place]:
    """A fresh copy on loopback; passkeys need the name `localhost`."""
    shutil.copy(sqlite_template, tmp_path / "tonne.sqlite")
    served: dict[str, Flask] = {}

    def answer(env: Any, start: Any) -> Any:
        return served["app"](env, start)

    server = make_server("127.0.0.1", 0, answer, threaded=True, request_handler=_Quiet)
    address = f"http://localhost:{server.server_port}"
    url = f"sqlite:///{tmp_path / 'tonne.sqlite'}"
    app = application(environment(tmp_path, url, PUBLIC_BASE_URL=address), FixedClock(NOW))
    served["app"] = app
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Place(app, address)
    server.shutdown()
    thread.join()
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window whose browser has a device with a person who always agrees."""
    rules = "--host-resolver-rules=MAP localhost 127.0.0.1, MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
    arguments = [one for one in ARGUMENTS if not one.startswith("--host-resolver-rules")]
    own = browser.browser_type.launch(executable_path=executable(), args=[*arguments, rules])
    window = own.new_context().new_page()
    device = window.context.new_cdp_session(window)
    device.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    device.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield window
    own.close()


def test_a_real_browser_makes_an_account_with_a_passkey_and_signs_in_with_it(place: Place, page: Page) -> None:
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    _make_an_account(place, page)

    page.goto(f"{place.address}/en/account/details")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/account/sign-in"))
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", level=1, name="Your orders")).to_be_visible()

    with place.app.app_context():
        assert db.session.scalars(select(Person.password_hash)).all() == [None]
        assert db.session.scalars(select(Passkey.sign_count)).one() > 0
    assert problems == []


def test_signing_out_leaves_nothing_open_in_another_tab(place: Place, page: Page) -> None:
    _make_an_account(place, page)
    page.goto(f"{place.address}/en/account/details")
    other = page.context.new_page()
    other.goto(f"{place.address}/en/account/details")
    expect(other.get_by_label("Your name")).to_have_value("Pia")

    page.get_by_role("button", name="Sign out").click()

    expect(other).to_have_url(re.compile("/account/sign-in"))
    page.go_back()
    expect(page.get_by_label("Your name")).to_have_count(0)


def _make_an_account(place: Place, page: Page) -> None:
    with place.app.app_context():
        joining.ask_to_join("pia@example.org", "en", place.app.extensions["tonne.settings"], NOW)
        link = str(links.opened(db.session.scalars(select(Mail)).one().facts)["link_url"])
    page.goto(link)
    page.get_by_text("With a passkey instead of a password").click()
    form = page.locator("details form")
    form.get_by_label("Your name").fill("Pia")
    form.get_by_role("button", name="Make the account with a passkey").click()
    expect(page.get_by_role("heading", level=1, name="Your orders")).to_be_visible()
