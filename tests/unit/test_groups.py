"""Tests that share what is slow run in one process: a plugin that forgets it costs minutes and says nothing."""

from __future__ import annotations

import os

import pytest


@pytest.mark.xdist_group("groups")
def test_a_group_of_tests_is_known_to_whoever_spreads_them(request: pytest.FixtureRequest) -> None:
    is_spread_by_groups = bool(os.environ.get("PYTEST_XDIST_WORKER")) and request.config.getvalue("loadgroup")

    assert request.node.nodeid.endswith("@groups") is bool(is_spread_by_groups)
