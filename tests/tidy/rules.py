"""What the tree must not hold (docs/architecture.md, "What is not there"), a rule each: a name, what is looked for, where it is allowed, and offences
planted to prove that the rule can fail beside look-alikes that it must let pass. A rule's `known` names files that break it, and why.
"""

import dataclasses
import re
from typing import Callable, Iterable

from source import Source

Offence = tuple[int, str]  # line, what stands there
Sample = tuple[str, str]  # path, text

LINES_MAX, FUNCTION_MAX = 600, 70


@dataclasses.dataclass(frozen=True)
class Rule:
    name: str
    allowed: str  # said with each offence
    find: Callable[[Source], Iterable[Offence]]
    offences: tuple[Sample, ...]
    fine: tuple[Sample, ...] = ()
    known: dict[str, str] = dataclasses.field(default_factory=dict)


def match(pattern: str, where: str = "", but: str = "", view: str = "code", language: str = "cpp") -> Callable[[Source], list[Offence]]:
    """Finds `pattern` in files of the language ("" any) whose path begins with `where` and not with `but`, both regular expressions."""
    wanted = re.compile(pattern, re.MULTILINE)

    def find(source: Source) -> list[Offence]:
        if language == "cpp" and not source.is_cpp or language == "python" and not source.is_python:
            return []
        if not re.match(where, source.path) or (but and re.match(but, source.path)):
            return []
        return [(source.line_of(one.start()), one.group().strip()) for one in wanted.finditer(getattr(source, view))]

    return find


def included(wanted: Callable[[str], bool], where: str = "", but: str = "") -> Callable[[Source], list[Offence]]:
    def find(source: Source) -> list[Offence]:
        if not re.match(where, source.path) or (but and re.match(but, source.path)):
            return []
        return [(line, f"includes {name}") for line, name in source.includes if wanted(name)]

    return find


# The standard library's ways to the world, to time and to other threads.
IMPURE = set("""atomic barrier chrono condition_variable csignal cstdio cstdlib ctime filesystem fstream future iostream latch mutex random
    semaphore shared_mutex stop_token syncstream thread""".split())


def impure(name: str) -> bool:
    if name.startswith("<"):
        inner = name.strip("<>")
        return inner in IMPURE or "/" in inner and inner != "tl/expected.hpp" or "." in inner and inner != "tl/expected.hpp"
    return not re.fullmatch(r"base/\w+\.h|\w+/core/\w+\.h", name)


def too_long(source: Source) -> list[Offence]:
    lines = source.text.count("\n")
    return [(lines, f"{lines} lines")] if (source.is_cpp or source.is_python) and lines > LINES_MAX else []


def long_functions(source: Source) -> list[Offence]:
    return [(one.line, f"{one.name} has {one.lines} lines") for one in source.functions if one.lines > FUNCTION_MAX]


# A line of comment that a compiler would take. Examples in a contract are indented.
DISUSED_CPP = re.compile(r"^[ \t]*// ?((if|for|while|switch|else)\b.*\{|\}( else \{|;)?|return\b[^.]*;|[\w:.>\[\]-]+\(.*\);|"
                         r"[\w*&][\w:<>*&.\[\] -]* [-+|]?= .*;|#[ ]*\w+.*)$|^#if 0\b",
                         re.MULTILINE)  # fmt: skip
DISUSED_PYTHON = re.compile(r"^[ \t]*# ?((if|for|while|def|class|with)\b.*:|(import|from) \w+.*|return\b[^.]*|[\w.]+\(.*\)|"
                            r"[\w.]+ [-+|]?= .*)$", re.MULTILINE)  # fmt: skip


def disused_code(source: Source) -> list[Offence]:
    disused = DISUSED_CPP if source.is_cpp else DISUSED_PYTHON if source.is_python else None
    return [(source.line_of(one.start()), one.group().strip()) for one in disused.finditer(source.text)] if disused else []


