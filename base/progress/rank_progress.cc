#include "base/progress/rank_progress.h"

#include <algorithm>

#include "base/progress/terminal_text.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr std::uint64_t kEpochsMax = 1'000'000;
constexpr std::uint64_t kStepsMax = 1'000'000'000'000;

std::string_view EndOfPart(std::string_view bytes) {
  std::size_t end = 0;
  while (end < bytes.size() && bytes[end] != '\n' && bytes[end] != '\r') ++end;
  return bytes.substr(0, end);
}

bool Blank(std::string_view line) { return line.find_first_not_of(' ') == std::string_view::npos; }

// Step and total of the whole run, when an epoch's are told.
std::optional<Bars::Steps> AcrossEpochs(const Told& told) {
  if (!told.total || *told.epoch > kEpochsMax || told.epochs.value_or(0) > kEpochsMax) return std::nullopt;
  if (*told.total > kStepsMax || *told.step > kStepsMax) return std::nullopt;
  Bars::Steps steps{.step = *told.epoch * *told.total + *told.step};
  if (told.epochs) steps.total = *told.epochs * *told.total;
  return steps;
}

}  // namespace

void RankProgress::Printed(Time now, Stream stream, std::string_view bytes) {
  Tap& tap = taps_[static_cast<std::size_t>(stream)];
  if (now - tap.second >= 1s || now < tap.second) {
    tap.second = now;
    tap.bytes = 0;
  }
  const std::size_t room = kBytesPerSecond - std::min(tap.bytes, kBytesPerSecond);
  const bool all = bytes.size() <= room;
  tap.bytes += bytes.size();
  bytes = bytes.substr(0, room);
  while (!bytes.empty()) {
    const std::string_view part = EndOfPart(bytes);
    Part(now, tap, part);
    bytes.remove_prefix(part.size());
    if (bytes.empty()) break;
    LineEnds(now, tap, bytes.front());
    bytes.remove_prefix(1);
  }
  if (all) return;
  tap.line.clear();
  tap.passing = true;
}

void RankProgress::Part(Time, Tap& tap, std::string_view part) {
  if (tap.passing) return;
  if (tap.line.size() + part.size() > kLineBytesMax) {
    tap.line.clear();
    tap.passing = true;
    return;
  }
  tap.line += part;
}

void RankProgress::LineEnds(Time now, Tap& tap, char end) {
  if (!std::exchange(tap.passing, false) && !tap.line.empty()) {
    if (end == '\r' && Blank(tap.line)) {
      tap.bars.Wiped();
    } else if (const auto told = patterns_.Read(WithoutColours(tap.line))) {
      Take(now, *told, &tap.bars);
    }
  }
  tap.line.clear();
}

void RankProgress::Take(Time now, const Told& told, Bars* bars) {
  if (told.loss && told.source <= loss_source_.value_or(told.source)) {
    loss_source_ = told.source;
    news_ = news_ || loss_ != told.loss;
    loss_ = told.loss;
  }
  if (!told.step || told.source > step_source_.value_or(told.source)) return;
  std::optional<Bars::Steps> steps = Bars::Steps{.step = *told.step, .total = told.total};
  if (told.epoch) {
    steps = AcrossEpochs(told);
  } else if (told.elapsed && told.total && bars != nullptr) {
    steps = bars->Drawn(*told.step, *told.total, *told.elapsed);
  }
  if (!steps) return;
  if (std::exchange(step_source_, told.source) != told.source) pace_ = Pace();  // it may count otherwise
  news_ = news_ || progress_.step != steps->step || progress_.steps_total != steps->total || !pace_.step_time();
  progress_.step = steps->step;
  progress_.steps_total = steps->total;
  pace_.Add(now, steps->step);
}

std::optional<Progress> RankProgress::Now(Time now) {
  // A bar has no line end until it is drawn again, which a slow step may put off for a minute.
  for (Tap& tap : taps_)
    if (!tap.line.empty() && tap.line.ends_with(']'))
      if (const auto told = patterns_.Read(WithoutColours(tap.line)); told && told->elapsed) Take(now, *told, &tap.bars);
  if (!step_source_) return std::nullopt;
  Progress progress = progress_;
  progress.step_time = pace_.step_time();
  progress.loss = loss_;
  return progress;
}

}  // namespace everstep
