"""Everything that computes: usable from a script, never imports Qt.

Where to find what, in the order in which data goes through:

open        `load` (sources to a model) and `existing` (what is quantized there already), `data` (files to batches),
            `source` and `data_spec` (how either is named), `opaque` (a sub-module that cannot be traced)
graph       `graph` (the canonical graph, how it is made and executed), `fuse`
decide      `plan` (target, qconfigs, overrides); `decide`, `groups` and `apart` for what follows from a plan
calibrate   `feed` (batches to a model's inputs), `calibrate`, `statistics`
quantize    `ranges`, `qparams`, `quantize`, `simulate`
measure     `measure`, `errors`, `sensitivity`, `metric`, `classes`, `intervals`, `samples`, `states`
run         `backends` (a table and a lowering each), `kernels`, `latency`, `profiles`, `evidence`
explain     `doctor`, `remedies`, `search` (candidates for one layer, plans for the whole)
tell        `results` (plain data), `rows`, `report`, `compare`, `export`, `dump`, `inspect`
whole jobs  `float_check`, `job` (up to the statistics), `analyze`, `cluster`; `footprint` for the memory of each
underneath  `problem`, `text`, `progress`, `files` and `staged`; `parallel` (portions on several processors) and
            `process` (what may crash or be killed)
"""
