"""Feed every codec what coverage guidance finds: `python tests/fuzz/fuzz_codecs.py --inputs 1000000`.

An input is an example's number and up to four messages, each the number of one of its topics and a payload. What is
raised that is not a `PayloadError`, and what is said that may not be learned, ends it with a non-zero code and leaves
the input in a file.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))

with atheris.instrument_imports(include=["gateway.codecs"]):
    from dialects import ARRIVAL, GOLDENS, Golden, check_fitness

from gateway.errors import PayloadError
from gateway.records import Message

BETWEEN = b"\xff\x00\xff"
MESSAGES = 4
LONGEST = 2048
"""Bytes of an input."""


class Count:
    """How many messages were tried."""

    messages = 0


def one(data: bytes) -> None:
    """Decode one input; raises what must not be raised."""
    golden = GOLDENS[data[0] % len(GOLDENS)] if data else GOLDENS[0]
    codec = golden.codec()
    for piece in data[1:].split(BETWEEN)[:MESSAGES]:
        Count.messages += 1
        try:
            decoded = codec.decode(Message(topic(golden, piece[:1]), piece[1:], ARRIVAL))
        except PayloadError:
            continue
        check_fitness(decoded)


def topic(golden: Golden, choice: bytes) -> str:
    """Return one of the example's topics, or half of one beside itself."""
    number = choice[0] if choice else 0
    known = golden.messages[number % len(golden.messages)][0]
    return known if number < 2 * len(golden.messages) else known[number % (len(known) + 1) :]


def seeds(folder: Path) -> None:
    """Write the examples as inputs."""
    for number, golden in enumerate(GOLDENS):
        pieces = [bytes([place]) + message.payload for place, message in enumerate(golden.received())]
        for first in range(0, len(pieces), MESSAGES):
            (folder / f"{number}-{first}").write_bytes(bytes([number]) + BETWEEN.join(pieces[first : first + MESSAGES]))


def main() -> None:
    """Fuzz until so many inputs were tried."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        seeds(Path(folder))
        arguments = [f"-atheris_runs={options.inputs}", f"-max_len={LONGEST}", f"-artifact_prefix={folder}-", folder]
        atheris.Setup([sys.argv[0], *arguments], one)
        try:
            atheris.Fuzz()  # ends the process itself
        finally:
            print(f"{Count.messages} messages in {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
