"""What can go wrong while parts are started, in words for the person who typed the command."""


class Failure(Exception):
    """The command cannot do what was asked; the text says why and what to do."""


class NotReady(Exception):
    """A part does not answer yet; asking again may help."""


class Hopeless(Exception):
    """A part answers, but will never become ready like this; asking again does not help."""
