from hypothesis import given
from hypothesis import strategies as st

from app.kernel.serials import Span, overlaps


def test_a_span_counts_both_its_ends() -> None:
    assert Span("IN", 5, 5).units == 1
    assert Span("IN", 196, 205).units == 10


def test_a_span_lies_within_another_of_the_same_party_only() -> None:
    whole = Span("IN", 1, 10)

    assert Span("IN", 1, 10).within(whole)
    assert not Span("IN", 0, 10).within(whole)
    assert not Span("IN", 1, 11).within(whole)
    assert not Span("CN", 2, 3).within(whole)


def test_common_numbers_are_counted_within_one_party() -> None:
    assert Span("IN", 1, 10).common(Span("IN", 10, 20)) == 1
    assert Span("IN", 1, 10).common(Span("IN", 11, 20)) == 0
    assert Span("IN", 1, 10).common(Span("IN", 3, 4)) == 2
    assert Span("IN", 1, 10).common(Span("CN", 1, 10)) == 0


def test_what_is_left_of_a_span_lies_between_the_parts_taken_out() -> None:
    whole = Span("IN", 1, 10)

    assert whole.without([]) == [whole]
    assert whole.without([Span("IN", 8, 9), Span("IN", 1, 2), Span("IN", 3, 4)]) == [
        Span("IN", 5, 7),
        Span("IN", 10, 10),
    ]
    assert whole.without([Span("IN", 1, 10)]) == []


def test_a_new_span_over_a_known_one_is_named_whichever_begins_first() -> None:
    known = [Span("IN", 10, 20)]

    assert overlaps(known, [(Span("IN", 20, 30), "after")]) == [("after", Span("IN", 10, 20))]
    assert overlaps(known, [(Span("IN", 1, 10), "before")]) == [("before", Span("IN", 10, 20))]
    assert overlaps(known, [(Span("IN", 1, 9), "a"), (Span("IN", 21, 22), "b"), (Span("CN", 10, 20), "c")]) == []


def test_known_spans_are_not_judged() -> None:
    assert overlaps([Span("IN", 1, 10), Span("IN", 5, 6)], []) == []


spans = st.builds(
    lambda space, first, units: Span(space, first, first + units),
    st.sampled_from(["IN", "CN"]),
    st.integers(1, 60),
    st.integers(0, 20),
)


@given(st.lists(spans, max_size=12))
def test_a_file_has_a_named_overlap_exactly_when_two_spans_share_a_number(drawn: list[Span]) -> None:
    shared = any(a.common(b) for i, a in enumerate(drawn) for b in drawn[i + 1 :])

    assert bool(overlaps([], list(zip(drawn, range(len(drawn)), strict=True)))) is shared
