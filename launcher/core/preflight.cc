#include "launcher/core/preflight.h"

#include <algorithm>

#include "base/contains.h"
#include "base/text.h"
#include "collectives/core/figures.h"
#include "collectives/core/floor.h"
#include "launcher/core/blame.h"
#include "launcher/core/host_health.h"
#include "launcher/core/sentence.h"

namespace everstep {

namespace {

constexpr Duration kEndsWithin = 10min;         // of thousands of hosts, with silent ones among them
constexpr Duration kTellsWithin = 10s;          // rank 0, after another rank has ended badly: it asks who is still there
constexpr Duration kScansEndWithin = 3s;        // of each other: hosts that are unfit are named together
constexpr std::uint32_t kBecauseOfAnother = 3;  // everstep-probe's exit code: another rank, not this one
constexpr std::size_t kAlikeMin = 4;            // hosts: of fewer, all may well be bad in the same way
constexpr std::uint32_t kCannotRun = 2;         // everstep-probe's exit code
constexpr std::string_view kLine = "everstep-probe: verdict ";
constexpr std::string_view kUnfit = "everstep-agent: FAIL ";       // a line of a host's own check
constexpr std::string_view kUnknown = "everstep-agent: UNKNOWN ";  // likewise: "3 checks: kernel.log, …"

std::optional<ProbeVerdict> VerdictOf(std::string_view line) {
  if (!line.starts_with(kLine)) return std::nullopt;
  line.remove_prefix(kLine.size());
  const std::size_t colon = line.find(": ");
  const std::vector<std::string> words = Split(line.substr(0, colon), ' ');
  if (colon == std::string_view::npos || words.size() != 2) return std::nullopt;
  ProbeVerdict verdict{.kind = words[0], .ranks = {}, .why = OneLine(line.substr(colon + 2), 400)};
  if (words[1].empty()) return verdict;  // too many to be told
  auto ranks = RanksIn(words[1]);
  if (!ranks) return std::nullopt;
  verdict.ranks = *std::move(ranks);
  return verdict;
}

struct ProbeEnd {
  NodeId node{};
  const RankExit* exit = nullptr;  // nullptr: it runs, or its host is not heard
};

// Of each host, in the order of ranks.
std::vector<ProbeEnd> Ends(const World& world, const JobState& job) {
  std::vector<ProbeEnd> ends;
  for (const NodeId& node : job.hosts) {
    ends.push_back({.node = node});
    const GangStatus* gang = GangOn(world, node, job.id, job.generation);
    if (gang && !gang->ranks.empty() && gang->ranks.front().exit) ends.back().exit = &*gang->ranks.front().exit;
  }
  return ends;
}

std::string LastLine(const std::string& tail) {
  std::string last;
  for (const std::string& line : Split(tail, '\n'))
    if (!Trim(line).empty() && !line.starts_with(kProbeRound) && !line.starts_with(kProbeWaits)) last = line;
  return OneLine(last.empty() ? std::string("it says nothing") : last, 400);
}

// Of a verdict that names both ends of what is bad, or several of which one is, the last goes: rank 0's host has the
// rendezvous. A block of hosts behind a switch goes whole, and so do those that are not told one by one.
std::vector<std::uint32_t> Leaves(const ProbeVerdict& verdict) {
  return verdict.kind != "fabric_switch" && verdict.kind != "others"
             ? std::vector<std::uint32_t>{*std::max_element(verdict.ranks.begin(), verdict.ranks.end())}
             : verdict.ranks;
}

// A host alone has no more to show than it showed.
PreflightLevel LevelOf(const JobSpec& spec) {
  if (!IsHostCheck(spec)) return spec.preflight.Level();
  const auto flag = std::find(spec.command.begin(), spec.command.end(), "--level");
  if (flag == spec.command.end() || std::next(flag) == spec.command.end()) return PreflightLevel::full;
  return EnumNamed<PreflightLevel>(*std::next(flag)).value_or(PreflightLevel::off);
}

PreflightEnded Ended(const JobState& job, std::vector<PreflightEnded::Bad> bad) {
  PreflightEnded ended{.job = job.id, .generation = job.generation, .bad = std::move(bad)};
  std::vector<std::string> whys;
  for (const auto& one : ended.bad) whys.push_back(Cat(one.node, ": ", one.why));
  const std::string what = Cat(IsHostCheck(job.spec) ? "check (" : "preflight (", Name(LevelOf(job.spec)), ")");
  ended.why =
      whys.empty() ? Sentence(what, " passed on ", NamesOf(job.hosts)) : Sentence(what, " finds ", FirstOf(std::move(whys)));
  return ended;
}

Facts CannotRun(const JobState& job, const std::string& what) {
  const std::string why = IsHostCheck(job.spec)
                              ? Sentence("the check cannot be made: ", what)
                              : Sentence("the preflight cannot be made: ", what, "; `preflight: {level: off}` starts without");
  return {JobStopping{.job = job.id,
                      .outcome = JobPhase::failed,
                      .exit_code = kCannotRun,
                      .why = why,
                      .blame = {.kind = BlameClass::fabric, .cause = why}}};
}

// "n1 and n2 could not read 2 checks: kernel.log, gpu.nvml", the hosts that say the same together.
std::string NotRead(const std::vector<ProbeEnd>& ends) {
  std::vector<std::pair<std::string, std::vector<NodeId>>> said;
  for (const ProbeEnd& end : ends)
    for (const std::string& line : Split(end.exit ? end.exit->tail : std::string(), '\n')) {
      if (!line.starts_with(kUnknown)) continue;
      const std::string what = OneLine(line.substr(kUnknown.size()), 200);
      const auto known = std::find_if(said.begin(), said.end(), [&](const auto& one) { return one.first == what; });
      if (known != said.end())
        known->second.push_back(end.node);
      else
        said.push_back({what, {end.node}});
    }
  std::vector<std::string> parts;
  for (const auto& [what, nodes] : said) parts.push_back(Cat(NamesOf(nodes), " could not read ", what));
  return parts.empty() ? std::string() : FirstOf(std::move(parts));
}

Facts Passed(const JobState& job, const std::vector<ProbeEnd>& ends) {
  constexpr std::string_view kRemark = "everstep-probe: remark ";
  const std::string& tail = ends.front().exit->tail;
  PreflightEnded ended = Ended(job, {});
  if (const std::string unread = NotRead(ends); !unread.empty()) ended.why = Sentence(ended.why, "; warning: ", unread);
  for (const std::string& line : Split(tail, '\n'))
    if (line.starts_with(kRemark))
      ended.why = Sentence(ended.why, "; slower than usual: ", OneLine(line.substr(kRemark.size()), 400));
  Facts facts = MeasuredBy(job, tail);
  facts.emplace_back(std::move(ended));
  return facts;
}

using Bads = std::vector<PreflightEnded::Bad>;

Facts EndedWith(const JobState& job, Bads bad) { return bad.empty() ? Facts() : Facts{Ended(job, std::move(bad))}; }

// Whom the others do not reach, or who does not reach the others? Of three and more the one is likelier than all the rest. Of
// two nobody can say: first the other goes, then, if that was no help, the first.
bool FirstHostItself(const JobState& job, const std::vector<ProbeVerdict>& verdicts) {
  std::vector<std::uint32_t> missing;
  for (const ProbeVerdict& verdict : verdicts)
    if (verdict.kind == "absent" || verdict.kind == "gone")
      missing.insert(missing.end(), verdict.ranks.begin(), verdict.ranks.end());
  std::sort(missing.begin(), missing.end());
  missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
  if (job.hosts.size() < 2 || missing.size() + 1 < job.hosts.size()) return false;
  const bool tried = std::any_of(job.avoid.begin(), job.avoid.end(), [](const AvoidedHost& host) { return !host.why.empty(); });
  return job.hosts.size() > 2 || tried;
}

bool Names(const Bads& bad, const NodeId& node) {
  return std::any_of(bad.begin(), bad.end(), [&](const PreflightEnded::Bad& one) { return one.node == node; });
}

// A verdict of rank 0, who speaks for all.
Facts ByVerdicts(const JobState& job, const std::vector<ProbeVerdict>& verdicts) {
  if (FirstHostItself(job, verdicts))
    return EndedWith(job, {{job.hosts.front(), Cat("it has reached no other host: ", verdicts.front().why), 2}});
  Bads bad;
  for (const ProbeVerdict& verdict : verdicts) {
    // What is between all of them no other host mends.
    if (verdict.kind == "fabric_switch" && verdict.ranks.size() >= job.hosts.size()) return CannotRun(job, verdict.why);
    if (verdict.ranks.empty() || verdict.kind == "unknown" || verdict.kind == "unproven" || verdict.kind == "below_floor")
      return CannotRun(job, Cat(verdict.kind, ": ", verdict.why));
    const std::size_t takes =
        std::min<std::size_t>(job.hosts.size(), verdict.kind == "gone" || verdict.kind == "absent" ? 2 : 3);
    for (const std::uint32_t rank : Leaves(verdict)) {
      if (rank >= job.hosts.size()) continue;
      if (!Names(bad, job.hosts[rank])) bad.push_back({job.hosts[rank], verdict.why, static_cast<std::uint32_t>(takes)});
    }
  }
  return EndedWith(job, std::move(bad));
}

// Hosts that are unfit by themselves, each with the first of its reasons.
Bads Unfit(const std::vector<ProbeEnd>& ends, bool goes_on = false) {
  Bads bad;
  for (const ProbeEnd& end : ends) {
    if (!end.exit || (end.exit->code != kCannotRun && !goes_on)) continue;
    for (const std::string& line : Split(end.exit->tail, '\n'))
      if (line.starts_with(kUnfit) && (bad.empty() || bad.back().node != end.node))
        bad.push_back({end.node, OneLine(line.substr(kUnfit.size()), 400)});
  }
  return bad;
}

// What all hosts fail in the same words is the check's fault, or one that no swap mends.
bool AllAlike(const JobState& job, const Bads& unfit) {
  if (unfit.size() < 2 || unfit.size() < job.hosts.size()) return false;
  const std::string words = WithoutNumbers(unfit.front().why);
  return std::all_of(unfit.begin(), unfit.end(),
                     [&](const PreflightEnded::Bad& one) { return WithoutNumbers(one.why) == words; });
}

Facts ByOwnChecks(const JobState& job, Bads unfit) {
  if (AllAlike(job, unfit)) return CannotRun(job, Cat("every host fails the same check: ", unfit.front().why));
  return EndedWith(job, std::move(unfit));
}

// Without a verdict: who could not start, was killed, or ended without a word of why; rank 0 itself, where all others have
// ended.
Facts ByEnds(const JobState& job, const std::vector<ProbeEnd>& ends) {
  Bads cannot, killed, mute;
  std::size_t others = 0;
  for (const ProbeEnd& end : ends) {
    others += end.exit && &end != &ends.front() ? 1 : 0;
    if (!end.exit || end.exit->code == 0u || end.exit->code == kBecauseOfAnother) continue;
    if (end.exit->code == kCannotRun)
      cannot.push_back({end.node, LastLine(end.exit->tail)});
    else if (end.exit->signal)
      killed.push_back({end.node, Cat("its probe was killed by ", SignalName(*end.exit->signal))});
    else
      mute.push_back({end.node, Cat("its probe ended with code ", end.exit->code.value_or(0), ": ", LastLine(end.exit->tail))});
  }
  if (cannot.size() == ends.size()) return CannotRun(job, Cat("on no host: ", cannot.front().why));
  if (!cannot.empty()) return EndedWith(job, std::move(cannot));
  if (!killed.empty()) return EndedWith(job, std::move(killed));
  if (!ends.front().exit && ends.size() > 1 && others + 1 == ends.size())
    return EndedWith(
        job, {{ends.front().node, Cat("it says nothing, and the others do not reach it: ", LastLine(ends.back().exit->tail))}});
  if (mute.size() == ends.size() && mute.size() > 1) return CannotRun(job, Cat("on no host: ", mute.front().why));
  return EndedWith(job, std::move(mute));
}

}  // namespace

bool NeedsPreflight(const State& state, Time now, const JobSpec& spec, const std::vector<NodeId>& hosts) {
  if (spec.preflight.Level() == PreflightLevel::off) return false;
  const NodeState* first = NodeIn(state, hosts.front());
  return std::any_of(hosts.begin(), hosts.end(), [&](const NodeId& id) {
    const NodeState* node = NodeIn(state, id);
    if (!node || !node->fabric) return true;
    const FabricCheck& check = *node->fabric;
    const bool together = hosts.size() < 2 || (first && first->fabric && first->fabric->run == check.run);
    return !check.passed || check.boot != node->boot || check.level < spec.preflight.Level() || !together ||
           now - check.at > spec.preflight.ValidFor();
  });
}

Facts MeasuredBy(const JobState& job, std::string_view tail) {
  constexpr std::string_view kMeasured = "everstep-probe: measured ";
  Facts facts;
  for (const std::string& line : Split(tail, '\n')) {
    const auto measured =
        line.starts_with(kMeasured) ? MeasuredIn(std::string_view(line).substr(kMeasured.size())) : std::nullopt;
    if (!measured || !facts.empty()) continue;
    const auto& [key, run] = *measured;
    FabricMeasured fact{.job = job.id, .run = {key.provider, key.test, key.bytes, key.hosts, run.samples, run.median, run.mad}};
    fact.run.run = GangKey{job.id, job.generation}.Str();
    fact.why = Sentence("between ", Count(key.hosts, "host"), " a pair has ", Figure(run.median / 1e9), " GB/s (median of ",
                        run.samples, " tests of ", key.bytes, " bytes over ", key.provider, "): learned");
    facts.emplace_back(std::move(fact));
  }
  return facts;
}

GangSpec WithLearned(const State& state, GangSpec gang) {
  constexpr std::ptrdiff_t kOfAKind = 16;
  constexpr std::size_t kMost = 64;
  const bool own = gang.command.front() == kProbeProgram || gang.command.front() == "everstep-agent";
  const auto probe = std::find(gang.command.begin(), gang.command.end(), kProbeProgram);
  if (!own || probe == gang.command.end() || std::next(probe) == gang.command.end() || *std::next(probe) != "pairs")
    return gang;
  std::vector<const FabricRun*> newest;
  for (auto run = state.fabric_runs.rbegin(); run != state.fabric_runs.rend() && newest.size() < kMost; ++run) {
    const auto alike = [&](const FabricRun* other) { return other->provider == run->provider && other->bytes == run->bytes; };
    if (run->hosts == gang.node_count && run->test == "pair" && std::count_if(newest.begin(), newest.end(), alike) < kOfAKind)
      newest.push_back(&*run);
  }
  std::vector<std::string> runs;
  for (const FabricRun* run : newest)
    runs.push_back(TextOf({run->provider, run->test, run->bytes, run->hosts}, {run->samples, run->median, run->mad}));
  if (!runs.empty()) gang.command.insert(gang.command.end(), {"--learned", Join(runs, ",")});
  return gang;
}

std::vector<std::string> PreflightCommand(const JobSpec& spec, std::size_t hosts) {
  // The host as the job will have it: its directories beside those that are looked at anyway, and nobody else's processes.
  std::vector<std::string> command{"everstep-agent", "preflight", "--idle", "--path", "/,/tmp"};
  const bool listed = spec.checkpoint && spec.checkpoint->dir.find(',') == std::string::npos;  // it is a list
  if (listed) command.insert(command.end(), {"--checkpoint", spec.checkpoint->dir});
  if (!spec.preflight.data.empty()) command.insert(command.end(), {"--data", Join(spec.preflight.data, ",")});
  if (spec.preflight.UnknownBlocks()) command.insert(command.end(), {"--unknown", "block"});
  if (hosts < 2) return command;
  const std::string level(Name(spec.preflight.Level()));
  command.insert(command.end(), {"--", std::string(kProbeProgram), "pairs", "--level", level, "-e", "1M", "--quiet", "1"});
  return command;
}

std::vector<std::string> HostCheckCommand(const CheckOrder& check, std::size_t hosts) {
  std::vector<std::string> command{"everstep-agent", "preflight", "--json", "--all", "--report-only", "--idle"};
  if (!check.deep.empty()) command.insert(command.end(), {"--deep", check.deep});
  if (!check.profile.empty()) command.insert(command.end(), {"--profile", check.profile});
  if (hosts > 1)
    command.insert(command.end(),
                   {"--", std::string(kProbeProgram), "pairs", "--level", check.level, "-e", "1M", "--quiet", "1"});
  return command;
}

bool IsHostCheck(const JobSpec& spec) {
  return spec.command.size() > 2 && spec.command[0] == "everstep-agent" && spec.command[1] == "preflight" &&
         Contains(spec.command, std::string("--report-only"));
}

JobSpec WithDefaults(JobSpec spec, const PreflightSpec& defaults) {
  const bool checks = IsHostCheck(spec) || (!spec.command.empty() && spec.command.front() == kProbeProgram);
  PreflightSpec& own = spec.preflight;
  if (!own.level) own.level = checks ? PreflightLevel::off : defaults.Level();
  if (!own.valid_for) own.valid_for = defaults.ValidFor();
  if (!own.unknown) own.unknown = defaults.unknown.value_or(PreflightUnknown::pass);
  return spec;
}

std::optional<std::vector<std::uint32_t>> RanksIn(std::string_view text) {
  std::vector<std::uint32_t> ranks;
  for (const std::string& word : Split(text, ',')) {
    const std::size_t dash = word.find('-');
    const auto first = ParseUnsigned(word.substr(0, dash));
    const auto last = dash == std::string::npos ? first : ParseUnsigned(word.substr(dash + 1));
    if (!first || !last || *last < *first || *last > limit::kHostsPerJob) return std::nullopt;
    for (std::uint64_t rank = *first; rank <= *last; ++rank) ranks.push_back(static_cast<std::uint32_t>(rank));
  }
  return ranks;
}

std::vector<ProbeVerdict> VerdictsIn(std::string_view tail) {
  std::vector<ProbeVerdict> verdicts;
  for (const std::string& line : Split(tail, '\n'))
    if (auto verdict = VerdictOf(line)) verdicts.push_back(*std::move(verdict));
  return verdicts;
}

namespace {

// What the finding means to this job only, if it does: where the job keeps its checkpoints or data, a name that it may have got
// wrong, or what it asks for beyond others.
std::string OfThisJobAlone(const JobSpec& spec, const std::string& why) {
  const auto about = [&](const std::string& path) { return why.starts_with(Cat(path, ": mount.")); };
  const auto& data = spec.preflight.data;
  if ((spec.checkpoint && about(spec.checkpoint->dir)) || std::any_of(data.begin(), data.end(), about))
    return "it is about a directory of this job alone";
  if (why.find("(preflight.unknown: block)") != std::string::npos)
    return "not to be read is what this job alone does not accept";
  return {};
}

// Each that is bad goes from this job. From others too, unless checks may take nobody out of work, or no more of them: then it
// stays for those that do not look themselves until they may, and the sentence says so. Who has gone already stays gone.
void Weigh(const World& world, Now now, const JobSpec& spec, Bads& bad, std::string& why) {
  std::size_t go = 0;
  std::vector<std::string> notes;
  for (PreflightEnded::Bad& one : bad) {
    const NodeState* node = NodeIn(world.state, one.node);
    if (!node || HeldBack(*node)) continue;
    one.stays = OfThisJobAlone(spec, one.why);
    if (one.stays.empty()) {
      one.stays = RemovalForbidden(world, now, *node, go);
      one.put_off = !one.stays.empty();
    }
    if (one.stays.empty())
      go += !CountedAsRemoved(world, now, *node);
    else
      notes.push_back(Cat(one.node, " stays for other jobs: ", one.stays));
  }
  if (!notes.empty()) why = Sentence(OneLine(why, 600), "; ", FirstOf(std::move(notes)));
}

Facts Weighed(const World& world, Now now, const JobSpec& spec, Facts facts) {
  for (Fact& fact : facts) {
    if (auto* ended = std::get_if<PreflightEnded>(&fact)) Weigh(world, now, spec, ended->bad, ended->why);
    if (auto* checked = std::get_if<HostsChecked>(&fact)) Weigh(world, now, spec, checked->bad, checked->why);
  }
  return facts;
}

Facts PreflightFound(const World& world, Now now, const JobState& job) {
  const std::vector<ProbeEnd> ends = Ends(world, job);
  const auto has_ended = [](const ProbeEnd& end) { return end.exit != nullptr; };
  const auto well = [](const ProbeEnd& end) { return end.exit && end.exit->code == 0u; };
  if (std::all_of(ends.begin(), ends.end(), well)) return Passed(job, ends);
  const auto told_at = PreflightToldAt(world, job);
  const bool all_told = (told_at && now.at >= *told_at) || std::all_of(ends.begin(), ends.end(), has_ended);
  if (Bads unfit = Unfit(ends); !unfit.empty()) return all_told ? ByOwnChecks(job, std::move(unfit)) : Facts();
  if (ends.front().exit)
    if (const auto verdicts = VerdictsIn(ends.front().exit->tail); !verdicts.empty()) return ByVerdicts(job, verdicts);
  return all_told ? ByEnds(job, ends) : Facts();
}

Facts HostCheckFound(const World& world, Now now, const JobState& job) {
  const std::vector<ProbeEnd> ends = Ends(world, job);
  const auto has_ended = [](const ProbeEnd& end) { return end.exit != nullptr; };
  const auto well = [](const ProbeEnd& end) { return end.exit && end.exit->code == 0u; };
  const auto told_at = PreflightToldAt(world, job);
  if (!std::all_of(ends.begin(), ends.end(), has_ended) && !(told_at && now.at >= *told_at)) return {};
  const bool all_well = std::all_of(ends.begin(), ends.end(), well);
  const auto verdicts = ends.front().exit ? VerdictsIn(ends.front().exit->tail) : std::vector<ProbeVerdict>();
  Facts found = all_well ? Passed(job, ends) : !verdicts.empty() ? ByVerdicts(job, verdicts) : ByEnds(job, ends);
  Bads bad = Unfit(ends, true);
  Facts facts;
  std::string why;
  std::string alike;  // what the network says of a host counts beside it
  if (bad.size() >= kAlikeMin && AllAlike(job, bad)) {
    alike = Sentence("every host fails the same check, so none is held to be bad: ", bad.front().why);
    bad.clear();
  }
  for (Fact& fact : found) {
    if (auto* over = std::get_if<PreflightEnded>(&fact)) {
      for (PreflightEnded::Bad& one : over->bad)
        if (!Names(bad, one.node)) bad.push_back(std::move(one));
      why = !bad.empty() ? Ended(job, bad).why : alike.empty() ? over->why : alike;
    } else {
      facts.push_back(std::move(fact));
    }
  }
  HostsChecked checked{.job = job.id, .generation = job.generation, .level = LevelOf(job.spec), .bad = bad, .why = why};
  const auto cut_short = [](const ProbeVerdict& one) { return one.kind == "gone" || one.kind == "absent"; };
  const bool whole = all_well || (!verdicts.empty() && std::none_of(verdicts.begin(), verdicts.end(), cut_short));
  for (const NodeId& node : job.hosts)
    if (whole && alike.empty() && !why.empty() && !Names(bad, node)) checked.passed.push_back(node);
  if (why.empty() && found.empty()) facts = CannotRun(job, "its ranks have ended, and none says what is wrong");
  if (why.empty() && bad.empty()) return facts;
  if (why.empty()) checked.why = Ended(job, bad).why;
  facts.insert(facts.begin(), checked);
  const bool made = all_well || !verdicts.empty();
  if (!why.empty())
    facts.emplace_back(JobStopping{
        .job = job.id, .outcome = made ? JobPhase::done : JobPhase::failed, .exit_code = made ? 0 : kCannotRun, .why = why});
  return facts;
}

}  // namespace

Facts PreflightOver(const World& world, Now now, const JobState& job) {
  return Weighed(world, now, job.spec, PreflightFound(world, now, job));
}
Facts HostCheckOver(const World& world, Now now, const JobState& job) {
  return Weighed(world, now, job.spec, HostCheckFound(world, now, job));
}

std::optional<Time> PreflightToldAt(const World& world, const JobState& job) {
  const auto first = world.first_failure.find({job.id, job.generation});
  if (first == world.first_failure.end()) return std::nullopt;
  const bool heard = std::any_of(job.hosts.begin(), job.hosts.end(), [&](const NodeId& node) {
    const HostNow* host = HostIn(world, node);
    const GangStatus* gang = host && host->connected ? GangOn(world, node, job.id, job.generation) : nullptr;
    return gang && !gang->ranks.empty() && gang->ranks.front().exit && gang->ranks.front().exit->code != 0u;
  });
  if (!heard) return std::nullopt;
  return first->second + (Unfit(Ends(world, job)).empty() ? kTellsWithin : kScansEndWithin);
}

Time PreflightDue(const JobState& job) { return job.generation_started + kEndsWithin; }

}  // namespace everstep
