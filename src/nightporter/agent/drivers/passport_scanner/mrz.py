"""The machine readable zone of travel documents: TD1, TD2, TD3, MRV-A and MRV-B, and the French card of before 2021.

Sources: ICAO Doc 9303 parts 3 (characters, check digits, dates, names), 4 (TD3), 5 (TD1), 6 (TD2) and 7 (visas). A check
digit finds every single wrong character but one whose value differs by ten or twenty, like 0 for A, or 1 for L.
"""

from collections.abc import Callable, Sequence
from datetime import date

from nightporter.agent.drivers.passport_scanner.states import is_known
from nightporter.domain.value import value

FILLER = "<"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<"
_VALUES = {character: index for index, character in enumerate(ALPHABET[:36])} | {FILLER: 0}
_WEIGHTS = (7, 3, 1)
_DIGITS = frozenset("0123456789")
_NO_GIVEN_NAME = "the document tells no given name"
_CUT_OFF = "the name fills its line and may be cut off"
_PAST, _FUTURE = 10, 50
"""So many years ago, and from now, may the year of an expiry lie that its two digits stand for."""


class NotClean(ValueError):
    """What was read cannot be what stands on the document. The message names the part, and never what was read."""


@value
class Holder:
    """What a machine readable zone says: of the person and of the document, capitals without accents as it has them.

    States are codes of the document (``D``, ``GBO``, ``UTO``). A date or name that is None is not told by the document;
    ``remarks`` says why, and whatever else a person should know, without any data.
    """

    kind: str
    surname: str
    given_names: str | None
    sex: str
    birth: date | None
    nationality: str
    issuer: str
    number: str
    expiry: date | None
    support_number: str | None = None
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "Holder(…)"


def check_digit(text: str) -> int:
    """The check digit of ``text`` (Doc 9303 part 3, 4.9): weights 7, 3, 1; letters count from 10; a filler is zero."""
    return sum(_VALUES[character] * _WEIGHTS[index % 3] for index, character in enumerate(text)) % 10


def holder(lines: Sequence[str], today: date) -> Holder:
    """Read a zone of two or three ``lines``; ``today`` tells the century of its dates. Raises NotClean."""
    read = _LAYOUTS.get(tuple(len(line) for line in lines))
    if read is None:
        raise NotClean("length of the lines")
    if any(character not in _VALUES for line in lines for character in line):
        raise NotClean("characters that no document has")
    return read(lines, today)


def _two_of_44(lines: Sequence[str], today: date) -> Holder:
    first, second = lines
    if first[0] == "V":
        return _common("Visa", first, second, today)
    if first[0] != "P":
        raise NotClean("kind of the document")
    read = _common("Passport", first, second, today)
    _checked(second[28:42], second[42], "personal number", may_be_filler=True)
    _checked(second[0:10] + second[13:20] + second[21:43], second[43], "whole document")
    return read


def _two_of_36(lines: Sequence[str], today: date) -> Holder:
    first, second = lines
    if first[0] == "V":
        return _common("Visa", first, second, today)
    if first.startswith("IDFRA"):
        return _french_card(first, second, today)
    _of_a_card(first)
    read = _common("IdentityCard", first, second, today, second[28:35])
    _checked(second[0:10] + second[13:20] + second[21:35], second[35], "whole document")
    return read


def _three_of_30(lines: Sequence[str], today: date) -> Holder:
    first, second, names = lines
    _of_a_card(first)
    issuer, nationality = _state(first[2:5], "issuing state"), _state(second[15:18], "nationality")
    number, support = _number(first[5:14], first[14], first[15:30]), None
    if issuer == "ESP" and first.startswith("ID") and first[15:24].strip(FILLER):
        number, support = _text(first[15:30]), number  # the card's own number stands where others have the holder's
    remarks: list[str] = []
    surname, given = _names(names, remarks)
    birth = _birth(second[0:6], second[6], today, remarks)
    expiry = _expiry(second[8:14], second[14], today, remarks)
    _checked(first[5:30] + second[0:7] + second[8:15] + second[18:29], second[29], "whole document")
    sex = _sex(second[7])
    told = tuple(remarks)
    return Holder("IdentityCard", surname, given, sex, birth, nationality, issuer, number, expiry, support, told)


def _common(kind: str, first: str, second: str, today: date, overflow: str = "") -> Holder:
    """What all zones of two lines have at the same places."""
    issuer, nationality = _state(first[2:5], "issuing state"), _state(second[10:13], "nationality")
    number = _number(second[0:9], second[9], overflow)
    remarks: list[str] = []
    surname, given = _names(first[5:], remarks)
    birth = _birth(second[13:19], second[19], today, remarks)
    expiry = _expiry(second[21:27], second[27], today, remarks)
    sex = _sex(second[20])
    return Holder(kind, surname, given, sex, birth, nationality, issuer, number, expiry, None, tuple(remarks))


