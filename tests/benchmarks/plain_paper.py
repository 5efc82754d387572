"""The product's own application, whose certificates are drawn at no cost: served to workers of `purchase`."""

from flask import Flask

from tests.fakes import FakeRenderer
from wsgi import app

assert isinstance(app, Flask), "workers are commands"
app.extensions["tonne.renderer"] = FakeRenderer()
