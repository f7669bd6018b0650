#include "launcher/cli/follow.h"

#include <signal.h>

#include <algorithm>
#include <memory>
#include <set>

#include "base/real/clock.h"
#include "launcher/cli/log_lines.h"
#include "launcher/cli/rank_files.h"
#include "launcher/cli/run_screen.h"

namespace everstep {

namespace {

constexpr Duration kTick = 200ms;  // of the status line
constexpr Duration kFirstAnswer = 5s;
constexpr Duration kLogsPatience = 5s;  // after the job's end, for what ranks wrote last

class JobFollowing {
 public:
  JobFollowing(const Cli& cli, const FollowOptions& options, Interrupts& interrupts)
      : client_(ClientOptionsOf(cli)),
        options_(options),
        interrupts_(interrupts),
        screen_(cli.console),
        lines_(!options.bare, cli.console.out),
        files_(options.output.directory, options.job),
        events_upto_(options.events_after) {}

  Result<std::optional<JobView>> Run() {
    Follower job(client_, queue_, Topic::job, JobNews(options_.job));
    Follower events(client_, queue_, Topic::events, EventNews({}, {}, options_.events_after));
    Follower logs(client_, queue_, Topic::logs, LogNews({.job = options_.job, .follow = true}));
    const Status followed = Loop();
    TellLastEvents();
    for (const LogLine& line : lines_.TakeRest()) screen_.Output(line);
    screen_.Close();
    if (!followed) return Fail(followed.error());
    if (left_) return std::optional<JobView>();
    const bool shown = !options_.sink && (!options_.bare || job_->phase != JobPhase::done);
    if (shown) screen_.End(*job_);
    return job_;
  }

 private:
  // Until the job and its output have ended, or the user leaves.
  Status Loop() {
    while (!left_) {
      const auto signal = interrupts_.Wait(kTick, queue_.fd());
      if (signal) Interrupted(*signal);
      for (int burst = 0; burst < 256; ++burst) {  // then the status line and Ctrl-C get their turn
        const auto news = queue_.Take();
        if (!news) break;
        EVERSTEP_TRY(Hear(*news));
      }
      if (options_.progress)
        options_.progress(job_);
      else
        screen_.Progress(job_, clock_.Wall());
      const bool ended = job_ && Ended(job_->phase);
      if (ended && !ended_at_) ended_at_ = clock_.Now();
      if (ended && (logs_ended_ || clock_.Now() - *ended_at_ > kLogsPatience)) return {};
    }
    return {};
  }

  Status Hear(const News& news) {
    return std::visit([this](const auto& item) { return On(item); }, news);
  }
  Status On(const JobView& job) {
    job_ = job;
    for (const HostView& host : job.hosts) hosts_.insert(host.node);
    for (const NodeId& spare : job.spare_hosts) hosts_.insert(spare);
    return {};
  }
  // Of the job, and of the hosts that it has or had.
  Status On(const EventView& event) {
    events_upto_ = std::max(events_upto_, event.index);
    if (options_.bare) return {};
    if (event.job == options_.job || (event.job.empty() && hosts_.contains(event.node))) screen_.Event(event, clock_.Wall());
    return {};
  }
  Status On(const LogChunk& chunk) {
    if (options_.sink) return options_.sink(chunk), Status();
    if (options_.bare && chunk.rank != 0) return {};
    if (!chunk.note.empty()) screen_.Say(chunk.note);
    const std::uint32_t local_rank = options_.output.Plain() ? 0 : LocalRank(chunk);
    if (!files_failed_ && options_.output.Files(local_rank, chunk.is_stderr)) File(chunk);
    if (!options_.output.Shows(local_rank, chunk.is_stderr)) return {};
    for (const LogLine& line : lines_.Take(chunk, clock_.Now())) screen_.Output(line);
    return {};
  }
  Status On(const Silence& silence) {
    if (silence.topic == Topic::job)
      screen_.Say(Cat("the launcher does not answer (", silence.error.message, "); the job goes on, trying again"));
    return {};
  }
  Status On(const HeardAgain& heard) {
    if (heard.topic == Topic::job) screen_.Say("the launcher answers again");
    return {};
  }
  Status On(const StreamEnded& stream) {
    if (stream.topic == Topic::logs) logs_ended_ = true;
    if (stream.topic == Topic::job && !stream.how) return stream.how;
    if (!stream.how) screen_.Say(stream.how.error().Str());
    return {};
  }

  void File(const LogChunk& chunk) {
    const Status filed = files_.Append(chunk);
    if (filed) return;
    files_failed_ = true;
    screen_.Say(Cat("--log-dir: ", filed.error().message, "; nothing more is filed"));
  }

