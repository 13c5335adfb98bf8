"""Calibration and the exact sweep on an existing dask.distributed scheduler (the extra ``cluster``).

What travels are names and figures: the client sends the specifications of model, data and plan as JSON,
every worker opens the model and the data itself, and hands back statistics (an npz file's content) or
errors (JSON). A worker that has another model or other data under these names says so.

Whoever runs the scheduler can run code on the workers and, since dask unpickles what it is sent, on the
client: name only one that is your own. ``tls://`` addresses take dask's own security settings.
"""
