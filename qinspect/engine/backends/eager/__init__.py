"""torch.ao's eager mode: stubs placed by the program; the kernels are those of FX."""
