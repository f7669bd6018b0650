#include "base/messages.h"

#include <concepts>

#include "base/text.h"

namespace everstep {

namespace {

// FNV-1a, 64 bit (Fowler, Noll, Vo), over a prefix-free encoding of the fields.
class Hasher {
 public:
  std::uint64_t value() const { return hash_; }

  void Add(std::uint64_t n) {
    for (int i = 0; i < 8; ++i) Byte(static_cast<std::uint8_t>(n >> (8 * i)));
  }
  void Add(const std::string& text) {
    Add(std::uint64_t{text.size()});
    for (const char c : text) Byte(static_cast<std::uint8_t>(c));
  }
  template <class Tag>
  void Add(const Text<Tag>& id) {
    Add(id.value);
  }
  template <class Tag>
  void Add(const Number<Tag>& n) {
    Add(n.value);
  }
  void Add(Time t) { Add(static_cast<std::uint64_t>(Nanoseconds(t))); }
  void Add(Duration d) { Add(static_cast<std::uint64_t>(d.count())); }
  template <class N>
  requires(std::integral<N> || std::is_enum_v<N>) void Add(N n) { Add(static_cast<std::uint64_t>(n)); }
  template <class T>
  void Add(const std::optional<T>& value) {
    Add(std::uint64_t{value.has_value()});
    if (value) Add(*value);
  }
  template <class T>
  void Add(const std::vector<T>& items) {
    Add(std::uint64_t{items.size()});
    for (const T& item : items) Add(item);
  }
  template <Described T>
  void Add(const T& value) {
    ForEachField(value, [this](std::string_view, const auto& member) { Add(member); });
  }