def _french_card(first: str, second: str, today: date) -> Holder:
    """The card that France issued until 2021: no expiry, the given names in the second line, given to French alone."""
    number = second[0:12]
    _checked(number, second[12], "number")
    if FILLER in number:
        raise NotClean("number")
    remarks = ["the date of expiry does not stand in the machine readable zone of this card"]
    surname, given = _name(first[5:30]), _name(second[13:27])
    if not surname:
        raise NotClean("name")
    if not given:
        remarks.append(_NO_GIVEN_NAME)
    if first[29] != FILLER or second[26] != FILLER:
        remarks.append(_CUT_OFF)
    birth = _birth(second[27:33], second[33], today, remarks)
    _checked(first + second[0:35], second[35], "whole document")
    sex = _sex(second[34])
    return Holder("IdentityCard", surname, given or None, sex, birth, "FRA", "FRA", number, None, None, tuple(remarks))


_LAYOUTS: dict[tuple[int, ...], Callable[[Sequence[str], date], Holder]] = {
    (44, 44): _two_of_44,
    (36, 36): _two_of_36,
    (30, 30, 30): _three_of_30,
}


def _checked(text: str, digit: str, what: str, *, may_be_filler: bool = False) -> None:
    """Hold ``text`` against its check digit; where there is no text, some issuers print a filler for it."""
    if may_be_filler and digit == FILLER and not text.strip(FILLER):
        return
    if digit not in _DIGITS or int(digit) != check_digit(text):
        raise NotClean(f"check digit of the {what}")


def _of_a_card(first: str) -> None:
    if first[0] not in "ACI":
        raise NotClean("kind of the document")


def _state(code: str, what: str) -> str:
    bare = code.rstrip(FILLER)
    if not is_known(bare):
        raise NotClean(what)
    return bare


def _sex(character: str) -> str:
    if character not in "MFX<":
        raise NotClean("sex")
    return "X" if character == FILLER else character


def _text(field: str) -> str:
    """A number without the fillers at its end; one within stands for whatever sign the document has there."""
    return field.rstrip(FILLER).replace(FILLER, " ")


def _number(field: str, digit: str, optional: str) -> str:
    """The number; with a filler for its check digit it goes on in the ``optional`` data, the check digit behind it."""
    if digit == FILLER and optional[:1] not in ("", FILLER):
        rest = optional.split(FILLER, 1)[0]
        if len(rest) < 2:
            raise NotClean("check digit of the number")
        field, digit = field + rest[:-1], rest[-1]
    _checked(field, digit, "number")
    if field.startswith(FILLER):
        raise NotClean("number")
    return _text(field)


def _name(field: str) -> str:
    if not _DIGITS.isdisjoint(field):
        raise NotClean("name")
    return " ".join(part for part in field.split(FILLER) if part)


def _names(field: str, remarks: list[str]) -> tuple[str, str | None]:
    if field.startswith(FILLER):
        raise NotClean("name")
    surname, _, given = field.partition(FILLER * 2)
    if not field.endswith(FILLER):
        remarks.append(_CUT_OFF)
    if not given.strip(FILLER):
        remarks.append(_NO_GIVEN_NAME)
    return _name(surname), _name(given) or None


def _pairs(field: str, digit: str, what: str) -> tuple[int, int, int] | None:
    """Year, month and day as printed; None when one of them is not known (fillers, or zero for a month or a day)."""
    _checked(field, digit, what, may_be_filler=True)
    pairs = (field[0:2], field[2:4], field[4:6])
    if any(pair != FILLER * 2 and not _DIGITS.issuperset(pair) for pair in pairs):
        raise NotClean(what)
    if FILLER * 2 in pairs or "00" in pairs[1:]:
        if not all(pair == FILLER * 2 or int(pair) <= most for pair, most in zip(pairs, (99, 12, 31), strict=True)):
            raise NotClean(what)
        return None
    year, month, day = pairs
    return int(year), int(month), int(day)


def _on(year: int, month: int, day: int, what: str) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise NotClean(what) from None


def _birth(field: str, digit: str, today: date, remarks: list[str]) -> date | None:
    """The last date with these two digits of a year that is not in the future."""
    what = "date of birth"
    known = _pairs(field, digit, what)
    if known is None:
        remarks.append("the document does not tell the whole date of birth")
        return None
    year, month, day = known
    century = today.year - today.year % 100
    if (century + year, month, day) > (today.year, today.month, today.day):
        century -= 100
    return _on(century + year, month, day, what)


def _expiry(field: str, digit: str, today: date, remarks: list[str]) -> date | None:
    """The date whose year lies between ten years ago and fifty from now; with other digits nobody can tell the century."""
    what = "date of expiry"
    known = _pairs(field, digit, what)
    if known is None:
        remarks.append("the document does not tell the whole date of expiry")
        return None
    year, month, day = known
    first = today.year - _PAST
    full = first + (year - first) % 100
    if full > today.year + _FUTURE:
        remarks.append("the century of the date of expiry cannot be told; look at the document")
        return None
    return _on(full, month, day, what)
