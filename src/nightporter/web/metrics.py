"""Counts for Prometheus: requests by operation and status, their time, sockets, events.

Counting is a few additions to plain numbers; the families that Prometheus reads are made when it asks.
"""

from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0)


class _Times:
    """How long one operation takes: a count for each bound, and one for what is longer."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(_BOUNDS) + 1)
        self.total = 0.0


class Metrics(Collector):
    """The counts of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.sockets = 0
        self.events = 0
        self._requests: dict[tuple[str, int], int] = {}
        self._times: dict[str, _Times] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def answered(self, operation: str, status: int, seconds: float) -> None:
        """Count one request."""
        kind = (operation, status)
        self._requests[kind] = self._requests.get(kind, 0) + 1
        times = self._times.get(operation)
        if times is None:
            times = self._times[operation] = _Times()
        times.counts[bisect_left(_BOUNDS, seconds)] += 1
        times.total += seconds

    def collect(self) -> Iterator[Metric]:
        """Everything, as families."""
        requests = CounterMetricFamily("nightporter_requests", "Requests answered.", labels=["operation", "status"])
        for (operation, status), count in self._requests.items():
            requests.add_metric([operation, str(status)], count)
        yield requests
        times = HistogramMetricFamily(
            "nightporter_request_seconds",
            "Time from the first byte read to the reply handed over.",
            labels=["operation"],
        )
        for operation, taken in self._times.items():
            buckets, sofar = [], 0
            for bound, count in zip((*map(str, _BOUNDS), "+Inf"), taken.counts, strict=True):
                sofar += count
                buckets.append((bound, sofar))
            times.add_metric([operation], buckets, taken.total)
        yield times
        yield GaugeMetricFamily("nightporter_sockets", "Open sockets.", value=self.sockets)
        yield CounterMetricFamily("nightporter_events", "Events published.", value=self.events)

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self._registry)
