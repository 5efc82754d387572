"""The product's own application, in a process that a test means to kill."""

from tests.chaos.victim import install
from wsgi import app

install(app)
