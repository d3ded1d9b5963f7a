"""From a photo of ECG paper to a flat page: perspective, rotation and the waves of folded paper are undone.

The grid's local directions give a projection (grid.py). What is left is measured as the phase of the grid on the flattened
page: where a fold shifts the lines by half a millimetre, their phase has turned by half a millimetre's share of the pitch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.ecg.grid import SHEET_MM, Bend, LocalGrid, fit_bend, fit_projection, line_image, local_grid

PX_PER_MM = 8.0  # of the flat page
NODE_MM = 4.0  # distance of the points that hold the map between page and photo
MARGIN_MM = 14.0  # of paper kept around the ink, for names and printed settings
MAX_PAGE_MM = 480.0
COARSE_PX_PER_MM = 4.0  # to see how the rows run
FINE_PX_PER_MM = 5.0  # to measure the phase of the grid
PASSES_MM = (12.0, 6.0)  # window (standard deviation) of the phase, first wide, then close
BENT_PASSES_MM = (6.0, 4.0, 3.0, 3.0, 3.0)  # the same on paper that is known to be bent, and how
COHERENT = 0.75  # mean cosine of the phase between neighbouring points, above which a pitch is really there
STIFFNESS = 0.6  # how much the bending of the map counts against the phase
FLAT_MM = 0.075  # median distance of the map from a projection, up to which the paper counts as flat
STRAY_PX = 0.7  # of a point that a projection has to meet


@dataclass(frozen=True)
class FlatPage:
    """Where the points of a flat page lie on the photo.

    nodes: (rows, columns, 2) photo px (x, y) of points NODE_MM apart, rows down the page. `origin` of the page is node (0, 0).
    mm_known: whether a grid said what a millimetre is; else the page's millimetres are a guess to be corrected.
    rotation_deg: that was undone, counter-clockwise.
    """

    nodes: np.ndarray
    mm_known: bool
    rotation_deg: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the flat page, px."""
        rows, columns = self.nodes.shape[:2]
        step = NODE_MM * PX_PER_MM
        return int((rows - 1) * step), int((columns - 1) * step)

    def photo_xy(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """(n, 2) float32 photo px of points of the page (px)."""
        from scipy import ndimage

        at = np.stack([np.asarray(y, float), np.asarray(x, float)]) / (NODE_MM * PX_PER_MM)
        return np.stack(
            [ndimage.map_coordinates(self.nodes[..., k], at, order=1, mode="nearest") for k in (0, 1)], 1
        ).astype(np.float32)

    def flatten(self, *images: np.ndarray, outside: float = 0.0) -> list[np.ndarray]:
        """Pictures of the photo's size (H, W[, 3]) as they lie on the page; `outside` where the photo has nothing."""
        import cv2

        x, y = _dense(self.nodes, PX_PER_MM)
        edge = cv2.BORDER_CONSTANT
        return [cv2.remap(i, x, y, cv2.INTER_LINEAR, borderMode=edge, borderValue=(outside,) * 3) for i in images]

    def upside_down(self) -> FlatPage:
        """The same page turned by half a turn."""
        return replace(self, nodes=self.nodes[::-1, ::-1].copy(), rotation_deg=_half_open(self.rotation_deg + 180.0))

    def corners(self) -> np.ndarray:
        """(4, 2) photo px of top left, top right, bottom right, bottom left."""
        return self.nodes[[0, 0, -1, -1], [0, -1, -1, 0]]


def flat_page(rgb: np.ndarray, trace: np.ndarray, ink: np.ndarray) -> FlatPage | None:
    """The flat page of a photo (H, W, 3) uint8. trace: (H, W) 0..1 of curves; ink: of curves, text and marks together.

    None where there is no ink to speak of.
    """
    lines = line_image(rgb, ink)
    local = local_grid(lines)
    known = local is not None
    to_mm = fit_projection(local)[0] if local is not None else _projection_of_rows(trace)
    to_mm = _rows_level(to_mm, trace)
    nodes = _nodes(to_mm, trace)
    if nodes is None:
        return None
    if known:
        for window in PASSES_MM:
            nodes = _refined(nodes, lines, window)
        nodes = _without_waves(nodes)
    return FlatPage(nodes, known, _turned(nodes))


def bent_page(rgb: np.ndarray, trace: np.ndarray, ink: np.ndarray) -> FlatPage | None:
    """The same of paper that curls: the pitch and direction of the grid from place to place say how, before its phase does.

    None where the grid shows no bend. Slower, and where the grid is hard to see less steady than `flat_page`.
    """
    lines = line_image(rgb, ink)
    local = local_grid(lines)
    if local is None:
        return None
    to_mm = _rows_level(fit_projection(local)[0], trace)
    bend = fit_bend(_in_order(local, to_mm), to_mm)
    nodes = _nodes(to_mm, trace, bend) if bend else None
    if nodes is None:
        return None
    for window in BENT_PASSES_MM:
        nodes = _refined(nodes, lines, window)
    return FlatPage(nodes, True, _turned(nodes))


def _turned(nodes: np.ndarray) -> float:
    """Degrees by which the page's middle row is turned on the photo."""
    along = nodes[len(nodes) // 2, -1] - nodes[len(nodes) // 2, 0]
    return _half_open(np.rad2deg(np.arctan2(along[1], along[0])))


def _half_open(degrees: float) -> float:
    return float((degrees + 180.0) % 360.0 - 180.0)


def _projection_of_rows(trace: np.ndarray) -> np.ndarray:
    """Photo px to guessed mm where no grid tells: the turn that makes the ink's rows sharpest, and a sheet's usual size."""
    import cv2

    small = cv2.resize(trace, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    side = max(small.shape)
    scale = SHEET_MM / max(trace.shape)

    def sharpness(degrees: float) -> float:
        turn = cv2.getRotationMatrix2D((small.shape[1] / 2, small.shape[0] / 2), degrees, 1.0)
        turn[:, 2] += side * 0.6 - np.array([small.shape[1], small.shape[0]]) / 2
        return _peakedness(cv2.warpAffine(small, turn, (int(side * 1.2), int(side * 1.2))).sum(axis=1))

    coarse = max(np.arange(-90.0, 90.0, 2.0), key=sharpness)
    best = np.deg2rad(max(coarse + np.arange(-2.0, 2.01, 0.25), key=sharpness))
    cos, sin = np.cos(best), np.sin(best)
    return scale * np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1 / scale]])


