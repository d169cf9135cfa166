"""A room: a thermostat with a night setback, people who breathe, weather behind the walls."""

from device_sim.chance import Chance
from device_sim.kinds.kind import HOUR, MINUTE, Command, Kind, Sensor, Values
from device_sim.kinds.rhythm import hour_of_day, is_weekend, plateau

NIGHT_C = 18.5
DAY_C = 21.0


def _room(chance: Chance, t: float, preheat: Command) -> Values:
    hour = hour_of_day(chance, t)
    day = plateau(hour, 6.5, 22.5, 0.4)
    people = plateau(hour, 7.0, 23.0) * (1.0 if is_weekend(t) else 1.0 - 0.8 * plateau(hour, 9.0, 16.5))
    heated = max(day, preheat.at(t, 20 * MINUTE))
    phase = (t / (40 * MINUTE) + chance.unit("phase") + 0.3 * chance.wander("valve", t, 3 * HOUR)) % 1.0
    temperature = (
        NIGHT_C
        + 1.5 * (chance.unit("taste") - 0.5)
        + (DAY_C - NIGHT_C) * heated
        + 0.5 * (abs(2.0 * phase - 1.0) - 0.5)
        + 0.3 * chance.wander("weather", t, 6 * HOUR)
    )
    humidity = 45.0 - 1.5 * (temperature - 20.0) + 4.0 * people + 4.0 * chance.wander("air", t, 8 * HOUR)
    co2 = 430.0 + people * (450.0 + 90.0 * chance.wander("breath", t, 1.5 * HOUR))
    return {"temperature": temperature, "humidity": humidity, "co2": co2}


CLIMATE = Kind(
    "climate",
    MINUTE,
    (
        Sensor("temperature", 0.05, 0.1, -40.0, 85.0),
        Sensor("humidity", 0.3, 0.1, 0.0, 100.0),
        Sensor("co2", 8.0, 1.0, 400.0, 5000.0),
    ),
    _room,
)
