"""A year of the agency in minutes: the services' own rules, invented people, and policies that are compared."""
