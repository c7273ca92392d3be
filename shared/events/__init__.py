"""How services tell each other what happened: recorded with the change, relayed once and in order, heard once."""
