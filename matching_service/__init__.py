"""Which therapists fit a patient and why, whom staff decided to ask, and what the practices answered."""
