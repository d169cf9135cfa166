"""Secrets from a file: who may read it, and what it may hold."""

from pathlib import Path

import pytest

from gateway import config
from gateway.errors import ConfigError

SECRET = "s3cret-of-the-file"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give the path of a file of credentials that only its owner can read."""
    path = tmp_path / "mqtt.toml"
    path.write_text(f'username = "attic"\npassword = "{SECRET}"\n')
    path.chmod(0o600)
    return path


def load(folder: Path, named: object, **environment: str) -> tuple[str | None, str | None]:
    """Return user name and password under a configuration that names this file."""
    path = folder / "gateway.toml"
    path.write_text(f'[mqtt]\nhost = "broker"\ncredentials_file = "{named}"\n')
    settings = config.load(path, environment)
    assert SECRET not in "\n".join(config.describe(settings)) + repr(settings)
    user, word = settings.mqtt.username, settings.mqtt.password
    return None if user is None else user.get_secret_value(), None if word is None else word.get_secret_value()


def test_a_file_of_our_own_gives_user_and_password(file: Path) -> None:
    """Nothing in the environment is needed, and nothing is printed."""
    assert load(file.parent, file) == ("attic", SECRET)


def test_the_environment_goes_before_the_file(file: Path) -> None:
    """Who starts the gateway by hand can say otherwise."""
    assert load(file.parent, file, GATEWAY_MQTT_USERNAME="me") == ("me", SECRET)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o777])
def test_a_file_that_others_can_read_or_write_is_refused(file: Path, mode: int) -> None:
    """The setting and the file are named, and how to mend it; the secret is not."""
    file.chmod(mode)
    with pytest.raises(ConfigError) as caught:
        load(file.parent, file)
    assert "mqtt.credentials_file: " in str(caught.value)
    assert f"{file} can be read or written by others (mode {mode:o}); chmod 600 {file}" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_what_systemd_lends_may_show_the_bit_of_its_access_list(file: Path) -> None:
    """`LoadCredential=` gives the service mode 0440 in a folder that is its own; the world is refused there, too."""
    file.chmod(0o440)
    named = "$CREDENTIALS_DIRECTORY/mqtt.toml"
    assert load(file.parent, named, CREDENTIALS_DIRECTORY=str(file.parent)) == ("attic", SECRET)
    file.chmod(0o444)
    with pytest.raises(ConfigError, match="by others"):
        load(file.parent, named, CREDENTIALS_DIRECTORY=str(file.parent))


def test_without_systemd_its_folder_is_missed_by_name(tmp_path: Path) -> None:
    """Not looked for in the root folder."""
    with pytest.raises(ConfigError, match=r"mqtt\.credentials_file: \$CREDENTIALS_DIRECTORY is not set"):
        load(tmp_path, "$CREDENTIALS_DIRECTORY/mqtt.toml")


@pytest.mark.parametrize(
    "content",
    [f"password = {SECRET}", f'passwort = "{SECRET}"', "password = 1", f'mqtt = {{ password = "{SECRET}" }}',
     'password = ""', SECRET],
)  # fmt: skip
def test_a_file_that_holds_something_else_is_refused(file: Path, content: str) -> None:
    """In one line that does not repeat it."""
    file.write_text(content)
    with pytest.raises(ConfigError, match=r"mqtt\.credentials_file: ") as caught:
        load(file.parent, file)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """As any other that cannot be read."""
    with pytest.raises(ConfigError, match=r"mqtt\.credentials_file: .*nowhere: No such file"):
        load(tmp_path, tmp_path / "nowhere")
