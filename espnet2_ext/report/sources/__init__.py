"""Readers of what the stages wrote: each makes columns, or curves."""
