"""Rewards over HTTP: the server, its client, and what goes over the wire."""
