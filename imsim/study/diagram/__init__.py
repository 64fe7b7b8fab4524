"""Space-time diagrams of one run, drawn from its history alone.

- flights.py: which frame arrived where, and which never did
- sheet.py: the facts, what caused what, and how long a trouble lasted
- choice.py: which facts are drawn
- lanes.py: the nodes from left to right, and their states
- model.py, layout.py: the one model that all renderings draw
- words.py, text.py: for a terminal
- picture.py: SVG, or axes of matplotlib
- view.py: the diagram as a user has it
"""

from __future__ import annotations

from imsim.study.diagram.view import Diagram, diagram

__all__ = ["Diagram", "diagram"]
