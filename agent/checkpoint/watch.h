// Looks for finished checkpoints in one gang's checkpoint directory, verifies and pins them, and says what it found: the logic
// of SlowFiles::Watch without thread or clock. Whoever calls Look() lets a scan interval pass between two looks.
//
// What happens to one source (a file or directory in the checkpoint directory):
//   - It counts once two looks in a row find it unchanged; then it is verified, pinned while it is still unchanged, and the pin
//     verified (pin.h). A save under way, a slow zombie's save over a new one, or two at once never get that far as a mix.
//   - It is told as complete at once; as incomplete or unverifiable only once it has stayed so for kPatience looks, or at the
//     end: a save may pause. Each change of mind is told once. While a pin of an earlier save of the same name is intact, that
//     one is what counts, and nothing bad is told.
//   - It is pinned by link only if it was seen to come by rename (renames.h); else by copy, since whoever wrote it in place may
//     do so again. Copying is bounded: of saves that wait to be copied only the newest step is, and where the file system has
//     not room for twice its size it is linked after all, which `why` says.
//   - A pin that is damaged or deleted is told at once with its path, for the launcher to withdraw. A source seen to be
//     overwritten in place is never linked again.
//   - Of the pins that the launcher has registered, the newest kPinsKept with a step in their name and as many without are
//     kept; older ones are removed. Newer ones wait for its word, the newest kPinsWaiting of each kind: while it is away for
//     long, older ones are removed and told as gone.
//
// What was there when the watch began (before.h, passed_over.h):
//   - from before the job's first generation: not this job's; the newest of them is named once, none is offered.
//   - pinned already, and intact: told again, since whoever pinned it may have died before it could say so. Being told twice
//     changes nothing; what an earlier generation pinned is marked `was_there`.
//   - there before this generation started but not pinned, or older than the newest pin: passed over.
//   - else, saved while the agent was down: as if it had just been saved.
//   - a directory with files from before and files written since: a mix of two generations, not offered.
//
// Under isolate: mount it looks at the generation's own directory (own_directory.h), always copies, and shows what is
// registered in the checkpoint directory (publish.h); when its generation has ended, also what nobody registered any more.
//
// A watch that has been overtaken by a later generation does nothing any more, whoever keeps it running.
//
// Thread: one at a time. Cost: one lstat a file and look; directories that have been decided, every kSlowLooks looks.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/checkpoint/before.h"
#include "agent/checkpoint/pin.h"
#include "agent/checkpoint/renames.h"
#include "agent/checkpoint/survey.h"
#include "base/ids.h"
#include "base/job_spec.h"
#include "base/messages.h"

namespace everstep {

class CheckpointWatch {
 public:
  static constexpr std::uint32_t kPatience = 10;   // looks
  static constexpr std::size_t kPinsKept = 3;      // of the job, with and without step each
  static constexpr std::size_t kPinsWaiting = 8;   // not registered yet; likewise
  static constexpr std::uint64_t kSlowLooks = 16;  // looks
  static constexpr std::uint32_t kRetriesMax = 7;  // what cannot be read or pinned is tried again after 2, 4 … 128 looks

  CheckpointWatch(GangKey gang, CheckpointSpec checkpoint, std::stop_token stop);

  // One look; what there is to tell. `all`: also at what is usually looked at only every kSlowLooks looks.
  std::vector<CheckpointSeen> Look(bool all = false);
  // The launcher may resume from the pin at `path`: older pins are removed from now on, but the newest kPinsKept of these.
  void Registered(const std::string& path);
  // True when something changed between the last two looks: one more may tell more.
  bool Undecided() const { return undecided_; }
  // The looks are over: what was found wanting but not told yet.
  std::vector<CheckpointSeen> Finish();

 private:
  enum class Told { nothing, wanting, complete };
  struct Source {
    Survey last{};                    // of the previous look
    std::optional<Survey> decided{};  // what `wanting`, or the pin, is about
    std::string wanting{};            // why it is not offered; empty: it is, or it is passed over
    Told told = Told::nothing;
    std::uint32_t looks_unchanged = 0;  // since it was decided
    std::uint32_t retries = 0;
    std::optional<std::uint64_t> retry_at{};  // look
    std::string waits_for{};                  // a newer one, to be copied first
    bool in_place = false;                    // seen to be overwritten in place
  };

  void Begin(const std::vector<std::string>& names);
  void TellPins();
  void PassOverWhatWasThere(const std::vector<std::string>& names);
  void CheckPins();
  bool Settled(const Source& source) const;
  void LookAt(const std::string& name, Source& source);
  void Decide(const std::string& name, Source& source, const Survey& survey);
  std::optional<std::string> NewerThatWaits(const std::string& name) const;
  void PinIt(const std::string& name, Source& source, const Survey& survey, const std::string& why);
  void FindWanting(Source& source, const Survey& survey, std::string why, bool retry);
  void Publish();
  void RemoveOldPins();
  void TellLost(const Pin& pin, const std::string& why);
  void TellComplete(const Pin& pin, const std::string& why);
  void TellWanting(const std::string& name, Source& source);
  void Tell(CheckpointSeen seen);
  std::optional<std::string> Mixed(const std::string& name, const Survey& survey) const;
  const Pin* NewestPinOf(const std::string& source) const;

  const GangKey gang_;
  const CheckpointSpec checkpoint_;
  const bool mounted_;       // isolate: mount
  const std::string saves_;  // where the script saves: the checkpoint directory, or its generation's own
  const std::stop_token stop_;
  bool begun_ = false;
  bool undecided_ = false;
  std::uint64_t look_ = 0;
  std::string cannot_list_;  // why the directory could not be listed at the last look; empty: it could
  Renames renames_;
  BeforeRecords before_;
  std::vector<Pin> pins_;              // of this job, intact when last seen, oldest first
  std::vector<Pin> lost_pins_;         // of this job, changed or gone: removed once there is a newer one
  std::set<std::string> registered_;   // paths of pins_
  std::set<std::string> unpublished_;  // of these, not shown yet
  bool cannot_publish_ = false;        // and that is told
  std::map<std::string, Source> sources_;
  std::vector<CheckpointSeen> news_;  // since the last look
};

}  // namespace everstep
