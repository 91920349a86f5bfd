"""The restore drill: the one part of this suite that writes, and only where `scratch:` of an environment says that it may.

Imported by `checks/restore_drill` alone, so that no other check can even name what writes.
"""
