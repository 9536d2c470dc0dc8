import pytest
from hypothesis import given
from hypothesis import strategies as some

from nightporter.domain.command import (
    ACTIVE,
    MOVES,
    TERMINAL,
    CommandState,
    Creator,
    kept_notes,
    kept_progress,
    moves,
)
from nightporter.domain.errors import Invalid

P, R, X, D, C, E = (
    CommandState.PENDING,
    CommandState.RECEIVED,
    CommandState.PROCESSING,
    CommandState.PROCESSED,
    CommandState.CANCELLED,
    CommandState.ERROR,
)
STATES = (P, R, X, D, C, E)
# Contract 4, the transition table: w writes, = changes nothing, s is Invalid State, c is Invalid CommandId.
TABLE = {
    P: "= w w w w w",
    R: "s = w w w w",
    X: "s s w w w w",
    D: "c c c = c c",
    C: "c c c c = c",
    E: "c c c c c =",
}


@pytest.mark.parametrize(
    ("current", "requested", "outcome"),
    [(now, wanted, cell) for now, row in TABLE.items() for wanted, cell in zip(STATES, row.split(), strict=True)],
)
def test_the_table_of_moves(current, requested, outcome):
    if outcome in "sc":
        with pytest.raises(Invalid) as refused:
            moves(current, requested)
        assert refused.value.parameter == {"s": "State", "c": "CommandId"}[outcome]
    else:
        assert moves(current, requested) is (outcome == "w")


@pytest.mark.parametrize("requested", STATES)
def test_the_guard_of_the_statement_is_the_table(requested):
    writes = {now for now, row in TABLE.items() if row.split()[STATES.index(requested)] == "w"}
    assert MOVES[requested] == writes


def test_the_states_bear_the_words_of_the_wire():
    assert [state.value for state in STATES] == ["Pending", "Received", "Processing", "Processed", "Cancelled", "Error"]
    assert list(CommandState) == list(STATES)


def test_active_is_what_waits_and_terminal_is_what_has_ended():
    assert {P, R} == ACTIVE
    assert {D, C, E} == TERMINAL


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (None, None), (-0.001, 0.0), (0, 0.0), (0.001, 0.001), (50.5, 50.5), (99.999, 99.999), (100, 100.0),
        (100.001, 100.0), (float("inf"), 100.0), (float("-inf"), 0.0), (1e308, 100.0), (-1e308, 0.0),
    ],
)  # fmt: skip
def test_progress_is_clamped_between_0_and_100(sent, kept):
    assert kept_progress(X, sent) == kept


@pytest.mark.parametrize("state", [state for state in STATES if state is not X])
def test_progress_counts_with_processing_alone(state):
    assert kept_progress(state, 50.0) is None


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_notes_are_kept_with_an_end_state(state):
    assert kept_notes(state, "paper jam") == "paper jam"
    assert kept_notes(state, "") == ""
    assert kept_notes(state, None) is None


@pytest.mark.parametrize("state", [P, R, X])
def test_notes_count_with_an_end_state_alone(state):
    assert kept_notes(state, "paper jam") is None


def test_notes_lose_their_nuls_and_what_is_beyond_1000_characters():
    assert kept_notes(E, "a" * 1000) == "a" * 1000
    assert kept_notes(E, "a" * 1000 + "b") == "a" * 1000
    assert kept_notes(E, "\0" * 5 + "é" * 1000 + "b") == "é" * 1000
    assert kept_notes(E, "a\0b\0") == "ab"


@given(some.text())
def test_notes_are_cut_and_cleaned_and_otherwise_as_sent(notes):
    kept = kept_notes(C, notes)
    assert kept == notes.replace("\0", "")[:1000]


def test_the_creator_of_a_command_that_came_through_the_api():
    assert Creator.of_integration("MyPOS") == Creator(
        first_name=None, last_name="MyPOS", image_url=None, discriminator="Integration", profile_id=None
    )
