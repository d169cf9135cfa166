"""What real devices say in each dialect, as their projects document it, and what is to be understood of it."""

import math
from dataclasses import dataclass, field

from gateway.codecs import Codec, Decoded, interpret
from gateway.codecs.codec import LONGEST_NAME
from gateway.codecs.values import LONGEST_UNIT
from gateway.config import Source
from gateway.records import SECOND, Message, Reason

ARRIVAL = 1_795_430_000 * SECOND
"""When every example arrives, unless it is a moment of its own: in November 2026."""

Value = tuple[str, str, float | str, int | None, str | None]
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
        return interpret(self.source, "sources.0").codec

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


def check_fitness(found: Decoded) -> None:
    """Assert that everything in it may be learned, kept and shown."""
    for reading in found.readings:
        assert type(reading.value) is float
        assert math.isfinite(reading.value**2)
        assert reading.observed_at is None or abs(reading.observed_at) < 2**63
        assert len(reading.sensor) <= LONGEST_NAME
        assert reading.unit is None or (0 < len(reading.unit) <= LONGEST_UNIT and reading.unit.isprintable())
    assert all(isinstance(rejection.reason, Reason) for rejection in found.rejections)


SPARKPLUG = {
    "nbirth": (
        "08fbbc8fbdb03212120a05626453657118fbbc8fbdb0322004580312210a144e6f646520436f6e74726f6c2f5265626972746818fbbc8f"
        "bdb032200b700012160a046c6f6164100118fbbc8fbdb0322009650000003f1800"
    ),
    "dbirth": (
        "08fcbc8fbdb03212330a0b74656d7065726174757265100218fbbc8fbdb032200a4a100a07656e67556e697412054203c2b0436948e1"
        "7a14ae87354012160a0372706d100318fbbc8fbdb032200350d6ffffff0f12110a026f6b100418fbbc8fbdb032200b700112190a0563"
        "6f756e74100518fbbc8fbdb032200858808080808020121b0a057374617465100618fbbc8fbdb032200c7a0772756e6e696e6712160a"
        "066f6666736574100718fbbc8fbdb032200150fb011801"
    ),
    "ddata": (
        "08e3c48fbdb0321212100218e3c48fbdb032699a99999999993540120f100318e3c48fbdb03250d5ffffff0f120c100718e3c48fbdb03250"
        "fa011802"
    ),
    "historical": ("08cbcc8fbdb0321214100218f3958fbdb0322801690000000000003440120b100318cbcc8fbdb03238011803"),
    "after a gap": "08b3d48fbdb0321212100218b3d48fbdb0326900000000000036401809",
    "ndeath": "089bdc8fbdb03212120a05626453657118fbbc8fbdb03220045803",
}


