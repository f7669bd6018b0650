#include "launcher/cli/probe_job.h"

#include "base/password_url.h"
#include "launcher/cli/host_list.h"
#include "launcher/cli/output.h"
#include "launcher/cli/run_spec.h"
#include "launcher/cli/submission.h"

namespace everstep {

Result<std::vector<std::string>> FreeHosts(ControlClient& client) {
  EVERSTEP_ASSIGN(const NodesReply all, Ask<NodesReply>(client, ListNodes{}));
  std::vector<std::string> free, others;
  for (const NodeView& node : all.nodes)
    (node.phase == NodePhase::ready && !node.job ? free : others).push_back(node.node.value);
  if (!others.empty() && !free.empty())
    WriteErr(Cat("without ", FoldHostList(others), ", busy or not ready: everstep nodes\n"));
  if (free.empty())
    return Fail(ErrorCode::kConflict, all.nodes.empty() ? "no host has joined" : "no host is free", "everstep nodes");
  return free;
}

namespace {

// How whoever measures wants libfabric, NCCL and MPI to be set, besides what any job is given.
std::map<std::string, std::string> Settings(const std::map<std::string, std::string>& environment) {
  std::map<std::string, std::string> settings = Forwarded(environment);
  for (const auto& [name, value] : environment)
    for (const std::string_view family : {"FI_", "NCCL_", "OMPI_MCA_"})
      if (name.starts_with(family) && !LooksSecret(name) && !HoldsPasswordUrl(value)) settings.emplace(name, value);
  return settings;
}

}  // namespace

JobSpec ProbeJob(const Cli& cli, const std::string& name, std::vector<std::string> command, std::vector<std::string> hosts) {
  JobSpec spec{.name = name,
               .command = std::move(command),
               .nodes = static_cast<std::uint32_t>(hosts.size()),
               .processes_per_node = 1,
               .workdir = "/",
               .env = Settings(cli.variables)};
  spec.hosts = std::move(hosts);
  spec.restart.budget = 0;
  spec.stop_grace = 5s;
  return spec;
}

namespace {

// What waits for hosts measures at another time than was meant.
Status MustRunNow(ControlClient& client, const JobId& job) {
  EVERSTEP_ASSIGN(const JobReply reply, Ask<JobReply>(client, GetJob{.job = job}));
  if (reply.job.phase != JobPhase::queued) return {};
  EVERSTEP_TRY(Ask<Accepted>(client, CancelJob{.job = job, .now = true, .by = Requester()}));
  return Fail(ErrorCode::kConflict, reply.job.why, "--wait waits for the hosts");
}

}  // namespace

Result<Placed> Place(ControlClient& client, const JobSpec& spec, bool waits) {
  EVERSTEP_TRY(ValidateJob(spec));
  EVERSTEP_ASSIGN(const InfoReply before, Ask<InfoReply>(client, GetInfo{}));
  EVERSTEP_ASSIGN(const Submitted submitted, Submit(client, spec));
  if (!waits) {
    EVERSTEP_TRY(MustRunNow(client, submitted.job));
  }
  return Placed{submitted.job, before.index};
}

}  // namespace everstep
