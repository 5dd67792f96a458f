"""The promoter: its ticks, checks of its draws, and statistics of past draws."""
