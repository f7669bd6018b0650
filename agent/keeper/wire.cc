#include "agent/keeper/wire.h"

#include <set>

#include "base/json/codec.h"
#include "base/messages.h"
#include "base/text.h"

namespace everstep {

namespace {

// One string that execve() gets: shorter than what the kernel takes, and not cut short by a zero byte.
Status CheckText(const std::string& text, const std::string& where) {
  if (text.size() >= limit::kArgumentBytes)
    return Fail(ErrorCode::kInvalid, Cat(where, " has ", text.size(), " bytes, legal: below ", limit::kArgumentBytes));
  if (text.find('\0') != std::string::npos) return Fail(ErrorCode::kInvalid, Cat(where, " has a zero byte in it"));
  return {};
}

Status CheckRank(const RankCommand& rank) {
  const std::string who = Cat("rank ", rank.rank);
  if (rank.argv.empty() || rank.argv.front().empty() || rank.argv.front().front() != '/')
    return Fail(ErrorCode::kInvalid, Cat(who, ": argv[0] is '", rank.argv.empty() ? "" : Clip(rank.argv.front(), 100),
                                         "', legal: an absolute path"));
  if (rank.argv.size() > limit::kArguments)
    return Fail(ErrorCode::kInvalid, Cat(who, " has ", rank.argv.size(), " arguments, legal: at most ", limit::kArguments));
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < rank.argv.size(); ++i) {
    EVERSTEP_TRY(CheckText(rank.argv[i], Cat(who, ": argv[", i, "]")));
    bytes += rank.argv[i].size() + 1;
  }
  for (std::size_t i = 0; i < rank.env.size(); ++i) {
    const std::size_t equals = rank.env[i].find('=');
    if (equals == std::string::npos || equals == 0)
      return Fail(ErrorCode::kInvalid, Cat(who, ": env[", i, "] has no name, legal: NAME=value"));
    EVERSTEP_TRY(CheckText(rank.env[i], Cat(who, ": env ", Clip(rank.env[i].substr(0, equals), 100))));
    bytes += rank.env[i].size() + 1;
  }
  if (bytes > limit::kCommandBytes)
    return Fail(ErrorCode::kInvalid,
                Cat(who, " has ", bytes, " bytes of arguments and environment, legal: at most ", limit::kCommandBytes));
  return {};
}

}  // namespace

std::string HelloLine() { return ToJson(KeeperHello{.protocol = kKeeperProtocol}); }
std::string LineOf(const ToKeeper& message) { return ToJson(message); }
std::string LineOf(const FromKeeper& message) { return ToJson(message); }

Status CheckHello(std::string_view line, std::string_view who, std::string_view we) {
  const Result<KeeperHello> hello = FromJson<KeeperHello>(line);
  if (!hello) return Fail(ErrorCode::kInvalid, Cat(who, " said '", Printable(Clip(line, 80)), "' first, legal: ", HelloLine()));
  if (hello->protocol != kKeeperProtocol)
    return Fail(ErrorCode::kInvalid, Cat(who, " speaks protocol ", hello->protocol, ", ", we, " speaks ", kKeeperProtocol));
  return {};
}

Result<ToKeeper> ParseToKeeper(std::string_view line) { return FromJson<ToKeeper>(line, {.bytes_max = kKeeperLineBytes}); }
Result<FromKeeper> ParseFromKeeper(std::string_view line) {
  return FromJson<FromKeeper>(line, {.bytes_max = kKeeperLineBytes});
}

Status ValidateStandby(const KeeperStandby& standby) {
  EVERSTEP_TRY(ValidateStart({.workdir = standby.workdir, .ranks = standby.ranks}));
  for (const RankCommand& rank : standby.ranks)
    if (standby.interpreter_words == 0 || standby.interpreter_words >= rank.argv.size())
      return Fail(ErrorCode::kInvalid, Cat("interpreter_words is ", standby.interpreter_words, ", legal: 1 to ",
                                           rank.argv.size() - 1, ", as rank ", rank.rank, " has ", rank.argv.size(), " words"));
  return {};
}

Status ValidateStart(const KeeperStart& start) {
  if (start.ranks.empty() || start.ranks.size() > limit::kRanksPerHost)
    return Fail(ErrorCode::kInvalid, Cat("a start names ", start.ranks.size(), " ranks, legal: 1 to ", limit::kRanksPerHost));
  if (start.workdir.empty() || start.workdir.front() != '/' || start.workdir.size() > limit::kPathBytes)
    return Fail(ErrorCode::kInvalid, Cat("workdir is '", Clip(start.workdir, 100), "', legal: an absolute path"));
  EVERSTEP_TRY(CheckText(start.workdir, "workdir"));
  if (start.mounts && (!start.mounts->own.starts_with('/') || !start.mounts->shown.starts_with(start.mounts->over + '/')))
    return Fail(ErrorCode::kInvalid, Cat("mounts: found ", Clip(start.mounts->shown, 100), " to show over ",
                                         Clip(start.mounts->over, 100), ", legal: absolute paths, the one below the other"));
  std::set<std::uint32_t> seen;
  for (const RankCommand& rank : start.ranks) {
    if (!seen.insert(rank.rank).second) return Fail(ErrorCode::kInvalid, Cat("rank ", rank.rank, " stands twice in a start"));
    EVERSTEP_TRY(CheckRank(rank));
  }
  return {};
}

}  // namespace everstep
