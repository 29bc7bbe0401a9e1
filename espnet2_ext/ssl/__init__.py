"""Frozen differentiable SSL models, and specifications of their layers."""
