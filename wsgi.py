"""The application for a WSGI server, made from the environment."""

import sys

from app.config import BadSettings
from app.factory import create_app

try:
    app = create_app()
except BadSettings as bad:
    sys.exit("Tonne does not start with these settings:\n" + "\n".join(f"  {problem}" for problem in bad.problems))