 private:
  void Byte(std::uint8_t b) { hash_ = (hash_ ^ b) * 0x100000001b3u; }
  std::uint64_t hash_ = 0xcbf29ce484222325u;
};

Status AtMost(std::string_view what, std::size_t found, std::size_t legal) {
  if (found <= legal) return {};
  return Fail(ErrorCode::kInvalid, Cat(what, ": found ", found, ", legal: at most ", legal));
}

Status CheckName(std::string_view what, const std::string& name) {
  if (ValidName(name)) return {};
  return Fail(ErrorCode::kInvalid,
              Cat(what, ": found \"", Clip(Printable(name), 80), "\", legal: 1 to 63 of a-z, 0-9 and '-', not at either end"));
}

Status CheckGang(const GangStatus& gang) {
  EVERSTEP_TRY(CheckName("gang.job", gang.job.value));
  EVERSTEP_TRY(AtMost("gang.why", gang.why.size(), limit::kWhyBytes));
  EVERSTEP_TRY(AtMost("gang.ranks", gang.ranks.size(), limit::kRanksPerHost));
  if ((gang.phase == GangPhase::refused) != gang.refusal.has_value())
    return Fail(ErrorCode::kInvalid, "gang.refusal: set if and only if the phase is refused");
  if (gang.progress) {
    EVERSTEP_TRY(AtMost("gang.progress.loss", gang.progress->loss.value_or("").size(), limit::kLossBytes));
    if (gang.progress->step_time && *gang.progress->step_time < Duration(0))
      return Fail(ErrorCode::kInvalid, "gang.progress.step_time: found a negative time, legal: 0 and up");
  }
  for (const RankStatus& rank : gang.ranks) {
    if (!rank.exit) continue;
    if (rank.exit->code.has_value() == rank.exit->signal.has_value())
      return Fail(ErrorCode::kInvalid, Cat("rank ", rank.rank, ": exactly one of code and signal must be set"));
    EVERSTEP_TRY(AtMost("rank.tail", rank.exit->tail.size(), limit::kTailBytes));
    EVERSTEP_TRY(AtMost("rank.kernel", rank.exit->kernel.size(), limit::kKernelBytes));
  }
  return {};
}

Status CheckSeen(const CheckpointSeen& seen) {
  EVERSTEP_TRY(CheckName("checkpoint.job", seen.job.value));
  EVERSTEP_TRY(AtMost("checkpoint.source", seen.source.size(), limit::kPathBytes));
  EVERSTEP_TRY(AtMost("checkpoint.path", seen.path.size(), limit::kPathBytes));
  EVERSTEP_TRY(AtMost("checkpoint.why", seen.why.size(), limit::kWhyBytes));
  EVERSTEP_TRY(AtMost("checkpoint.files", seen.files.size(), limit::kCheckpointFiles));
  if (seen.complete && seen.path.empty())
    return Fail(ErrorCode::kInvalid, "checkpoint.path: found none, legal: where it is pinned");
  for (const CheckpointFile& file : seen.files) {
    EVERSTEP_TRY(AtMost("checkpoint.file.name", file.name.size(), limit::kPathBytes));
    EVERSTEP_TRY(AtMost("checkpoint.file.digest", file.digest.size(), 64));
  }
  return {};
}

Status CheckHealth(const HostHealth& health) {
  EVERSTEP_TRY(AtMost("health.unwatched", health.unwatched.size(), limit::kWhyBytes));
  EVERSTEP_TRY(AtMost("health.gpus", health.gpus.size(), limit::kGpusPerHost));
  for (const HostGpu& gpu : health.gpus) {
    EVERSTEP_TRY(AtMost("gpu.scope", gpu.scope.size(), 2 * limit::kCheckBytes));
    EVERSTEP_TRY(AtMost("gpu.uuid", gpu.uuid.size(), limit::kCheckBytes));
  }
  EVERSTEP_TRY(AtMost("health.alarms", health.alarms.size(), limit::kAlarmsPerHost));
  for (const HostAlarm& alarm : health.alarms) {
    EVERSTEP_TRY(AtMost("alarm.check", alarm.check.size(), limit::kCheckBytes));
    EVERSTEP_TRY(AtMost("alarm.scope", alarm.scope.size(), 2 * limit::kCheckBytes));
    EVERSTEP_TRY(AtMost("alarm.why", alarm.why.size(), limit::kWhyBytes));
    EVERSTEP_TRY(AtMost("alarm.evidence", alarm.evidence.size(), limit::kWhyBytes));
    EVERSTEP_TRY(AtMost("alarm.remedy", alarm.remedy.size(), limit::kWhyBytes));
    if (alarm.check.empty()) return Fail(ErrorCode::kInvalid, "alarm.check: found none, legal: the id of a check");
  }
  return {};
}

Status Check(const Report& report) {
  EVERSTEP_TRY(AtMost("gangs", report.gangs.size(), limit::kGangsPerHost));
  EVERSTEP_TRY(AtMost("checkpoints", report.checkpoints.size(), limit::kCheckpointsPerReport));
  for (const GangStatus& gang : report.gangs) EVERSTEP_TRY(CheckGang(gang));
  for (const CheckpointSeen& seen : report.checkpoints) EVERSTEP_TRY(CheckSeen(seen));
  return CheckHealth(report.health);
}
Status Check(const Hello& hello) {
  EVERSTEP_TRY(CheckName("node", hello.node.value));
  EVERSTEP_TRY(AtMost("version", hello.version.size(), limit::kWhyBytes));
  EVERSTEP_TRY(AtMost("boot", hello.boot.value.size(), 128));
  EVERSTEP_TRY(AtMost("state_id", hello.state_id.size(), 128));
  EVERSTEP_TRY(AtMost("address", hello.address.size(), 300));
  EVERSTEP_TRY(AtMost("job_address", hello.job_address.size(), 300));
  return Check(hello.report);
}
Status Check(const Beat&) { return {}; }
Status Check(const PeerAnswer& answer) {
  EVERSTEP_TRY(CheckName("suspect", answer.suspect.value));
  EVERSTEP_TRY(AtMost("evidence", answer.evidence.size(), limit::kWhyBytes));
  if ((answer.finding == PeerFinding::alive) != answer.beat.has_value())
    return Fail(ErrorCode::kInvalid, "peer_answer.beat: set if and only if the finding is alive");
  return {};
}

Status Check(const DrillRefused& refused) {
  EVERSTEP_TRY(CheckName("job", refused.job.value));
  return AtMost("why", refused.why.size(), limit::kWhyBytes);
}

Status Check(const Welcome& welcome) {
  for (const Peer& peer : welcome.peers) EVERSTEP_TRY(CheckName("peer", peer.node.value));
  if (welcome.beat_every < 1ms || welcome.fence_after < 1ms)
    return Fail(ErrorCode::kInvalid, "welcome: beat_every and fence_after must be positive");
  return {};
}
Status Check(const Rejected& rejected) { return AtMost("why", rejected.why.size(), limit::kWhyBytes); }
Status Check(const BeatAck&) { return {}; }
Status Check(const ReportAck&) { return {}; }
Status Check(const Prepare& prepare) {
  const GangSpec& gang = prepare.gang;
  EVERSTEP_TRY(CheckName("job", gang.job.value));
  if (gang.generation.value == 0) return Fail(ErrorCode::kInvalid, "generation: found 0, legal: 1 and up");
  if (gang.command.empty())
    return Fail(ErrorCode::kInvalid, "command: found an empty list, legal: a program and its arguments");
  EVERSTEP_TRY(AtMost("command", gang.command.size(), 2 * limit::kArguments));
  EVERSTEP_TRY(AtMost("local_world_size", gang.local_world_size, limit::kRanksPerHost));
  if (gang.local_world_size < 1 || gang.first_rank + gang.local_world_size > gang.world_size)
    return Fail(ErrorCode::kInvalid, "ranks: this host's ranks must lie inside the world");
  if (gang.master_port < 1 || gang.master_port > 65535)
    return Fail(ErrorCode::kInvalid, Cat("master_port: found ", gang.master_port, ", legal: 1 to 65535"));
  return {};
}
Status Check(const Start& start) { return CheckName("job", start.job.value); }
Status Check(const Stop& stop) {
  EVERSTEP_TRY(AtMost("why", stop.why.size(), limit::kWhyBytes));
  return CheckName("job", stop.job.value);
}
Status Check(const Forget& forget) { return CheckName("job", forget.job.value); }
Status Check(const ProbePeer& probe) { return CheckName("suspect", probe.suspect.value); }
Status Check(const Inject& inject) {
  if (inject.lasts < 0ns || inject.lasts > limit::kFaultLasts)
    return Fail(ErrorCode::kInvalid, Cat("lasts: found ", Show(inject.lasts), ", legal: 0 to ", Show(limit::kFaultLasts)));
  return CheckName("job", inject.job.value);
}

}  // namespace

std::uint64_t HashOf(const Report& report) {
  Hasher hasher;
  hasher.Add(report.gangs);
  hasher.Add(report.checkpoints);
  // Agents of before there was any, or before it had GPUs, hash the same.
  if (report.health != HostHealth())
    ForEachField(report.health, [&](std::string_view name, const auto& member) {
      if (name != "gpus" || !report.health.gpus.empty()) hasher.Add(member);
    });
  return hasher.value();
}

std::uint64_t TagOf(std::string_view state_id, const BootId& boot) {
  Hasher hasher;
  hasher.Add(std::string(state_id));
  hasher.Add(boot.value);
  return hasher.value();
}

Status Validate(const FromAgent& message) {
  return std::visit([](const auto& m) { return Check(m); }, message);
}
Status Validate(const ToAgent& message) {
  return std::visit([](const auto& m) { return Check(m); }, message);
}

}  // namespace everstep
