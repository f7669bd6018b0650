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
  Mark(ClockText(event.at, now), event.why);
}
void RunScreen::Say(std::string_view sentence) { Mark("", sentence); }

void RunScreen::End(const JobView& job) {
  const Duration took(job.ended_at.value_or(job.submitted_at).ns - job.submitted_at.ns);
  const std::string phase = Paint(console_.err, job.phase == JobPhase::done ? Style::green : Style::red, Name(job.phase));
  std::string text =
      Cat(job.id, " is ", phase, " after ", Show(std::chrono::floor<std::chrono::seconds>(std::max<Duration>(took, 0s))));
  if (job.generation.value > 1) text += Cat(" in generation ", job.generation);
  if (job.phase != JobPhase::done) text += Cat("; next: ", NextCommand(job));
  WriteErr(Cat(Paint(console_.err, Style::bold, "==>"), ' ', text, '\n'));
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
  if (job.step) text += Cat(" · step ", *job.step);
  if (job.checkpoint && job.checkpoint->step) text += Cat(" · checkpoint at ", *job.checkpoint->step);
  const std::int64_t ns = std::max<std::int64_t>(0, now.ns - job.started_at.value_or(job.submitted_at).ns);
  return Cat(text, " · ", Show(std::chrono::floor<std::chrono::seconds>(Duration(ns))));
}

}  // namespace everstep
