"""What a run has found, told to others: the only place of the suite that writes with --push. The root conftest alone loads it."""
