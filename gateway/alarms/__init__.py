"""Verdicts to incidents: when something is told, and in which words; pure."""
