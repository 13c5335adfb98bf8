"""What each layer's rounding does to the output: estimated for all at once, or measured one by one."""
