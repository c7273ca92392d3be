"""Therapists: who they are, when they answer the phone, whether they may be contacted; fed by imports and by staff."""
