"""InfluxDB: what the log tells, sent by a thread of its own. influxdb_client lives here alone."""

from gateway.influx.door import Door
from gateway.influx.eraser import Eraser
from gateway.influx.lines import Lines
from gateway.influx.sender import Options, Sender

__all__ = ["Door", "Eraser", "Lines", "Options", "Sender"]
