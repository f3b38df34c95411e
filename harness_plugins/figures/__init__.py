"""What the figures of a run show, as data: computed once, drawn on the terminal, on the page and as PNG and SVG."""
