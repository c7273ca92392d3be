"""One module for each form in which the directory is read: what is asked for, and how an answer becomes raw entries."""
