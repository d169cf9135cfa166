"""User names and passwords from a file that nobody else can read."""

import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

from gateway.errors import ConfigError

SYSTEMD = "$CREDENTIALS_DIRECTORY"
"""Where systemd puts what `LoadCredential=` names, for the one service that asks for it."""

LARGEST = 65_536
"""Bytes; a file of credentials is two lines, and one that is not must not be read whole."""


def read(text: str, key: str, allowed: frozenset[str], environment: Mapping[str, str]) -> dict[str, str]:
    """The entries `name = "value"` (TOML) of the file that the setting `key` names.

    `$CREDENTIALS_DIRECTORY` at the beginning is replaced. Raises `ConfigError`, which never repeats what is in the
    file, where others can read it, or where it holds anything but text under `allowed` names.
    """
    path = _path(text, key, environment)
    try:
        _refuse_readable(path, key, is_systemd=text.startswith(SYSTEMD))
        with path.open("rb") as file:
            tree = tomllib.loads(file.read(LARGEST).decode())
    except OSError as error:
        message = f"{key}: {path}: {error.strerror or error}"
        raise ConfigError(message) from error
    except ValueError:
        message = f'{key}: {path}: is not of lines like: password = "..."'
        raise ConfigError(message) from None  # the error may hold the secret
    if not tree.keys() <= allowed or not all(isinstance(value, str) and value for value in tree.values()):
        message = f"{key}: {path}: holds something else than text for {' and '.join(sorted(allowed))}"
        raise ConfigError(message)
    return tree


def _path(text: str, key: str, environment: Mapping[str, str]) -> Path:
    if not text.startswith(SYSTEMD):
        return Path(text)
    folder = environment.get(SYSTEMD[1:])
    if not folder:
        message = f"{key}: {SYSTEMD} is not set: systemd sets it for services that have LoadCredential="
        raise ConfigError(message)
    return Path(folder + text.removeprefix(SYSTEMD))


def _refuse_readable(path: Path, key: str, *, is_systemd: bool) -> None:
    """Refuse what others can read; systemd lends by an access list, which shows as a bit of the group (0440)."""
    others = stat.S_IRWXO if is_systemd else stat.S_IRWXO | stat.S_IRWXG
    mode = path.stat().st_mode
    if mode & others:
        message = f"{key}: {path} can be read or written by others (mode {mode & 0o777:o}); chmod 600 {path}"
        raise ConfigError(message)
