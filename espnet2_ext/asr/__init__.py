"""Recognisers: ESPnet's trained ones, token lists, and the SSL frontend."""
