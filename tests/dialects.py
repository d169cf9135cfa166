"""What real devices say in each dialect, as their projects document it, and what is to be understood of it."""

from dataclasses import dataclass, field

from gateway.codecs import Codec, Decoded, tune
from gateway.config import Source
from gateway.records import SECOND, Message

ARRIVAL = 1_795_430_000 * SECOND
"""When every example arrives, unless it is a moment of its own: in November 2026."""

Value = tuple[str, str, float, int | None, str | None]
"""Device, sensor, value, time in ns, unit."""


@dataclass(frozen=True)
class Golden:
    """Messages one after the other, and all that they mean together."""

    name: str
    source: Source
    """Where the example was read."""
    found_in: str
    messages: list[tuple[str, str | bytes]]
    values: list[Value] = field(default_factory=list)
    presences: list[tuple[str, bool]] = field(default_factory=list)
    rejected: list[tuple[str, str | None, str]] = field(default_factory=list)
    received_at: int = ARRIVAL

    def codec(self) -> Codec:
        """Return a fresh codec of this source."""
        return tune(self.source, "sources.0").codec

    def received(self, *, is_retained: bool = False) -> list[Message]:
        """Return the messages as they arrive, a second apart."""
        return [
            Message(topic, payload.encode() if isinstance(payload, str) else payload, at, None, is_retained)
            for at, (topic, payload) in enumerate(self.messages, self.received_at)
        ]


def decode_all(codec: Codec, messages: list[Message]) -> Decoded:
    """Return everything that some messages hold together."""
    whole = Decoded()
    for message in messages:
        part = codec.decode(message)
        whole.readings += part.readings
        whole.rejections += part.rejections
        whole.presences += part.presences
    return whole


