"""The live page: its server, what viewers see of a run, and what they change in it."""
