"""One edit of a plan as the undo history keeps it, and what an edit is made of."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QUndoCommand

from ..engine.plan import QuantPlan
from ..engine.plan.qconfig import QConfig, TensorConfig, config_from_json
from ..engine.problem import Problem
from ..engine.text import Text
from .words import words


class Edit(QUndoCommand):
    """From one immutable plan to another.

    Parameters
    ----------
    take : callable
        Makes a plan the document's.
    name : str
        For the undo menu.
    old, new : QuantPlan
    merge : str
        Edits with the same word shortly after each other become one; empty never.
    """

    def __init__(
        self,
        take: Callable[[QuantPlan], None],
        name: str,
        old: QuantPlan,
        new: QuantPlan,
        merge: str,
    ) -> None:
        super().__init__(name)
        self._take = take
        self.old = old
        self.new = new
        self.merge = merge
        self.made = time.monotonic()

    def undo(self) -> None:
        self._take(self.old)

    def redo(self) -> None:
        self._take(self.new)

    def id(self) -> int:
        return 1 if self.merge else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        # Turning a spin box is one edit, not twenty.
        if not isinstance(other, Edit) or other.merge != self.merge or other.made - self.made > 1.5:
            return False
        self.new, self.made = other.new, other.made
        self.setText(other.text())
        return True


BOTH_FLOAT: dict[str, None] = {"weight": None, "activation": None}


def changed_config(config: TensorConfig | None, start: TensorConfig, fields: dict[str, Any]) -> TensorConfig:
    """A configuration with some fields changed and those that depend on them brought along."""
    config = config or start
    if fields.get("estimator", "fixed") != "fixed" and config.range is not None:
        fields = {**fields, "range": None}
    return config.but(**fields)


def names(ids: Sequence[str]) -> str:
    """Layers in a few words."""
    return ids[0] if len(ids) == 1 else QCoreApplication.translate("Edits", "{0} layers").format(len(ids))


def change_name(old: Mapping[str, QConfig], new: Mapping[str, QConfig]) -> str:
    """What becomes otherwise from the qconfigs of some layers to others, in a few words; empty where nothing does.

    Parameters
    ----------
    old, new : mapping of str to QConfig
        By the layers' ids, the same in both.
    """
    changed = [layer_id for layer_id in new if new[layer_id] != old[layer_id]]
    if not changed:
        return ""
    if all(new[layer_id] == QConfig(None, None) for layer_id in changed):
        return QCoreApplication.translate("Edits", "float for {0}").format(names(changed))
    said = []
    for role, title in (
        ("weight", QCoreApplication.translate("Planned", "weight")),
        ("activation", QCoreApplication.translate("Planned", "activation")),
    ):
        pairs = [(getattr(old[layer_id], role), getattr(new[layer_id], role)) for layer_id in changed]
        ways = {_fields(one, two) for one, two in pairs if one != two}
        if ways:
            # Different changes of many layers have no name in common.
            said.append(f"{title} {words(dict(min(ways)))}".rstrip() if len(ways) == 1 else title)
    return QCoreApplication.translate("Edits", "{0} for {1}").format(" + ".join(said), names(changed))


def _fields(old: TensorConfig | None, new: TensorConfig | None) -> tuple[tuple[str, Any], ...]:
    """What a configuration has otherwise than another one, in the order of its fields."""
    if new is None:
        return (("dtype", "float"),)
    if old is None:
        return (("dtype", new.dtype),)
    keys = ("dtype", "bits", "symmetric", "granularity", "estimator", "percentile", "range", "dynamic")
    changed = [key for key in keys if getattr(new, key) != getattr(old, key)]
    if "percentile" in changed and new.estimator == "percentile" and "estimator" in changed:
        changed.remove("estimator")  # its number names it
    return tuple((key, getattr(new, key)) for key in changed)


def qconfig_text(qconfig: QConfig) -> str:
    """A qconfig as it goes to the clipboard: the JSON that stands in plan.json."""
    return json.dumps(qconfig.to_json())


def qconfig_from_text(text: str) -> QConfig:
    """What `qconfig_text` wrote, or the default or an override copied out of a plan.json.

    Raises
    ------
    Problem
        Where it is none.
    """
    try:
        found = json.loads(text)
        return QConfig(config_from_json(found["weight"]), config_from_json(found["activation"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Problem(
            Text("clipboard"), Text("it holds no qconfig"), Text("Copy the qconfig of a layer first.")
        ) from error
