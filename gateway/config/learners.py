"""The settings of what is learned, foretold and told."""

from typing import Annotated, Literal, Self, TypeAlias, get_args

from pydantic import Field, field_validator, model_validator

from gateway.config.holidays import known_place
from gateway.config.section import Seconds, Section, TimeOfDay


class Model(Section):
    """A stock River model for the devices and sensors whose names match the shell patterns."""

    devices: str = "*"
    sensors: str = "*"
    model: Annotated[str, Field(min_length=1)]
    params: dict[str, bool | int | float | str] = Field(default_factory=dict)


class Kind(Section):
    """What the sensors that match the shell patterns are, where the gateway is not to find it out by itself."""

    devices: str = "*"
    sensors: str = "*"
    kind: Literal["value", "counter", "state", "event"]


class Learning(Section):
    """How the learners behave."""

    models: tuple[Model, ...] = ()
    kinds: tuple[Kind, ...] = ()
    holidays: str = ""

    @field_validator("holidays")
    @classmethod
    def _known(cls, value: str) -> str:
        return known_place(value) if value else value


class Bound(Section):
    """Values between which the sensors that match the shell patterns should stay: the way there is foretold."""

    devices: str = "*"
    sensors: str = "*"
    below: Annotated[float, Field(allow_inf_nan=False)] | None = None
    above: Annotated[float, Field(allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if self.below is None and self.above is None:
            message = "needs below, above or both"
            raise ValueError(message)
        if self.below is not None and self.above is not None and self.below >= self.above:
            message = "below must be less than above"
            raise ValueError(message)
        return self


class Predictions(Section):
    """How often and how far ahead; times are the device's own."""

    every_s: Seconds = 60.0
    horizons_s: tuple[Seconds, ...] = (600.0, 3600.0)
    coverage: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.9
    bounds: tuple[Bound, ...] = ()

    @field_validator("horizons_s", mode="before")
    @classmethod
    def _from_numbers(cls, value: object) -> object:
        if not isinstance(value, tuple):
            return value
        return tuple(float(item) if isinstance(item, int) else item for item in value)


FalseAlarms: TypeAlias = Annotated[float, Field(gt=0, le=10_000)]


class Budget(Section):
    """How many false alarms are acceptable of what matches the shell patterns."""

    devices: str = "*"
    sensors: str = "*"
    false_per_30_days: FalseAlarms


class Alarms(Section):
    """How many false alarms are acceptable, when a change is accepted, and how late is silent."""

    false_per_30_days: FalseAlarms = 1.0
    budgets: tuple[Budget, ...] = ()
    adopt_after_s: Seconds = 86400.0
    silent_floor_s: Seconds = 10.0


Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)


class Maintenance(Section):
    """Every week the same hours, in local time, in which devices are worked on: nothing is judged, nothing learned."""

    devices: Annotated[str, Field(min_length=1)]
    days: Annotated[tuple[Day, ...], Field(min_length=1)] = DAYS
    start: TimeOfDay
    end: TimeOfDay

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.start == self.end:
            message = "start and end are the same: nothing would ever be learned"
            raise ValueError(message)
        return self
