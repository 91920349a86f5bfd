"""The systems that a sandbox can be: a package for each, named as the system with underscores."""
