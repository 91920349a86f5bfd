"""What may be expected and platform-service's runbook does not speak of: entities beside its own, and a fault for each check of them.

Each module has entities for an environment of its own, looked at with the connections of the sandbox's, what its healthy world
needs for them, and the faults.
"""
