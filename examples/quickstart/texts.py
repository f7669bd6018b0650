"""The two texts of the quickstart, from Debian packages, as bytes: `fortunes` (many voices, 1.3 MB) and `bible` (one voice, 4.3 MB).

Nothing is downloaded. A text is made once and kept; making it twice gives the same bytes.
"""

import os
import pathlib
import subprocess
import tempfile

FORTUNES = pathlib.Path("/usr/share/games/fortunes")  # package fortunes


def cache_dir() -> pathlib.Path:
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(home) / "everstep" / "quickstart"


def fortunes() -> bytes:
    # X.dat is an index of X and X.u8 a link to it.
    files = sorted(path for path in FORTUNES.iterdir() if path.is_file() and "." not in path.name)
    return b"".join(path.read_bytes() for path in files)


def bible() -> bytes:
    # The whole King James text; the program asks a terminal for its width, so it gets none.
    return subprocess.run(["bible", "gen1-rev22"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True).stdout


def load(name: str) -> bytes:
    """The text called `name`. Safe when several ranks call it at once: each writes a file of its own and renames it."""
    path = cache_dir() / f"{name}.txt"
    if not path.exists():
        text = {"fortunes": fortunes, "bible": bible}[name]()
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(text)
        os.replace(file.name, path)
    return path.read_bytes()
