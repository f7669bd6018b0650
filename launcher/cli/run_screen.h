// What `everstep run` shows: output of the ranks, Everstep's own sentences with a mark in front, and on a terminal one line at
// the bottom that says how far the job is. Used by one thread.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "base/time.h"
#include "launcher/cli/log_lines.h"
#include "launcher/cli/terminal.h"
#include "launcher/core/api.h"

namespace everstep {

class RunScreen {
 public:
  explicit RunScreen(const Console& console) : console_(console) {}

  // A rank's line, to the stream that it was written to.
  void Output(const LogLine& line);
  // Everstep's own words, to stderr: "==> 12:03:04 n2 lost: 3 of 3 peers got nothing".
  void Event(const EventView& event, WallTime now);
  void Say(std::string_view sentence);
  // The line at the bottom, when it has changed.
  void Progress(const std::optional<JobView>& job, WallTime now);
  // Takes the line at the bottom away.
  void Close() { Erase(); }
  // How the job ended, how long it took, and what to type next.
  void End(const JobView& job);

 private:
  void Mark(std::string_view time, std::string_view sentence);
  void Erase();
  std::string ToldOnce(std::string_view sentence);

  Console console_;
  std::string said_{};  // the last event's sentence
  std::set<std::string> long_words_{};
  std::string shown_{};  // the line at the bottom; empty: none
};

// "running · generation 2 · step 52 · checkpoint at 40 · 3 min 5 s"
std::string ProgressText(const JobView& job, WallTime now);

}  // namespace everstep
