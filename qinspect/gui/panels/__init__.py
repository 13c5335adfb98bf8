"""What the window is made of: panels receive values and emit what the user asked for."""
