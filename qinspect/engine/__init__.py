"""Everything that computes: usable from a script, never imports Qt.

Where to find what, in the order in which data goes through:

open        `load` (sources to a model), `data` (files to batches), `source`, `data_spec`, `opaque`, `existing`
graph       `graph`, `operators`, `nodes`, `weighted`, `recurrent`, `normalize`, `fuse` and `fold`
decide      `qconfig`, `target`, `plan` and `plan_file`; `decide`, `groups` and `apart` for what follows from a plan
calibrate   `feed`, `execute`, `observe`, `statistics`, `channels`, `quality`, `calibrate`
quantize    `ranges`, `qparams`, `quantize`, `simulate`
measure     `errors`, `sensitivity`, `metric`, `classes`, `intervals`, `samples`, `states`
run         `backends` (a table and a lowering each), `kernels`, `latency`, `profiles`, `evidence`
explain     `doctor`, `remedies`, `candidates`, `expected`, `search`
tell        `results` and its kin (plain data), `rows`, `report`, `compare`, `export`, `dump`, `inspect`
whole jobs  `float_check`, `job` (up to the statistics), `analyze`, `cluster`
underneath  `problem`, `text`, `progress`, `files`, `memory`; `child`, `guest` and `resident` for processes of their own
"""
