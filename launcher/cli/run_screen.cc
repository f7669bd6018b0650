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

void RunScreen::Event(const EventView& event, WallTime now) { Mark(ClockText(event.at, now), event.why); }
void RunScreen::Say(std::string_view sentence) { Mark("", sentence); }

void RunScreen::Mark(std::string_view time, std::string_view sentence) {
  Erase();
  std::string text = Printable(sentence);
  std::replace(text.begin(), text.end(), '\n', ' ');
  WriteErr(Cat(Paint(console_.err, Style::bold, "==>"), ' ', time, time.empty() ? "" : " ", text, '\n'));
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
