"""Everything that an open desk consists of; made in ``web/app.py``."""

from dataclasses import dataclass, field

from nightporter.domain.retention import Retention
from nightporter.domain.sources import Sources
from nightporter.operations.never_twice import InFlight
from nightporter.push.hub import Hub
from nightporter.settings import Settings
from nightporter.storage.database import Database
from nightporter.storage.writer import Writer
from nightporter.web.limits import RequestLimit
from nightporter.web.logs import RequestLog
from nightporter.web.metrics import Metrics
from nightporter.web.recognition import Recognition
from nightporter.web.sweeper import Sweeper


@dataclass(slots=True)
class Desk:
    """An open desk."""

    settings: Settings
    sources: Sources
    database: Database
    writer: Writer
    hub: Hub
    recognition: Recognition
    limit: RequestLimit
    metrics: Metrics
    request_log: RequestLog
    sweeper: Sweeper
    retention: Retention
    in_flight: InFlight = field(default_factory=dict)
