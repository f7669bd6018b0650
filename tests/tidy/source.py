"""A source file as the rules look at it: its text, its code without comments or strings, its functions."""

import ast
import dataclasses
import functools
import pathlib
import re
from typing import Iterator

# A quote after a digit separates thousands. Raw strings first: nothing in them is a comment.
CPP_TOKEN = re.compile(
    r'R"(?P<end>\w*)\([\s\S]*?\)(?P=end)"|"(?:\\.|[^"\\\n])*"|(?<!\w)(?:u8|[uUL])?\'(?:\\.|[^\'\\\n])+\'|//[^\n]*|/\*[\s\S]*?\*/')
HASH_TOKEN = re.compile(r'"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|(?<!\S)#[^\n]*')


@dataclasses.dataclass
class Function:
    line: int  # of its first line
    lines: int
    name: str


@dataclasses.dataclass(frozen=True)
class Source:
    path: str  # from the root of the repository
    text: str

    @functools.cached_property
    def is_cpp(self) -> bool:
        return pathlib.PurePath(self.path).suffix in (".cc", ".h")

    @functools.cached_property
    def is_python(self) -> bool:
        return self.path.endswith(".py") or self.text.startswith("#!/usr/bin/python3")

    def _without(self, comments: bool, strings: bool) -> str:
        def blank(match: re.Match) -> str:
            token = match.group()
            is_comment = token.startswith(("//", "/*", "#"))
            return re.sub(r"[^\n]", " ", token) if (comments if is_comment else strings) else token

        return (CPP_TOKEN if self.is_cpp else HASH_TOKEN).sub(blank, self.text)

    @functools.cached_property
    def code(self) -> str:
        """The text with comments and strings blanked: same lines, same columns."""
        return self._without(comments=True, strings=True)

    @functools.cached_property
    def uncommented(self) -> str:
        return self._without(comments=True, strings=False)

    @functools.cached_property
    def includes(self) -> list[tuple[int, str]]:
        """(line, what stands between the quotes, or <what stands between the angles>)."""
        found = re.finditer(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]*)"|(<[^>]*>))', self.uncommented, re.MULTILINE)
        return [(self.line_of(match.start()), match[1] or match[2]) for match in found] if self.is_cpp else []

    def line_of(self, offset: int) -> int:
        return self.text.count("\n", 0, offset) + 1

    @functools.cached_property
    def functions(self) -> list[Function]:
        return list(self._python_functions() if self.is_python else self._cpp_functions() if self.is_cpp else ())

    def _python_functions(self) -> Iterator[Function]:
        for node in ast.walk(ast.parse(self.text)):
            if isinstance(node, ast.FunctionDef):
                yield Function(node.lineno, node.end_lineno - node.lineno + 1, node.name)

    # Counts braces. A brace opens a scope (namespace, class), a function's body, or a value; what stands between the last scope's
    # edge and the brace, the head, tells which. Lambdas and blocks lie inside of a function and are lines of it.
    def _cpp_functions(self) -> Iterator[Function]:
        code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda match: re.sub(r"[^\n]", " ", match.group()), self.code, flags=re.MULTILINE)
        kinds: list[str] = []
        head_at = begin = 0
        for brace in re.finditer(r"[{};]", code):
            inside = kinds and kinds[-1] != "scope"
            if brace.group() == ";":
                if not inside:
                    head_at = brace.end()
            elif brace.group() == "{":
                head = code[head_at : brace.start()]
                kind = "inner" if inside else kind_of(head)
                kinds.append(kind)
                if kind == "function":
                    begin = head_at + len(head) - len(head.lstrip())
                elif kind == "scope":
                    head_at = brace.end()
            elif kinds:
                kind = kinds.pop()
                if kind == "function":
                    first = self.line_of(begin)
                    name = re.search(r"[\w:~]+(?:\s*\(|$)", code[begin:].split("{")[0])
                    yield Function(first, self.line_of(brace.start()) - first + 1, name.group().strip(" (\n") if name else "?")
                if kind in ("function", "scope"):
                    head_at = brace.end()


def kind_of(head: str) -> str:
    if re.search(r"\b(namespace|extern)\b[^()]*$", head) or re.search(r"\b(struct|class|union|enum)\b[^()=]*$", head):
        return "scope"
    if "(" in head and re.search(r"(\)|\}|\bconst|\bnoexcept|\boverride|\bfinal|\bmutable|->[^;=]*)\s*$", head):
        return "function"
    return "value"
