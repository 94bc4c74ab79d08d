"""The weight-sharing network in its literal and fused forms, and the stand-alone networks."""
