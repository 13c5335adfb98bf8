"""Everything that computes: usable from a script, never imports Qt."""
