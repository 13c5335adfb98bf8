"""What to leave in float and what else to change: costs, an integer program, trials, the front."""
