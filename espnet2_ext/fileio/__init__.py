"""Reading and writing files: scp lists, audio, YAML, checkpoints, digests, journals."""
