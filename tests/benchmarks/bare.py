"""What the pages are measured beside: a bare Flask app, and the same query and template with nothing around them.

Served as `tests.benchmarks.bare:app` by the same server and with the same settings as the product.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask

from app.factory import create_app

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

hello = Flask("hello")
hello_address = "/hello"


@hello.get(hello_address)
def say_hello() -> str:
    """What Flask itself costs."""
    return "hello"


def _without_checks() -> Flask:
    """The product with its queries, templates and languages, but no check, limit, log or header."""
    bare = create_app()
    bare.before_request_funcs.clear()
    bare.after_request_funcs.clear()
    bare.teardown_request_funcs.clear()
    bare.wsgi_app = Flask.wsgi_app.__get__(bare)  # type: ignore[method-assign]  # nothing in front of it either
    return bare


product = _without_checks()


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Hello at its own address, the product's pages at theirs."""
    chosen = hello if environ["PATH_INFO"] == hello_address else product
    return chosen(environ, start_response)
