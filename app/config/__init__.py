"""Every setting, in one table (`table.py`), read from the environment or systemd's credentials and checked at start."""

from app.config.gateways import LOOPBACK
from app.config.reading import LEGAL_TEXTS
from app.config.settings import BadSettings, Settings
from app.config.table import SETTINGS

__all__ = ["LEGAL_TEXTS", "LOOPBACK", "SETTINGS", "BadSettings", "Settings"]
