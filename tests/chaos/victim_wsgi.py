"""The product's own application, in a process that a test means to kill."""

from app.opening import Opening
from tests.chaos.victim import install
from wsgi import app

# A web server's has still to be made whole.
install(app.whole() if isinstance(app, Opening) else app)
