"""Collectors: games played by other processes, whose transitions arrive as chunks."""
