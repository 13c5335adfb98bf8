"""What was found in the model that is open."""

from __future__ import annotations

from collections import Counter
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout

from ..dialogs import in_fields
from ..document import Document
from ..language import translated
from ..trust import names_code
from .cards import Card, clear, heading, label


class FoundCard(Card):
    """Layers, sizes, inputs, and what is quantized already."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.body.addWidget(heading(self.tr("What was found")))
        self._document = document
        self._lines = QGridLayout()
        self._lines.setHorizontalSpacing(16)
        self._lines.setVerticalSpacing(6)
        self._lines.setColumnStretch(1, 1)
        self.body.addLayout(self._lines)

    def refresh(self) -> None:
        """Show the model that is open."""
        model = self._document.model
        self.setVisible(model is not None)
        clear(self._lines)
        if model is None:
            return
        spec = model.spec.to_json()
        graph = model.graph
        rows = [layer for layer in graph.layers if not layer.transparent]
        parameters = sum(tensor.numel() for tensor in graph.params.values())
        counts = Counter(layer.op for layer in rows)
        lines = [
            (self.tr("Name"), model.name),
            (self.tr("Source"), spec["source"] + (f"\n{spec['weights']}" if spec.get("weights") else "")),
            (self.tr("Layers"), ", ".join(f"{count} {op}" for op, count in counts.most_common(8))),
            (
                self.tr("Parameters"),
                self.tr("{0} M ({1} MB as float32)").format(f"{parameters / 1e6:.2f}", f"{parameters * 4 / 1e6:.1f}"),
            ),
        ]
        if graph.inputs:  # else it is a table of layers, which cannot be run
            batch = self.tr("any size") if model.dynamic_batch else self.tr("fixed: samples go through one by one")
            macs = sum(layer.macs for layer in rows) / 1e6
            lines += [
                (self.tr("Multiply-adds"), self.tr("{0} M per sample").format(f"{macs:.0f}")),
                (self.tr("Inputs"), "\n".join(_signature(spec) for spec in graph.inputs)),
                (self.tr("Batch"), batch),
            ]
        lines += self._existing()
        lines.append(
            (
                self.tr("Runs code"),
                self.tr("yes, you allowed it") if names_code(spec["source"]) else self.tr("no"),
            )
        )
        if model.notes:
            lines.append((self.tr("Notes"), "\n".join(in_fields(translated(note)) for note in model.notes)))
        for index, (name, text) in enumerate(lines):
            self._lines.addWidget(label(name, "muted", wrap=False), index, 0, Qt.AlignmentFlag.AlignTop)
            self._lines.addWidget(label(text), index, 1)

    def _existing(self) -> list[tuple[str, str]]:
        """What is quantized already, and what ONNX Runtime makes of it."""
        model, inspected = self._document.model, self._document.inspected
        about = None if inspected is None else inspected.model.get("existing")
        if model is None or model.existing is None or about is None:
            return []
        maker = f"{about['form']}, {about['producer']}" if about["producer"] else about["form"]
        quantized = self.tr("{0} layers in integers ({1})").format(len(about["quantized"]), maker)
        none = self.tr("it carries no plan of its own")
        plan = self.tr("the plan that made it is in the file") if about["plan"] else none
        found = [(self.tr("Quantized"), f"{quantized}; {plan}")]
        if not model.existing.for_onnxruntime:
            return found
        kernels = self._document.file_kernels
        if kernels is None:
            text = self.tr("ONNX Runtime is being asked…")
        else:
            count = sum(ran.integer for ran in kernels.ran.values())
            words = self.tr("{0} of {1} layers in ONNX Runtime's integer kernels").format(count, len(kernels.ran))
            text = "\n".join(filter(None, (words if kernels.ran else "", translated(kernels.said or ""))))
        return [*found, (self.tr("Kernels"), text)]


def _signature(spec: Any) -> str:
    sizes = enumerate(spec.shape)
    shape = " × ".join(str(size) if size is not None else ("~" if axis else "N") for axis, size in sizes)
    return f"{spec.name}: {spec.dtype} {shape}"
