"""Counts for Prometheus: what a process counts, how the counts of several are added up, and what they are told as.

Counting is a few additions to plain numbers; the families that Prometheus reads are made when it asks. ``docs/metrics.md``
is made from the table of families.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0)
CHANGES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Spread(msgspec.Struct):
    """How values spread: a count for each bound, one for what is larger, and the sum of the values."""

    counts: list[int] = msgspec.field(default_factory=lambda: [0] * (len(SECONDS) + 1))
    total: float = 0.0

    def count(self, value: float, bounds: Sequence[float] = SECONDS) -> None:
        """Count one value."""
        self.counts[bisect_left(bounds, value)] += 1
        self.total += value


class Counts(msgspec.Struct):
    """What one process has counted, in plain numbers that can be written to a file and added up (:func:`added`).

    All are counters, which only grow, but ``sockets``: a gauge, of which each process has its own, so that it adds up too.
    """

    requests: dict[str, dict[int, int]] = {}
    """By operation and status."""
    request_seconds: dict[str, Spread] = {}
    """By operation."""
    sockets: int = 0
    events: int = 0
    listeners_dropped: int = 0
    batch_size: Spread = msgspec.field(default_factory=lambda: Spread([0] * (len(CHANGES) + 1)))
    batch_wait: Spread = msgspec.field(default_factory=Spread)
    batch_seconds: Spread = msgspec.field(default_factory=Spread)
    event_lag: Spread = msgspec.field(default_factory=Spread)


class Found(msgspec.Struct):
    """What is asked of the database when Prometheus asks: gauges that are the same from every process, never added up."""

    database_up: bool
    queue_ages: dict[str, float] | None
    """Seconds by type of device; None when the database could not be read."""


def added(one: Counts, other: Counts) -> Counts:
    """The counts of two processes together; both must be of the same release."""
    sums: Counts = _sum(one, other)
    return sums


def _sum(one: Any, other: Any) -> Any:
    if isinstance(one, dict):
        both = {key: _sum(one[key], other[key]) for key in one.keys() & other.keys()}
        return deepcopy({**one, **other}) | both
    if isinstance(one, list):
        return [_sum(*pair) for pair in zip(one, other, strict=True)]
    if isinstance(one, msgspec.Struct):
        return type(one)(*(_sum(getattr(one, name), getattr(other, name)) for name in one.__struct_fields__))
    return one + other


class Metrics:
    """The counts of this process, which go on from ``counts``."""

    def __init__(self, counts: Counts | None = None) -> None:
        self._counts = Counts() if counts is None else counts

    def answered(self, operation: str, status: int, seconds: float) -> None:
        """Count one request."""
        statuses = self._counts.requests.get(operation)
        if statuses is None:
            statuses = self._counts.requests[operation] = {}
            self._counts.request_seconds[operation] = Spread()
        statuses[status] = statuses.get(status, 0) + 1
        self._counts.request_seconds[operation].count(seconds)

    def connected(self, sockets: int) -> None:
        """Count a socket that was opened (1) or closed (-1)."""
        self._counts.sockets += sockets

    def dropped(self) -> None:
        """Count a listener that was dropped because it did not keep up."""
        self._counts.listeners_dropped += 1

    def published(self, events: int) -> None:
        """Count events that were handed to the listeners."""
        self._counts.events += events

    def committed(self, size: int, waited: float, took: float, lag: float | None) -> None:
        """Count one batch of the writer; see :data:`nightporter.storage.writer.Measure`."""
        counts = self._counts
        counts.batch_size.count(size, CHANGES)
        counts.batch_wait.count(waited)
        counts.batch_seconds.count(took)
        if lag is not None:
            counts.event_lag.count(lag)

    def snapshot(self) -> Counts:
        """The counts as they are now."""
        return deepcopy(self._counts)

    def told(self) -> Counts:
        """What is told to whoever asks: the counts of all processes that serve on this machine."""
        return self.snapshot()


@dataclass(frozen=True, slots=True)
class Family:
    """One family of metrics, by its name as it is read; ``values`` gives its values by label, "" where it has none."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    about: str
    values: Callable[[Counts, Found], Mapping[Any, Any]]
    bounds: tuple[float, ...] = ()


