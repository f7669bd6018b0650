"""The quickstart's summary: what was measured, as text for a terminal. Pure functions."""

COLUMNS, ROWS = 72, 12


def mean_of_last(losses: dict[int, float], count: int = 10) -> float:
    last = [losses[step] for step in sorted(losses)[-count:]]
    return sum(last) / len(last)


def plot(curves: dict[str, dict[int, float]]) -> str:
    """Loss over step, one mark a curve: the key's first character. Later curves are drawn over earlier ones; what is higher than most
    is drawn at the top."""
    steps = [step for curve in curves.values() for step in curve]
    losses = sorted(loss for curve in curves.values() for loss in curve.values())
    first, last, low, high = min(steps), max(steps), losses[0], losses[int(len(losses) * 0.85)]
    grid = [[" "] * COLUMNS for _ in range(ROWS)]
    for name, curve in curves.items():
        for step, loss in curve.items():
            column = round((step - first) / max(last - first, 1) * (COLUMNS - 1))
            row = round((high - min(loss, high)) / max(high - low, 1e-9) * (ROWS - 1))
            grid[row][column] = name[0]
    lines = [f"  {high - (high - low) * row / (ROWS - 1):5.2f} |{''.join(cells).rstrip()}" for row, cells in enumerate(grid)]
    lines[0] = lines[0].replace(" |", "+|", 1)
    lines.append("        +" + "-" * COLUMNS)
    lines.append(f"         step {first}" + f"step {last}".rjust(COLUMNS - len(f"step {first}")))
    lines.append("         " + "   ".join(f"{name[0]}: {name}" for name in curves))
    return "\n".join(lines)


def recovery(fault: float, noticed: float, decided: float, started: float, stepped: float) -> str:
    """Seconds since 1970 of each; every line says what that part took."""
    parts = [
        ("notice", fault, noticed, "from the fault until Everstep called the host lost"),
        ("decide", noticed, decided, "until hosts, port and checkpoint of the next generation were chosen and on disk"),
        ("restart", decided, started, "until every rank was started again"),
        ("next step", started, stepped, "import torch, load the checkpoint, connect, train one step"),
        ("in all", fault, stepped, ""),
    ]
    return "\n".join(f"  {name:10} {end - begin:7.2f} s  {words}".rstrip() for name, begin, end, words in parts)
