"""Reading what a benchmark printed."""


def cells(printed: str, row: int = -1) -> list[str]:
    """Return the cells of a row of the first Markdown table; 0 is the first below the heading."""
    table = [line for line in printed.split("\n\n")[0].splitlines() if line.startswith("|")][2:]
    return [cell.strip() for cell in table[row].strip("|").split("|")]
