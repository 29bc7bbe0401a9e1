"""Training with ESPnet: options checked, safe checkpoints, non-finite steps stopped."""
