"""The layer graph: grouping by module, layered layout, drawing."""
