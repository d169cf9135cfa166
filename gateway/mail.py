"""What arrived, on its way to the learners: nothing twice, nobody waiting for another's long list."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from gateway.intake import Intake
from gateway.mqtt.inbox import Inbox
from gateway.neighbours import Link
from gateway.portions import Portions
from gateway.records import SECOND, Entry, Message, Reason
from gateway.repeats import Repeats, unpack
from gateway.shard import Shard

LATE = SECOND
"""A message that waited longer in the inbox says that we are behind: then silence proves nothing."""


class Mail:
    """Takes messages out of the inbox and makes a portion of entries of them."""

    def __init__(  # noqa: PLR0913 - what arrives passes all of them
        self, shard: Shard, intake: Intake, inbox: Inbox, link: Link, *, repeats: Repeats, counts: Counter[str]
    ) -> None:
        self.asides: dict[str, Callable[[Message], None]] = {}
        self.repeats = repeats
        self._intake, self._inbox, self._link, self._counts = intake, inbox, link, counts
        self._portions = Portions(shard.directory)
        self._taken: list[Message] = []
        self._again: set[tuple[int, int] | None] = set()

    def resume(self, receipts: Iterable[bytes], last_at: int) -> None:
        """What was received before a restart, and when the last of it was."""
        for body in receipts:
            self.repeats.resume(unpack(body))
        self._intake.latest_at = max(self._intake.latest_at, last_at)

    def __bool__(self) -> bool:
        return bool(self._taken or self._portions)

    @property
    def is_waiting(self) -> bool:
        """Whether something has arrived that is still in the inbox."""
        return len(self._inbox) > 0

    @property
    def is_torn(self) -> bool:
        """Whether what was learned may hold a part of a message that would be learned again if it ended here."""
        return self._portions.is_torn

    def pause(self) -> None:
        """Take nothing new."""
        self._taken = []

    def collect(self, wait_s: float) -> None:
        """Take what has arrived; where nothing is left of what was taken before, wait for it at most so long."""
        busy = {self._intake.sender_of(message.topic) for message in self._portions.held}
        self._taken = self._inbox.take(0.0 if self._portions else wait_s, busy)
        self._counts["messages"] += len(self._taken)

    def is_late(self, now: int) -> bool:
        """Whether something of it waited for long."""
        return any(now - message.received_at >= LATE for message in (*self._taken, *self._portions.held))

    def count_shed(self, now: int) -> None:
        """Count as rejected what the inbox did not let in."""
        for sender, count in self._inbox.shed().items():
            self._intake.reject(sender or "strangers", Reason.RATE, now, count)

    def read(self) -> list[Entry]:
        """Give a portion of what is new and of what was left."""
        new = [message for message in self._taken if self._is_new(message)]
        self._again = {message.receipt for message in self._taken} - {message.receipt for message in new}
        return self._portions.next(self._intake.take(self._not_aside(new)))

    def done(self) -> tuple[list[Message], set[tuple[int, int] | None]]:
        """What is to be acknowledged: messages of which everything was learned; of them these came again."""
        return self._portions.release(self._taken), self._again

    def renumber(self, names: Sequence[tuple[str, str]]) -> None:
        """The directory has become another: what is left names its streams by their places in `names`."""
        self._portions.renumber(names)
        self._intake.renumber()

    def _is_new(self, message: Message) -> bool:
        """Whether it was not received before; what comes again is acknowledged again and not learned."""
        return message.receipt is None or not self.repeats.is_repeat(message, self._link.anew)

    def _not_aside(self, messages: list[Message]) -> list[Message]:
        """Hand over what is no reading and no word on a device; return the rest."""
        if not self.asides:
            return messages
        for message in messages:
            if message.topic in self.asides:
                self.asides[message.topic](message)
        return [message for message in messages if message.topic not in self.asides]
