"""The pages of accounts are one blueprint; its views stand in several modules by subject."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("account", __name__, url_prefix="/<lang>")
