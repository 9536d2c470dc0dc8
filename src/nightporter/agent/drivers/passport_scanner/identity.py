"""What was read, in the words of the platform: the fields of its customers and identity documents, and remarks for people."""

from nightporter.agent.driver import Notes
from nightporter.agent.drivers.passport_scanner.mrz import Holder
from nightporter.agent.drivers.passport_scanner.states import WITHOUT_ISO, alpha_2

_SEXES: dict[str, str | None] = {"M": "Male", "F": "Female", "X": None}


def result(read: Holder, keeps_number: bool) -> Notes:
    """``Identity`` with its ``Document``; without ``keeps_number`` the numbers are empty, as the platform wants them then."""
    document: Notes = {
        "Type": read.kind,
        "Number": read.number if keeps_number else "",
        "ExpirationDate": read.expiry.isoformat() if read.expiry else None,
        "IssuingCountryCode": alpha_2(read.issuer),
    }
    if read.support_number is not None:
        document["IdentityDocumentSupportNumber"] = read.support_number if keeps_number else ""
    return {
        "Identity": {
            "FirstName": read.given_names,
            "LastName": read.surname,
            "Sex": _SEXES[read.sex],
            "BirthDate": read.birth.isoformat() if read.birth else None,
            "NationalityCode": alpha_2(read.nationality),
            "Document": document,
        }
    }


def notes(read: Holder, keeps_number: bool) -> str:
    """What the receptionist is told; it stays in the history, so that nothing of it tells of the person."""
    kind = {"Passport": "A passport", "Visa": "A visa"}.get(read.kind, "An identity card")
    remarks = list(read.remarks)
    if read.issuer in WITHOUT_ISO:
        remarks.append(f"the issuing state {read.issuer} ({WITHOUT_ISO[read.issuer]}) has no ISO code")
    if read.nationality in WITHOUT_ISO and read.nationality != read.issuer:
        remarks.append("the nationality in the document has no ISO code")
    if not keeps_number:
        remarks.append("its number was left out")
    told = "".join(f" {remark[0].upper()}{remark[1:]}." for remark in remarks)
    return f"{kind} was read; its data is in the result.{told}"
