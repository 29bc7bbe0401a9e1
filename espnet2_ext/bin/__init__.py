"""Command lines (``python -m espnet2_ext.bin.NAME``); the logic is elsewhere."""
