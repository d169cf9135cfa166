"""Topics as templates: `devices/{device}/readings` both matches what arrives and names where things go."""

import re
from collections.abc import Iterable, Mapping

from gateway.errors import ConfigError, PayloadError
from gateway.records import Reason

PLACEHOLDER = re.compile(r"^\{([a-z_]+)\}$")

NO_LEVEL = frozenset("/+#\0")
"""A device's name is one level of the topics on which it is told what we think of it: none of these is in it."""

NO_TOPIC = NO_LEVEL - {"/"}

PATH = "path"
"""The placeholder for a device's own name, which may have several levels."""


class TopicTemplate:
    """A topic in which whole levels may be placeholders, such as `devices/{device}/readings`.

    `{path}`, where it is allowed, stands for several levels. Raises `ConfigError`, naming the setting `key`, for
    wildcards, empty levels, repeated or unknown placeholders.
    """

    def __init__(
        self, template: str, allowed: frozenset[str], required: frozenset[str] = frozenset(), key: str = "topic"
    ) -> None:
        self.template = template
        self.key = key
        self._levels = template.split("/")
        self._names: dict[str, int] = {}
        for position, level in enumerate(self._levels):
            if found := PLACEHOLDER.match(level):
                self._take(found.group(1), position, allowed)
            elif not level or set(level) & set("+#{}\0"):
                self._refuse(f"level {level!r} is empty or holds one of + # {{ }}")
        if missing := required - self._names.keys():
            self._refuse(f"needs {{{min(missing)}}} as one level")

    def _take(self, name: str, position: int, allowed: frozenset[str]) -> None:
        if name not in allowed or name in self._names:
            self._refuse(f"{{{name}}} is unknown here or stands twice")
        self._names[name] = position

    def _refuse(self, why: str) -> None:
        message = f"{self.key}: {self.template!r}: {why}"
        raise ConfigError(message)

    @property
    def filter(self) -> str:
        """The MQTT topic filter that holds every topic of this template."""
        return "/".join("+" if PLACEHOLDER.match(level) else level for level in self._levels)

    def match(self, topic: str) -> dict[str, str] | None:
        """The placeholders' values in `topic`, or None where it is another topic or a level is empty."""
        levels = topic.split("/")
        if len(levels) != len(self._levels):
            return None
        for ours, theirs in zip(self._levels, levels, strict=True):
            if not theirs or (ours != theirs and not PLACEHOLDER.match(ours)):
                return None
        return {name: levels[position] for name, position in self._names.items()}

    def render(self, **names: str) -> str:
        """The topic with its placeholders filled in; raises `ValueError` for a name that is not one topic level."""
        levels = list(self._levels)
        for name, position in self._names.items():
            if not names[name] or set(names[name]) & (NO_TOPIC if name == PATH else NO_LEVEL):
                message = f"{names[name]!r} is not one topic level"
                raise ValueError(message)
            levels[position] = names[name]
        return "/".join(levels)


class TopicFilter:
    """An MQTT topic filter in which levels may also be `{device}` or `{sensor}`; what `#` stands for is named `rest`.

    Raises `ConfigError`, naming the setting `key`, for empty levels, misplaced wildcards, unknown placeholders.
    """

    def __init__(self, text: str, key: str = "topic") -> None:
        self.text = text
        self.key = key
        levels = text.split("/")
        self._names = [name for level in levels if (name := _placeholder(level))]
        for position, level in enumerate(levels):
            is_wildcard = level == "+" or (level == "#" and position == len(levels) - 1)
            if not level or (not is_wildcard and _placeholder(level) is None and set(level) & set("+#{}\0")):
                self._refuse(
                    f"level {level!r} is empty, or holds one of + # {{ }} beside other things or not at the end"
                )
        if not set(self._names) <= {"device", "sensor"} or len(set(self._names)) < len(self._names):
            self._refuse("only {device} and {sensor} may stand in it, each once")
        self.filter = "/".join("+" if _placeholder(level) else level for level in levels)
        self._pattern = re.compile(
            "/".join(map(_level_pattern, levels)).replace(f"/{REST}", f"(?:/{REST})?"), re.DOTALL
        )

    def match(self, topic: str) -> dict[str, str] | None:
        """The placeholders' values in `topic`, or None where it is another topic or a named level is empty."""
        found = self._pattern.fullmatch(topic)
        if found is None or (topic.startswith("$") and not self.filter.startswith("$")):
            return None  # the broker's own topics are never meant by a wildcard
        return found.groupdict("")

    def require(self, *names: str) -> None:
        """Raise `ConfigError` where one of these placeholders is missing."""
        if missing := sorted(set(names) - set(self._names)):
            self._refuse(f"needs {{{missing[0]}}} as one level")

    def base(self) -> str:
        """The levels before the `#` at the end; raises `ConfigError` where there is anything else that varies."""
        base = self.text.removesuffix("/#")
        if base == self.text or set(base) & set("+#{"):
            self._refuse("needs to be a topic followed by /#")
        return base

    def _refuse(self, why: str) -> None:
        message = f"{self.key}: {self.text!r}: {why}"
        raise ConfigError(message)


REST = "(?P<rest>.*)"


def _placeholder(level: str) -> str | None:
    found = PLACEHOLDER.match(level)
    return found.group(1) if found else None


def _level_pattern(level: str) -> str:
    if name := _placeholder(level):
        return f"(?P<{name}>[^/]+)"
    return {"+": "[^/]*", "#": REST}.get(level) or re.escape(level)


def first_match(filters: Iterable[TopicFilter], topic: str) -> Mapping[str, str]:
    """What the first filter that holds `topic` says of it; raises `PayloadError` where none does."""
    for each in filters:
        if (names := each.match(topic)) is not None:
            return names
    raise PayloadError(Reason.TOPIC)
