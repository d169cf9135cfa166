"""InfluxDB: what the log tells, sent by a thread of its own. influxdb_client lives here alone."""

from gateway.influx.door import Door
from gateway.influx.lines import Lines
from gateway.influx.sender import Options, Sender

__all__ = ["Door", "Lines", "Options", "Sender"]
