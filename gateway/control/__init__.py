"""Requests to a running gateway, over a Unix socket beside its log: only its own user and root may ask."""

from gateway.control.client import ask
from gateway.control.desk import Desk, Handler, Work
from gateway.control.server import Call, Server
from gateway.control.socket_path import beside

__all__ = ["Call", "Desk", "Handler", "Server", "Work", "ask", "beside"]