def sparkplug(name: str) -> bytes:
    """Return one of the messages of an edge node's life."""
    return bytes.fromhex(SPARKPLUG[name])


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
            ("zigbee2mqtt/switch/action", "single"),
            ("zigbee2mqtt/switch", '{"action":""}'),
            ("zigbee2mqtt/switch", '{"action":"single","linkquality":70}'),
            ("zigbee2mqtt/remote/action", "brightness_up"),
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
            ("switch", "action", "single", None, None),
            ("switch", "action", "single", None, None),
            ("remote", "action", "brightness_up", None, None),
            ("motion", "occupancy", 1.0, None, None),
            ("bulb", "state", 1.0, None, None),
            ("bulb", "brightness", 215.0, None, None),
            ("bulb", "color_mode", "xy", None, None),
            ("bulb", "color.x", 0.4, None, None),
            ("bulb", "color.y", 0.3, None, None),
        ],
        [("living.climate", True), *((name, False) for name in ("living.climate", "switch", "motion", "bulb"))],
        [("living.climate", "temperature", "repeated")],
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
        "tasmota events",
        Source(codec="tasmota"),
        "tasmota.github.io/docs Buttons-and-Switches (SetOption73), Sonoff-RF-Bridge-433; the last answers a command",
        [
            ("stat/desk/RESULT", '{"Button1":{"Action":"SINGLE"}}'),
            ("stat/desk/RESULT", '{"Button1":{"Action":"SINGLE"}}'),
            ("stat/desk/RESULT", '{"Switch1":{"Action":"TOGGLE"}}'),
            (
                "tele/bridge/RESULT",
                '{"Time":"2021-01-02T09:09:44","RfReceived":{"Sync":10200,"Low":330,"High":1010,"Data":"2C8C24","RfKey":"None"}}',
            ),
            ("stat/desk/RESULT", '{"POWER":"ON"}'),
            ("tele/desk/LWT", "Online"),
        ],
        [
            ("desk", "Button1", "SINGLE", None, None),
            ("desk", "Button1", "SINGLE", None, None),
            ("desk", "Switch1", "TOGGLE", None, None),
            ("bridge", "RfReceived", "2C8C24", None, None),
        ],
        [("desk", True)],
    ),
    Golden(
        "shelly events",
        Source(codec="shelly"),
        "shelly-api-docs.shelly.cloud gen2 Notifications (NotifyEvent), Input; gen1 MQTT (Shelly Button1)",
        [
            (
                "shellyplusi4-a8032ab1fe78/events/rpc",
                (
                    '{"src":"shellyplusi4-a8032ab1fe78","dst":"shellyplusi4-a8032ab1fe78/events","method":"NotifyEvent",'
                    '"params":{"ts":1680962880.25,"events":[{"component":"input:0","id":0,"event":"btn_down","ts":1680962880.25},'
                    '{"component":"input:0","id":0,"event":"single_push","ts":1680962880.5},'
                    '{"component":"switch:0","event":"config_changed","restart_required":false,"ts":1680962880.4}]}}'
                ),
            ),
            ("shellies/shellybutton1-A4CF12F454A3/input_event/0", '{"event":"","event_cnt":0}'),
            ("shellies/shellybutton1-A4CF12F454A3/input_event/0", '{"event":"S","event_cnt":1}'),
            ("shellies/shellybutton1-A4CF12F454A3/input_event/0", '{"event":"S","event_cnt":1}'),
            ("shellies/shellybutton1-A4CF12F454A3/input_event/0", '{"event":"S","event_cnt":2}'),
        ],
        [
            ("shellyplusi4-a8032ab1fe78", "input:0.event", "btn_down", 1_680_962_880_249_999_872, None),
            ("shellyplusi4-a8032ab1fe78", "input:0.event", "single_push", 1_680_962_880_500_000_000, None),
            ("shellybutton1-A4CF12F454A3", "input_event.0", "S", None, None),
            ("shellybutton1-A4CF12F454A3", "input_event.0", "S", None, None),
        ],
        received_at=1_680_962_881 * SECOND,
    ),
    Golden(
        "shelly meter",
        Source(codec="shelly"),
        "shelly-api-docs.shelly.cloud gen1 MQTT (Shelly 3EM: watt-minutes since the start, Wh for good)",
        [
            ("shellies/shellyem3-A4CF12/emeter/0/energy", "600"),
            ("shellies/shellyem3-A4CF12/emeter/0/returned_energy", "60"),
            ("shellies/shellyem3-A4CF12/emeter/0/total", "12345.6"),
            ("shellies/shellyem3-A4CF12/emeter/0/total_returned", "0.0"),
            ("shellies/shellyem3-A4CF12/emeter/0/power", "-3.5"),
            ("shellies/shellyem3-A4CF12/emeter/0/voltage", "230.1"),
            ("shellies/shellyem3-A4CF12/emeter/0/current", "0.4"),
            ("shellies/shellyem3-A4CF12/emeter/0/pf", "0.98"),
        ],
        [
            ("shellyem3-A4CF12", "emeter.0.energy", 600.0, None, "Wmin"),
            ("shellyem3-A4CF12", "emeter.0.returned_energy", 60.0, None, "Wmin"),
            ("shellyem3-A4CF12", "emeter.0.total", 12345.6, None, "Wh"),
            ("shellyem3-A4CF12", "emeter.0.total_returned", 0.0, None, "Wh"),
            ("shellyem3-A4CF12", "emeter.0.power", -3.5, None, "W"),
            ("shellyem3-A4CF12", "emeter.0.voltage", 230.1, None, "V"),
            ("shellyem3-A4CF12", "emeter.0.current", 0.4, None, "A"),
            ("shellyem3-A4CF12", "emeter.0.pf", 0.98, None, None),
        ],
    ),
    Golden(
        "esphome event",
        Source(codec="esphome"),
        "esphome.io components/event, api/mqtt__event_8cpp_source",
        [("hall/event/doorbell/state", '{"event_type":"press"}')] * 2,
        [("hall", "event.doorbell", "press", None, None)] * 2,
    ),
    Golden(
        "json events",
        Source(topic=("devices/{device}/readings", "devices/{device}/readings/{sensor}")),
        "README.md; home-assistant.io integrations/event.mqtt (event_type)",
        [
            ("devices/hall/readings", '{"doorbell":{"event_type":"press"},"battery":91}'),
            ("devices/hall/readings/doorbell", '{"event_type":"press","time":1795430000}'),
            ("devices/hall/readings", '{"event_type":"shaken"}'),
        ],
        [
            ("hall", "doorbell", "press", None, None),
            ("hall", "battery", 91.0, None, None),
            ("hall", "doorbell", "press", ARRIVAL, None),
            ("hall", "event_type", "shaken", None, None),
        ],
        received_at=ARRIVAL - 1,
    ),
    Golden(
        "homie events",
        Source(codec="homie"),
        "homieiot.github.io convention 4.0.0 and 5.0: properties that are not retained (a doorbell)",
        [
            ("homie/door/bell/pressed/$retained", "false"),
            ("homie/door/bell/pressed/$datatype", "boolean"),
            ("homie/door/bell/pressed", "true"),
            ("homie/door/bell/pressed", "true"),
            (
                "homie/5/remote/$description",
                (
                    '{"homie":"5.0","version":1,"nodes":{"keys":{"properties":{"last":{"datatype":"enum",'
                    '"format":"up,down","retained":false},"load":{"datatype":"float","retained":false}}}}}'
                ),
            ),
            ("homie/5/remote/keys/last", "up"),
            ("homie/5/remote/keys/load", "0.5"),
            ("homie/door/$state", "ready"),
        ],
        [
            ("door", "bell.pressed", "true", None, None),
            ("door", "bell.pressed", "true", None, None),
            ("remote", "keys.last", "up", None, None),
            ("remote", "keys.load", 0.5, None, None),
        ],
        [("door", True)],
    ),
    Golden(
        "tasmota AM2301",
        Source(codec="tasmota", options={"time_zone": "UTC"}),
        "tasmota.github.io/docs/AM2301 (of a clock that was never set; null where the sensor does not answer)",
        [
            (
                "tele/hall/SENSOR",
                '{"Time":"2019-01-01T00:00:00","AM2301":{"Temperature":24.6,"Humidity":58.2},"TempUnit":"C"}',
            ),
            ("tele/hall/SENSOR", '{"Time":"2019-01-01T00:05:00","AM2301":{"Temperature":null,"Humidity":null}}'),
        ],
        [
            ("hall", "AM2301.Temperature", 24.6, None, "°C"),
            ("hall", "AM2301.Humidity", 58.2, None, "%"),
        ],
        [],
        [("hall", "AM2301.Temperature", "empty"), ("hall", "AM2301.Humidity", "empty")],
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
        "shelly-api-docs.shelly.cloud gen2 Switch, EM (status), gen1 MQTT (Shelly1PM); capture: pastebin.com/vjJubCm9",
        [
            (
                "home/kitchen/kettle/status/switch:0",
                (
                    '{"id":0,"source":"switch","output":false,"apower":0,"voltage":238.215,"current":0,"aenergy":'
                    '{"total":0.134,"by_minute":[0,0,0],"minute_ts":1632600459},"temperature":{"tC":49.5,"tF":121.1}}'
                ),
            ),
            (
                "home/kitchen/kettle/status/em:0",
                '{"id":0,"a_current":4.029,"a_act_power":951.2,"total_current":null,"a_errors":["out_of_range:voltage"]}',
            ),
            ("shellies/shelly1pm-B929CC/relay/0", "on"),
            ("shellies/shelly1pm-B929CC/relay/0/power", "23.1"),
            ("shellies/shelly1pm-B929CC/temperature_f", "85.1"),
            ("shellies/shelly1-XXXXXX/ext_temperature/0", "47.69"),
            ("shellies/shelly1-XXXXXX/ext_temperature_f/0", "117.84"),
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
            ("shelly1-XXXXXX", "ext_temperature.0", 47.69, None, "°C"),
        ],
        [("shelly1pm-B929CC", True)],
    ),
    Golden(
        "esphome",
        Source(
            codec="esphome",
            topic=("home/+/sensor/+/state", "+/+/+/state", "hall/climate/#", "+/status"),
        ),
        "esphome.io components/mqtt, api/mqtt__climate_8h_source; a light: github.com/a-lost-shadow/gosund-sw2; "
        "home-assistant.io integrations/mqtt (discovery, abbreviations)",
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
            ("hall/climate/heater/current_temperature/state", "20.5"),
            ("hall/climate/heater/mode/state", "heat"),
            ("fan/sensor/rpm/state", "900"),
            ("gosund/light/lamp/state", '{"state":"ON","brightness":255}'),
            ("livingroom/status", "online"),
            ("livingroom/status", "offline"),
        ],
        [
            ("home.livingroom", "temperature", 21.4, None, "°C"),
            ("home.attic", "pressure", 1013.2, None, "hPa"),
            ("hall", "binary_sensor.motion", 1.0, None, None),
            ("hall", "climate.heater.current_temperature", 20.5, None, None),
            ("hall", "climate.heater.mode", "heat", None, None),
            ("fan", "rpm", 900.0, None, None),
            ("gosund", "light.lamp.state", 1.0, None, None),
            ("gosund", "light.lamp.brightness", 255.0, None, None),
        ],
        [("livingroom", True), ("livingroom", False)],
        [("home.attic", "outside", "not_finite")],
    ),
    Golden(
        "homie 4",
        Source(codec="homie"),
        "homieiot.github.io/specification v4.0.0 (super-car), homieiot.github.io/tools (device123)",
        [
            ("homie/super-car/$homie", "4.0.0"),
            ("homie/super-car/$name", "Super car"),
            ("homie/super-car/$nodes", "wheels,engine,lights"),
            ("homie/super-car/engine/temperature/$unit", "°C"),
            ("homie/super-car/engine/temperature/$datatype", "float"),
            ("homie/super-car/lights/serial/$datatype", "string"),
            ("homie/super-car/$state", "ready"),
            ("homie/super-car/engine/temperature", "21.5"),
            ("homie/super-car/lights/intensity/set", "100"),
            ("homie/super-car/lights/power", "true"),
            ("homie/super-car/lights/serial", "1234"),
            ("homie/super-car/$state", "lost"),
            ("homie/device123/mythermostat/$properties", "temperature"),
            ("homie/device123/mythermostat/temperature/$unit", "°C"),
            ("homie/device123/mythermostat/temperature/$datatype", "integer"),
            ("homie/device123/mythermostat/temperature", "22"),
        ],
        [
            ("super-car", "engine.temperature", 21.5, None, "°C"),
            ("super-car", "lights.power", 1.0, None, None),
            ("super-car", "lights.serial", "1234", None, None),
            ("device123", "mythermostat.temperature", 22.0, None, "°C"),
        ],
        [("super-car", True), ("super-car", False)],
    ),
    Golden(
        "homie 5",
        Source(codec="homie", topic="homie/#"),
        "homieiot.github.io/specification, version 5 of 2024-10-17 ($description)",
        [
            (
                "homie/5/super-car/$description",
                (
                    '{"homie":"5.0","version":7,"nodes":{"engine":{"properties":{"temperature":{"name":"T",'
                    '"unit":"°C","datatype":"float","format":"-20:120"}}}}}'
                ),
            ),
            ("homie/5/wheel/$description", '{"homie":"5.0","version":1,"root":"super-car","parent":"super-car"}'),
            ("homie/5/super-car/$state", "init"),
            ("homie/5/super-car/engine/temperature", "21.5"),
            ("homie/5/super-car/engine/temperature/$target", "25"),
            ("homie/5/super-car/$log/warn", "hot"),
            ("homie/5/super-car/$state", "lost"),
        ],
        [("super-car", "engine.temperature", 21.5, None, "°C")],
        [("super-car", False), ("wheel", False)],
    ),
    Golden(
        "homie 5 children",
        Source(codec="homie"),
        "homieiot/convention, convention.md 5.0.0 (last will of the root, empty string values); pull requests 240 (the "
        "state of a child is its own and its root's), 278 (a removed device), 283 (`$alert`)",
        [
            ("homie/5/bridge/$state", "ready"),
            ("homie/5/lamp/$description", '{"homie":"5.0","version":1,"root":"bridge","parent":"bridge"}'),
            ("homie/5/plug/$description", '{"homie":"5.0","version":1,"root":"bridge","parent":"bridge"}'),
            ("homie/5/plug/outlet/power", "21"),
            ("homie/5/lamp/$state", "lost"),
            ("homie/5/bridge/$state", "lost"),
            ("homie/5/plug/$state", "ready"),
            ("homie/5/late/$description", '{"homie":"5.0","version":1,"root":"bridge","parent":"bridge"}'),
            ("homie/5/bridge/$state", "ready"),
            ("homie/5/late/$description", '{"homie":"5.0","version":2}'),
            ("homie/5/bridge/$state", "disconnected"),
            ("homie/5/plug/$alert/battery", "low"),
            ("homie/5/plug/outlet/label", b"\0"),
            ("homie/5/plug/outlet/power", ""),
            ("homie/5/plug/$state", ""),
        ],
        [("plug", "outlet.power", 21.0, None, None)],
        [
            ("bridge", True),
            ("lamp", False),
            *((name, False) for name in ("bridge", "lamp", "plug", "plug", "late")),
            *(("bridge", True), ("lamp", False), ("plug", True), ("late", True)),
            *((name, False) for name in ("bridge", "lamp", "plug")),
        ],
    ),
    Golden(
        "sparkplug",
        Source(codec="sparkplug"),
        "Sparkplug 3.0.0 chapter 6; encoded by pysparkplug 0.6.1, the unit by protobuf from sparkplug_b.proto",
        [
            ("spBv1.0/plant/DDATA/edge/press", sparkplug("ddata")),
            ("spBv1.0/plant/NBIRTH/edge", sparkplug("nbirth")),
            ("spBv1.0/plant/DBIRTH/edge/press", sparkplug("dbirth")),
            ("spBv1.0/plant/DDATA/edge/press", sparkplug("ddata")),
            ("spBv1.0/plant/DDATA/edge/press", sparkplug("historical")),
            ("spBv1.0/plant/DCMD/edge/press", sparkplug("ddata")),
            ("spBv1.0/STATE/host", '{"online":true,"timestamp":1731000000123}'),
            ("spBv1.0/plant/DDATA/edge/press", sparkplug("after a gap")),
            ("spBv1.0/plant/NDEATH/edge", sparkplug("ndeath")),
        ],
        [
            ("plant.edge", "load", 0.5, 1_731_000_000_123_000_000, None),
            ("plant.edge.press", "temperature", 21.53, 1_731_000_000_123_000_000, "°C"),
            ("plant.edge.press", "rpm", -42.0, 1_731_000_000_123_000_000, None),
            ("plant.edge.press", "ok", 1.0, 1_731_000_000_123_000_000, None),
            ("plant.edge.press", "count", 2.0**40, 1_731_000_000_123_000_000, None),
            ("plant.edge.press", "state", "running", 1_731_000_000_123_000_000, None),
            ("plant.edge.press", "offset", -5.0, 1_731_000_000_123_000_000, None),
            ("plant.edge.press", "temperature", 21.6, 1_731_000_001_123_000_000, "°C"),
            ("plant.edge.press", "rpm", -43.0, 1_731_000_001_123_000_000, None),
            ("plant.edge.press", "offset", -6.0, 1_731_000_001_123_000_000, None),
        ],
        [("plant.edge", True), ("plant.edge.press", True), ("plant.edge.press", False), ("plant.edge", False)],
        [
            *[("plant.edge.press", None, "birth")] * 3,
            ("plant.edge.press", "temperature", "not_live"),
            ("plant.edge.press", "rpm", "empty"),
            ("plant.edge.press", None, "birth"),
        ],
        received_at=1_731_000_000 * SECOND,
    ),
    Golden(
        "senml",
        Source(codec="senml", topic="senml/#"),
        "RFC 8428, sections 5.1.1 to 5.1.3 (times moved where they are relative)",
        [
            ("senml", '[{"n":"urn:dev:ow:10e2073a01080063","u":"Cel","v":23.1}]'),
            (
                "senml/x",
                (
                    '[{"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,"bu":"A","bver":5,"n":"voltage","u":"V",'
                    '"v":120.1},{"n":"current","t":-5,"v":1.2},{"n":"current","t":-4,"v":1.3},{"n":"current","v":1.7}]'
                ),
            ),
            (
                "senml/y",
                (
                    '[{"bn":"urn:dev:ow:10e2073a01080063/","n":"temp","u":"Cel","v":23.1,"t":-1.5},{"n":"label","vs":"x"},'
                    '{"n":"open","vb":true,"t":0.5},{"bn":"room/","bv":20,"n":"temp","v":1.5},{"n":"later","v_":1}]'
                ),
            ),
        ],
        [
            ("urn:dev:ow:10e2073a01080063", "value", 23.1, None, "°C"),
            ("urn:dev:ow:10e2073a0108006", "current", 1.2, 1_276_020_071_001_000_000, "A"),
            ("urn:dev:ow:10e2073a0108006", "current", 1.3, 1_276_020_072_001_000_000, "A"),
            ("urn:dev:ow:10e2073a0108006", "voltage", 120.1, 1_276_020_076_001_000_000, "V"),
            ("urn:dev:ow:10e2073a0108006", "current", 1.7, 1_276_020_076_001_000_000, "A"),
            ("urn:dev:ow:10e2073a01080063", "temp", 23.1, 1_276_020_076 * SECOND - 1_500_000_000 + 2, "°C"),
            ("urn:dev:ow:10e2073a01080063", "label", "x", None, None),
            ("room", "temp", 21.5, None, None),
            ("urn:dev:ow:10e2073a01080063", "open", 1.0, 1_276_020_076 * SECOND + 500_000_000 + 2, None),
        ],
        [],
        [("senml/y", None, "malformed")],
        received_at=1_276_020_076 * SECOND,
    ),
    Golden(
        "senml in CBOR",
        Source(codec="senml", topic="senml/#"),
        "RFC 8428, section 6 (the example); table 4 and the decimal fraction by hand",
        [
            (
                "senml",
                bytes.fromhex(
                    "87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b0010622361412005006776"
                    "6f6c7461676501615602fb405e066666666666a3006763757272656e74062402fb3ff3333333333333a3006763757272656e"
                    "74062302fb3ff4cccccccccccda3006763757272656e74062202fb3ff6666666666666a3006763757272656e74062102f93e"
                    "00a3006763757272656e74062002fb3ff999999999999aa3006763757272656e74060002fb3ffb333333333333"
                ),
            ),
            (
                # [{-2: "room/", 0: "t", 1: "Cel", 2: 4([-2, 2150])}, {0: "open", 4: true, 99: 1}, {0: "x", 8: h'01'}]
                "senml/x",
                bytes.fromhex("83a42165726f6f6d2f006174016343656c02c48221190866a300646f70656e04f5186301a2006178084101"),
            ),
        ],
        [
            ("urn:dev:ow:10e2073a0108006", "current", 1.2, 1_276_020_071_001_000_000, "A"),
            ("urn:dev:ow:10e2073a0108006", "current", 1.3, 1_276_020_072_001_000_000, "A"),
            ("urn:dev:ow:10e2073a0108006", "current", 1.4, 1_276_020_073_001_000_000, "A"),
            ("urn:dev:ow:10e2073a0108006", "current", 1.5, 1_276_020_074_001_000_000, "A"),
            ("urn:dev:ow:10e2073a0108006", "current", 1.6, 1_276_020_075_001_000_000, "A"),
            ("urn:dev:ow:10e2073a0108006", "voltage", 120.1, 1_276_020_076_001_000_000, "V"),
            ("urn:dev:ow:10e2073a0108006", "current", 1.7, 1_276_020_076_001_000_000, "A"),
            ("room", "t", 21.5, None, "°C"),
            ("room", "open", 1.0, None, None),
        ],
        [],
        [("room", "x", "type")],
        received_at=1_276_020_077 * SECOND,
    ),
    Golden(
        "senml by topic",
        Source(codec="senml", topic="devices/{device}/senml"),
        "RFC 8428, section 5.1.2",
        [("devices/meter/senml", '[{"bn":"urn:dev:ow:10e2073a0108006:","n":"voltage","v":1},{"bn":"","n":"a","v":2}]')],
        [("meter", "voltage", 1.0, None, None), ("meter", "a", 2.0, None, None)],
    ),
    Golden(
        "line protocol",
        Source(codec="line_protocol", options={"ignored_tags": ["location", "type"]}),
        "influxdata/telegraf plugins/outputs/mqtt; docs.influxdata.com line protocol (escapes, types)",
        [
            (
                "telegraf/web01/cpu",
                (
                    "cpu,host=web01,cpu=cpu-total usage_idle=97.2,usage_user=1.1 1676522982000000000\n# a comment\n\n"
                    "cpu,host=web01,cpu=cpu0 usage_idle=96 1676522982000000000\ncpu,host=web01 usage_idle=\n"
                ),
            ),
            (
                "telegraf/plant/modbus",
                (
                    r"modbus,location=main\ building,source=device\ 1,status=ok,type=Machine\ A temperature=21.4,"
                    r'serial\ number="324nlk234r5u9834t",working\ hours=123i,supplied=true 1676522982000000000'
                ),
            ),
            ("telegraf/hall", "air t=1u"),
        ],
        [
            ("web01", "cpu.cpu-total.usage_user", 1.1, 1_676_522_982 * SECOND, None),
            ("web01", "cpu.cpu-total.usage_idle", 97.2, 1_676_522_982 * SECOND, None),
            ("web01", "cpu.cpu0.usage_idle", 96.0, 1_676_522_982 * SECOND, None),
            ("device 1", "modbus.ok.supplied", 1.0, 1_676_522_982 * SECOND, None),
            ("device 1", "modbus.ok.working hours", 123.0, 1_676_522_982 * SECOND, None),
            ("device 1", "modbus.ok.temperature", 21.4, 1_676_522_982 * SECOND, None),
            ("telegraf.hall", "air.t", 1.0, None, None),
        ],
        [],
        [("telegraf/web01/cpu", None, "malformed"), ("device 1", "modbus.ok.serial number", "type")],
        received_at=1_676_522_983 * SECOND,
    ),
    Golden(
        "line protocol types",
        Source(codec="line_protocol", topic="lines"),
        "docs.influxdata.com influxdb/v2/reference/syntax/line-protocol (data types and format, special characters)",
        [
            ("lines", "m,host=a a=t,b=TRUE,c=False,d=f,e=-1.234456e+78,f=-1i,g=7u 1556813561098000000"),
            (
                "lines",
                (
                    r'my\ Measurement,host=a,tag\,Key1=tag\ Value1 v="string \"within\" a \\ string",w="closed" '
                    "1556813561\r\n"
                    "# a comment, and a line without a time\r\n"
                    "m,host=a z=1"
                ),
            ),
        ],
        [
            ("a", "m.g", 7.0, 1_556_813_561_098_000_000, None),
            ("a", "m.f", -1.0, 1_556_813_561_098_000_000, None),
            ("a", "m.e", -1.234456e78, 1_556_813_561_098_000_000, None),
            ("a", "m.d", 0.0, 1_556_813_561_098_000_000, None),
            ("a", "m.c", 0.0, 1_556_813_561_098_000_000, None),
            ("a", "m.b", 1.0, 1_556_813_561_098_000_000, None),
            ("a", "m.a", 1.0, 1_556_813_561_098_000_000, None),
            ("a", "my Measurement.tag Value1.w", 0.0, 1_556_813_561 * SECOND, None),
            ("a", "my Measurement.tag Value1.v", 'string "within" a \\ string', 1_556_813_561 * SECOND, None),
            ("a", "m.z", 1.0, None, None),
        ],
        received_at=1_556_813_562 * SECOND,
    ),
    Golden(
        "chirpstack",
        Source(codec="chirpstack"),
        "chirpstack.io/docs integrations/events (up, status: 0 and false are left out), integrations/influxdb (object)",
        [
            (
                "application/17c82e96-be03-4f38-aef3-f83d48582d97/device/0101010101010101/event/up",
                (
                    '{"deduplicationId":"3ac7e3c4","time":"2022-07-18T09:34:15.775023242+00:00","deviceInfo":{"deviceName":'
                    '"Test device","devEui":"0101010101010101"},"fPort":1,"data":"qg==","object":{"temperature_sensor":'
                    '{"1":23.5}},"rxInfo":[{"gatewayId":"0016c001f153a14c","rssi":-36,"snr":10.5}]}'
                ),
            ),
            (
                "application/17c82e96-be03-4f38-aef3-f83d48582d97/device/0101010101010101/event/up",
                (
                    '{"time":"2022-07-18T09:34:16.775023242+00:00","deviceInfo":{"devEui":"0101010101010101"},"data":"qg==",'
                    '"rxInfo":[{"rssi":-90,"snr":-2},{"rssi":-36,"snr":10.5}]}'
                ),
            ),
            (
                "application/17c82e96-be03-4f38-aef3-f83d48582d97/device/0101010101010101/event/status",
                (
                    '{"time":"2022-07-18T09:34:17+00:00","deviceInfo":{"devEui":"0101010101010101"},"margin":10,'
                    '"externalPowerSource":false,"batteryLevelUnavailable":false,"batteryLevel":75.59}'
                ),
            ),
            (
                "application/17c82e96-be03-4f38-aef3-f83d48582d97/device/0101010101010101/event/status",
                '{"time":"2022-07-18T09:34:18+00:00","deviceInfo":{"devEui":"0101010101010101"},"externalPowerSource":true}',
            ),
            ("application/17c82e96-be03-4f38-aef3-f83d48582d97/device/0101010101010101/event/join", "{}"),
        ],
        [
            ("0101010101010101", "temperature_sensor.1", 23.5, 1_658_136_855_775_023_000, None),
            ("0101010101010101", "rssi", -36.0, 1_658_136_856_775_023_000, "dBm"),
            ("0101010101010101", "snr", 10.5, 1_658_136_856_775_023_000, "dB"),
            ("0101010101010101", "status.margin", 10.0, 1_658_136_857 * SECOND, "dB"),
            ("0101010101010101", "status.battery", 75.59, 1_658_136_857 * SECOND, "%"),
            ("0101010101010101", "status.margin", 0.0, 1_658_136_858 * SECOND, "dB"),
        ],
        [],
        [("0101010101010101", "data", "type")],
        received_at=1_658_136_858 * SECOND,
    ),
    Golden(
        "chirpstack in Protobuf",
        Source(codec="chirpstack"),
        "chirpstack.io/docs integrations/events (up, status; the second SNR is 0), written field by field after "
        "github.com/chirpstack/chirpstack api/proto integration.proto, gw.proto; object, with a NaN, by protobuf",
        [
            (
                "application/17c82e96-be03-4f38-aef3-f83d48582d97/device/0101010101010101/event/up",
                bytes.fromhex(
                    "0a2433616337653363342d343430312d346238642d393338362d613563393032663932303264120c0897d2d49606108ad5"
                    "c7f1021a4b120a4368697270537461636b221054657374206170706c69636174696f6e3a0b546573742064657669636542"
                    "10303130313031303130313031303130314a0c0a036b6579120576616c756522083030313839343430300140015201aa5a"
                    "4e0a280a1274656d70657261747572655f73656e736f7212122a100a0e0a013112091100000000008037400a120a057072"
                    "6f6265120911000000000000f87f0a0e0a04646f6f7212061a046f70656e62280a10303031366330303166313533613134"
                    "6310cfdeefda0f30dcffffffffffffffff013d00002841"
                ),
            ),
            (
                "application/17c82e96-be03-4f38-aef3-f83d48582d97/device/0101010101010101/event/up",
                bytes.fromhex(
                    "0a2433616337653363342d343430312d346238642d393338362d613563393032663932303264120c0898d2d49606108ad5"
                    "c7f1021a4b120a4368697270537461636b221054657374206170706c69636174696f6e3a0b546573742064657669636542"
                    "10303130313031303130313031303130314a0c0a036b6579120576616c756522083030313839343430300140015201aa62"
                    "280a103030313663303031663135336131346310cfdeefda0f30a6ffffffffffffffff013d000000c062230a1030303136"
                    "63303031663135336131346310cfdeefda0f30dcffffffffffffffff01"
                ),
            ),
            (
                "application/17c82e96-be03-4f38-aef3-f83d48582d97/device/0101010101010101/event/status",
                bytes.fromhex(
                    "0a2462663261393734362d316338622d343962652d613932652d663062383963383533346534120c08cad2d49606109e90"
                    "8eba031a4b120a4368697270537461636b221054657374206170706c69636174696f6e3a0b546573742064657669636542"
                    "10303130313031303130313031303130314a0c0a036b6579120576616c7565280a459a99b042"
                ),
            ),
            ("application/17c82e96-be03-4f38-aef3-f83d48582d97/device/0101010101010101/event/log", b"\x12\x00\x18\x02"),
        ],
        [
            ("0101010101010101", "door", 1.0, 1_658_136_855_775_023_000, None),
            ("0101010101010101", "temperature_sensor.1", 23.5, 1_658_136_855_775_023_000, None),
            ("0101010101010101", "rssi", -36.0, 1_658_136_856_775_023_000, "dBm"),
            ("0101010101010101", "snr", 0.0, 1_658_136_856_775_023_000, "dB"),
            ("0101010101010101", "status.margin", 10.0, 1_658_136_906_927_172_000, "dB"),
            ("0101010101010101", "status.battery", 88.3, 1_658_136_906_927_172_000, "%"),
        ],
        [],
        [("0101010101010101", "probe", "not_finite"), ("0101010101010101", "data", "type")],
        received_at=1_658_136_907 * SECOND,
    ),
    Golden(
        "things stack",
        Source(codec="things_stack"),
        "thethingsindustries.com/docs integrations/data-formats, payload-formatters (wind sensor), The Things Stack's "
        "starter kit (battery; times moved); Dragino text values",
        [
            (
                "v3/app1@tenant1/devices/dev1/up",
                (
                    '{"end_device_ids":{"device_id":"dev1","application_ids":{"application_id":"app1"},"dev_eui":'
                    '"0004A30B001C0530"},"received_at":"2020-02-12T15:15:46Z","uplink_message":{"f_cnt":1,"f_port":1,'
                    '"frm_payload":"gkHe","decoded_payload":{"temperature":1.0,"luminosity":0.64,"Bat":"3.384 V"},'
                    '"rx_metadata":[{"gateway_ids":{"gateway_id":"gtw1"},"rssi":-35,"snr":5.2}],'
                    '"received_at":"2020-02-12T15:15:45Z"}}'
                ),
            ),
            (
                "v3/app1@tenant1/devices/dev1/up",
                (
                    '{"uplink_message":{"decoded_payload":{"direction":"N","speed":32},"normalized_payload":'
                    '[{"wind":{"speed":16.4608,"direction":0},"time":"2020-02-12T15:15:47Z"}]}}'
                ),
            ),
            ("v3/app1@tenant1/devices/dev1/up", '{"uplink_message":{"rx_metadata":[{"rssi":-35}]}}'),
            ("v3/app1@tenant1/devices/dev1/join", "{}"),
            ("v3/app1@tenant1/devices/dev1/down/queued", '{"downlink_queued":{"f_port":15,"decoded_payload":{"t":1}}}'),
            (
                "v3/starter-kit/devices/eui-70b3d52dd600035a/up",
                (
                    '{"uplink_message":{"f_port":2,"f_cnt":14,"decoded_payload":{"pressEvent":1},"received_at":'
                    '"2020-02-12T15:15:47Z","last_battery_percentage":{"f_cnt":14,"value":90.118576,"received_at":'
                    '"2020-02-12T15:15:47Z"}}}'
                ),
            ),
            (
                "v3/starter-kit/devices/eui-70b3d52dd600035a/up",
                (
                    '{"uplink_message":{"f_port":2,"f_cnt":15,"decoded_payload":{"pressEvent":2},"received_at":'
                    '"2020-02-12T15:15:48Z","last_battery_percentage":{"f_cnt":14,"value":90.118576,"received_at":'
                    '"2020-02-12T15:15:47Z"}}}'
                ),
            ),
        ],
        [
            ("app1.dev1", "temperature", 1.0, 1_581_520_545 * SECOND, None),
            ("app1.dev1", "luminosity", 0.64, 1_581_520_545 * SECOND, None),
            ("app1.dev1", "Bat", 3.384, 1_581_520_545 * SECOND, "V"),
            ("app1.dev1", "wind.speed", 16.4608, 1_581_520_547 * SECOND, "m/s"),
            ("app1.dev1", "wind.direction", 0.0, 1_581_520_547 * SECOND, "°"),
            ("app1.dev1", "rssi", -35.0, None, "dBm"),
            ("app1.dev1", "snr", 0.0, None, "dB"),
            ("starter-kit.eui-70b3d52dd600035a", "last_battery_percentage", 90.118576, 1_581_520_547 * SECOND, "%"),
            ("starter-kit.eui-70b3d52dd600035a", "pressEvent", 1.0, 1_581_520_547 * SECOND, None),
            ("starter-kit.eui-70b3d52dd600035a", "pressEvent", 2.0, 1_581_520_548 * SECOND, None),
        ],
        [],
        [("app1.dev1", "frm_payload", "type")],
        received_at=1_581_520_548 * SECOND,
    ),
    Golden(
        "plain",
        Source(codec="plain", topic=("sensors/#", "home/+/{device}/{sensor}")),
        "influxdata/telegraf plugins/inputs/mqtt_consumer (topic_parsing: sensors/CLE/v1/device5/temp)",
        [
            ("sensors/CLE/v1/device5/temp", "390"),
            ("home/first/attic/temperature", "21.5 °C"),
            ("home/first/attic/window", "open"),
            ("home/first/attic/humidity", "48%"),
            ("home/first/attic/note", "dusty"),
            ("home/first/attic/pressure", "1013,2"),
        ],
        [
            ("sensors.CLE.v1.device5", "temp", 390.0, None, None),
            ("attic", "temperature", 21.5, None, "°C"),
            ("attic", "window", 1.0, None, None),
            ("attic", "humidity", 48.0, None, "%"),
            ("attic", "note", "dusty", None, None),
        ],
        [],
        [("attic", "pressure", "type")],
    ),
    Golden(
        "plain with commas",
        Source(codec="plain", topic="{device}/{sensor}", options={"decimal_comma": True}),
        "as many German devices write",
        [("attic/temperature", "-21,5 °C"), ("attic/pressure", "1013,2")],
        [("attic", "temperature", -21.5, None, "°C"), ("attic", "pressure", 1013.2, None, None)],
    ),
    Golden(
        "mapped",
        Source(
            codec="mapped",
            topic="factory/#",
            options={
                "each": "data.items",
                "device": "id",
                "time": "ts",
                "sensors": {
                    "pressure": {"path": ["p", "0", "v.alue"], "unit": "bar"},
                    "temperature": {"path": "t.value", "unit_path": "t.unit"},
                    "load": "load",
                },
            },
        ),
        "made up: it is the user's",
        [
            (
                "factory/hall",
                (
                    '{"data":{"items":[{"id":"press/1","ts":1795430000,"p":[{"v.alue":3.5}],"t":{"value":60,"unit":"degC"}},'
                    '{"id":"press/2","load":"high","x":1},{"ts":3},{"id":"press/3","ts":"noon","load":1}]}}'
                ),
            ),
        ],
        [
            ("press.1", "pressure", 3.5, 1_795_430_000 * SECOND, "bar"),
            ("press.1", "temperature", 60.0, 1_795_430_000 * SECOND, "°C"),
            ("press.2", "load", "high", None, None),
        ],
        [],
        [("factory/hall", None, "name"), ("factory/hall", None, "time")],
    ),
]
