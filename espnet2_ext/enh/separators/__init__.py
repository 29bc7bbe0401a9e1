"""Separators of our own; `registration` adds them to ESPnet's."""
