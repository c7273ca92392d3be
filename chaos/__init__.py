"""The fault campaign: a steady load while parts of the platform die, and an auditor who trusts nobody's word."""
