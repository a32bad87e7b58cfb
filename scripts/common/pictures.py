"""One look for all pictures: sizes of type, and colours that colour-blind readers can tell apart."""

from typing import BinaryIO

from matplotlib import rcParams
from matplotlib.figure import Figure

# Okabe & Ito (2008), "Color universal design"
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
GREY, INK = "#767676", "#1f2328"
rcParams.update({"font.size": 11, "axes.titlesize": 12, "legend.fontsize": 10, "legend.frameon": False})


def new_figure(width: float, height: float) -> Figure:
    """In inches."""
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, stream: BinaryIO) -> None:
    figure.savefig(stream, format="png", dpi=110)
