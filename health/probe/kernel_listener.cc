#include "health/probe/kernel_listener.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "health/probe/probes.h"

namespace everstep::health {

namespace {

constexpr std::size_t kTimesMax = 10'000;  // of one check: a flood of lines is one finding

std::string Quoted(const KernelRecord& record) {
  return Cat(record.by_program ? "(written by a program, not the kernel) " : "", Clip(Printable(record.text), 300));
}

// Seconds since the boot; the log's own last line where that is not told.
double Now(const Root& root, std::int64_t last) {
  const auto text = root.Read("/proc/uptime");
  double seconds = 0;
  if (text && std::from_chars(text->data(), text->data() + text->size(), seconds).ec == std::errc())
    return std::max(seconds, static_cast<double>(last) / 1e6);
  return static_cast<double>(last) / 1e6;
}

const char* CheckOf(bool of_switch) { return of_switch ? "gpu.sxid" : "gpu.xid"; }

}  // namespace

Result<KernelListener> KernelListener::Make(const KernelLogAsked& asked, std::int64_t since) {
  EVERSTEP_ASSIGN(KernelLines lines, KernelLines::Make(asked.checks));
  std::optional<Ignored> ignored;
  for (std::size_t i = 0; i < asked.checks.size(); ++i) {
    if (asked.checks[i].id != kIgnoredLines || asked.checks[i].lines.empty()) continue;
    std::vector<Check> one_each;
    for (const std::string& line : asked.checks[i].lines) one_each.push_back({.id = "a harmless line", .lines = {line}});
    EVERSTEP_ASSIGN(KernelLines patterns, KernelLines::Make(one_each));
    ignored.emplace(Ignored{.check = i, .patterns = std::move(patterns)});
  }
  return KernelListener(asked, std::move(lines), std::move(ignored), since);
}

void KernelListener::Take(const KernelRecord& record) {
  if (first_ < 0) first_ = record.at;
  last_ = std::max(last_, record.at);
  if (record.at < since_) return Recall(record);
  const std::vector<std::size_t> found = lines_.Match(record.text);
  const auto xid = ParseXid(record.text);
  if ((found.empty() && !xid) || Ignore(record)) return;
  for (const std::size_t check : found) Count(check, record);
  if (xid) TakeXid(*xid, record);
}

// Told by who listened before.
void KernelListener::Recall(const KernelRecord& record) {
  if (ignored_ && !ignored_->patterns.Match(record.text).empty()) return;
  for (const std::size_t check : lines_.Match(record.text)) {
    if (asked_.checks[check].window <= Duration()) continue;
    Said& said = said_[check];
    if (said.times.size() < kTimesMax) said.times.push_back(record.at);
    said.last = Quoted(record);
  }
}

void KernelListener::Count(std::size_t check, const KernelRecord& record) {
  Said& said = said_[check];
  if (said.times.size() >= kTimesMax) said.times.erase(said.times.begin(), said.times.begin() + kTimesMax / 2);
  said.times.push_back(record.at);
  said.last = Quoted(record);
  new_lines_.insert(check);
}

// Asked of lines that would count only: the list costs nothing else.
bool KernelListener::Ignore(const KernelRecord& record) {
  const std::vector<std::size_t> which = ignored_ ? ignored_->patterns.Match(record.text) : std::vector<std::size_t>();
  if (which.empty()) return false;
  ++ignored_->counts[which.front()];
  Count(ignored_->check, record);
  return true;
}

// "2 of \"a card that we know\" (mycard: flap), the last: …"
std::string KernelListener::WhatIsIgnored() const {
  const Check& check = asked_.checks[ignored_->check];
  std::vector<std::string> parts;
  for (const auto& [pattern, count] : ignored_->counts)
    parts.push_back(Cat(count, " of \"", Clip(Printable(check.notes[pattern]), 80), "\" (",
                        Clip(Printable(check.lines[pattern]), 80), ')'));
  return Cat(Clip(Join(parts), 400), ", the last: ", said_.at(ignored_->check).last);
}

void KernelListener::TakeXid(const Xid& xid, const KernelRecord& record) {
  const XidDecision decision = DecideXid(asked_.xids, xid, asked_.model);
  const std::string scope = Cat(xid.of_switch ? "NVSwitch at " : "GPU at ", xid.device);
  WorstXid& worst = xids_[xid.of_switch][scope];
  ++worst.count;
  new_xids_.insert({xid.of_switch, scope});
  // The driver's own last word takes back what it asked for before.
  const bool withdrawn = xid.code == 154 && decision.action == Action::note;
  if (!withdrawn && decision.action < worst.action) return;
  worst.action = decision.action;
  worst.why = decision.why;
  worst.line = Quoted(record);
}

void KernelListener::Tell(const Root& root, Sink& sink) const {
  const double now = Now(root, last_), first = static_cast<double>(std::max<std::int64_t>(first_, 0)) / 1e6;
  const Duration reach(static_cast<std::int64_t>(std::max(0.0, now - first) * 1e9));
  for (std::size_t i = 0; i < asked_.checks.size(); ++i)
    if (!asked_.checks[i].lines.empty()) TellLines(i, now, reach, sink);
  for (const bool of_switch : {false, true}) TellXids(root, of_switch, sink);
}

void KernelListener::TellNew(double now, Sink& sink) {
  for (const std::size_t check : new_lines_) TellLines(check, now, Duration(), sink);
  // The worst of the new ones alone: an old one does not make every later one grave.
  for (const auto& [of_switch, scope] : new_xids_) {
    TellXid(of_switch, scope, sink);
    xids_[of_switch].erase(scope);
  }
  new_lines_.clear();
  new_xids_.clear();
}

void KernelListener::TellLines(std::size_t index, double now, Duration reach, Sink& sink) const {
  const Check& check = asked_.checks[index];
  const auto found = said_.find(index);
  if (found == said_.end())
    return sink.Number(check.id, "", 0, Cat("no such line in the ", Show(reach), " that the log reaches back"));
  const double since = check.window > Duration() ? now - Seconds(check.window) : 0;
  const auto count = std::count_if(found->second.times.begin(), found->second.times.end(),
                                   [&](std::int64_t at) { return static_cast<double>(at) / 1e6 >= since; });
  sink.Number(check.id, "", static_cast<double>(count), check.id == kIgnoredLines ? WhatIsIgnored() : found->second.last);
}

void KernelListener::TellXid(bool of_switch, const std::string& scope, Sink& sink) const {
  const WorstXid& worst = xids_[of_switch].at(scope);
  const std::string times = worst.count > 1 ? Cat(" (", worst.count, " such lines)") : std::string();
  sink.Take({.check = CheckOf(of_switch),
             .scope = scope,
             .word = std::string(Name(worst.action)),
             .means = worst.why,
             .evidence = worst.line + times});
}

void KernelListener::TellXids(const Root& root, bool of_switch, Sink& sink) const {
  for (const auto& [scope, worst] : xids_[of_switch]) TellXid(of_switch, scope, sink);
  if (!xids_[of_switch].empty()) return;
  const auto devices = PciDevices(root);
  if (devices && std::none_of(devices->begin(), devices->end(), IsNvidiaGpu))
    return sink.Absent(CheckOf(of_switch), "there is no NVIDIA GPU on the bus");
  sink.Word(CheckOf(of_switch), "", "none", "no such line in the log");
}

}  // namespace everstep::health
