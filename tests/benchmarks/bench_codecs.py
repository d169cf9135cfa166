"""What decoding costs: µs for each message of each dialect, against `json.loads` of the same bytes.

Where a payload is not JSON, the peer reads the same values as our own dialect would have written them. Examples are
those of the contract tests; the best of several rounds counts.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from dialects import GOLDENS, Golden

from gateway.codecs import Codec
from gateway.records import Message

ROUNDS = 5
REPEATS = 400
LATER = 2 * 3600 * 10**9
"""Between two rounds of the examples, in ns: then a repeated value is a sample again."""


def best_us(work: Callable[[], object], messages: int) -> float:
    """The least time of a message in µs."""
    return min(timed(work) for _ in range(ROUNDS)) * 1e6 / messages


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measuring(golden: Golden) -> list[Message]:
    """Return the messages that bring values, not those that describe or announce."""
    codec = golden.codec()
    return [message for message in golden.received() if codec.decode(message).readings]


def peer(golden: Golden, messages: list[Message]) -> list[bytes]:
    """Return what `json.loads` reads: the same bytes, or the same values in JSON."""
    codec, texts = golden.codec(), []
    for message in golden.received():
        decoded = codec.decode(message)
        if message in messages:
            try:
                json.loads(message.payload)
                texts.append(message.payload)
            except ValueError:
                texts.append(json.dumps({reading.sensor: reading.value for reading in decoded.readings}).encode())
    return texts


def main() -> None:
    """Measure and print."""
    for golden in GOLDENS:
        messages = measuring(golden)
        texts, codec = peer(golden, messages), golden.codec()
        decode(codec, golden.received())
        stream = [
            message._replace(received_at=message.received_at + number * LATER)
            for number in range(1, REPEATS)
            for message in messages
        ]
        ours = best_us(partial(decode, codec, stream), len(stream))
        theirs = best_us(partial(load, texts * REPEATS), len(texts) * REPEATS)
        print(f"{golden.name:20} {ours:5.1f} µs a message of {len(golden.values) / len(messages):.1f} values, ", end="")
        print(f"json.loads {theirs:.1f} µs, ratio {ours / theirs:.1f}")


def decode(codec: Codec, stream: list[Message]) -> None:
    """Decode all."""
    for message in stream:
        codec.decode(message)


def load(texts: list[bytes]) -> None:
    """Read all as JSON."""
    for text in texts:
        json.loads(text)


if __name__ == "__main__":
    main()
