"""Property tests look for counterexamples, not for a busy machine."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("tonne", deadline=None)
settings.load_profile("tonne")
