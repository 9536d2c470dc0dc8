import pytest

from nightporter.domain import errors
from nightporter.domain.errors import Refusal


@pytest.mark.parametrize(
    ("kind", "said", "message"),
    [
        (errors.Malformed, (), "Invalid JSON"),
        (errors.NotRecognised, ("ClientToken",), "Invalid ClientToken"),
        (errors.Invalid, ("PrinterId",), "Invalid PrinterId"),
        (errors.TooLarge, (16,), "The request body is larger than 16 bytes. Send less at once."),
        (errors.TooManyRequests, (7,), "Too many requests. Retry after 7 s."),
        (errors.TookTooLong, (30.0,), "The request took longer than 30 s. Ask for less at once."),
        (errors.TookTooLong, (0.5,), "The request took longer than 0.5 s. Ask for less at once."),
        (errors.Unavailable, ("Closed.",), "Closed."),
        (errors.Blocked, ("No.",), "No."),
        (errors.Contradictory, ("Which?",), "Which?"),
        (errors.NotPermitted, ("Not you.",), "Not you."),
        (
            errors.Unknown,
            (),
            "There is no such operation. Check the address, its letter case and the method (POST).",
        ),
        (
            errors.Changed,
            (),
            "The data was changed by somebody else at the same time. Read it again and repeat the request.",
        ),
    ],
)
def test_what_each_refusal_says(kind, said, message):
    refusal = kind(*said)
    assert isinstance(refusal, Refusal)
    assert refusal.message == message
    assert str(refusal) == message


def test_what_refusals_carry():
    assert errors.Invalid("Count").parameter == "Count"
    assert errors.TooManyRequests(7).retry_after == 7
    assert errors.Unavailable("Closed.").retry_after == 5
    assert errors.Unavailable("Closed.", 9).retry_after == 9


def kinds(of: type[Refusal]) -> set[type[Refusal]]:
    return {kind for one in of.__subclasses__() for kind in {one, *kinds(one)}}


def test_the_tree_in_the_docstring_is_the_tree():
    drawn = {line.split("─ ")[1].split()[0] for line in (errors.__doc__ or "").splitlines() if "─ " in line}
    assert drawn == {kind.__name__ for kind in kinds(Refusal)}
