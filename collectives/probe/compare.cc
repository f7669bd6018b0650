#include "collectives/probe/compare.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "collectives/meet/sockets.h"
#include "collectives/probe/gloo_peer.h"
#include "collectives/probe/peer_process.h"

namespace everstep {
namespace {

namespace fs = std::filesystem;
using Environment = std::map<std::string, std::string>;

constexpr Duration kTell = 500ms;
constexpr double kOwnTimes = 10, kAtLeast = 60;  // seconds: a peer that is ten times slower is waited for

struct FreeInterfaces {
  void operator()(ifaddrs* list) const { ::freeifaddrs(list); }
};

// By which this rank is reached; empty: not known.
std::string InterfaceOf(const std::string& address) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return "";
  const std::unique_ptr<ifaddrs, FreeInterfaces> owned(list);
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    const bool four = one->ifa_addr->sa_family == AF_INET;
    if (!four && one->ifa_addr->sa_family != AF_INET6) continue;
    char text[NI_MAXHOST];
    const socklen_t size = four ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (::getnameinfo(one->ifa_addr, size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0 && address == text)
      return one->ifa_name;
  }
  return "";
}

bool InPath(const Environment& environment, const std::string& program) {
  const auto path = environment.find("PATH");
  if (path == environment.end()) return false;
  for (const std::string& folder : Split(path->second, ':'))
    if (::access((fs::path(folder) / program).c_str(), X_OK) == 0) return true;
  return false;
}

// The first interpreter that finds torch; empty: none.
std::string PythonWithTorch(const Environment& environment) {
  for (const std::string python : {"python3", "/usr/bin/python3"}) {
    const auto looks = PeerProcess::Start(
        {python, "-c", "import importlib.util as u, sys; sys.exit(u.find_spec('torch') is None)"}, environment);
    if (looks && (*looks)->EndedWithin(20s) && (*looks)->code() == 0) return python;
  }
  return "";
}

std::vector<std::string> CollectiveWords(const ProbeOptions& options) {
  std::vector<std::string> words{std::string(Name(options.test)),
                                 "-b",
                                 std::to_string(options.bytes_min),
                                 "-e",
                                 std::to_string(options.bytes_max),
                                 "-i",
                                 std::to_string(options.step_bytes),
                                 "-f",
                                 std::to_string(options.step_factor),
                                 "-w",
                                 std::to_string(options.warmups),
                                 "-c",
                                 "0",
                                 "-d",
                                 std::string(NcclName(options.types[0])),
                                 "-J",
                                 "-"};
  if (options.iterations) words.insert(words.end(), {"-n", std::to_string(*options.iterations)});
  return words;
}

// A peer's program on this host, or why there is none.
Result<std::vector<std::string>> CommandFor(ProbePeer peer, const ProbeOptions& options, const PeerSurroundings& around,
                                            const ProbeTable& own) {
  const std::string probe = Cat(around.folder, "/everstep-probe");
  std::vector<std::string> command;
  switch (peer) {
    case ProbePeer::gloo: {
      const std::string python = PythonWithTorch(around.environment);
      if (python.empty()) return Fail(ErrorCode::kNotFound, "no python3 has torch there");
      command = {python,
                 "-c",
                 std::string(kGlooPeer),
                 std::string(Name(options.test)),
                 std::string(NcclName(options.types[0])),
                 std::to_string(options.iterations.value_or(0)),
                 std::to_string(options.warmups)};
      for (const TableRow& row : own.rows) command.push_back(std::to_string(row.bytes));
      return command;
    }
    case ProbePeer::mpi:
      for (const std::string program : {"everstep-mpi", "everstep-probe-mpi"})
        if (::access(Cat(around.folder, "/", program).c_str(), X_OK) != 0)
          return Fail(ErrorCode::kNotFound, Cat(program, " is not beside everstep-probe there"));
      if (!InPath(around.environment, "mpirun")) return Fail(ErrorCode::kNotFound, "there is no mpirun there");
      command = {Cat(around.folder, "/everstep-mpi"), "--", Cat(probe, "-mpi")};
      break;
    case ProbePeer::nccl: command = {probe}; break;
  }
  const std::vector<std::string> words = CollectiveWords(options);
  command.insert(command.end(), words.begin(), words.end());
  command.insert(command.end(), {"--backend", std::string(Name(peer))});
  return command;
}

Environment EnvironmentFor(ProbePeer peer, const ProbeGroup& group, const PeerSurroundings& around, std::uint16_t port) {
  Environment environment = around.environment;
  // Their verdicts are not this test's, and MASTER_PORT is as it is said.
  for (const char* name : {"EVERSTEP_JOB_ID", "TORCHELASTIC_USE_AGENT_STORE"}) environment.erase(name);
  for (const char* name : {"RANK", "GROUP_RANK"}) environment[name] = std::to_string(group.rank());
  for (const char* name : {"WORLD_SIZE", "GROUP_WORLD_SIZE"}) environment[name] = std::to_string(group.ranks());
  // To everstep-mpi each of these ranks is a host; NCCL takes its GPU by the rank on a host.
  if (peer == ProbePeer::mpi)
    for (const auto& [name, value] : {std::pair("LOCAL_RANK", "0"), std::pair("LOCAL_WORLD_SIZE", "1")})
      environment[name] = value;
  environment["MASTER_ADDR"] = around.master;
  environment["MASTER_PORT"] = std::to_string(port);
  if (const std::string interface = InterfaceOf(group.company.address); !interface.empty())
    for (const char* name : {"GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"}) environment.emplace(name, interface);
  return environment;
}

// What a program that failed says last.
std::string LastLine(const std::string& text) {
  const std::vector<std::string> lines = Split(text, '\n');
  for (auto line = lines.rbegin(); line != lines.rend(); ++line)
    if (const std::string said(Trim(*line)); !said.empty()) return Clip(said, 300);
  return "";
}

// A port that is free on rank 0's host.
Result<std::uint16_t> AgreedPort(const Company& company) {
  std::string own;
  if (company.rank == 0) {
    EVERSTEP_ASSIGN(const Fd listener, ListenOn(0));
    own = std::to_string(PortOf(listener.get()));
  }
  EVERSTEP_ASSIGN(const std::vector<std::string> all, company.exchange(own));
  return static_cast<std::uint16_t>(ParseUnsigned(all[0]).value_or(0));
}

// The first rank that has something to say, and what; empty: none. Who failed by itself ('2') comes before whom others took
// along.
std::string FirstReason(const Company& company, const std::vector<std::string>& said) {
  for (const char kind : {'2', '1'})
    for (std::uint32_t rank = 0; rank < said.size(); ++rank)
      if (!said[rank].empty() && said[rank][0] == kind) return Cat(company.Who(rank), ": ", said[rank].substr(1));
  return "";
}

// To the end on all ranks. What this rank has to say of it: empty, or '2' or '1' and a reason.
Result<std::string> Played(const Company& company, PeerProcess& process, double seconds_max, Clock& clock) {
  const Time deadline = clock.Now() + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds_max));
  bool stopped = false;
  for (;;) {
    const bool ended = process.EndedWithin(kTell);
    const bool failed = ended && !stopped && process.code() != 0;
    EVERSTEP_ASSIGN(const std::vector<std::string> all, company.exchange(failed ? "failed" : ended ? "ended" : "runs"));
    const auto is = [&](std::string_view what) { return std::count(all.begin(), all.end(), what); };
    if (is("runs") == 0) break;
    const bool late = clock.Now() > deadline;
    if ((is("failed") > 0 || late) && !ended) {
      stopped = true;
      // Who is taken along may be about to say why by itself.
      if (late || !process.EndedWithin(2s)) process.Stop();
    }
  }
  if (stopped) return std::string(clock.Now() > deadline ? "1it did not come to an end in time" : "");
  if (process.code() == 0) return std::string();
  std::string last = LastLine(process.Err());
  if (last.starts_with("everstep-probe: ")) last.erase(0, 16);
  return Cat(process.code() == 3 ? "1" : "2", last.empty() ? Cat("exit code ", process.code()) : last);
}

}  // namespace

