"""The driver ``ipp``: network printers and CUPS queues, over the Internet Printing Protocol."""

from nightporter.agent.drivers.printer.driver import KIND

__all__ = ["KIND"]
