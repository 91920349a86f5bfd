"""A platform on loopback: real servers where this machine has them, stand-ins that speak the real protocol elsewhere."""
