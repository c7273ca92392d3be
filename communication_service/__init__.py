"""Communication with practices: e-mails, calls and what came of them; at most one inquiry e-mail a week each."""
