"""What can be done with the selected layers: the menu of table and graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QMenu

from ...engine.plan.qconfig import DTYPES, ESTIMATORS, FLOATS, PRESETS
from ...engine.problem import Problem
from ...engine.results import LayerRow
from ..document import Document
from ..edits import qconfig_from_text, qconfig_text
from ..language import translated
from ..planned import Role
from ..words import word
from .alike import alike, name_of

BITS = (8, 7, 6, 4)
SHOWN_FUSIONS = 12
"""A block may hold hundreds of fusions; the ledger has them all."""


translate = QCoreApplication.translate


def copy_qconfig(document: Document, layer_id: str | None = None) -> None:
    """Put a layer's qconfig (the current one's) on the clipboard, as plan.json writes it."""
    qconfig = document.qconfig(layer_id or document.current or "")
    if qconfig is not None:
        QGuiApplication.clipboard().setText(qconfig_text(qconfig))


def paste_qconfig(document: Document) -> None:
    """Give the selected layers the qconfig on the clipboard.

    Raises
    ------
    Problem
        Where the clipboard holds none.
    """
    document.apply(
        document.selection,
        qconfig_from_text(QGuiApplication.clipboard().text()),
        translate("LayerMenu", "pasted qconfig"),
    )


class LayerMenu(QMenu):
    """Edits for a selection, for all layers of its operator, for its module, and its fusions.

    Parameters
    ----------
    document : Document
    ids : tuple of str
        The selection; nothing gives an empty menu.
    fail : callable
        Told of a `Problem`.
    by_pattern : callable
        Asks for a pattern of layers to edit.
    hidden : int
        So many of the selection are not seen in the table, and are edited all the same.
    evidence : callable | None
        Saves the integers of a layer.
    """

    def __init__(
        self,
        document: Document,
        ids: tuple[str, ...],
        fail: Callable[[Problem], None],
        by_pattern: Callable[[], None],
        hidden: int = 0,
        evidence: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__()
        self._document, self._ids, self._fail = document, ids, fail
        row = next((row for row in document.rows() if ids and row.id == ids[-1]), None)
        if row is None:
            return
        if hidden:
            text = translate("LayerMenu", "{0} layers, {1} of them hidden by the filter").format(len(ids), hidden)
            self.addAction(text).setEnabled(False)
            self.addSeparator()
        self._fill_edits()
        self._fill_fusions()
        self.addSeparator()
        copy = translate("LayerMenu", "Copy qconfig") + "\tCtrl+Shift+C"
        self._add(self, copy, lambda: copy_qconfig(document, row.id))
        self._add(self, translate("LayerMenu", "Paste qconfig") + "\tCtrl+Shift+V", lambda: paste_qconfig(document))
        self.addSeparator()
        self._fill_spreading(row)
        self._add(self, translate("LayerMenu", "Edit by pattern…"), by_pattern)
        self._fill_selecting(row)
        if evidence is not None and document.calibration is not None and row.quantized:
            self.addSeparator()
            text = translate("LayerMenu", "Save its integers as evidence…")
            self._add(self, text, lambda: evidence(row.id))

    def _fill_edits(self) -> None:
        document, ids = self._document, self._ids
        preset = self.addMenu(translate("LayerMenu", "Preset"))
        for name, qconfig in PRESETS.items():
            self._add(preset, name, lambda q=qconfig, name=name: document.apply(ids, q, name))
        self._add(self, translate("LayerMenu", "Leave in float"), lambda: document.make_float(ids))
        roles: tuple[tuple[Role, str], ...] = (
            ("weight", translate("LayerMenu", "Weights")),
            ("activation", translate("LayerMenu", "Activations")),
        )
        for role, title in roles:
            if role == "activation" or any(document.weighted(layer_id) for layer_id in ids):
                self._fill_role(self.addMenu(title), role)
        self._add(self, translate("LayerMenu", "Follow the default"), lambda: document.follow_default(ids))

    def _fill_spreading(self, row: LayerRow) -> None:
        """Give others the qconfig of the layer that was pointed at."""
        qconfig = self._document.qconfig(row.id)
        if qconfig is None:
            return
        same = translate("LayerMenu", "same")
        text = translate("LayerMenu", "All {0} like this one").format(row.op)
        self._add(self, text, lambda: self._document.apply_matching("op", row.op, qconfig, same))
        if module := row.path.rpartition(".")[0]:
            text = translate("LayerMenu", "All in {0} like this one").format(module)
            self._add(self, text, lambda: self._document.apply_matching("path", module, qconfig, same))

    def _fill_selecting(self, row: LayerRow) -> None:
        """Select more: all of the operator, and those at the same place of every block."""
        document, rows = self._document, [row for row in self._document.rows() if row.fused_into is None]
        every = [one.id for one in rows if one.op == row.op]
        text = translate("LayerMenu", "Select all {0}").format(row.op)
        self._add(self, text, lambda: document.select(every))
        layer = document.layer(row.id)
        if document.model is None or layer is None:
            return
        graph = document.model.graph
        same = alike(graph, self._ids, [one.id for one in rows])
        if len(same) > len(self._ids) and set(same) != set(every):
            what = name_of(layer, graph) if len(self._ids) == 1 else translate("LayerMenu", "at these places of blocks")
            text = translate("LayerMenu", "Select all {0} ({1})").format(what, len(same))
            self._add(self, text, lambda: document.select(same))

    def _add(self, to: QMenu, text: str, slot: Callable[[], Any]) -> QAction:
        action = to.addAction(text)
        action.triggered.connect(lambda: self._try(slot))
        return action

    def _try(self, slot: Callable[[], Any]) -> None:
        try:
            slot()
        except Problem as problem:
            self._fail(problem)

    def _fill_role(self, to: QMenu, role: Role) -> None:
        document, ids = self._document, self._ids

        def add(text: str, **fields: Any) -> None:
            self._add(to, text, lambda: document.change(ids, role, **fields))

        self._add(to, translate("LayerMenu", "float"), lambda: document.make_float(ids, role))
        for dtype in (*DTYPES, *FLOATS):
            add(dtype, dtype=dtype)
        to.addSeparator()
        for bits in BITS:
            add(translate("LayerMenu", "{0} bits").format(bits), bits=bits)
        to.addSeparator()
        if role == "weight":
            for granularity in ("per_tensor", "per_channel", "per_group"):
                add(granularity.replace("_", "-"), granularity=granularity)
            to.addSeparator()
        for estimator in ESTIMATORS:
            if estimator not in ("fixed", "none"):
                add(word(estimator), estimator=estimator, dynamic=False)
        if role == "activation":
            add(translate("LayerMenu", "dynamic: each batch's own range"), dynamic=True)

    def _fill_fusions(self) -> None:
        analysis = self._document.analysis
        chosen = set(self._ids)
        found = [] if analysis is None else [f for f in analysis.fusions if chosen & set(f.layers)]
        if not found:
            return
        menu = self.addMenu(translate("LayerMenu", "Fusions"))
        menu.setToolTipsVisible(True)
        for fusion in found[:SHOWN_FUSIONS]:
            blocked = fusion.state == "blocked"
            state = translate("LayerMenu", "blocked") if blocked else ""
            action = menu.addAction(f"{fusion.pattern}  {state}".strip())
            action.setToolTip("\n".join(filter(None, (", ".join(fusion.layers), translated(fusion.reason or "")))))
            action.setEnabled(not blocked)
            action.setCheckable(not blocked)
            action.setChecked(not blocked and self._document.plan.fusion(fusion.id))
            action.triggered.connect(lambda on, fusion=fusion: self._document.set_fusion(fusion.id, on))
