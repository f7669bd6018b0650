#include "launcher/cli/job_input.h"

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "base/text.h"
#include "launcher/cli/terminal.h"
#include "launcher/config/job_file.h"

namespace everstep {

Result<JobSpec> ReadJob(const Cli& cli, const std::string& file) {
  if (file != "-") {
    EVERSTEP_ASSIGN(const std::string text, yaml::ReadConfigFile(file));
    std::string path = file;
    EVERSTEP_TRY(yaml::MakeAbsolute(path));
    return ReadJobFile(text, file, std::filesystem::path(path).parent_path().string());
  }
  std::string text(yaml::kBytesMax + 1, '\0');
  std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::cin.gcount()));
  return ReadJobFile(text, "stdin", cli.directory);
}

Status ShowDryRun(const Cli& cli, const JobSpec& spec) {
  EVERSTEP_ASSIGN(const NodesReply reply, Ask<NodesReply>(cli, ListNodes{}));
  const auto free = std::count_if(reply.nodes.begin(), reply.nodes.end(),
                                  [](const NodeView& node) { return node.phase == NodePhase::ready && !node.job; });
  const std::uint32_t needs = spec.nodes + spec.spares;
  WriteOut(WriteJobFile(spec));
  WriteErr(Cat("would submit ", spec.name, ", which needs ", Count(spec.nodes, "host"),
               spec.spares > 0 ? Cat(" and ", Count(spec.spares, "spare")) : "", "; free now: ", free, " of ",
               Count(reply.nodes.size(), "host"), static_cast<std::uint32_t>(free) < needs ? ", so that it would wait" : "",
               "; nothing was submitted\n"));
  return {};
}

}  // namespace everstep
