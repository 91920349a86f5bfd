"""What a sandbox is made of: the real servers, and the stand-ins that share one process."""