def _peakedness(profile: np.ndarray) -> float:
    return float((profile**2).mean() / max(profile.mean(), 1e-9) ** 2)


def _rows_level(to_mm: np.ndarray, trace: np.ndarray) -> np.ndarray:
    """The projection with its axes exchanged where need be: the curves run along x, rightwards turned within a quarter."""
    to_mm = _right_handed(to_mm)
    quarter = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
    level = to_mm if _runs_vary(to_mm, trace) <= _runs_vary(quarter @ to_mm, trace) else quarter @ to_mm
    # of the two ways up, take the one nearer to how the photo was held; the lead names decide later
    middle = np.array(trace.shape[::-1]) / 2
    right = _apply(level, middle + np.array([[0, 0], [1, 0]]))
    down = _apply(level, middle + np.array([[0, 0], [0, 1]]))
    upright = (right[1] - right[0])[0] + (down[1] - down[0])[1]
    return level if upright >= 0 else np.diag([-1.0, -1.0, 1.0]) @ level


def _runs_vary(to_mm: np.ndarray, trace: np.ndarray) -> float:
    """How much the number of strokes that an upright line of the page meets varies from line to line, as a share of its mean.

    Every row of curves is met once or twice wherever the line stands; a line along the rows meets none or very many.
    """
    import cv2

    ys, xs = np.nonzero(trace > 0.5)
    if len(xs) < 50:
        return 0.0
    step = max(1, len(xs) // 20_000)
    on_page = _apply(to_mm, np.stack([xs[::step], ys[::step]], 1).astype(float))
    low, high = np.quantile(on_page, 0.005, axis=0), np.quantile(on_page, 0.995, axis=0)
    size = np.clip((high - low) * COARSE_PX_PER_MM, 8, MAX_PAGE_MM * COARSE_PX_PER_MM).astype(int)
    scale = np.array(
        [
            [COARSE_PX_PER_MM, 0, -low[0] * COARSE_PX_PER_MM],
            [0, COARSE_PX_PER_MM, -low[1] * COARSE_PX_PER_MM],
            [0, 0, 1],
        ]
    )
    wide = cv2.dilate(trace, np.ones((3, 3), np.uint8))
    page = cv2.warpPerspective(wide, scale @ to_mm, (int(size[0]), int(size[1]))) > 0.5
    strokes = (page[1:] & ~page[:-1]).sum(axis=0)
    return float(strokes.std() / max(strokes.mean(), 1e-9))


def _right_handed(to_mm: np.ndarray) -> np.ndarray:
    """Waves have no sign: make x grow to the right and y downwards, without mirroring."""
    to_mm = to_mm.copy()
    if to_mm[0, 0] < 0:
        to_mm[0] *= -1
    if np.linalg.det(to_mm[:2, :2]) < 0:
        to_mm[1] *= -1
    return to_mm


def _apply(projection: np.ndarray, xy: np.ndarray) -> np.ndarray:
    mapped = np.column_stack([xy, np.ones(len(xy))]) @ projection.T
    return mapped[:, :2] / mapped[:, 2:]


def _in_order(local: LocalGrid, to_mm: np.ndarray) -> LocalGrid:
    """The grid's two gratings in the order of a projection's axes."""
    across = [abs(to_mm[0, :2] @ np.median(local.waves[:, k], axis=0)) for k in (0, 1)]
    if across[0] >= across[1]:
        return local
    return replace(local, waves=local.waves[:, ::-1], weight=local.weight[:, ::-1])


def _nodes(to_mm: np.ndarray, trace: np.ndarray, bend: Bend | None = None) -> np.ndarray | None:
    """The projection, of bent paper where a bend is given, at points NODE_MM apart, over the curves and a margin."""
    ys, xs = np.nonzero(trace > 0.5)
    if len(xs) < 50:
        return None
    step = max(1, len(xs) // 50_000)
    on_page = _apply(to_mm, np.stack([xs[::step], ys[::step]], 1).astype(float))
    low, high = np.quantile(on_page, 0.001, axis=0) - MARGIN_MM, np.quantile(on_page, 0.999, axis=0) + MARGIN_MM
    high = np.minimum(high, low + MAX_PAGE_MM)
    x, y = (np.arange(low[k], high[k] + NODE_MM, NODE_MM) for k in (0, 1))
    grid = np.stack(np.meshgrid(x, y), -1)
    paper = grid.reshape(-1, 2)
    return _apply(np.linalg.inv(to_mm), bend.straightened(paper) if bend else paper).reshape(grid.shape)


def _dense(nodes: np.ndarray, px_per_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """x and y maps (h, w) float32 of every pixel of the page."""
    rows, columns = nodes.shape[:2]
    step = NODE_MM * px_per_mm
    down = _weights(np.arange(int((rows - 1) * step)) / step, rows)
    along = _weights(np.arange(int((columns - 1) * step)) / step, columns).T
    x, y = nodes.astype(np.float32).transpose(2, 0, 1)
    return down @ (x @ along), down @ (y @ along)


def _weights(at: np.ndarray, count: int) -> np.ndarray:
    """(n, count) weights of linear interpolation between nodes."""
    left = np.clip(at.astype(int), 0, count - 2)
    weights = np.zeros((len(at), count), np.float32)
    part = (at - left).astype(np.float32)
    weights[np.arange(len(at)), left] = 1 - part
    weights[np.arange(len(at)), left + 1] = part
    return weights


def _refined(nodes: np.ndarray, lines: np.ndarray, window_mm: float) -> np.ndarray:
    """The nodes moved so that the grid's lines lie at whole steps of the pitch."""
    import cv2

    x, y = _dense(nodes, FINE_PX_PER_MM)
    flat = cv2.remap(lines, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    shift = [
        _shift(flat if axis == 0 else flat.T, window_mm, nodes.shape[:2][:: 1 if axis == 0 else -1]) for axis in (0, 1)
    ]
    shift[1] = shift[1].T
    rows, columns = nodes.shape[:2]
    at = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    moved = np.stack([at[0] + shift[1] / NODE_MM, at[1] + shift[0] / NODE_MM])
    return np.stack([_extended(nodes[..., k], moved) for k in (0, 1)], -1)


def _without_waves(nodes: np.ndarray) -> np.ndarray:
    """The projection that most nodes agree with, if all of them nearly do: the paper is flat, and what differs is noise."""
    import cv2

    rows, columns = nodes.shape[:2]
    at = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).reshape(1, -1, 2).astype(np.float32)
    projection, _ = cv2.findHomography(at[0], nodes.reshape(-1, 2).astype(np.float32), cv2.RANSAC, STRAY_PX)
    if projection is None:
        return nodes
    flat = cv2.perspectiveTransform(at, projection)[0].reshape(nodes.shape).astype(float)
    px_per_mm = np.linalg.norm(np.diff(nodes, axis=1), axis=-1).mean() / NODE_MM
    away = np.median(np.linalg.norm(flat - nodes, axis=-1)) / px_per_mm
    return flat if away < FLAT_MM else nodes


def _extended(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Values between and beyond the nodes, straight on past the edge."""
    from scipy import ndimage

    pad = 3
    wide = np.pad(values, pad, mode="reflect", reflect_type="odd")
    return ndimage.map_coordinates(wide, at + pad, order=1, mode="nearest")


def _shift(flat: np.ndarray, window_mm: float, shape: tuple[int, int]) -> np.ndarray:
    """(rows, columns) of the nodes: how many mm further along x than they should be the upright lines lie."""
    waves = {pitch: _phasor(flat, pitch, window_mm, shape) for pitch in (5.0, 1.0)}
    coherence = {pitch: _coherence(wave) for pitch, wave in waves.items()}
    pitch = (
        1.0
        if coherence[1.0] > min(COHERENT, coherence[5.0]) and window_mm < PASSES_MM[0]
        else max(coherence, key=lambda mm: coherence[mm])
    )
    if coherence[pitch] < COHERENT / 2:
        return np.zeros(shape)
    return _unwrapped(waves[pitch]) * pitch / (2 * np.pi)


def _phasor(flat: np.ndarray, pitch_mm: float, window_mm: float, shape: tuple[int, int]) -> np.ndarray:
    """(rows, columns) complex amplitude of the upright lines around each node; its angle is their shift along x."""
    import cv2

    turn = np.exp(2j * np.pi * np.arange(flat.shape[1]) / FINE_PX_PER_MM / pitch_mm).astype(np.complex64)
    parts = []
    for carrier in (turn.real, turn.imag):
        product = flat * carrier
        small = cv2.resize(
            product, (flat.shape[1] // 5, flat.shape[0] // 5), interpolation=cv2.INTER_AREA
        )  # 1 px per mm
        parts.append(cv2.GaussianBlur(small, (0, 0), window_mm, borderType=cv2.BORDER_CONSTANT))
    wave = parts[0] + 1j * parts[1]
    rows, columns = (
        np.minimum((np.arange(n) * NODE_MM).astype(int), size - 1) for n, size in zip(shape, wave.shape, strict=True)
    )
    return wave[np.ix_(rows, columns)]


def _coherence(wave: np.ndarray) -> float:
    """How steadily the phase goes from node to node, weighted by amplitude: 1 steady, 0 at random."""
    total, weight = 0.0, 1e-12
    for a, b in ((wave[:, 1:], wave[:, :-1]), (wave[1:], wave[:-1])):
        product = a * b.conj()
        total += float((product.real).sum())
        weight += float(np.abs(product).sum())
    return total / weight


def _unwrapped(wave: np.ndarray) -> np.ndarray:
    """A smooth phase (radians) whose steps between nodes are those of the wave, by weighted least squares.

    Where the wave is weak, the phase goes on as it bends least.
    """
    from scipy import sparse
    from scipy.sparse import linalg

    rows, columns = wave.shape
    index = np.arange(rows * columns).reshape(rows, columns)
    amplitude = np.abs(wave) / (np.quantile(np.abs(wave), 0.9) + 1e-12)
    equations, right = [], []

    def add(nodes: list[np.ndarray], factors: list[float], weight: np.ndarray, value: np.ndarray) -> None:
        count = nodes[0].size
        row = np.arange(count)
        blocks = [
            sparse.coo_matrix((weight.ravel() * f, (row, n.ravel())), (count, index.size))
            for n, f in zip(nodes, factors, strict=True)
        ]
        equations.append(sum(blocks[1:], blocks[0]))
        right.append((weight * value).ravel())

    everything, after, middle, before = slice(None), slice(2, None), slice(1, -1), slice(None, -2)
    later, earlier = slice(1, None), slice(None, -1)
    for a, b in (((everything, later), (everything, earlier)), ((later, everything), (earlier, everything))):
        step = np.angle(wave[a] * wave[b].conj())
        add([index[a], index[b]], [1.0, -1.0], np.minimum(amplitude[a], amplitude[b]).clip(0, 1), step)
    for a, b, c in (
        ((everything, after), (everything, middle), (everything, before)),
        ((after, everything), (middle, everything), (before, everything)),
    ):
        flat = np.zeros(index[a].shape)
        add([index[a], index[b], index[c]], [1.0, -2.0, 1.0], np.full(flat.shape, STIFFNESS), flat)
    matrix = sparse.vstack(equations).tocsr()
    normal = (matrix.T @ matrix + 1e-6 * sparse.identity(index.size)).tocsc()
    phase = linalg.spsolve(normal, matrix.T @ np.concatenate(right)).reshape(rows, columns)
    offset = np.angle((wave * np.exp(-1j * phase)).sum())
    return phase + offset
