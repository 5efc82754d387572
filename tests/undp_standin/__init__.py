"""A faithful, stateful simulator of the UNDP National Carbon Registry (credit blocks, "v2.0 2025-03") over HTTP.

`shapes` refuses bodies that its validation refuses, `rules` says what may be done to its ledger, `replicator` copies
that with a delay, `rows` and `queries` answer from the copy, `server` speaks HTTP on loopback and misbehaves on
demand, and `world` is all of it with everything a test may want. Exchanges recorded with the original are replayed
against it in tests/service/registry/undp/test_recorded.py.
"""

from tests.undp_standin.world import UndpWorld

__all__ = ["UndpWorld"]
