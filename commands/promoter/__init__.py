"""The promoter: its rounds, the checks of its draws, and what past draws gave."""
