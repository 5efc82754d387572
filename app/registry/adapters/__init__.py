"""The registries this product can talk to."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.config import Settings
from app.kernel.clock import Clock
from app.registry.accounts import find_registry_code
from app.registry.adapters.batch import BatchRegistry
from app.registry.adapters.ledger import LedgerRegistry
from app.registry.ports import Registries, RegistryAdapter


def _undp(settings: Settings, clock: Clock) -> RegistryAdapter:
    from app.registry.adapters.undp import UndpRegistry  # noqa: PLC0415 - and httpx, which nothing else needs

    return UndpRegistry.from_settings(settings, clock)


KINDS: Mapping[str, Callable[[Settings, Clock], RegistryAdapter]] = {
    "ledger": LedgerRegistry,
    "batch": BatchRegistry,
    "undp": _undp,
}


def make_registries(settings: Settings, clock: Clock) -> Registries:
    """The adapters that the settings ask for, the first one for accounts that nobody assigned."""
    return Registries([KINDS[code](settings, clock) for code in settings.registries], find_registry_code)
