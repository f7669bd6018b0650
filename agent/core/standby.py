# A rank that waits for its generation: a Python that has imported what takes long, and becomes the script once it is told
# which. Started as `python3 FLAGS -c THIS MODULE ...`; standard input is where it is told: the number of words of the command
# line, the words, then NAME=value for the whole environment, each ended by a zero byte.
import os
import sys


def _wait():
    import importlib

    # A child that an import starts must not read what is for us: from here on standard input is what every rank's is.
    ear = os.dup(0)  # children do not get it
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    here = sys.path[:1] == [""]  # the working directory, which a script does not look into
    if here:
        del sys.path[0]
    for name in sys.argv[1:]:
        try:
            importlib.import_module(name)
        except Exception:
            pass  # the script will meet the same, and tell it in its own words
    if here:
        sys.path.insert(0, "")
    told = bytearray()
    while piece := os.read(ear, 1 << 20):
        told += piece
    os.close(ear)
    count, *words = bytes(told).split(b"\0")[:-1] or (b"1",)
    if len(words) < int(count):
        os._exit(70)  # its keeper is gone, or half of a word was said: never a rank that has done its work
    environment = dict(word.split(b"=", 1) for word in words[int(count) :])
    for name in set(os.environb) - set(environment):
        del os.environb[name]
    os.environb.update(environment)
    return [os.fsdecode(word) for word in words[: int(count)]]


# The script gets this very __main__, cleared of what stood in it: so nothing here may use a global name.
def _become(words):
    import io
    import os
    import runpy
    import sys

    main = sys.modules["__main__"].__dict__
    for name in ("_wait", "_become", "os", "sys"):
        del main[name]
    own_place = bool(sys.path) and sys.path[0] == ""  # not with -P or -I
    if words[0] == "-m":
        sys.argv = ["-m", *words[2:]]
        if own_place:
            sys.path[0] = os.getcwd()
        return runpy._run_module_as_main(words[1])
    sys.argv = words
    if os.path.isdir(words[0]) or words[0].endswith((".pyz", ".zip")):
        return runpy.run_path(words[0], run_name="__main__")
    if own_place:
        sys.path[0] = os.path.dirname(os.path.realpath(words[0]))
    try:
        with io.open_code(words[0]) as file:
            code = compile(file.read(), words[0], "exec")
    except OSError as error:
        print(f"{sys.executable}: can't open file {words[0]!r}: {error}", file=sys.stderr)
        sys.exit(2)
    main.update(__file__=words[0], __cached__=None)
    exec(code, main)


_become(_wait())
