"""Communication with practices: letters, calls and what came of them; at most one inquiry e-mail a week each."""
