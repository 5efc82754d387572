"""The page of all components: there to be looked at, and not in production."""

from __future__ import annotations

import pytest

from app.config import Settings
from app.demo import design
from app.factory import create_app
from tests.service.conftest import Shop
from tests.unit.kernel.test_config import PRODUCTION


@pytest.mark.parametrize("language", ["en", "fr", "es"])
def test_every_component_stands_on_one_page_in_every_language(shop: Shop, language: str) -> None:
    page = shop.visitor().get(f"/{language}/design")

    for name in design.NAMES:
        assert name in page.words
    for part in ("proof", "errors", "ledger", "facts", "ranges", "steps", "empty", "notice", "tag"):
        assert f'class="{part}' in page.html, part


def test_production_does_not_serve_it(tmp_path: object) -> None:
    app = create_app(Settings.from_environment({**PRODUCTION, "DATABASE_URL": "", "INSTANCE_PATH": str(tmp_path)}))

    assert "design" not in app.blueprints
