#include <cstdlib>
#include <string>
#include <vector>

#include "agent/mpi/program.h"
#include "base/text.h"

namespace everstep::mpi {
namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

int Run(const std::vector<std::string>& words, char** environment) {
  if (words.size() >= 4 && words[0] == "--rsh")
    return RunRemoteShell(words[1], words[2], Join({words.begin() + 3, words.end()}, " "));
  const auto slots = words.size() > 3 && words[0] == "--slots" && words[2] == "--" ? ParseUnsigned(words[1]) : std::nullopt;
  if (!slots || *slots == 0 || *slots > 1024)
    return Told("usage: everstep-mpi --slots N -- PROGRAM [ARGUMENT...], as the command of a job: everstep run --mpi", 2);
  const auto node = ParseUnsigned(Variable("GROUP_RANK")), nodes = ParseUnsigned(Variable("GROUP_WORLD_SIZE")),
             port = ParseUnsigned(Variable("MASTER_PORT"));
  if (!node || !nodes || !port || *nodes == 0 || *node >= *nodes || *port > 65535 || Variable("MASTER_ADDR").empty())
    return Told("GROUP_RANK, GROUP_WORLD_SIZE, MASTER_ADDR and MASTER_PORT say no place in a gang", 2);
  const Place place{.node = static_cast<std::uint32_t>(*node),
                    .nodes = static_cast<std::uint32_t>(*nodes),
                    .master = Variable("MASTER_ADDR"),
                    .port = static_cast<std::uint16_t>(*port),
                    .environment = environment};
  if (place.node > 0) return RunNode(place);
  return RunHub(place, static_cast<std::uint32_t>(*slots), {words.begin() + 3, words.end()});
}

}  // namespace
}  // namespace everstep::mpi

int main(int argc, char** argv, char** environment) { return everstep::mpi::Run({argv + 1, argv + argc}, environment); }
