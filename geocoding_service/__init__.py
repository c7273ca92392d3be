"""Places: where an address lies, how far it is to another, which days are holidays there. Works without a network."""
