"""Addresses are built as werkzeug builds them, only later."""

from __future__ import annotations

from flask import Flask
from werkzeug.routing import Map, Rule

from app.web.routes import LateRule


def test_a_late_rule_builds_the_same_addresses_and_compiles_each_once() -> None:
    built = []
    for kind in (Rule, LateRule):
        rule = kind("/<lang>/orders/<int:number>", endpoint="order")
        links = Map([rule]).bind("tonne.example")
        for _ in range(2):
            built.append(links.build("order", {"lang": "en", "number": 7}))
            built.append(links.build("order", {"lang": "fr", "number": 7, "page": "2 b"}))
            built.append(links.build("order", {"lang": "fr", "number": 7, "page": "2"}, append_unknown=False))
        compiled = vars(rule)["_build_unknown"]
        links.build("order", {"lang": "en", "number": 8})
        assert vars(rule)["_build_unknown"] == compiled
    assert built[:6] == built[6:]
    assert built[:3] == ["/en/orders/7", "/fr/orders/7?page=2+b", "/fr/orders/7"]


def test_the_rules_of_the_site_are_late_ones(site: Flask) -> None:
    own = [rule for rule in site.url_map.iter_rules() if rule.endpoint != "static"]
    assert own
    assert {type(rule) for rule in own} == {LateRule}
