"""How the gateway is: what the status message says, and the numbers that stand in the log."""

import logging
from collections import Counter
from itertools import islice

from gateway.codecs.outgoing import iso
from gateway.intake import Intake
from gateway.ledger import Ledger
from gateway.mqtt.inbox import Inbox
from gateway.neighbours import Link, Sender
from gateway.records import State
from gateway.repeats import Repeats
from gateway.rulebook import Regime
from gateway.shard import Shard

logger = logging.getLogger(__name__)

SHOWN = 20
"""Failed models named in the status: a wrong setting may fail on every stream, and a status is not a log."""


class Standing:
    """Reads the parts; changes nothing."""

    def __init__(  # noqa: PLR0913 - it looks at everything
        self,
        version: str,
        *,
        shard: Shard,
        intake: Intake,
        inbox: Inbox,
        link: Link,
        sender: Sender | None,
        ledger: Ledger,
        regime: Regime,
        repeats: Repeats,
        counts: Counter[str],
    ) -> None:
        self.started_at = 0
        self._version, self._shard, self._intake, self._inbox = version, shard, intake, inbox
        self._link, self._sender, self._ledger, self._repeats, self._counts = link, sender, ledger, repeats, counts
        self._regime = regime
        self._quarantined: set[str] = set()

    def tree(self, now: int) -> dict[str, object]:
        """What the status message says."""
        counts, shard = self._counts, self._shard
        opened, closed = counts[f"incidents_{State.OPEN}"], counts[f"incidents_{State.CLOSED}"]
        tree: dict[str, object] = {
            "state": "online",
            "version": self._version,
            "at": iso(now),
            "started_at": iso(self.started_at),
            "messages": counts["messages"],
            "readings": counts["readings"],
            "rejected": dict(self._intake.rejected),
            "devices": len(shard.directory.devices),
            "streams": len(shard.directory),
            "kinds": shard.fleet.natures(),
            "incidents": {"opened": opened, "closed": closed, "open": len(shard.incidents)},
            "false_alarms": shard.fleet.false_alarms(),
            "maintenance": shard.calendar.active(now),
            "predictions": counts["predictions"],
            "replies": {"sent": counts["replies"], "left_out": counts["replies_left_out"]},
            "disk": {"error": self._ledger.disk_error or None, "unlogged": counts["unlogged"]},
            "repeats": {"recognised": self._repeats.recognised, "ambiguous": self._repeats.ambiguous},
            "learning_anew": self._renewal(),
            **self._connection(),
            "quarantined_models": self._failures(),
        }
        if self._sender:
            tree["influx"] = self._sender.status(now)
        return tree

    def _renewal(self) -> dict[str, object] | None:
        if (renewal := self._regime.renewal) is None:
            return None
        left_s = None if renewal.left_s is None else round(renewal.left_s)
        return {
            "why": renewal.why,
            "serving": renewal.serving,
            "percent": round(100 * renewal.share),
            "left_s": left_s,
        }

    def _connection(self) -> dict[str, object]:
        return {
            "inbox": {
                "waiting": len(self._inbox),
                "high_water": self._inbox.high_water,
                "times_blocked": self._inbox.times_blocked,
                "blocked_s": round(self._inbox.blocked_s, 3),
            },
            "connection": {
                "received": self._link.received,
                "published": self._link.published,
                "dropped": self._link.dropped,
                "reconnects": self._link.reconnects,
            },
        }

    def _failures(self) -> dict[str, object]:
        """The chosen models that are in quarantine, each of which is said in the logs of the process once."""
        failures = self._shard.fleet.failures()
        for name in [name for name in failures if name not in self._quarantined][:SHOWN]:
            logger.warning("%s goes on without the model chosen for it, which failed: %s", name, failures[name])
            self._quarantined.add(name)
        return {"count": len(failures), "first": dict(islice(failures.items(), SHOWN))}

    def numbers(self) -> dict[str, float]:
        """The counters, for the log."""
        return {
            **{name: float(self._counts[name]) for name in ("messages", "readings", "predictions")},
            "rejected": float(sum(self._intake.rejected.values())),
            "dropped": float(self._link.dropped),
            "devices": float(len(self._shard.directory.devices)),
            "streams": float(len(self._shard.directory)),
            "incidents_opened": float(self._counts[f"incidents_{State.OPEN}"]),
            "incidents_open": float(len(self._shard.incidents)),
            "unsent": float(self._sender.unsent if self._sender else 0),
        }
