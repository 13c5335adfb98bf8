"""Layers grouped by module into blocks that open and close. Pure: no Qt, no torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

FEW = 40
"""About as many blocks as can be taken in at once; what a graph is collapsed to at first."""

INT8, FLOAT, MIXED, UNKNOWN = "int8", "float", "mixed", ""


@dataclass(frozen=True)
class GraphNode:
    """One layer as the graph shows it.

    Parameters
    ----------
    id : str
        The layer's id.
    path : str
        Its module path, empty for the root.
    op : str
        Canonical operator name.
    inputs : tuple of str
        Ids (or aliases) of the layers whose values it reads; unknown ones are left out.
    label : str
        What is written on it, such as ``conv2d + relu6``.
    aliases : tuple of str
        Ids of the layers absorbed into this one: `inputs` and selections may name them.
    shape, dtype : str
        Of what it hands on, such as ``N×32×112×112`` and ``float32``.
    source : str
        ``file.py:line`` of the author's code.
    """

    id: str
    path: str
    op: str
    inputs: tuple[str, ...]
    label: str = ""
    aliases: tuple[str, ...] = ()
    shape: str = ""
    dtype: str = ""
    source: str = ""


@dataclass(frozen=True)
class Figures:
    """What is known of a layer, or summed up of a block; None is not measured.

    Parameters
    ----------
    kind : str
        ``int8`` for any integer type, ``float``, ``mixed``, or empty for a layer that computes
        nothing (it passes on the type of what it reads).
    dtype : str
        What the badge says, such as ``uint8`` or ``int8 7b``; the kind where it is empty.
    error_share : float | None
        Share of the estimated output error, 0 to 1.
    sensitivity : float | None
        Estimated KL divergence in nats.
    latency_us : float | None
    quantized, float_layers, borders : int
        Number of layers of each kind, and of int8/float borders inside a block.
    """

    kind: str = UNKNOWN
    dtype: str = ""
    error_share: float | None = None
    sensitivity: float | None = None
    latency_us: float | None = None
    quantized: int = 0
    float_layers: int = 0
    borders: int = 0


@dataclass(frozen=True)
class Block:
    """A layer, or a group of layers; `children` are in it whether it is open or not.

    Parameters
    ----------
    id : str
        The layer's id, or ``path/`` of a module, with ``[first-last]`` for a run of it.
    title : str
    path : str
        Module path.
    layers : tuple of str
        Ids of all the layers in it, in execution order.
    """

    id: str
    title: str
    path: str
    layers: tuple[str, ...]
    children: tuple[Block, ...] = ()

    @property
    def group(self) -> bool:
        return bool(self.children)


@dataclass(frozen=True)
class Link:
    """An edge between two visible blocks.

    `border` is ``quantize`` (float to int8), ``dequantize`` (int8 to float) or empty; `values`
    counts the edges between layers that it stands for; `shape` is that of the first one's tensor.
    """

    source: str
    target: str
    border: str = ""
    values: int = 1
    shape: str = ""


@dataclass
class _Module:
    """A module while the tree is built."""

    path: str
    items: dict[str, _Module | GraphNode] = field(default_factory=dict)


class GraphModel:
    """The tree of blocks over a list of layers.

    Parameters
    ----------
    nodes : sequence of GraphNode
        In execution order.
    """

    def __init__(self, nodes: Sequence[GraphNode] = ()) -> None:
        self.nodes: dict[str, GraphNode] = {node.id: node for node in nodes}
        self.order: dict[str, int] = {node.id: index for index, node in enumerate(nodes)}
        self.owner: dict[str, str] = {alias: node.id for node in nodes for alias in node.aliases}
        self.owner.update({name: name for name in self.nodes})
        self.edges: list[tuple[str, str]] = []
        for node in nodes:
            known = (self.owner[name] for name in node.inputs if name in self.owner)
            self.edges += [(name, node.id) for name in dict.fromkeys(known) if name != node.id]
        self.roots: tuple[Block, ...] = self._tree(nodes)
        self.blocks: dict[str, Block] = {}
        self.parent: dict[str, str | None] = {}
        self._depth: dict[str, int] = {}
        self._index(self.roots, None, 0)

    # -- the tree -----------------------------------------------------------------------------

    def _tree(self, nodes: Sequence[GraphNode]) -> tuple[Block, ...]:
        root = _Module("")
        for node in nodes:
            place, parts = root, node.path.split(".") if node.path else []
            for depth, part in enumerate(parts):
                inner = place.items.setdefault(f"{part}.", _Module(".".join(parts[: depth + 1])))
                assert isinstance(inner, _Module)
                place = inner
            place.items[f"={node.id}"] = node
        blocks = [self._block(item) for item in root.items.values()]
        if len(blocks) == 1 and blocks[0].group:
            return blocks[0].children
        return self._chunked("", blocks)

    def _block(self, item: _Module | GraphNode) -> Block:
        if isinstance(item, GraphNode):
            return Block(item.id, item.label or item.op, item.path, (item.id,))
        children = [self._block(inner) for inner in item.items.values()]
        if len(children) == 1 and not children[0].group:
            return children[0]
        # A module that holds one group only would be a box around a box: they become one.
        blocks = children[0].children if len(children) == 1 else self._chunked(item.path, children)
        title = item.path.rpartition(".")[2]
        if title.isdigit():
            title = ".".join(item.path.split(".")[-2:])
        return Block(f"{item.path}/", title, item.path, self._sorted(blocks), blocks)

    def _sorted(self, blocks: Iterable[Block]) -> tuple[str, ...]:
        return tuple(sorted((name for block in blocks for name in block.layers), key=self.order.__getitem__))

    def _chunked(self, path: str, blocks: list[Block]) -> tuple[Block, ...]:
        """Runs of a very long list become blocks; in execution order, so that edges lead forward."""
        blocks = sorted(blocks, key=lambda block: self.order[block.layers[0]])
        if len(blocks) <= FEW:
            return tuple(blocks)
        size = max(math.ceil(len(blocks) / FEW), 8)
        found = []
        for start in range(0, len(blocks), size):
            part = blocks[start : start + size]
            span = f"[{start}-{start + len(part) - 1}]"
            inner = self._chunked(f"{path}{span}", part)
            title = f"{path.rpartition('.')[2]}{span}"
            found.append(Block(f"{path}/{span}", title, path, self._sorted(inner), inner))
        return tuple(found)

    def _index(self, blocks: Iterable[Block], parent: str | None, depth: int) -> None:
        for block in blocks:
            self.blocks[block.id] = block
            self.parent[block.id] = parent
            self._depth[block.id] = depth
            self._index(block.children, block.id, depth + 1)

    # -- what is open -------------------------------------------------------------------------

    def first_open(self, limit: int = FEW) -> frozenset[str]:
        """Blocks to open at first so that about `limit` are visible.

        Siblings and cousins are opened together or not at all, so that like is shown like.
        """
        opened: set[str] = set()
        visible = len(self.roots)
        waiting = [self.roots]
        while waiting:
            waiting.sort(key=lambda family: max((len(b.layers) for b in family if b.group), default=0))
            family = waiting.pop()
            groups = [block for block in family if block.group]
            after = visible + sum(len(block.children) - 1 for block in groups)
            if not groups or after > limit * 1.1:
                continue
            visible = after
            opened.update(block.id for block in groups)
            waiting.append(tuple(inner for block in groups for inner in block.children))
        return frozenset(opened)

    def all_open(self) -> frozenset[str]:
        return frozenset(name for name, block in self.blocks.items() if block.group)

    def level_open(self, level: int) -> frozenset[str]:
        """Blocks to open so that `level` levels of modules are open; from `levels` on it is all."""
        return frozenset(name for name, block in self.blocks.items() if block.group and self._depth[name] < level)

    @property
    def levels(self) -> int:
        """How many levels of blocks there are."""
        return 1 + max((self._depth[name] for name, block in self.blocks.items() if block.group), default=-1)

    def level_of(self, opened: frozenset[str]) -> int:
        """The highest level that is open everywhere."""
        closed = (self._depth[name] for name, block in self.blocks.items() if block.group and name not in opened)
        return min(closed, default=self.levels)

    def trail(self, block_id: str) -> list[Block]:
        """A block and all around it, outermost first."""
        found = []
        name: str | None = block_id
        while name is not None:
            found.append(self.blocks[name])
            name = self.parent[name]
        return found[::-1]

    def revealed(self, layer_id: str, opened: frozenset[str]) -> frozenset[str]:
        """`opened` and all that must be open too for a layer to be visible."""
        above = []
        place = self.parent.get(self.owner.get(layer_id, layer_id))
        while place is not None:
            above.append(place)
            place = self.parent[place]
        return opened.union(above)

    def visible(self, opened: frozenset[str]) -> Iterator[Block]:
        """Blocks that are drawn as boxes: layers, and groups that are closed."""

        def walk(blocks: Iterable[Block]) -> Iterator[Block]:
            for block in blocks:
                if block.id in opened:
                    yield from walk(block.children)
                else:
                    yield block

        yield from walk(self.roots)

    def holder(self, layer_id: str, opened: frozenset[str]) -> str | None:
        """The visible block that a layer (or a closed block) is in."""
        name: str | None = self.owner.get(layer_id, layer_id)
        if name not in self.blocks:
            return None
        found = name
        while name is not None:
            name = self.parent[name]
            if name is not None and name not in opened:
                found = name
        return found

    # -- figures ------------------------------------------------------------------------------

    def kinds(self, figures: Mapping[str, Figures]) -> dict[str, str]:
        """Numeric kind of the value that each layer hands on."""
        found: dict[str, str] = {}
        inputs: dict[str, list[str]] = {}
        for source, target in self.edges:
            inputs.setdefault(target, []).append(source)
        for name in self.nodes:
            kind = figures[name].kind if name in figures else UNKNOWN
            if kind == UNKNOWN:
                kind = next((k for k in (found.get(one, "") for one in inputs.get(name, ())) if k), UNKNOWN)
            found[name] = kind
        return found

    def links(self, opened: frozenset[str], figures: Mapping[str, Figures]) -> list[Link]:
        """Edges between visible blocks, with the borders between int8 and float."""
        kinds = self.kinds(figures)
        holder: dict[str, str] = {}
        for block in self.visible(opened):
            holder.update(dict.fromkeys(block.layers, block.id))
        found: dict[tuple[str, str], tuple[str, int, str]] = {}
        for source, target in self.edges:
            pair = holder[source], holder[target]
            if pair[0] != pair[1]:
                border, count, shape = found.get(pair, ("", 0, self.nodes[source].shape))
                found[pair] = border or _border(kinds[source], kinds[target]), count + 1, shape
        return [Link(*pair, *rest) for pair, rest in found.items()]

    def summed(self, figures: Mapping[str, Figures]) -> dict[str, Figures]:
        """Figures of every block: a layer's own, a group's added up."""
        kinds = self.kinds(figures)
        crossing: dict[str, list[str]] = {}
        for source, target in self.edges:
            if _border(kinds[source], kinds[target]):
                crossing.setdefault(target, []).append(source)
        empty = Figures()
        found: dict[str, Figures] = {}
        for name, block in self.blocks.items():
            if not block.group:
                found[name] = figures.get(name, empty)
                continue
            inside = set(block.layers)
            own = [figures.get(layer, empty) for layer in block.layers]
            quantized = sum(one.kind in (INT8, MIXED) for one in own)
            floats = sum(one.kind == FLOAT for one in own)
            mixed = any(one.kind == MIXED for one in own) or (quantized > 0 and floats > 0)
            found[name] = Figures(
                MIXED if mixed else INT8 if quantized else FLOAT if floats else UNKNOWN,
                "",
                _total(one.error_share for one in own),
                _total(one.sensitivity for one in own),
                _total(one.latency_us for one in own),
                quantized,
                floats,
                sum(s in inside for layer in block.layers for s in crossing.get(layer, ())),
            )
        return found

    def matching(self, text: str) -> list[str]:
        """Ids of the layers whose id, label or operator contains every word, in execution order."""
        words = text.lower().split()
        if not words:
            return []
        found = []
        for node in self.nodes.values():
            hay = f"{node.id} {node.label} {node.op} {' '.join(node.aliases)}".lower()
            if all(word in hay for word in words):
                found.append(node.id)
        return found


def _border(source: str, target: str) -> str:
    if source == INT8 and target == FLOAT:
        return "dequantize"
    if source == FLOAT and target == INT8:
        return "quantize"
    return ""


def _total(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return math.fsum(known) if known else None
