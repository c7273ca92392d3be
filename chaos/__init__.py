"""The fault campaign: a steady load while processes are killed, and an auditor that checks the data afterwards."""
