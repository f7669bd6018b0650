#include "launcher/cli/local_end.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>

#include "base/real/clock.h"
#include "base/real/proc.h"
#include "base/text.h"
#include "launcher/cli/local_burial.h"
#include "launcher/cli/local_cluster.h"

namespace everstep {

namespace {

constexpr Duration kKillPatience = 10s;        // for a killed job to be seen gone
constexpr Duration kSupervisorPatience = 40s;  // more than the supervisor itself waits for
constexpr Duration kDaemonPatience = 8s;
constexpr Duration kLeftPatience = 10s;

void Say(const std::string& line) { WriteErr(line + '\n'); }

std::vector<JobView> JobsAlive(ControlClient& client) {
  auto reply = Ask<JobsReply>(client, ListJobs{});
  return reply ? std::move(reply->jobs) : std::vector<JobView>();
}

void CancelAll(ControlClient& client, const std::vector<JobView>& jobs, bool now, const std::string& by) {
  for (const JobView& job : jobs) {
    const auto accepted = Ask<Accepted>(client, CancelJob{.job = job.id, .now = now, .by = by});
    if (!accepted) Say(Cat("cannot cancel ", job.id, ": ", accepted.error().Str()));
  }
}

// Cancels all jobs and waits until they have ended.
void EndJobs(const std::string& address, const EndOptions& options, Interrupts& interrupts) {
  const auto client = ControlClient::Connect({.address = address, .deadline = 5s});
  if (!client) return Say(client.error().Str());
  std::vector<JobView> jobs = JobsAlive(**client);
  if (jobs.empty()) return;
  RealClock clock;
  bool now = options.now;
  Say(Cat(now ? "killing " : "stopping ", Count(jobs.size(), "job"),
          now ? "" : Cat(" (at most ", Show(options.grace), "; Ctrl-C kills)")));
  CancelAll(**client, jobs, now, Requester());
  Time deadline = clock.Now() + (now ? kKillPatience : options.grace);
  for (; !jobs.empty(); jobs = JobsAlive(**client)) {
    const bool interrupted = interrupts.Wait(100ms).has_value();
    if (!interrupted && clock.Now() < deadline) continue;
    if (now) return Say(Cat(jobs.front().id, " does not end: ", jobs.front().why));
    now = true;
    CancelAll(**client, jobs, now, Requester());
    deadline = clock.Now() + kKillPatience;
  }
}

bool EndsWithin(const Fd& pidfd, Duration at_most) {
  pollfd fd{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  return ::poll(&fd, 1, static_cast<int>(at_most / 1ms)) == 1;
}

// For a cluster whose supervisor was killed: launcher and agents by their record.
void EndDaemons(const LocalCluster& cluster) {
  std::vector<Fd> pidfds;
  for (const ProcessRecord& daemon : cluster.daemons)
    if (auto pidfd = OpenProcess(cluster, daemon)) pidfds.push_back(*std::move(pidfd));
  for (const Fd& pidfd : pidfds) SignalPidfd(pidfd, SIGTERM);
  for (const Fd& pidfd : pidfds)
    if (!EndsWithin(pidfd, kDaemonPatience)) SignalPidfd(pidfd, SIGKILL);
}

// Keepers of this cluster, by the spool in their command line, and all their descendants: agents leave them behind on purpose.
std::vector<ProcessStat> Leftovers(const std::string& directory) {
  const std::vector<ProcessStat> all = AllProcesses();
  std::vector<pid_t> keepers;
  std::vector<ProcessStat> left;
  for (const ProcessStat& process : all) {
    const std::string arguments = ReadKernelFile(Cat("/proc/", process.pid, "/cmdline")).value_or("");
    if (arguments.find(Cat('\0', "--spool=", directory, '/')) == std::string::npos) continue;
    keepers.push_back(process.pid);
    left.push_back(process);
  }
  for (ProcessStat& process : DescendantsOf(keepers, all)) left.push_back(std::move(process));
  return left;
}

Status TellWhatWouldEnd(const LocalCluster& cluster, const std::string& directory) {
  if (const auto address = LocalAddress(directory)) {
    EVERSTEP_ASSIGN(const auto client, ControlClient::Connect({.address = *address, .deadline = 5s}));
    for (const JobView& job : JobsAlive(*client)) Say(Cat("would end ", job.id, ", which is ", Name(job.phase)));
  }
  for (const ProcessRecord& process : Living(cluster)) Say(Cat("would end ", process.name, " (pid ", process.pid, ")"));
  for (const ProcessStat& process : Leftovers(directory)) Say(Cat("would end ", process.name, " (pid ", process.pid, ")"));
  Say("nothing was changed");
  return {};
}

}  // namespace

Status EndLeftovers(const std::string& directory) {
  RealClock clock;
  for (const Time deadline = clock.Now() + kLeftPatience;;) {
    const std::vector<ProcessStat> left = Leftovers(directory);
    const std::string unburied = left.empty() ? BuryGangs(directory) : DescribeStuck(left);
    if (unburied.empty()) return {};
    if (clock.Now() > deadline) return Fail(ErrorCode::kTimeout, unburied, "everstep down, again, once they are gone");
    for (const ProcessStat& process : left) KillExactly(process);
    ::poll(nullptr, 0, 50);
  }
}

Status EndLocalCluster(const EndOptions& options, Interrupts& interrupts) {
  const auto cluster = ReadLocalCluster(options.directory);
  if (!cluster && cluster.error().code != ErrorCode::kNotFound) return Fail(cluster.error());
  if (!cluster) {
    Say(Cat("no cluster is up in ", options.directory));
    return options.dry_run ? Status() : EndLeftovers(options.directory);
  }
  if (options.dry_run) return TellWhatWouldEnd(*cluster, options.directory);
  if (const auto address = LocalAddress(options.directory)) EndJobs(*address, options, interrupts);
  if (const auto supervisor = OpenProcess(*cluster, cluster->supervisor)) {
    SignalPidfd(*supervisor, SIGTERM);
    if (!EndsWithin(*supervisor, kSupervisorPatience)) SignalPidfd(*supervisor, SIGKILL);
  }
  EndDaemons(*cluster);
  EVERSTEP_TRY(EndLeftovers(options.directory));
  if (const auto living = Living(*cluster); !living.empty())
    return Fail(ErrorCode::kTimeout, Cat(living.front().name, " (pid ", living.front().pid, ") does not end"),
                "everstep down, again");
  EVERSTEP_TRY(RemoveLocalCluster(options.directory));
  Say(Cat("the cluster of ", Count(cluster->nodes, "node"), " is gone; its logs are in ", options.directory));
  return {};
}

}  // namespace everstep
