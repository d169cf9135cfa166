#!/bin/sh
# The second bucket, for the rollups of each minute; the image makes the first. Run once, when the volume is empty.
set -eu
influx bucket create --name gateway-minutes --org "$DOCKER_INFLUXDB_INIT_ORG" --retention 0
