"""Topics as templates: `devices/{device}/readings` both matches what arrives and names where things go."""

import re

from gateway.errors import ConfigError

PLACEHOLDER = re.compile(r"^\{([a-z_]+)\}$")


class TopicTemplate:
    """A topic in which whole levels may be placeholders, such as `devices/{device}/readings`.

    Raises `ConfigError`, naming the setting `key`, for wildcards, empty levels, repeated or unknown placeholders.
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
            if not names[name] or set(names[name]) & set("/+#\0"):
                message = f"{names[name]!r} is not one topic level"
                raise ValueError(message)
            levels[position] = names[name]
        return "/".join(levels)
