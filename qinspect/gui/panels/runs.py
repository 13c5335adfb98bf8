"""Analyses that are kept, side by side: what differs in the plan, and what that did."""

from __future__ import annotations

import json
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ...session import Run
from ..document import Document
from ..icons import set_icon
from .cards import Hint, label
from .figures import share, small


def plan_differences(one: dict[str, Any], two: dict[str, Any]) -> list[str]:
    """What the second plan has otherwise than the first, a line each."""
    lines = []
    for key in sorted(set(one["target"]) | set(two["target"])):
        a, b = one["target"].get(key), two["target"].get(key)
        if a != b:
            lines.append(f"target {key}: {a} → {b}")
    for role in ("weight", "activation"):
        a, b = one["default"][role], two["default"][role]
        if a != b:
            lines.append(f"default {role}: {_brief(a)} → {_brief(b)}")
    left = {json.dumps(o["match"]): o for o in one["overrides"]}
    right = {json.dumps(o["match"]): o for o in two["overrides"]}
    for key in dict.fromkeys([*left, *right]):
        if left.get(key) != right.get(key):
            ((_, pattern),) = json.loads(key).items()
            lines.append(f"{pattern}: {_override(left.get(key))} → {_override(right.get(key))}")
    if one["fusions"] != two["fusions"]:
        off = [{item["id"] for item in plan["fusions"] if not item["on"]} for plan in (one, two)]
        lines += [f"fusion {name}: on → off" for name in sorted(off[1] - off[0])]
        lines += [f"fusion {name}: off → on" for name in sorted(off[0] - off[1])]
    return lines


def _brief(config: Any) -> str:
    if not isinstance(config, dict):
        return str(config)
    scheme = "sym" if config["symmetric"] else "affine"
    granularity = config["granularity"].removeprefix("per_")
    return f"{config['dtype']} {config['bits']}b {scheme} {granularity} {config['estimator']}"


def _override(item: Any) -> str:
    if item is None:
        return "default"
    return ", ".join(f"{role} {_brief(item[role])}" for role in ("weight", "activation") if role in item)


class RunsTable(QWidget):
    """The runs; two that are selected are compared.

    Signals
    -------
    restore_requested(Run), remove_requested(Run), rename_requested(Run, name)
    """

    restore_requested = Signal(object)
    remove_requested = Signal(object)
    rename_requested = Signal(object, str)

    COLUMNS = ("Run", "Target", "Metric", "Kernel", "Agreement", "KL (nats)", "int8 ms", "×", "Layers int8")

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._filling = False
        self.table = QTableWidget(0, len(self.COLUMNS))
        self.table.setHorizontalHeaderLabels(list(self.COLUMNS))
        self.table.setAccessibleName(self.tr("Runs"))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(24)
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.table.itemSelectionChanged.connect(self._selected)
        self.table.itemChanged.connect(self._renamed)
        self.restore = QPushButton(self.tr("Restore plan"))
        set_icon(self.restore, "backup-restore")
        self.restore.setToolTip(self.tr("Take this run's plan as the current one; can be undone"))
        self.remove = QPushButton(self.tr("Remove"))
        set_icon(self.remove, "delete-outline")
        self.restore.clicked.connect(lambda: self._each(self.restore_requested))
        self.remove.clicked.connect(lambda: self._each(self.remove_requested))
        self.compared = label(self.tr("Select two runs to compare their plans."), "muted")
        self.compared.setAlignment(Qt.AlignmentFlag.AlignTop)
        side = QVBoxLayout()
        buttons = QHBoxLayout()
        buttons.addWidget(self.restore)
        buttons.addWidget(self.remove)
        side.addLayout(buttons)
        side.addWidget(self.compared, 1)
        side.setContentsMargins(8, 4, 8, 4)
        inside = QWidget()
        across = QHBoxLayout(inside)
        across.setContentsMargins(0, 0, 0, 0)
        across.addWidget(self.table, 3)
        across.addLayout(side, 1)
        self.stack = QStackedWidget()
        self.stack.addWidget(
            Hint(self.tr("Every analysis is kept here with its plan and figures, to compare and to go back to."))
        )
        self.stack.addWidget(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.stack)
        document.results_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """List the runs, the newest on top."""
        self._filling = True
        chosen = [run.key for run in self.selected()]
        runs = list(reversed(self._document.runs))
        self._runs = runs
        self.stack.setCurrentIndex(1 if runs else 0)
        self.table.setRowCount(len(runs))
        current = self._document.find()
        for place, run in enumerate(runs):
            totals = run.analysis.totals
            ratio = totals.fp32_ms / totals.int8_ms if totals.fp32_ms and totals.int8_ms else None
            rows = [row for row in run.analysis.layers if row.fused_into is None]
            texts = (
                run.name,
                run.plan.target.name,
                share(totals.quantized_metric),
                share(totals.kernel_agreement if totals.kernel_metric is None else totals.kernel_metric),
                share(totals.agreement),
                small(totals.kl),
                "–" if totals.int8_ms is None else f"{totals.int8_ms:.3g}",
                "–" if ratio is None else f"{ratio:.2f}",
                f"{sum(row.quantized for row in rows)} / {sum(row.asked for row in rows)}",
            )
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                editable = Qt.ItemFlag.ItemIsEditable if column == 0 else Qt.ItemFlag.NoItemFlags
                item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | editable)
                if column > 1:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                font = item.font()
                font.setBold(run is current)
                font.setItalic(not run.exact)
                item.setFont(font)
                item.setToolTip(
                    self.tr("all samples, kernels and time") if run.exact else self.tr("quick figures on few samples")
                )
                self.table.setItem(place, column, item)
        for place, run in enumerate(runs):
            if run.key in chosen and len(chosen) < 3:
                for column in range(len(self.COLUMNS)):
                    self.table.item(place, column).setSelected(True)
        self._filling = False
        self._selected()

    def selected(self) -> list[Run]:
        """The runs that are selected, the older one first."""
        places = sorted({item.row() for item in self.table.selectedItems()}, reverse=True)
        return [self._runs[place] for place in places if place < len(self._runs)]

    def _each(self, signal: Any) -> None:
        for run in self.selected():
            signal.emit(run)

    def _selected(self) -> None:
        if self._filling:
            return
        runs = self.selected()
        self.restore.setEnabled(len(runs) == 1)
        self.remove.setEnabled(bool(runs))
        if len(runs) != 2:
            self.compared.setText(self.tr("Select two runs to compare their plans."))
            return
        one, two = runs
        lines = plan_differences(one.plan.to_json(), two.plan.to_json()) or [self.tr("The plans are the same.")]
        if len(lines) > 12:
            lines = [*lines[:12], self.tr("and {0} more").format(len(lines) - 12)]
        a, b = one.analysis.totals, two.analysis.totals
        if a.kl is not None and b.kl is not None:
            lines.append(f"KL {small(a.kl)} → {small(b.kl)} nats")
        if a.int8_ms and b.int8_ms:
            lines.append(f"int8 {a.int8_ms:.3g} → {b.int8_ms:.3g} ms")
        self.compared.setText("\n".join(lines))

    def _renamed(self, item: QTableWidgetItem) -> None:
        if not self._filling and item.column() == 0 and item.text().strip():
            self.rename_requested.emit(self._runs[item.row()], item.text().strip())