FAMILIES = (
    Family(
        "nightporter_requests_total", "counter", ("operation", "status"),
        "Requests answered; the operation is empty where there is none at that path, and upstream for what was forwarded.",
        lambda c, _: {(name, str(status)): n for name, by in c.requests.items() for status, n in by.items()},
    ),
    Family(
        "nightporter_request_seconds", "histogram", ("operation",),
        "Time from the first byte read to the reply handed over.",
        lambda c, _: c.request_seconds, SECONDS,
    ),
    Family("nightporter_sockets", "gauge", (), "Open sockets.", lambda c, _: {"": c.sockets}),
    Family(
        "nightporter_events_total", "counter", (),
        "Events published, each where its change was made: the sum of all machines is that of the desk.",
        lambda c, _: {"": c.events},
    ),
    Family(
        "nightporter_event_lag_seconds", "histogram", (),
        "Time from the commit of events until they were handed to every socket of the same process that may hear them, "
        "by batch.",
        lambda c, _: {"": c.event_lag}, SECONDS,
    ),
    Family(
        "nightporter_listeners_dropped_total", "counter", (),
        "Sockets closed with 1013, because more than listener_queue events waited for them.",
        lambda c, _: {"": c.listeners_dropped},
    ),
    Family(
        "nightporter_batch_size", "histogram", (), "Changes that the writer took together.",
        lambda c, _: {"": c.batch_size}, CHANGES,
    ),
    Family(
        "nightporter_batch_wait_seconds", "histogram", (),
        "Time for which the oldest change of a batch waited before the batch was begun.",
        lambda c, _: {"": c.batch_wait}, SECONDS,
    ),
    Family(
        "nightporter_batch_seconds", "histogram", (),
        "Time in which a batch was carried out and made durable, or refused.",
        lambda c, _: {"": c.batch_seconds}, SECONDS,
    ),
    Family(
        "nightporter_queue_age_seconds", "gauge", ("device_type",),
        "Age of the oldest active command (Pending or Received) of a type of device, 0 when there is none; "
        "nothing while the database cannot be read.",
        lambda _, f: f.queue_ages or {},
    ),
    Family(
        "nightporter_database_up", "gauge", (), "1 while the desk can write, else 0; what /ready says.",
        lambda _, f: {"": int(f.database_up)},
    ),
)  # fmt: skip
"""Every family, in the order in which it is told."""


def text(counts: Counts, found: Found) -> bytes:
    """Everything, as Prometheus reads it."""
    registry = CollectorRegistry()
    registry.register(_Collected(counts, found))
    return generate_latest(registry)


class _Collected(Collector):
    def __init__(self, counts: Counts, found: Found) -> None:
        self._counts = counts
        self._found = found

    def collect(self) -> Iterator[Metric]:
        for family in FAMILIES:
            yield _told(family, family.values(self._counts, self._found))


def _told(family: Family, values: Mapping[Any, Any]) -> Metric:
    if family.kind == "histogram":
        histogram = HistogramMetricFamily(family.name, family.about, labels=family.labels)
        for label, spread in values.items():
            histogram.add_metric([label] if family.labels else [], _buckets(family.bounds, spread), spread.total)
        return histogram
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    metric = kind(family.name, family.about, labels=family.labels)
    for label, value in values.items():
        labels = [label] if isinstance(label, str) else list(label)
        metric.add_metric(labels if family.labels else [], value)
    return metric


def _buckets(bounds: tuple[float, ...], spread: Spread) -> list[tuple[str, float]]:
    buckets, sofar = [], 0
    for bound, count in zip((*map(str, map(float, bounds)), "+Inf"), spread.counts, strict=True):
        sofar += count
        buckets.append((bound, float(sofar)))
    return buckets
