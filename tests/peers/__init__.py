"""Peers: one class for each program that a test talks to or through.

Everything listens on loopback, on a port that was free, and lives in a
directory of its own; stop() ends what start() began, by process id.
"""
