"""Upgrade without amnesia: a gateway serves at once, and beside it the log is learned anew under other rules.

What was learned under the rules before serves meanwhile; where this version cannot read it, what the newest part of the
log teaches. At the end of the log what was learned anew takes its place, at an entry of the log. Whoever asks for a
refold gets the same.
"""

import logging
import threading
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from gateway import rulebook
from gateway.alarms import reasons
from gateway.alarms.succession import succession
from gateway.control import Handler, Work
from gateway.errors import DiskError, GatewayError, RequestError
from gateway.house import SLICE_S, House, Slices, switch
from gateway.journal import Journal, Reader
from gateway.records import Renewed
from gateway.recovery import TELL_S, Fold, catch_up, fitting, load_checkpoint
from gateway.rulebook import Regime, Renewal
from gateway.shard import Shard

logger = logging.getLogger(__name__)

PATIENCE_S = 5.0
"""How long a start learns from the newest part of the log where no state can be read: as long, nobody is served."""

PROBE = 2**16
"""Bytes of the log that are learned first, to find out how much can be learned in time: about 4,000 readings."""

SAY_S = 60.0
"""How often the gateway's own log says how far it is."""


def begin(regime: Regime, shard: Shard, journal: Journal, stop: threading.Event) -> bool:
    """Bring a fresh shard to where it can serve; False when stopped. `regime` then says what serves, and for how long.

    That is the newest state that can be read, under the rules of the settings before any other.
    """
    own, fits = rulebook.dumps(regime.wanted), fitting(regime.wanted, journal)
    for mark in dict.fromkeys((fits, own, *journal.marks())):
        rules = regime.wanted if mark == fits else rulebook.loads(mark, regime.wanted)
        if rules is None or (seq := load_checkpoint(known := Shard(rules), journal, mark)) is None:
            continue
        if mark not in {fits, own}:
            serving = "what was learned under the settings before"
            regime.renewal = Renewal("settings that the learning depends on have changed", serving)
        regime.mark = own if mark == fits else mark
        shard.become(known)
        return catch_up(shard, journal, seq, stop)
    return _begin_anew(regime, shard, journal, stop)


def _begin_anew(regime: Regime, shard: Shard, journal: Journal, stop: threading.Event) -> bool:
    """Learn the newest part of the log, or all of it where the time suffices."""
    with Reader(journal.path) as log:
        after, started = log.before_newest(PROBE), time.monotonic()
        fold = _newest(log, regime, after, stop)
        if after:
            taken_s = time.monotonic() - started
            after = log.before_newest(round(PROBE * max(1.0, PATIENCE_S / taken_s)))
            fold = _newest(log, regime, after, stop)
        journal.quarantine(log.damaged)
    shard.become(fold.shard)
    regime.mark = None if after else rulebook.dumps(regime.wanted)
    if after:
        began = None if fold.begins is None else reasons.clock(fold.begins, regime.wanted.policy.zone)
        serving = "nothing" if began is None else f"what was heard since {began} has taught"
        regime.renewal = Renewal("no state was saved that this version can read", serving)
    elif fold.readings:
        logger.info("%d streams restored, all %d readings learned again", len(shard.directory), fold.readings)
    return not stop.is_set()


def _newest(log: Reader, regime: Regime, after: int, stop: threading.Event) -> Fold:
    """Fold what stands after this entry, knowing by name who was heard before, and what was said of them."""
    shard = Shard(regime.wanted)
    if after:
        for name in log.streams():
            if any(name):  # it was not forgotten
                shard.directory.add(*name)
        for event in log.words(after):
            shard.apply(event)
    fold = Fold(shard, log, after)
    while fold.advance(TELL_S) and not stop.is_set():
        pass
    return fold


def handlers(house: House) -> dict[str, Handler]:
    """What can be asked of a house."""
    return {"refold": Handler(partial(refold, house), is_exclusive=True, gives_way=True)}


def refold(house: House, _: Mapping[str, Any]) -> Work:
    """Learn the retained log anew under the rules of the settings, and put it in the place of what serves."""
    regime, started = house.regime, time.monotonic()
    regime.renewal = regime.renewal or Renewal("it was asked for", "what is known")
    logger.warning("%s: the log is learned anew; until then %s serves", regime.renewal.why, regime.renewal.serving)
    try:
        fold = yield from _learned(house, regime.renewal)
    except GatewayError as error:
        logger.warning("the log could not be learned anew: %s", error)
        raise
    taken = reasons.duration(time.monotonic() - started)
    logger.warning("%d readings were learned anew in %s, and serve from now on", fold.readings, taken)
    return {"learned anew": fold.readings}


def _learned(house: House, renewal: Renewal) -> Slices[Fold]:
    """The log as it is, learned and serving; begun again where the log was cut ahead of us, or not to be written."""
    with Reader(house.journal.path) as log:
        while True:
            fold = Fold(Shard(house.regime.wanted), log, max(log.first() - 1, 0))
            try:
                if (yield from _reaches_the_end(house, renewal, fold, log)):
                    _let_serve(house, fold, log)
                    return fold
            except DiskError as error:
                yield str(error)


def _reaches_the_end(house: House, renewal: Renewal, fold: Fold, log: Reader) -> Slices[bool]:
    """Fold to the end of the log in slices; False where entries went that were still to be learned.

    After True nothing has been learned that is not in the log, until the slice ends.
    """
    first, started, said_at = fold.seq, time.monotonic(), time.monotonic()
    while True:
        before = fold.seq
        is_more = fold.advance(SLICE_S)
        trouble = None if is_more else _settled(house)
        is_over = not is_more and trouble is None
        if is_over:
            fold.advance()
        if log.first() > before + 1:
            return False
        if is_over:
            return True
        elapsed_s = time.monotonic() - started
        renewal.share = (fold.seq - first) / max(log.last() - first, 1)
        renewal.left_s = elapsed_s * (1 - renewal.share) / renewal.share if renewal.share else None
        if time.monotonic() - said_at > SAY_S:
            said_at = time.monotonic()
            logger.info("%s", _progress(renewal))
        yield trouble or _progress(renewal)


def _settled(house: House) -> str | None:
    """Have all that was learned written; what is in the way of it."""
    try:
        house.settle()
    except RequestError as error:
        return str(error)
    return None


def _progress(renewal: Renewal) -> str:
    left = "" if renewal.left_s is None else f", about {reasons.duration(renewal.left_s)} to go"
    return f"{100 * renewal.share:.0f} % of the log is learned anew{left}"


def _let_serve(house: House, fold: Fold, log: Reader) -> None:
    """Let what was learned anew serve from here on: people keep the ids that they know."""
    follows = succession(log.open_incidents(), fold.shard.incidents)
    at, regime = house.now(), house.regime
    entry = Renewed(at, follows.ids)
    fold.shard.apply(entry)
    switch(house, fold.shard, entry, follows.told(at), rulebook.dumps(regime.wanted))
    regime.renewal = None
