"""The edge learning gateway: learns each device's own behaviour from MQTT and tells it what is abnormal."""
