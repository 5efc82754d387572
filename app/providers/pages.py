"""The pages of applicants, participants and operators about them, put together."""

from __future__ import annotations

from flask import Flask

from app.audit.service import on_agreement
from app.current import settings
from app.kernel.sealing import SealFor, unseal_text
from app.providers import application_views, evidence_views, seller_views, staff_views, views
from app.providers.blueprint import blueprint
from app.providers.messages import part_name
from app.providers.service import applying, deciding, imported, renaming
from app.screening.service import screen_again

__all__ = ["application_views", "evidence_views", "init_app", "seller_views"]


def init_app(app: Flask) -> None:
    """Register the pages, what carries approvals out, and which names a new sanctions list is compared with."""
    app.register_blueprint(blueprint)
    app.register_blueprint(staff_views.blueprint)
    app.register_blueprint(views.blueprint)
    app.jinja_env.filters["part_name"] = part_name
    app.jinja_env.filters["account_end"] = _account_end
    on_agreement(deciding.APPROVE, deciding.carry_out_approval)
    on_agreement(renaming.RENAME, renaming.carry_out_renaming)
    screen_again(applying.SUBJECT, applying.open_subjects, applying.called)
    screen_again(imported.SUBJECT, imported.open_subjects, imported.called)


def _account_end(sealed: str) -> str:
    """The last four characters of a sealed account number."""
    return unseal_text(sealed, settings().keyring, SealFor.ACCOUNT_NUMBER)[-4:]
