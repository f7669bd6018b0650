#include "collectives/probe/group.h"

#include <algorithm>

#include "base/text.h"

namespace everstep {
namespace {

constexpr char kBetween = '\x1f';

// Everybody's library, process id and device.
Status Introduce(ProbeGroup& group, std::uint64_t pid) {
  const std::string between(1, kBetween);
  EVERSTEP_ASSIGN(const std::vector<std::string> all,
                  group.company.exchange(Cat(group.backend->Library(), between, pid, between, group.backend->Device())));
  std::string first;
  for (std::uint32_t rank = 0; rank < group.ranks(); ++rank) {
    const std::vector<std::string> parts = Split(all[rank], kBetween);
    if (parts.size() != 3)
      return Fail(ErrorCode::kConflict, Cat(group.company.Who(rank), " speaks another version"),
                  "install one version everywhere");
    if (rank == 0) first = parts[0];
    if (parts[0] != first)
      return Fail(ErrorCode::kConflict, Cat(group.company.Who(rank), " has ", parts[0], ", ", group.company.Who(0), " ", first),
                  "install one version everywhere");
    group.pids.push_back(ParseUnsigned(parts[1]).value_or(0));
    group.devices.push_back(parts[2]);
  }
  return {};
}

Status Open(ProbeGroup& group, const ProbeOptions& options, std::uint64_t pid, Clock& clock, const BackendMaker& make) {
  EVERSTEP_ASSIGN(group.backend, make(options, group.company, clock));
  return Introduce(group, pid);
}

// Within one rack, or where some are nowhere, nothing can be told of switches.
std::vector<std::string> RacksThatDiffer(std::vector<std::string> racks) {
  const bool known = std::none_of(racks.begin(), racks.end(), [](const std::string& rack) { return rack.empty(); });
  const bool several = std::any_of(racks.begin(), racks.end(), [&](const std::string& rack) { return rack != racks[0]; });
  return known && several ? racks : std::vector<std::string>();
}

}  // namespace

Result<ProbeGroup> JoinGroup(const ProbeIdentity& identity, const ProbeOptions& options, const std::string& host,
                             std::uint64_t pid, Clock& clock, const BackendMaker& make, decltype(MeetingPlace::blames) blames,
                             decltype(MeetingPlace::waits) waits) {
  ProbeGroup group;
  const Duration answer = std::min<Duration>(3s, options.timeout);
  const MeetingPlace place{.rank = identity.rank,
                           .ranks = identity.ranks,
                           .host = identity.master_host,
                           .port = identity.master_port,
                           .name = host,
                           .timeout = 30s + options.timeout,
                           // Longer than who waits on the fabric takes to say that it is stuck, and rank 0 to ask round.
                           .patience = 1s + answer + 2 * options.timeout,
                           .answer = answer,
                           .away = options.timeout,
                           .blames = std::move(blames),
                           .waits = std::move(waits)};
  EVERSTEP_ASSIGN(group.meeting, Meeting::Gather(place, clock));
  Meeting* meeting = group.meeting.get();
  EVERSTEP_ASSIGN(std::vector<std::string> hosts, meeting->Exchange(host));
  EVERSTEP_ASSIGN(std::vector<std::string> racks, meeting->Exchange(identity.rack));
  group.company = {.rank = identity.rank,
                   .ranks = identity.ranks,
                   .hosts = std::move(hosts),
                   .racks = RacksThatDiffer(std::move(racks)),
                   .address = meeting->local_address(),
                   .timeout = options.timeout,
                   .exchange = [meeting](const std::string& text) { return meeting->Exchange(text); },
                   .look = [meeting] { return meeting->Look(); },
                   .stuck = [meeting](const StuckWait& wait) { return meeting->Stuck(wait); }};
  if (const Status opened = Open(group, options, pid, clock, make); !opened) {
    meeting->GiveUp(Cat(group.company.Who(identity.rank), ": ", opened.error().Str()));
    return Fail(opened.error());
  }
  return group;
}

}  // namespace everstep
