"""What users want said in their devices' own tongue: text with named fields of a message in it; pure.

`{reason}` is replaced by the field as a JSON value, `{reason:text}` by its bare text; all other braces are as they are.
"""

import json
import re
from collections.abc import Callable, Mapping

from gateway.errors import ConfigError

FIELD = re.compile(r"\{([a-z_]+)(:[a-z]*)?\}")

LONGEST = 4096
"""Characters of a template: devices have little room."""


class Phrase:
    """A payload to be filled in.

    Raises `ConfigError`, naming the setting `key`, for fields that are not in `example` or that stand in a string, and
    for what begins like JSON and is none.
    """

    def __init__(self, template: str, example: Mapping[str, object], key: str) -> None:
        self._template = template
        if len(template) > LONGEST:
            message = f"{key}: longer than {LONGEST} characters"
            raise ConfigError(message)
        for name, form in FIELD.findall(template):
            if name not in example or form not in {"", ":text"}:
                message = (
                    f"{key}: {{{name}{form}}} is no field; there are {', '.join(example)}, each as {{name}}, which "
                    "is JSON, with its quotes where it is text, or as {name:text}"
                )
                raise ConfigError(message)
        if template.lstrip()[:1] in {"{", "["} and not FIELD.match(template.lstrip()):
            self._check(example, key)

    def _check(self, example: Mapping[str, object], key: str) -> None:
        filled = self.render(example)
        try:
            json.loads(filled)
        except ValueError as error:
            message = (
                f"{key}: is not JSON once its fields are filled in ({error}): {filled.decode()} - a field brings the "
                "quotes that it needs"
            )
            raise ConfigError(message) from error

    def render(self, fields: Mapping[str, object]) -> bytes:
        """The payload with these fields filled in; what is not among them is null."""
        forms: Mapping[str, Callable[[object], str]] = {"": _json, ":text": _text}
        return FIELD.sub(lambda found: forms[found[2] or ""](fields.get(found[1])), self._template).encode()


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _text(value: object) -> str:
    """On one line, and nothing that a device might take for the end of a command."""
    text = value if isinstance(value, str) else "" if value is None else _json(value)
    return "".join(character if character.isprintable() else " " for character in text)
