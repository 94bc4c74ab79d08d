"""From a job to checkpoints."""
