"""Layers grouped by module into blocks that open and close. Pure: no Qt, no torch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .flow import in_flow

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
    port : str
        ``input`` or ``output`` for what is no layer, but where a value of the model comes in or goes out.
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
    port: str = ""


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
    port : bool
        No layer: an input or output of the model.
    """

    id: str
    title: str
    path: str
    layers: tuple[str, ...]
    children: tuple[Block, ...] = ()
    port: bool = False

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
        self._inputs: dict[str, list[str]] = {}
        for source, target in self.edges:
            self._inputs.setdefault(target, []).append(source)
        self._parts: dict[str, int] = {}  # how many blocks a module has become so far
        self.roots: tuple[Block, ...] = self._tree(nodes)
        self.blocks: dict[str, Block] = {}
        self.parent: dict[str, str | None] = {}
        self._depth: dict[str, int] = {}
        self._index(self.roots, None, 0)

    # -- the tree -----------------------------------------------------------------------------

    def _tree(self, nodes: Sequence[GraphNode]) -> tuple[Block, ...]:
        blocks = self._blocks([node for node in nodes if not node.port], 0)
        if len(blocks) == 1 and blocks[0].group:
            blocks = list(blocks[0].children)
        ports = {way: [self._leaf(node) for node in nodes if node.port == way] for way in ("input", "output")}
        return (*ports["input"], *self._chunked("", blocks), *ports["output"])

    def _blocks(self, nodes: Sequence[GraphNode], depth: int) -> list[Block]:
        """Layers that are together in a module so deep, as its blocks; their own modules are blocks in them."""
        families: dict[str, list[GraphNode]] = {}
        for node in nodes:
            parts = node.path.split(".") if node.path else []
            families.setdefault(f"{parts[depth]}." if len(parts) > depth else f"={node.id}", []).append(node)
        runs = in_flow(list(families.values()), self._inputs, self.order)
        sizes = {family[0].id: len(family) for family in families.values()}
        return [self._block(run, depth + 1, sizes.get(run[0].id) == len(run)) for run in runs]

    def _leaf(self, node: GraphNode) -> Block:
        return Block(node.id, node.label or node.op, node.path, (node.id,), port=bool(node.port))

    def _block(self, nodes: Sequence[GraphNode], depth: int, whole: bool) -> Block:
        """A module, or (not `whole`) a run of it."""
        path = ".".join(nodes[0].path.split(".")[:depth]) if nodes[0].path else ""
        if len(nodes) == 1:
            return self._leaf(nodes[0])
        children = self._blocks(nodes, depth)
        if len(children) == 1 and not (whole and children[0].group):
            return children[0]
        self._parts[path] = part = self._parts.get(path, 0) + 1
        again = "" if part == 1 else f"({part})"
        # A module that holds one group only would be a box around a box: they become one.
        blocks = children[0].children if len(children) == 1 else self._chunked(f"{path}{again}", children)
        title = path.rpartition(".")[2]
        if title.isdigit():
            title = ".".join(path.split(".")[-2:])
        return Block(f"{path}/{again}", f"{title} {again}".rstrip(), path, self._sorted(blocks), blocks)

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

    def block_of(self, layers: Iterable[str]) -> str | None:
        """The outermost block that holds exactly these layers."""
        wanted = {self.owner[name] for name in layers if name in self.owner}
        place = self.holder(next(iter(wanted)), frozenset()) if wanted else None
        while place is not None:
            block = self.blocks[place]
            if len(block.layers) <= len(wanted):
                return place if set(block.layers) == wanted else None
            one = next(iter(wanted))
            place = next((inner.id for inner in block.children if one in inner.layers), None)
        return None

    # -- figures ------------------------------------------------------------------------------

    def kinds(self, figures: Mapping[str, Figures]) -> dict[str, str]:
        """Numeric kind of the value that each layer hands on."""
        found: dict[str, str] = {}
        for name, node in self.nodes.items():
            kind = figures[name].kind if name in figures else UNKNOWN
            if node.port and ("float" in node.dtype or node.port == "output"):
                # What comes in and goes out is float, whatever reads and makes it.
                kind = FLOAT
            if kind == UNKNOWN:
                kind = next((k for k in (found.get(one, "") for one in self._inputs.get(name, ())) if k), UNKNOWN)
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
            own = [figures.get(layer, empty) for layer in block.layers]
            met = Counter(one.kind for one in own)
            quantized, floats = met[INT8] + met[MIXED], met[FLOAT]
            mixed = met[MIXED] > 0 or (quantized > 0 and floats > 0)
            borders = [source for layer in block.layers for source in crossing.get(layer, ())] if crossing else []
            inside = set(block.layers) if borders else set()
            found[name] = Figures(
                MIXED if mixed else INT8 if quantized else FLOAT if floats else UNKNOWN,
                "",
                _total(one.error_share for one in own),
                _total(one.sensitivity for one in own),
                _total(one.latency_us for one in own),
                quantized,
                floats,
                sum(source in inside for source in borders),
            )
        return found

    def matching(self, text: str) -> list[str]:
        """Ids of the layers whose id, label or operator contains every word, in execution order."""
        words = text.lower().split()
        if not words:
            return []
        found = []
        for node in self.nodes.values():
            if node.port:
                continue
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
