#include "launcher/cli/run_screen.h"

#include <algorithm>

#include "base/text.h"
#include "launcher/cli/view_text.h"

namespace everstep {

void RunScreen::Output(const LogLine& line) {
  Erase();
  if (line.is_stderr)
    WriteErr(line.text);
  else
    WriteOut(line.text);
}

void RunScreen::Event(const EventView& event, WallTime now) {
  // A decision repeats the sentence of what it answers, and that each host is empty again is only of interest where it is not.
  if (event.why == said_ || event.kind == "host_released") return;
  said_ = event.why;
  Mark(ClockText(event.at, now), ToldOnce(event.why));
}

// A sentence may carry a whole PATH, and those that follow from it carry it again.
std::string RunScreen::ToldOnce(std::string_view sentence) {
  constexpr std::size_t kLong = 80, kBegin = 24;
  std::vector<std::string> words = Split(sentence, ' ');
  for (std::string& word : words) {
    const std::size_t length = word.find_last_not_of(",.;:)\"") + 1;
    const bool is_long = word.size() > kLong && length > 0;
    if (is_long && !long_words_.insert(word.substr(0, length)).second)
      word = Clip(std::string_view(word).substr(0, length), kBegin) + word.substr(length);
  }
  return Join(words, " ");
}
void RunScreen::Say(std::string_view sentence) { Mark("", sentence); }

void RunScreen::End(const JobView& job) {
  const Duration took(job.ended_at.value_or(job.submitted_at).ns - job.submitted_at.ns);
  const std::string phase = Paint(console_.err, job.phase == JobPhase::done ? Style::green : Style::red, Name(job.phase));
  std::string text = Cat(Paint(console_.err, Style::bold, "==>"), ' ', job.id,
                         job.phase == JobPhase::failed      ? " "
                         : job.phase == JobPhase::cancelled ? " was "
                                                            : " is ",
                         phase, " after ", Show(std::max<Duration>(took, 0s)));
  if (job.generation.value > 1) text += Cat(" in generation ", job.generation);
  text += '\n';
  // A line of its own: it is there to be copied.
  if (const std::string next = NextOf(job); job.phase != JobPhase::done && !next.empty()) text += Cat("    Next: ", next, '\n');
  WriteErr(text);
}

void RunScreen::Mark(std::string_view time, std::string_view sentence) {
  Erase();
  std::string text = Printable(sentence);
  std::replace(text.begin(), text.end(), '\n', ' ');
  constexpr std::size_t kMark = 4;
  text = Cat(time, time.empty() ? "" : " ", text);
  if (console_.err.columns) text = Wrap(text, *console_.err.columns - kMark, kMark);
  WriteErr(Cat(Paint(console_.err, Style::bold, "==>"), ' ', text, '\n'));
}

void RunScreen::Progress(const std::optional<JobView>& job, WallTime now) {
  if (!console_.err.attended || !console_.err.colour || !job || Ended(job->phase)) return;
  const std::string text = CutToColumns(ProgressText(*job, now), *console_.err.columns - 1);
  if (text == shown_) return;
  Erase();
  WriteErr(Paint(console_.err, Style::dim, text));
  shown_ = text;
}

void RunScreen::Erase() {
  if (shown_.empty()) return;
  WriteErr("\r\x1b[K");
  shown_.clear();
}

std::string ProgressText(const JobView& job, WallTime now) {
  std::string text(Name(job.phase));
  if (job.queue_position) text += Cat(" · ", *job.queue_position, " in the queue");
  if (job.generation.value > 1) text += Cat(" · generation ", job.generation);
  if (job.step) text += Cat(" · step ", StepText(job));
  if (job.progress && job.progress->step_time) text += Cat(" · ", Show(*job.progress->step_time), " a step");
  if (job.progress && job.progress->loss) text += Cat(" · loss ", Printable(*job.progress->loss));
  if (job.progress && job.progress->eta) text += Cat(" · ", Show(*job.progress->eta), " left");
  if (job.checkpoint && job.checkpoint->step) text += Cat(" · checkpoint at ", *job.checkpoint->step);
  const std::int64_t ns = std::max<std::int64_t>(0, now.ns - job.started_at.value_or(job.submitted_at).ns);
  return Cat(text, " · ", Show(std::chrono::floor<std::chrono::seconds>(Duration(ns))));
}

}  // namespace everstep
