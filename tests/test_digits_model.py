"""The model that other tests rest on is a real one."""

import numpy as np
import torch
from safetensors.torch import load_file

from qinspect.engine.load.callable import resolve


def test_the_trained_digits_model_is_right_on_images_it_has_not_seen(digits_model):
    net = resolve(digits_model.source)()
    missing, unexpected = net.load_state_dict(load_file(digits_model.weights), strict=False)
    assert not unexpected
    assert all(key.endswith("num_batches_tracked") for key in missing)
    stored = np.load(digits_model.data)
    with torch.no_grad():
        guesses = net.eval()(torch.from_numpy(stored["x"])).argmax(1).numpy()
    assert (guesses == stored["y"]).mean() > 0.96
