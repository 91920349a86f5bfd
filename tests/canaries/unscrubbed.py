"""A plugin that makes the suite leak, so that a sweep can be seen to find something."""

from muster import scrubber

scrubber.learn = lambda value: value
