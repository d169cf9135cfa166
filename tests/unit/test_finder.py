"""Where in the log a device stands."""

import sqlite3

import numpy as np
from readings import START, batch, verdicts

from gateway.journal import Journal, finder, names
from gateway.learning.directory import Directory


def test_a_device_is_found_after_others_and_its_own_first_sensor_are_forgotten(journal: Journal) -> None:
    """And nobody is looked for where only a forgotten device was: forgetting one costs the same after many."""
    directory = Directory()
    lines = [("pump", "a"), ("pump", "b"), ("room", "a")], [("room", "a")], [("pump", "b")], [("meter", "a")]
    for number, line in enumerate(lines):
        readings = batch(directory, [(*name, START + number, 20.0) for name in line])
        journal.append(directory, [(readings, verdicts(len(line)))], [])
    journal.checkpoint("rules", {})
    database = sqlite3.connect(journal.path, isolation_level=None)
    for device, gone in (("pump", [0]), ("room", [2])):
        finder.rename(database, device, np.isin(np.arange(4), gone))
        names.forget(database, gone)
    found = {device: finder.seqs(database, device).tolist() for device in ("pump", "meter", "room")}
    database.close()
    assert found == {"pump": [1, 3], "meter": [4], "room": []}
