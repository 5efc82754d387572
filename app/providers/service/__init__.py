"""Use cases of participants: applying, deciding, standing, payees, the public card."""

from app.providers.service.standing import on_lost_authority, on_suspension

__all__ = ["on_lost_authority", "on_suspension"]
