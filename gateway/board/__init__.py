"""The notice board: one retained message per device and subject, which stands at the broker in its newest form."""

from gateway.board.home_assistant import HomeAssistant, birth_topic
from gateway.board.states import States

__all__ = ["HomeAssistant", "States", "birth_topic"]
