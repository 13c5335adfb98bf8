"""Remedies beyond qconfigs: they change numbers of the model, not the grids.

Equalization changes the float weights (the model computes the same), rounding and bias correction
change what is stored of the quantized ones. A plan names them; they are computed anew from model,
plan and data, always with the same result.
"""
