"""What tests, benchmarks, fault tests and the demo share: a private platform, an API client, invented therapists."""
