"""Plots of plain values. Importing them imports pyqtgraph: not before the window is shown."""
