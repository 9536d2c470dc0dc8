"""What the reasons of a printer's and a job's state mean for a receptionist.

The reasons are those of RFC 8011 (5.3.8 and 5.4.12), of the registry of IPP at IANA and of CUPS.
"""

from collections.abc import Iterable

from nightporter.domain.value import value

_SEVERITIES = ("-error", "-warning", "-report")
_GOES_ON = "printing goes on by itself"


@value
class Reason:
    """``what`` is the matter and what to ``do``; ``stops`` when nothing is printed until somebody does it."""

    what: str
    do: str
    stops: bool = True


OF_PRINTER = {
    "media-empty": Reason("The printer is out of paper", f"Refill it; {_GOES_ON}."),
    "media-needed": Reason("The printer asks for paper", f"Put in the paper that its panel names; {_GOES_ON}."),
    "media-jam": Reason("Paper is jammed in the printer", f"Take it out and close all covers; {_GOES_ON}."),
    "input-tray-missing": Reason("A paper tray of the printer is missing", f"Push it in; {_GOES_ON}."),
    "output-tray-missing": Reason("The output tray of the printer is missing", f"Put it in; {_GOES_ON}."),
    "output-area-full": Reason("The output tray of the printer is full", f"Empty it; {_GOES_ON}."),
    "cover-open": Reason("A cover of the printer is open", f"Close it; {_GOES_ON}."),
    "door-open": Reason("A door of the printer is open", f"Close it; {_GOES_ON}."),
    "interlock-open": Reason("A part of the printer is open", f"Close all covers and doors; {_GOES_ON}."),
    "toner-empty": Reason("The printer is out of toner", f"Change the cartridge; {_GOES_ON}."),
    "marker-supply-empty": Reason("The printer is out of ink or toner", f"Change the cartridge; {_GOES_ON}."),
    "developer-empty": Reason("The printer is out of developer", f"Change the cartridge; {_GOES_ON}."),
    "marker-waste-full": Reason("The waste toner box of the printer is full", f"Change it; {_GOES_ON}."),
    "opc-life-over": Reason("The drum of the printer is worn out", f"Change it; {_GOES_ON}."),
    "fuser-over-temp": Reason("The printer is too hot", f"Let it cool down; {_GOES_ON}."),
    "spool-area-full": Reason("The memory of the printer is full", "Cancel other jobs at its panel."),
    "paused": Reason("The printer is paused", f"Resume it at its panel or in its queue; {_GOES_ON}."),
    "moving-to-paused": Reason("The printer is about to pause", "Resume it at its panel or in its queue."),
    "shutdown": Reason("The printer is switched off", f"Switch it on; {_GOES_ON}."),
    "offline": Reason("The printer is offline", f"Check its cable and that it is switched on; {_GOES_ON}."),
    "timed-out": Reason("The printer behind the queue does not answer", "Check that it is switched on."),
    "deactivated": Reason("The printer is out of service", "Put it back into service at its panel."),
    "hold-new-jobs": Reason("The printer holds new jobs back", "Release them at its panel or in its queue."),
    "cups-missing-filter": Reason("The queue lacks a filter for this printer", "Call whoever looks after the queue."),
    "connecting-to-device": Reason("The queue is connecting to the printer", "Nothing is to be done yet.", stops=False),
    "media-low": Reason("The printer is low on paper", "Refill it soon.", stops=False),
    "toner-low": Reason("The printer is low on toner", "Have a cartridge ready.", stops=False),
    "marker-supply-low": Reason("The printer is low on ink or toner", "Have a cartridge ready.", stops=False),
    "marker-waste-almost-full": Reason("The waste toner box is almost full", "Have another ready.", stops=False),
    "output-area-almost-full": Reason("The output tray is almost full", "Empty it soon.", stops=False),
    "opc-near-eol": Reason("The drum of the printer is nearly worn out", "Have another ready.", stops=False),
    "fuser-under-temp": Reason("The printer is warming up", f"Nothing is to be done; {_GOES_ON}.", stops=False),
}

OF_JOB = {
    "printer-stopped": Reason("The printer has stopped", f"Look at its panel; {_GOES_ON}."),
    "printer-stopped-partly": Reason("A part of the printer has stopped", "Look at its panel.", stops=False),
    "resources-are-not-ready": Reason("The printer lacks something for this job", "Look at its panel."),
    "job-hold-until-specified": Reason("The job is held back", "Release it at the printer's panel or in its queue."),
    "job-password-wait": Reason("The job waits for its code", "Enter it at the printer's panel."),
    "job-held-for-review": Reason("The job is held for review", "Release it at the printer's panel or in its queue."),
    "job-held-for-authorization": Reason("The job is held", "Release it at the printer's panel or in its queue."),
    "cups-held-for-authentication": Reason(
        "The queue asks for a password for its printer", "Call whoever looks after the queue."
    ),
    "job-canceled-at-device": Reason("The job was cancelled at the printer", "", stops=False),
    "job-canceled-by-operator": Reason("The job was cancelled by an operator", "", stops=False),
    "job-canceled-by-user": Reason("The job was cancelled", "", stops=False),
    "aborted-by-system": Reason("The printer gave the job up", "", stops=False),
    "document-format-error": Reason("The printer could not read the document", "", stops=False),
    "document-unprintable-error": Reason("The printer could not print the document", "", stops=False),
    "document-password-error": Reason("The document is locked by a password", "", stops=False),
    "document-permission-error": Reason("The document forbids printing", "", stops=False),
    "unsupported-document-format": Reason("The printer does not know this kind of document", "", stops=False),
    "job-completed-with-errors": Reason("The printer reported errors", "", stops=False),
    "account-limit-reached": Reason("The printer's page quota is used up", "", stops=False),
    "account-authorization-failed": Reason("The printer refused the account", "", stops=False),
}


def sentence(of_printer: Iterable[str], of_job: Iterable[str]) -> str | None:
    """What a person must do first so that printing goes on, with the reason as the printer named it; None for nothing."""
    found = [*_known(of_printer, OF_PRINTER), *_known(of_job, OF_JOB)]
    told = [f"{one.what} ({name}). {one.do}" for name, one in found if one.do]
    stopping = [text for text, (_, one) in zip(told, (each for each in found if each[1].do), strict=True) if one.stops]
    return next(iter([*stopping, *told]), None)


def problems(of_printer: Iterable[str]) -> tuple[str, ...]:
    """What stands in the way of printing, one sentence each."""
    return tuple(f"{one.what} ({name}). {one.do}" for name, one in _known(of_printer, OF_PRINTER) if one.stops)


def stops(of_printer: Iterable[str], of_job: Iterable[str]) -> bool:
    """Whether nothing is printed until somebody does something."""
    return any(one.stops for _, one in [*_known(of_printer, OF_PRINTER), *_known(of_job, OF_JOB)])


def why(of_job: Iterable[str]) -> str:
    """How a job came to its end, as far as the printer says: a sentence with a blank after it, or nothing."""
    return next((f"{one.what} ({name}). " for name, one in _known(of_job, OF_JOB)), "")


def _known(names: Iterable[str], table: dict[str, Reason]) -> list[tuple[str, Reason]]:
    found = []
    for name in names:
        plain = next((name.removesuffix(end) for end in _SEVERITIES if name.endswith(end)), name)
        if reason := table.get(name) or table.get(plain):
            found.append((name, reason))
    return found
