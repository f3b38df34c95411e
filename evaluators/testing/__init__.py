"""Judges and a server with known answers, for tests of ours and of others."""
