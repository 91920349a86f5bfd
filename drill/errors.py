"""What may go wrong with a drill: the backup's fault is told apart from ours."""


class Damaged(Exception):
    """The backup is at fault; the text is one line for whoever is called."""
