"""The registries this product can talk to."""

from __future__ import annotations

from app.config import Settings
from app.kernel.clock import Clock
from app.registry.adapters.ledger import LedgerRegistry
from app.registry.ports import RegistryAdapter


def make_registry(settings: Settings, clock: Clock) -> RegistryAdapter:
    """The adapter the settings ask for."""
    return LedgerRegistry(clock, of_record_name=settings.registry_of_record_name)