Result<std::vector<PeerColumn>> RunPeers(const ProbeGroup& group, const ProbeOptions& options, const PeerSurroundings& around,
                                         const ProbeTable& own, double own_seconds, Clock& clock) {
  const Company& company = group.company;
  std::vector<PeerColumn> columns;
  for (const ProbePeer peer : options.compare) {
    columns.push_back({.peer = peer, .library = {}, .why_not = {}, .microseconds = {}});
    PeerColumn& column = columns.back();
    const Result<std::vector<std::string>> command = CommandFor(peer, options, around, own);
    EVERSTEP_ASSIGN(const std::uint16_t port, AgreedPort(company));
    EVERSTEP_ASSIGN(const std::vector<std::string> ready, company.exchange(command ? "" : Cat("2", command.error().Str())));
    if (column.why_not = FirstReason(company, ready); !column.why_not.empty()) continue;
    const auto process = PeerProcess::Start(*command, EnvironmentFor(peer, group, around, port));
    EVERSTEP_ASSIGN(const std::vector<std::string> started, company.exchange(process ? "" : Cat("2", process.error().Str())));
    if (column.why_not = FirstReason(company, started); !column.why_not.empty()) continue;
    EVERSTEP_ASSIGN(std::string said, Played(company, **process, kAtLeast + kOwnTimes * own_seconds, clock));
    if (company.rank == 0 && said.empty() && (*process)->code() == 0)
      if (const Status read = ReadPeerJson((*process)->Out(), column); !read) said = Cat("2", read.error().Str());
    EVERSTEP_ASSIGN(const std::vector<std::string> all, company.exchange(said));
    column.why_not = FirstReason(company, all);
    if (!column.why_not.empty()) column.microseconds.clear();
  }
  return columns;
}

}  // namespace everstep
