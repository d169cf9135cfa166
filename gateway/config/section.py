"""What every table of the settings is made of."""

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

Port: TypeAlias = Annotated[int, Field(ge=1, le=65535)]
Count: TypeAlias = Annotated[int, Field(ge=1)]
Seconds: TypeAlias = Annotated[float, Field(gt=0, le=3e9)]
"""At most 95 years: farther from now, times leave what 64 bits of nanoseconds can hold."""
Days: TypeAlias = Annotated[float, Field(gt=0, le=36500)]
TimeOfDay: TypeAlias = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class Section(BaseModel):
    """A table of the file: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, tree: object) -> object:
        """A file has lists where what is frozen has tuples."""
        if not isinstance(tree, dict):
            return tree
        return {key: tuple(value) if isinstance(value, list) else value for key, value in tree.items()}
