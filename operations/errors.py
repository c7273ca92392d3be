"""What can go wrong while processes are started, in words for the person who typed the command."""


class OperationsError(Exception):
    """The command cannot do what was asked; the text says why and what to do."""


class NotReady(Exception):
    """A server does not answer yet; asking again may help."""


class PermanentFailure(Exception):
    """A server answers, but cannot become ready with these settings; asking again does not help."""
