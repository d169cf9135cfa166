"""What is foretold to the devices, and when."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from itertools import groupby

from gateway.codecs import TopicTemplate
from gateway.codecs.outgoing import encode_prediction
from gateway.config import Settings
from gateway.foresight import Foresight
from gateway.neighbours import Link
from gateway.passages import Foreseen
from gateway.records import SECOND, Forecast, Ints
from gateway.shard import Shard


class Predictions:
    """Tells each device what it will read, as often as it is to hear it; `waiting` says of whom more readings wait."""

    def __init__(  # noqa: PLR0913 - shard, link, waiting and counts are those of the loop
        self,
        settings: Settings,
        topic: TopicTemplate,
        *,
        shard: Shard,
        link: Link,
        waiting: Callable[[], Collection[str]],
        counts: Counter[str],
    ) -> None:
        self.listeners: list[Callable[[Sequence[Forecast]], None]] = []
        self._topic, self._shard, self._link, self._waiting, self._counts = topic, shard, link, waiting, counts
        self._every = round(settings.predictions.every_s * SECOND)
        self._horizons_s = settings.predictions.horizons_s
        self.forget()

    def forget(self) -> None:
        """The shard has become another: its devices and streams have other numbers."""
        self._foresight = Foresight(self._shard, self._horizons_s)
        self._due: dict[int, int] = {}
        self._told_at: dict[int, int] = {}

    def tell(self, stream: Ints, observed_at: Ints, now: int) -> Foreseen | None:
        """After readings of these streams, tell who is due; returns what of it is to be kept, None where nothing is."""
        due = self._due_after(stream, observed_at, now)
        told, crossings = self._shard.forecast(due), self._shard.crossings(due)
        for listen in self.listeners:
            listen(told)
        for device, forecasts in groupby(told, key=lambda forecast: forecast.device):
            self._counts["predictions"] += 1
            payload = encode_prediction(forecasts, (one for one in crossings if one.device == device))
            self._link.publish(self._topic.render(device=device), payload, qos=0, retain=True)
        return self._foresight.keep(told)

    def _due_after(self, stream: Ints, observed_at: Ints, now: int) -> list[int]:
        """The devices that are to hear something, also those whose own clock was set back."""
        directory = self._shard.directory
        latest = {directory.device_of[row]: at for row, at in zip(stream.tolist(), observed_at.tolist(), strict=True)}
        due = [device for device, at in latest.items() if not 0 < self._due.get(device, 0) - at <= self._every]
        due = [device for device in due if not self._is_outdated(device, now)]
        for device in due:
            self._due[device], self._told_at[device] = latest[device] + self._every, now
        return due

    def _is_outdated(self, device: int, now: int) -> bool:
        """Whether what would be told is soon said better: more of the device waits, and it was told just now."""
        if not 0 <= now - self._told_at.get(device, -SECOND) < SECOND:
            return False
        return self._shard.directory.devices[device] in self._waiting()
