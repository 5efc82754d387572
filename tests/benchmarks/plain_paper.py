"""The product's own application, whose certificates are drawn at no cost: served to workers of `purchase`."""

from tests.fakes import FakeRenderer
from wsgi import app

app.extensions["tonne.renderer"] = FakeRenderer()