  // Output may come before the news of where the rank runs: then that is asked for.
  std::uint32_t LocalRank(const LogChunk& chunk) {
    for (const bool asked : {false, true}) {
      if (asked)
        if (const auto reply = Call<JobReply>(GetJob{.job = options_.job})) job_ = reply->job;
      if (!job_) continue;
      for (const HostView& host : job_->hosts)
        if (chunk.rank >= host.first_rank && chunk.rank < host.first_rank + host.ranks) return chunk.rank - host.first_rank;
    }
    return 0;
  }

  void Interrupted(int signal) {
    if (signal == SIGHUP || interruptions_ == 2) {
      left_ = true;
      return;
    }
    const bool now = ++interruptions_ == 2;
    screen_.Say(now ? "killing the job; Ctrl-C again leaves without waiting"
                    : "cancelling the job: SIGTERM, then its stop_grace; Ctrl-C again kills it");
    const auto accepted = Call<Accepted>(CancelJob{.job = options_.job, .now = now, .by = Requester()});
    if (accepted) return;
    screen_.Say(Cat("cannot cancel: ", accepted.error().message, "; Ctrl-C again leaves the job as it is"));
    interruptions_ = 2;
  }

  // The stream may lag behind the end of the job: what is left is asked for.
  void TellLastEvents() {
    if (!job_ || left_ || options_.bare) return;
    const auto rest = Call<EventsReply>(ListEvents{.job = options_.job, .after = events_upto_});
    if (!rest) return;
    for (const EventView& event : rest->events) screen_.Event(event, clock_.Wall());
  }

  template <class Reply>
  Result<Reply> Call(const ApiRequest& request) {
    EVERSTEP_ASSIGN(const auto client, ControlClient::Connect(client_));
    return Ask<Reply>(*client, request);
  }

  const ClientOptions client_;  // chosen once: a local cluster that goes down takes its address with it
  FollowOptions options_;
  Interrupts& interrupts_;
  RealClock clock_{};
  NewsQueue queue_{};
  RunScreen screen_;
  LogLines lines_;
  RankFiles files_;
  bool files_failed_ = false;
  std::optional<JobView> job_{};
  std::set<NodeId> hosts_{};
  LogIndex events_upto_;
  std::optional<Time> ended_at_{};
  bool logs_ended_ = false;
  bool left_ = false;
  int interruptions_ = 0;
};

}  // namespace

ClientOptions ClientOptionsOf(const Cli& cli) { return {.address = LauncherAddress(cli), .insecure = cli.insecure}; }

int ExitCodeOf(const JobView& job) {
  if (job.phase == JobPhase::done) return exit_code::kGood;
  const std::uint32_t code = job.exit_code.value_or(0);
  return code == 0 || code > 255 ? exit_code::kBad : static_cast<int>(code);
}

Result<std::optional<JobView>> FollowJob(const Cli& cli, const FollowOptions& options, Interrupts& interrupts) {
  return JobFollowing(cli, options, interrupts).Run();
}

Result<Awaited> AwaitJob(const Cli& cli, const JobId& job, std::optional<Duration> timeout) {
  RealClock clock;
  Interrupts interrupts;
  NewsQueue queue;
  std::optional<JobView> view;
  bool silent = false;
  const Time begin = clock.Now();
  const std::optional<Time> deadline = timeout ? std::optional(begin + *timeout) : std::nullopt;
  Follower follower(ClientOptionsOf(cli), queue, Topic::job, JobNews(job));
  for (bool ended = false; !ended;) {
    // However short the time is, one answer is waited for.
    const bool unanswered = !view && !silent && clock.Now() < begin + kFirstAnswer;
    const Duration left = deadline ? std::max<Duration>(unanswered ? 100ms : 0ms, *deadline - clock.Now()) : Duration(1h);
    if (interrupts.Wait(std::min<Duration>(left, 1h), queue.fd()))
      return Fail(ErrorCode::kConflict, "interrupted; the job goes on", Cat("everstep job ", job));
    while (const auto news = queue.Take()) {
      if (const auto* seen = std::get_if<JobView>(&*news)) view = *seen;
      if (std::holds_alternative<HeardAgain>(*news)) silent = false;
      if (const auto* silence = std::get_if<Silence>(&*news)) {
        silent = true;
        WriteErr(Cat("the launcher does not answer (", Printable(silence->error.message), "), trying again\n"));
      }
      const auto* end = std::get_if<StreamEnded>(&*news);
      if (end && !end->how) return Fail(end->how.error());
      ended = ended || end || (view && Ended(view->phase));
    }
    const bool over = deadline && clock.Now() >= *deadline && (view || silent || clock.Now() >= begin + kFirstAnswer);
    if (!ended && over) return Awaited{.unheard = silent || !view};
  }
  return Awaited{.ended = std::move(view)};
}

}  // namespace everstep
