// yaml_fuzz RUNS [SEED]: mutations of the corpus; the first one that breaks a promise is printed, exit code 1.

#include <cstdio>

#include "base/text.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/yaml_target.h"

int main(int argc, char** argv) {
  using namespace everstep;
  const auto runs = argc > 1 ? ParseUnsigned(argv[1]) : std::nullopt;
  const auto seed = argc > 2 ? ParseUnsigned(argv[2]) : std::optional<std::uint64_t>(1);
  if (!runs || !seed) return std::fputs("usage: yaml_fuzz RUNS [SEED]\n", stderr), 2;
  const auto found =
      Fuzz(ReadCorpus(EVERSTEP_CORPUS "/yaml"), *runs, *seed, [](const std::string& bytes) { return BrokenPromise(bytes); });
  if (!found) return std::printf("%s\n", Cat(*runs, " files from seed ", *seed, ": no promise broken").c_str()), 0;
  std::printf("%s\n",
              Cat("again with: yaml_fuzz 1 ", *seed + found->run, "\n", found->problem, "\n--- for\n", found->input).c_str());
  return 1;
}
