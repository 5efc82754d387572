"""The application for a WSGI server, made from the environment."""

import gc
import os
import sys

# What is made while modules are loaded stays for good. Looking through it for rubbish again and again takes a sixth
# of the start, so the collector waits, and then leaves all of it alone.
gc.disable()

from app.config import BadSettings  # noqa: E402 - the collector first
from app.factory import create_app  # noqa: E402 - as above

try:
    # Set by `flask`, whose commands find the application here too.
    app = create_app(with_commands=os.environ.get("FLASK_RUN_FROM_CLI") == "true")
except BadSettings as bad:
    sys.exit("Tonne does not start with these settings:\n" + "\n".join(f"  {problem}" for problem in bad.problems))

gc.freeze()
gc.enable()
