"""Importing a source's client at its first use, from whichever thread comes first.

    with importing:
        import requests

Packages whose modules import each other break when two threads import them for the first time at once: Python avoids the
deadlock by handing out a half-made module.
"""

from threading import RLock

importing = RLock()
"""Held while a client is imported; a probe that finds it imported passes at once."""
