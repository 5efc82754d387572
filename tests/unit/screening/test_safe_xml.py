"""A sanctions list is a stranger's file: nothing in it is resolved, fetched or multiplied."""

from __future__ import annotations

import pytest

from app.screening.adapters.reading import root_of
from app.screening.errors import ListRefused

BILLION_LAUGHS = '<!DOCTYPE list [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><list>&b;</list>'
A_FILE_OF_OURS = '<!DOCTYPE list [<!ENTITY a SYSTEM "file:///etc/passwd">]><list>&a;</list>'
A_DTD_ELSEWHERE = '<!DOCTYPE list SYSTEM "http://127.0.0.1:9/list.dtd"><list/>'


@pytest.mark.parametrize("content", [BILLION_LAUGHS, A_FILE_OF_OURS, A_DTD_ELSEWHERE])
def test_a_list_with_a_dtd_or_an_entity_is_refused_unresolved(content: str) -> None:
    with pytest.raises(ListRefused) as refused:
        root_of(content.encode(), "list")

    assert [problem.code for problem in refused.value.problems] == ["not_xml"]
