"""The door to MQTT: everything that knows paho or an embedded broker."""
