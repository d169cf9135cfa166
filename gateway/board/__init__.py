"""The notice board: one retained message per device and subject, which stands at the broker in its newest form."""

from gateway.board.board import Board
from gateway.board.home_assistant import HomeAssistant, birth_topics
from gateway.board.states import States

__all__ = ["Board", "HomeAssistant", "States", "birth_topics"]
