"""The rules of this house as tests, each with its reason."""
