"""Patients: who they are, what they look for, whether their search may start; identity and health data are sealed."""
