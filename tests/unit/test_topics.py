"""Where the gateway's own messages go."""

import pytest
from readings import settings

from gateway.config import Topics
from gateway.errors import ConfigError
from gateway.topics import of_device, of_gateway


def test_the_gateways_topics_carry_its_name() -> None:
    """They are the same for the loop and for the last will."""
    assert of_gateway(settings(gateway={"name": "attic"}), "status") == "gateway/attic/status"


def test_a_devices_topic_needs_its_device() -> None:
    """Or all devices would write over each other; the key that is wrong is named."""
    assert of_device(Topics(), "state").render(device="pump") == "devices/pump/state"
    with pytest.raises(ConfigError, match=r"^topics\.state"):
        of_device(Topics(state="devices/state"), "state")
