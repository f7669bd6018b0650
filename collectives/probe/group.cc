#include "collectives/probe/group.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace everstep {
namespace {

constexpr char kBetween = '\x1f';

std::string Exact(double value) {
  char text[40];
  return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

Result<std::vector<double>> Numbers(const std::vector<std::string>& texts) {
  std::vector<double> numbers;
  for (const std::string& text : texts) {
    double number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size())
      return Fail(ErrorCode::kCorrupt, Cat("rank ", numbers.size(), " sent no number"), "do all ranks run the same version?");
    numbers.push_back(number);
  }
  return numbers;
}

Result<std::unique_ptr<Carrier>> OpenCarrier(Meeting& meeting, const ProbeOptions& options, Clock& clock) {
  EVERSTEP_ASSIGN(
      FabricInfo info,
      FindProvider({.provider = options.provider, .interface = options.interface, .address = meeting.local_address()}));
  EVERSTEP_ASSIGN(std::unique_ptr<Endpoint> endpoint, Endpoint::Open(std::move(info)));
  CarryOptions carry;
  carry.rank = meeting.rank();
  carry.chunk_bytes = options.chunk_bytes;
  carry.timeout = options.timeout;
  carry.look = [&meeting] { return meeting.Look(); };
  carry.stuck = [&meeting](std::uint32_t round, const std::string& how) { return meeting.Stuck(round, how); };
  carry.who = [&meeting](std::uint32_t rank) { return meeting.Who(rank); };
  if (options.tamper && options.tamper->rank == meeting.rank()) {
    carry.tamper = [round = options.tamper->round](std::uint32_t now, std::byte* data, std::size_t) {
      if (now == round) data[0] ^= std::byte{1};
    };
  }
  return std::make_unique<Carrier>(std::move(endpoint), clock, std::move(carry));
}

// Everybody's provider, interface, process id and fabric address; the addresses are for the endpoint.
Status Introduce(ProbeGroup& group, const std::string& version, std::uint64_t pid) {
  Endpoint& endpoint = group.carrier->endpoint();
  const std::string between(1, kBetween);
  const std::string self =
      Cat(endpoint.provider(), between, endpoint.domain(), between, version, between, pid, between, endpoint.address());
  EVERSTEP_ASSIGN(const std::vector<std::string> all, group.meeting->Exchange(self));
  std::vector<std::string> addresses;
  std::vector<std::string> first;
  for (std::uint32_t rank = 0; rank < group.ranks(); ++rank) {
    std::vector<std::string> parts = Split(all[rank], kBetween);
    if (parts.size() < 5)
      return Fail(ErrorCode::kConflict, Cat(group.meeting->Who(rank), " speaks another version"),
                  "install one version everywhere");
    if (rank == 0) first = parts;
    if (parts[2] != first[2])
      return Fail(ErrorCode::kConflict,
                  Cat(group.meeting->Who(rank), " has version ", parts[2], ", ", group.meeting->Who(0), " ", first[2]),
                  "install one version everywhere");
    if (parts[0] != first[0])
      return Fail(ErrorCode::kConflict,
                  Cat(group.meeting->Who(rank), " has provider ", parts[0], ", ", group.meeting->Who(0), " ", first[0]),
                  "name one with --provider that all have");
    group.devices.push_back(Cat(parts[0], " ", parts[1]));
    group.pids.push_back(ParseUnsigned(parts[3]).value_or(0));
    // An address is any bytes, the separator among them.
    std::size_t skip = 0;
    for (int field = 0; field < 4; ++field) skip = all[rank].find(kBetween, skip) + 1;
    addresses.push_back(all[rank].substr(skip));
  }
  return endpoint.AddPeers(addresses);
}

}  // namespace

Result<double> ProbeGroup::Mean(double value) {
  EVERSTEP_ASSIGN(const std::vector<std::string> texts, meeting->Exchange(Exact(value)));
  EVERSTEP_ASSIGN(const std::vector<double> numbers, Numbers(texts));
  double sum = 0;
  for (const double number : numbers) sum += number;
  return sum / static_cast<double>(numbers.size());
}

Result<double> ProbeGroup::Largest(double value) {
  EVERSTEP_ASSIGN(const std::vector<std::string> texts, meeting->Exchange(Exact(value)));
  EVERSTEP_ASSIGN(const std::vector<double> numbers, Numbers(texts));
  return *std::max_element(numbers.begin(), numbers.end());
}

Status ProbeGroup::Barrier() {
  EVERSTEP_TRY(meeting->Exchange(""));
  return {};
}

Result<ProbeGroup> JoinGroup(const ProbeIdentity& identity, const ProbeOptions& options, const std::string& host,
                             std::uint64_t pid, Clock& clock) {
  ProbeGroup group;
  const MeetingPlace place{.rank = identity.rank,
                           .ranks = identity.ranks,
                           .host = identity.master_host,
                           .port = identity.master_port,
                           .name = host,
                           .timeout = 30s + options.timeout,
                           .patience = 5s + 2 * options.timeout};
  EVERSTEP_ASSIGN(group.meeting, Meeting::Gather(place, clock));
  EVERSTEP_ASSIGN(group.hosts, group.meeting->Exchange(host));
  const auto told = [&](const Error& error) {
    group.meeting->GiveUp(Cat(group.meeting->Who(identity.rank), ": ", error.Str()));
    return Fail(error);
  };
  Result<std::unique_ptr<Carrier>> carrier = OpenCarrier(*group.meeting, options, clock);
  if (!carrier) return told(carrier.error());
  group.carrier = *std::move(carrier);
  if (const Status introduced = Introduce(group, FabricVersion(), pid); !introduced) return told(introduced.error());
  return group;
}

}  // namespace everstep
