"""Criteria for ESPnet's enhancement models."""
