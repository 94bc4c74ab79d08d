"""Training of supernets: from a job to checkpoints."""
