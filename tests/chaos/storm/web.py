"""The web server's application in the storm."""

from tests.chaos.storm.clock import HouseClock
from tests.chaos.storm.inside import DIRECTORY, made_app

app = made_app(HouseClock(DIRECTORY))