GOLDENS = [
    Golden(
        "json",
        Source(topic="devices/{device}/readings"),
        "README.md",
        [("devices/pump/readings", '{"temperature": 21.4, "humidity": 40, "time": "2026-11-23T10:00:00Z"}')],
        [
            ("pump", "temperature", 21.4, 1_795_428_000 * SECOND, None),
            ("pump", "humidity", 40.0, 1_795_428_000 * SECOND, None),
        ],
    ),
    Golden(
        "zigbee2mqtt",
        Source(codec="zigbee2mqtt"),
        "zigbee2mqtt.io docs/guide/usage/mqtt_topics_and_messages.md, exposes.md; device 0x00158d00018255df is there",
        [
            ("zigbee2mqtt/bridge/state", '{"state":"online"}'),
            (
                "zigbee2mqtt/bridge/devices",
                (
                    '[{"ieee_address":"0x00158d00018255df","friendly_name":"living/climate","definition":{"model":"WSDCGQ01LM",'
                    '"exposes":[{"type":"numeric","name":"temperature","property":"temperature","unit":"°C"},'
                    '{"type":"climate","features":[{"property":"humidity","unit":"%"}]}]}},'
                    '{"ieee_address":"0x00124b00120144ae","friendly_name":"Coordinator","definition":null}]'
                ),
            ),
            ("zigbee2mqtt/living/climate", '{"temperature":27.34,"humidity":44.72}'),
            ("zigbee2mqtt/living/climate", '{"temperature":27.34,"humidity":45.1,"linkquality":90}'),
            ("zigbee2mqtt/switch", '{"action":"single"}'),
            ("zigbee2mqtt/motion", '{"occupancy":true}'),
            ("zigbee2mqtt/bulb", '{"state":"ON","brightness":215,"color_mode":"xy","color":{"x":0.4,"y":0.3}}'),
            ("zigbee2mqtt/bulb/set", '{"state":"OFF"}'),
            ("zigbee2mqtt/bulb/set/state", "OFF"),
            ("zigbee2mqtt/bulb/get", '{"state":""}'),
            ("zigbee2mqtt/living/climate/availability", '{"state":"online"}'),
            ("zigbee2mqtt/bridge/logging", '{"level":"info","message":"Zigbee: allowing new devices to join."}'),
            ("zigbee2mqtt/bridge/state", "offline"),
        ],
        [
            ("living.climate", "temperature", 27.34, None, "°C"),
            ("living.climate", "humidity", 44.72, None, "%"),
            ("living.climate", "humidity", 45.1, None, "%"),
            ("motion", "occupancy", 1.0, None, None),
            ("bulb", "state", 1.0, None, None),
            ("bulb", "brightness", 215.0, None, None),
            ("bulb", "color.x", 0.4, None, None),
            ("bulb", "color.y", 0.3, None, None),
        ],
        [("living.climate", True), *((name, False) for name in ("living.climate", "switch", "motion", "bulb"))],
        [("living.climate", "temperature", "repeated"), ("bulb", "color_mode", "type")],
    ),
    Golden(
        "tasmota DS18B20",
        Source(codec="tasmota"),
        "tasmota.github.io/docs/DS18x20",
        [
            (
                "tele/tasmota/SENSOR",
                (
                    '{"Time":"2021-01-02T09:09:44","DS18B20-1":{"Id":"00000566CC39","Temperature":13.3},'
                    '"DS18B20-2":{"Id":"0000059352D4","Temperature":1.2},"TempUnit":"C"}'
                ),
            ),
            ("tele/tasmota/LWT", "Online"),
            ("tele/tasmota/INFO1", '{"Info1":{"Module":"Generic","Version":"9.2.0(tasmota)"}}'),
            ("tele/tasmota/LWT", "Offline"),
        ],
        [
            ("tasmota", "DS18B20-1.Temperature", 13.3, None, "°C"),
            ("tasmota", "DS18B20-2.Temperature", 1.2, None, "°C"),
        ],
        [("tasmota", True), ("tasmota", False)],
    ),
    Golden(
        "tasmota energy",
        Source(codec="tasmota", topic="+/tele/#", options={"time_zone": "Europe/Berlin"}),
        "tasmota.github.io/docs/Teleinfo (ENERGY), Rules (three phases), Commands (STATE)",
        [
            (
                "meter/tele/SENSOR",
                (
                    '{"Time":"2021-10-26T17:28:45","ENERGY":{"TotalStartTime":"2021-10-01T00:00:00","Total":9098.245,'
                    '"Yesterday":6822.685,"Period":9,"Power":170,"Current":[1.320,2.100]}}'
                ),
            ),
            (
                "meter/tele/STATE",
                (
                    '{"Time":"2021-10-26T17:28:45","Uptime":"0T00:05:09","UptimeSec":309,"Heap":27,"SleepMode":"Dynamic",'
                    '"Sleep":50,"LoadAvg":19,"MqttCount":1,"POWER":"ON","Wifi":{"AP":1,"SSId":"home","RSSI":100}}'
                ),
            ),
        ],
        [
            ("meter", "ENERGY.Total", 9098.245, 1_635_262_125 * SECOND, "kWh"),
            ("meter", "ENERGY.Yesterday", 6822.685, 1_635_262_125 * SECOND, "kWh"),
            ("meter", "ENERGY.Period", 9.0, 1_635_262_125 * SECOND, None),
            ("meter", "ENERGY.Power", 170.0, 1_635_262_125 * SECOND, "W"),
            ("meter", "ENERGY.Current.0", 1.32, 1_635_262_125 * SECOND, "A"),
            ("meter", "ENERGY.Current.1", 2.1, 1_635_262_125 * SECOND, "A"),
            ("meter", "POWER", 1.0, 1_635_262_125 * SECOND, None),
        ],
        received_at=1_635_262_126 * SECOND,
    ),
    Golden(
        "shelly H&T",
        Source(codec="shelly"),
        "shelly-api-docs.shelly.cloud gen2 Notifications; capture: gist NelsonMinar/494a0f53 (shortened)",
        [
            (
                "shellyplusht-b8d61a8b17cc/events/rpc",
                (
                    '{"src":"shellyplusht-b8d61a8b17cc","dst":"shellyplusht-b8d61a8b17cc/events","method":"NotifyFullStatus",'
                    '"params":{"ts":1680962879.62,"ble":{},"cloud":{"connected":false},'
                    '"devicepower:0":{"id":0,"battery":{"V":0.43,"percent":0},"external":{"present":true}},'
                    '"humidity:0":{"id":0,"rh":42.2},"temperature:0":{"id":0,"tC":19.8,"tF":67.6}}}'
                ),
            ),
            ("shellyplusht-b8d61a8b17cc/status/temperature:0", '{"id": 0,"tC":19.8, "tF":67.6}'),
            ("shellyplusht-b8d61a8b17cc/status/sys", '{"mac":"B8D61A8B17CC","uptime":4}'),
            (
                "shellyplusht-b8d61a8b17cc/events/rpc",
                (
                    '{"src":"shellyplusht-b8d61a8b17cc","method":"NotifyEvent","params":{"ts":1680962880.1,'
                    '"events":[{"component":"sys","event":"sleep","ts":1680962880.1}]}}'
                ),
            ),
            ("shellyplusht-b8d61a8b17cc/online", "false"),
        ],
        [
            ("shellyplusht-b8d61a8b17cc", "humidity:0.rh", 42.2, 1_680_962_879_620_000_000, "%"),
            ("shellyplusht-b8d61a8b17cc", "temperature:0.tC", 19.8, 1_680_962_879_620_000_000, "°C"),
        ],
        [("shellyplusht-b8d61a8b17cc", False)],
        [("shellyplusht-b8d61a8b17cc", "temperature:0.tC", "repeated")],
        received_at=1_680_962_880 * SECOND,
    ),
    Golden(
        "shelly switch",
        Source(codec="shelly", topic=("home/+/+/#", "shellies/#")),
        "shelly-api-docs.shelly.cloud gen2 Switch (status), gen1 MQTT (Shelly1PM)",
        [
            (
                "home/kitchen/kettle/status/switch:0",
                (
                    '{"id":0,"source":"switch","output":false,"apower":0,"voltage":238.215,"current":0,"aenergy":'
                    '{"total":0.134,"by_minute":[0,0,0],"minute_ts":1632600459},"temperature":{"tC":49.5,"tF":121.1}}'
                ),
            ),
            ("home/kitchen/kettle/status/em:0", '{"id":0,"a_current":4.029,"a_act_power":951.2,"total_current":null}'),
            ("shellies/shelly1pm-B929CC/relay/0", "on"),
            ("shellies/shelly1pm-B929CC/relay/0/power", "23.1"),
            ("shellies/shelly1pm-B929CC/temperature_f", "85.1"),
            ("shellies/shelly1pm-B929CC/online", "true"),
            ("shellies/announce", '{"id":"shelly1pm-B929CC"}'),
        ],
        [
            ("home.kitchen.kettle", "switch:0.output", 0.0, None, None),
            ("home.kitchen.kettle", "switch:0.apower", 0.0, None, "W"),
            ("home.kitchen.kettle", "switch:0.voltage", 238.215, None, "V"),
            ("home.kitchen.kettle", "switch:0.current", 0.0, None, "A"),
            ("home.kitchen.kettle", "switch:0.aenergy.total", 0.134, None, "Wh"),
            ("home.kitchen.kettle", "switch:0.temperature.tC", 49.5, None, "°C"),
            ("home.kitchen.kettle", "em:0.a_current", 4.029, None, "A"),
            ("home.kitchen.kettle", "em:0.a_act_power", 951.2, None, "W"),
            ("shelly1pm-B929CC", "relay.0", 1.0, None, None),
            ("shelly1pm-B929CC", "relay.0.power", 23.1, None, "W"),
        ],
        [("shelly1pm-B929CC", True)],
    ),
    Golden(
        "esphome",
        Source(codec="esphome", topic=("home/+/sensor/+/state", "+/binary_sensor/+/state", "+/status")),
        "esphome.io components/mqtt; home-assistant.io integrations/mqtt (discovery, abbreviations)",
        [
            (
                "homeassistant/sensor/livingroom/temperature/config",
                (
                    '{"dev_cla":"temperature","unit_of_meas":"°C","stat_t":"home/livingroom/sensor/temperature/state",'
                    '"avty_t":"livingroom/status","uniq_id":"ESPsensortemperature","dev":{"ids":"84fce6123456"}}'
                ),
            ),
            (
                "homeassistant/device/0AFFD2/config",
                (
                    '{"dev":{"ids":"ea334450945afc"},"o":{"name":"x"},"~":"home/attic","cmps":{"a":{"p":"sensor",'
                    '"unit_of_measurement":"hPa","stat_t":"~/sensor/pressure/state","uniq_id":"p1"},"b":{"p":"switch"}}}'
                ),
            ),
            ("homeassistant/sensor/livingroom/gone/config", ""),
            ("home/livingroom/sensor/temperature/state", "21.4"),
            ("home/attic/sensor/pressure/state", "1013.2"),
            ("home/attic/sensor/outside/state", "nan"),
            ("hall/binary_sensor/motion/state", "ON"),
            ("livingroom/status", "online"),
            ("livingroom/status", "offline"),
        ],
        [
            ("home.livingroom", "temperature", 21.4, None, "°C"),
            ("home.attic", "pressure", 1013.2, None, "hPa"),
            ("hall", "binary_sensor.motion", 1.0, None, None),
        ],
        [("livingroom", True), ("livingroom", False)],
        [("home.attic", "outside", "not_finite")],
    ),
]
