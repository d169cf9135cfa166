"""A simulated fleet of sensors over MQTT: other people's firmware, so nothing here knows the gateway."""
