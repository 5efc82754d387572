"""The bare stack with the libraries that the product loads for its list: what of a start is theirs, what is ours."""

import babel.lists
import babel.numbers
import flask_babel
import flask_limiter
import flask_wtf
import sqlalchemy.dialects.postgresql

from tests.benchmarks.bare_start import app

__all__ = ["app", "babel", "flask_babel", "flask_limiter", "flask_wtf", "sqlalchemy"]
