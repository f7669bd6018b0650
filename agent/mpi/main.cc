#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "agent/mpi/program.h"
#include "base/text.h"

namespace everstep::mpi {
namespace {

constexpr const char* kUsage = "usage: everstep-mpi -- PROGRAM [ARGUMENT...], as the command of a job: everstep run --mpi";

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

std::string Or(std::string text, const char* otherwise) { return text.empty() ? otherwise : text; }

int Run(const std::vector<std::string>& words, const std::vector<std::string>& environment) {
  if (words.size() >= 4 && words[0] == "--rsh")
    return RunRemoteShell(words[1], words[2], Join({words.begin() + 3, words.end()}, " "));
  if (words.size() == 2 && words[0] == "--rank") return RunStandIn(words[1], environment);
  if (!words.empty() && words[0] == "--slots")
    return Told(
        "--slots is gone: processes_per_node of a job now says how many ranks start on each host; submit the job again "
        "by everstep run --mpi",
        2);
  if (words.size() < 2 || words[0] != "--") return Told(kUsage, 2);
  const auto node = ParseUnsigned(Variable("GROUP_RANK")), nodes = ParseUnsigned(Variable("GROUP_WORLD_SIZE")),
             local = ParseUnsigned(Variable("LOCAL_RANK")), locals = ParseUnsigned(Variable("LOCAL_WORLD_SIZE")),
             port = ParseUnsigned(Variable("MASTER_PORT"));
  if (!node || !nodes || *node >= *nodes || *nodes > 65536 || !local || !locals || *local >= *locals || *locals > 1024 ||
      !port || *port > 65535 || Variable("MASTER_ADDR").empty())
    return Told(
        "GROUP_RANK, GROUP_WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR and MASTER_PORT say no place in a "
        "gang",
        2);
  const Place place{
      .node = static_cast<std::uint32_t>(*node),
      .nodes = static_cast<std::uint32_t>(*nodes),
      .local = static_cast<std::uint32_t>(*local),
      .locals = static_cast<std::uint32_t>(*locals),
      .master = Variable("MASTER_ADDR"),
      .port = static_cast<std::uint16_t>(*port),
      .gang = Cat(Or(Variable("EVERSTEP_JOB_ID"), "-"), '.', Or(Variable("EVERSTEP_GENERATION"), "0"), '.', *port),
      .environment = environment};
  const std::vector<std::string> program(words.begin() + 1, words.end());
  if (place.local > 0) return RunLocal(place, program);
  return place.node > 0 ? RunNode(place, program) : RunHub(place, program);
}

}  // namespace
}  // namespace everstep::mpi

int main(int argc, char** argv, char** variables) {
  std::vector<std::string> environment;
  for (; *variables != nullptr; ++variables) environment.emplace_back(*variables);
  return everstep::mpi::Run({argv + 1, argv + argc}, environment);
}