def body(lines: int) -> str:
    return "int Long(int x)\n    const {\n" + "  if (x) {\n    ++x;\n  }\n" * (lines // 3) + "}\n"


def addresses(source: Source) -> list[Offence]:
    """Hosts of the outside world: a URL whose host has a dot, or the name of a registry or mirror."""
    found = re.finditer(r"https?://([\w-]+(?:\.[\w-]+)+)|\b([\w.-]*(?:pypi|npmjs|crates|artifactory|nexus|registry)[\w-]*\.(?:com|dev|io|net|org))\b",
                        source.text)  # fmt: skip
    return [(source.line_of(one.start()), one.group()) for one in found if not re.fullmatch(r"www\.apache\.org|www\.w3\.org|127\.0\.0\.1", one[1] or "")]


HEAVY = r"<(grpc|google/protobuf)|everstep/v1/.*\.pb\.h$"
CORE = r"(launcher|agent|health|collectives)/core/"
FABRIC = r"(?i)(?<!collectives/)(?<!agent/)(?<!everstep-probe-)(?<!everstep-)\b(lib)?(fabric|mpi|nccl)\b"
# The test's own texts hold what it looks for.
SELF = r"tests/tidy/"

RULES = (
    Rule("core", "a core/ folder has the standard library's pure headers, tl::expected, base/*.h and other cores", included(impure, CORE),
         offences=(("launcher/core/a.cc", '#include "base/seam/clock.h"\n'), ("agent/core/a.h", "#include <chrono>\n"),
                   ("health/core/a.cc", "#include <thread>\n"), ("launcher/core/a.cc", "#include <mutex>\n"),
                   ("launcher/core/a.cc", '#include "base/real/log.h"\n'), ("launcher/core/a.cc", "#include <spdlog/spdlog.h>\n"),
                   ("launcher/core/a.cc", "#include <unistd.h>\n"), ("launcher/core/a.cc", '#include "launcher/daemon/loop.h"\n')),
         known={f"agent/core/{name}.h": "takes from the seam the structs that its interface speaks in, not the interface (see \"core calls\")"
                for name in ("environment", "fence", "gang", "standby")},
         fine=(("launcher/core/a.cc", '#include <vector>\n#include "base/time.h"\n#include "health/core/detector.h"\n// #include <thread>\n'),
               ("launcher/daemon/a.cc", "#include <thread>\n"), ("agent/core/a.cc", "#include <tl/expected.hpp>\n"))),
    Rule("core calls", "a core/ folder gets time and chance as arguments, and says what it has to say in facts",
         match(r"\b\w+_clock\b|\bstd::(cout|cerr|clog|rand)\b|\b(printf|fprintf|syslog|rand|abort|exit)\(|"
               r"\b(Clock|AgentLinks|LauncherLink|Store|Processes|Files|SlowFiles)\s*[&*]", CORE),
         offences=(("agent/core/a.cc", "auto now = std::chrono::steady_clock::now();\n"), ("agent/core/a.cc", "std::cerr << x;\n"),
                   ("agent/core/gang.h", "explicit Gang(Processes& keepers);\n")),
         fine=(("agent/core/a.cc", "// exit() is the keeper's\nconst char* k = \"exit(\";\n"), ("agent/main.cc", "exit(2);\n"))),
    Rule("heavy headers", "gRPC's and protobuf's headers stay in proto/, */rpc/ and their tests",
         included(lambda name: re.search(HEAVY, name) is not None, but=r"proto/|\w+/rpc/|tests/(proto|rpc)/"),
         offences=(("launcher/daemon/loop.h", "#include <grpcpp/grpcpp.h>\n"), ("base/a.cc", '#include "everstep/v1/job.pb.h"\n'),
                   ("agent/core/a.cc", "#include <google/protobuf/message.h>\n")),
         fine=(("agent/rpc/link.cc", "#include <grpcpp/grpcpp.h>\n"), ("proto/convert.h", '#include "everstep/v1/job.pb.h"\n'))),
    Rule("fabric headers", "libfabric, MPI and NCCL belong to collectives/ and everstep-probe",
         included(lambda name: re.match(r"<(rdma/|mpi\.h|nccl|infiniband/)", name) is not None, but="collectives/"),
         offences=(("agent/daemon/a.cc", "#include <rdma/fabric.h>\n"), ("agent/main.cc", "#include <mpi.h>\n")),
         fine=(("collectives/mpi/a.cc", "#include <mpi.h>\n"),)),
    Rule("fabric links", "libfabric, MPI and NCCL are linked by collectives/ only, never by a daemon",
         lambda source: [] if source.path.startswith(("collectives/", "tests/fakes/")) or not source.path.endswith("CMakeLists.txt") else
         [(source.line_of(one.start()), one.group()) for one in re.finditer(FABRIC, source.uncommented)],
         offences=(("agent/CMakeLists.txt", "everstep_program(everstep-agent EXTERNAL fabric)\n"),
                   ("launcher/CMakeLists.txt", "target_link_libraries(x PRIVATE mpi)\n"), ("agent/CMakeLists.txt", "  EXTERNAL nccl\n")),
         fine=(("collectives/CMakeLists.txt", "EXTERNAL fabric\n"), ("agent/mpi/CMakeLists.txt", "everstep_library(agent/mpi)\n"), ("agent/CMakeLists.txt", "# nccl: loaded by the probe\n"),
               ("CMakeLists.txt", "    collectives/ofi collectives/nccl\n"))),
    Rule("singletons", "state has an owner, who hands it on: no Instance(), no static or global variable that changes",
         match(r"\bInstance\(\)|^[ \t]*(static|thread_local)\b(?!_assert)(?![^;{=(]*\bconst(expr|init|eval)?\b)[^;{=()]*[;{=]|"
               r"^(?!static|thread_local|const|using|struct|class|enum|extern|template|namespace|friend|inline const|typedef|return|union)"
               r"(inline )?[A-Za-z_][\w:<>, *&]* \w+( = [^\n]*|\{[^\n]*\})?;$"),
         offences=(("base/a.cc", "int Next() {\n  static int n = 0;\n  return ++n;\n}\n"), ("base/a.cc", "Log::Instance().Say();\n"),
                   ("base/a.cc", "static std::map<int, int> cache;\n"), ("base/a.cc", "std::atomic<int> calls{0};\n"),
                   ("base/a.cc", "thread_local int depth;\n"), ("base/a.cc", "std::string last;\n")),
         fine=(("base/a.cc", "static constexpr int kMax = 3;\nstatic_assert(kMax == 3);\nconst Table kTable = {};\n"
                             "struct A {\n  int x = 0;\n  static A Of(int x);\n  static bool Alive() { return true; }\n};\nusing B = A;\n"),
               ("base/a.cc", "const Row& Find() {\n  static const Row kRow{};\n  return kRow;\n}\nint F(int a, int b);\n"))),
    Rule("environment", "the process's environment is read in main.cc and handed on",
         match(r"\b(secure_)?getenv\(|\benviron\b|\bsetenv\(|\bputenv\(", but=r"(.*/)?main\.cc$"),
         offences=(("base/a.cc", 'auto* home = std::getenv("HOME");\n'), ("launcher/cli/up.cc", "for (char** v = environ; *v; ++v) {}\n")),
         fine=(("agent/main.cc", 'std::getenv("X");\n'), ("base/a.cc", "// wraps getenv(\nconst auto environment = E();\n")),
         known={"collectives/ofi/provider.cc": "libfabric takes its settings from there only",
                "tests/launcher/cli/view_text_test.cc": "sets the time zone in which times are shown",
                "tests/fakes/fake_nccl.cc": "is loaded into a program that does not know of it",
                "tests/fakes/fake_cudart.cc": "is loaded into a program that does not know of it",
                "tests/fakes/fake_nvml.cc": "is loaded into a program that does not know of it",
                "tests/fakes/wall_shift.cc": "is preloaded into a program that does not know of it"}),
    Rule("store", "the store is seen by its own folder, by launcher/daemon (who alone appends) and by launcher/main.cc (who opens it)",
         included(lambda name: name == "base/seam/store.h" or name.startswith("launcher/store/"),
                  but=r"launcher/(store|daemon)/|launcher/main\.cc$|tests/"),
         offences=(("launcher/rpc/control.cc", '#include "base/seam/store.h"\n'), ("launcher/cli/jobs.cc", '#include "launcher/store/open.h"\n')),
         fine=(("launcher/daemon/journal.h", '#include "base/seam/store.h"\n'), ("tests/bench/submit.cc", '#include "launcher/store/open.h"\n'))),
    Rule("appending", "only launcher/daemon appends to the store", match(r"\bstore\w*(\(\))?\s*(\.|->)\s*(Append|Compact)\(",
         but="launcher/(daemon|store)/|tests/"),
         offences=(("launcher/main.cc", "store->Append(end, epoch, batches);\n"), ("launcher/rpc/a.cc", "store_.Append(end, epoch, {});\n")),
         fine=(("launcher/daemon/store_thread.cc", "store_.Append(expected, epoch, batches);\n"),
               ("agent/keeper/ranks.cc", "file->Append(bytes);\n"))),
    Rule("sleep", "nothing sleeps to wait: a condition variable, a poll on a descriptor or a timer input waits, with a deadline",
         match(r"\bsleep_(for|until)\b|\b(u|nano)sleep\(|(?<![\w.>])sleep\(|\bpoll\((nullptr|NULL)[^;]*|\bselect\(0, (nullptr|NULL)[^;]*"),
         offences=(("tests/a.cc", "std::this_thread::sleep_for(1s);\n"), ("base/a.cc", "usleep(5);\n"), ("base/a.cc", "  sleep(1);\n"),
                   ("base/a.cc", "::poll(nullptr, 0, 50);\n")),
         fine=(("base/a.cc", "timer.sleep(1);\nconst auto s = \"sleep(1)\";\n::poll(&one, 1, 50);\n"),),
         known={"base/real/poll.h": "poll itself has failed: a moment passes before the loop goes on",
                "launcher/cli/local_end.cc": "processes may fork while they are killed: /proc is read again until none is left, with a deadline",
                "tests/agent/keeper/fault_test.cc": "that stopped processes do nothing shows only in time: 300 ms of it",
                "tests/agent/keeper/host.cc": "/proc is read again until it says what is expected, with a deadline",
                "tests/launcher/cli/program.cc": "a condition on another program is asked again, with a deadline"}),
    Rule("shell", "programs are started with an argv, never with a line for a shell",
         match(r"\bstd::system\(|(?<![\w.>])system\(|\bpopen\(|\bwordexp\(|\bexeclp?\(|\bexecvp"),
         offences=(("base/a.cc", 'std::system("ls");\n'), ("base/a.cc", 'FILE* f = ::popen("ls", "r");\n'),
                   ("base/a.cc", "execlp(a, b, nullptr);\n")),
         fine=(("base/a.cc", "const auto file_system(System());\n"), ("agent/keeper/rank_spawn.cc", "::execve(path, argv, env);\n"))),
    Rule("shell strings", "only a user's own command may be a shell's: no \"sh\", \"-c\" in the programs",
         match(r'"(/(usr/)?bin/)?(ba|da)?sh"[\s,]+"-\w*c"', but="tests/", view="uncommented"),
         offences=(("launcher/daemon/site_hooks.cc", 'Spawn({"/bin/sh", "-c", line});\n'), ("base/a.cc", 'argv = {"bash",\n  "-lc", x};\n')),
         fine=(("tests/agent/keeper/host.cc", '.argv = {"/bin/sh", "-c", script}\n'), ("base/a.cc", '// {"sh", "-c", x}\n')),
         known={"agent/mpi/node.cc": "stands where a remote shell stands: mpirun sends it a line for one"}),
    Rule("shell in Python", "subprocess gets a list", match(r"\bshell=True|\bos\.(system|popen|spawn\w+)\(|\bgetoutput\(", language="python"),
         offences=(("tests/a.py", "subprocess.run(line, shell=True)\n"), ("examples/a.py", "os.system(line)\n")),
         fine=(("tests/a.py", 'subprocess.run(["ls"])  # never shell=True\n'),)),
    Rule("time of day", "the wall clock is read in base/real (and is for display): everything else is monotonic",
         match(r"\bsystem_clock\b|\bgettimeofday\(|\bCLOCK_REALTIME\b|(?<![\w.>])time\((nullptr|NULL|0|&)|\bclock_gettime\(|\butc_clock\b",
               but=r"(tests/)?base/real/"),
         offences=(("launcher/daemon/a.cc", "const auto now = std::chrono::system_clock::now();\n"), ("base/a.cc", "std::time(nullptr);\n"),
                   ("agent/keeper/a.cc", "clock_gettime(CLOCK_REALTIME, &now);\n")),
         fine=(("base/real/clock.cc", "clock_gettime(CLOCK_REALTIME, &now);\n"), ("launcher/cli/a.cc", "localtime_r(&seconds, &local);\n")),
         known={"proto/rpc/channel.cc": "gRPC takes deadlines as times of day", "proto/rpc/channel.h": "gRPC takes deadlines as times of day",
                "tests/fakes/wall_shift.cc": "is the wall clock of a program under test"}),
    Rule("file length", f"one concept a file: at most {LINES_MAX} lines", too_long,
         offences=(("base/a.cc", "\n" * 601), ("tests/a.py", "\n" * 601)), fine=(("base/a.cc", "\n" * 600), ("LICENSE", "\n" * 900))),
    Rule("function length", f"a function fits on a screen: at most {FUNCTION_MAX} lines", long_functions,
         offences=(("base/a.cc", "namespace a {\nstruct B {\n" + body(72) + "};\n}\n"),
                   ("base/a.cc", "A::A()\n    : a_{1}, b_(2) {\n" + "  F();\n" * 70 + "}\n"),
                   ("base/a.cc", "auto F(int x = {}) -> std::vector<int> {\n" + "  G([] {});\n" * 70 + "}\n"),
                   ("a.py", "def f():\n" + "    f()\n" * 70)),
         fine=(("base/a.cc", "namespace a {\n" + body(66) + body(66) + "const int kRows[] = {\n" + "  1,\n" * 99 + "};\n" + "int F();\n" * 80 + "}\n"),)),
    Rule("using namespace", "only main() opens everstep's own namespace, and base/time.h std::chrono_literals",
         lambda source: [one for one in match(r"\busing namespace [\w:]+")(source) if not (
             source.path.endswith("main.cc") and one[1].endswith(" everstep") or (source.path, one[1]) == ("base/time.h", "using namespace std::chrono_literals"))],
         offences=(("base/a.h", "using namespace std;\n"), ("agent/main.cc", "using namespace std;\n"),
                   ("base/a.h", "using namespace everstep;\n")),
         fine=(("agent/main.cc", "  using namespace everstep;\n"), ("base/time.h", "using namespace std::chrono_literals;\n"))),
    Rule("notes to self", "what is missing stands in docs/ or in an issue, not in a comment", match(r"\b(TODO|FIXME|HACK|XXX)\b", but=SELF,
         view="text", language=""),
         offences=(("base/a.cc", "// TODO: more\n"), ("a.md", "FIXME\n"),
                   ("CMakeLists.txt", "# XXX why?\n")), fine=(("base/a.cc", 'mkdtemp("x-XXXXXX");\n'),)),
    Rule("commented-out code", "git remembers it", disused_code,
         offences=(("base/a.cc", "// Call(x);\n"), ("base/a.cc", "  // if (x) {\n"), ("base/a.cc", "#if 0\n"),
                   ("base/a.cc", "// #include <map>\n"),
                   ("base/a.cc", "//return x;\n"), ("base/a.cc", "  // x = 3;\n"), ("base/a.cc", "  // }\n"), ("a.py", "# x = f(3)\n"),
                   ("a.py", "  # import os\n")),
         fine=(("base/a.h", "//   Example(x);\n// Runs; `Call(x);` is tried again. See {a, b}\n// a Trainer's state and (its) weights;\n"),
               ("a.py", "# Sum of x (see y).\n"))),
    Rule("this machine's paths", "a committed file names no folder of the machine it was written on",
         match(r"(?<![\w.*$}/-])/((work|workspace|scratch|Users)/|tmp/w\b|home/(?!(ml|me|you)\b)\w+)", but=SELF, view="text", language=""),
         offences=(("a.md", "see /" + "work/x\n"), ("a.py", 'run("/' + 'tmp/w/b.log")\n'), ("a", "/" + "home/somebody/x\n")),
         fine=(("a.md", "example/" + "work/x, $HOME/build/release, /tmp/weights\n"),)),
    Rule("outside hosts", "no committed file names a registry, a mirror or a site, but for the licence's own and the one that every SVG begins with",
         addresses,
         offences=(("a.md", "https://" + "mirror.example.net/x\n"), ("requirements", "--index-url x.pypi" + ".org\n"),
                   ("a.cc", "// http://" + "10.0.0.3/simple\n")),
         fine=(("LICENSE", "http://www.apache.org/licenses/\n"), ("a.svg", '<svg xmlns="http://www.w3.org/2000/svg">\n'), ("a.cc", '"http://n7:80"\n'), ("a.md", "http://127.0.0.1:80 and registry.h\n"))),
)
