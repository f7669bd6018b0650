// everstep events: what happened, in the sentences of the decisions themselves.

#include <CLI/CLI.hpp>
#include <memory>

#include "base/real/clock.h"
#include "launcher/cli/flags.h"
#include "launcher/cli/follow.h"
#include "launcher/cli/globals.h"
#include "launcher/cli/node_names.h"
#include "launcher/cli/output.h"
#include "launcher/cli/verbs.h"
#include "launcher/cli/view_text.h"

namespace everstep {

namespace {

void Print(const Cli& cli, const EventView& event) {
  if (cli.output == OutputFormat::yaml)
    WriteOut(YamlOf(ViewJson(std::vector{event})));
  else if (!ForPeople(cli.output))
    WriteOut(ViewJson(event));
  else
    WriteOut(EventLine(event, RealClock().Wall(), cli.console.out.columns));
}

// Until the job, if one was named, has ended, or the user has seen enough.
Result<int> FollowEvents(const Cli& cli, const ListEvents& request) {
  Interrupts interrupts;
  NewsQueue queue;
  LogIndex upto = request.after;
  const auto event_follower = std::make_unique<Follower>(ClientOptionsOf(cli), queue, Topic::events,
                                                         EventNews(request.job, request.node, request.after));
  std::unique_ptr<Follower> job_follower;
  if (!request.job.empty())
    job_follower = std::make_unique<Follower>(ClientOptionsOf(cli), queue, Topic::job, JobNews(request.job));
  Status failed;
  for (bool ended = false; !ended;) {
    ended = interrupts.Wait(1h, queue.fd()).has_value() || OutputIsGone();
    while (const auto news = queue.Take()) {
      if (const auto* event = std::get_if<EventView>(&*news)) {
        Print(cli, *event);
        upto = event->index;
      } else if (const auto* end = std::get_if<StreamEnded>(&*news)) {
        ended = true;
        if (!end->how) failed = end->how;
      } else if (const auto* silence = std::get_if<Silence>(&*news); silence && silence->topic == Topic::events) {
        WriteErr(Cat("the launcher does not answer (", silence->error.message, "), trying again\n"));
      }
    }
  }
  EVERSTEP_TRY(failed);
  if (request.job.empty()) return exit_code::kGood;
  EVERSTEP_ASSIGN(const auto rest, Ask<EventsReply>(cli, ListEvents{.job = request.job, .node = request.node, .after = upto}));
  for (const EventView& event : rest.events) Print(cli, event);
  return exit_code::kGood;
}

// No events of a job or host that is not there: the name was misspelt. Of a host that was there once they are shown.
Status CheckNames(const Cli& cli, const ListEvents& request) {
  if (!request.job.empty()) EVERSTEP_TRY(Ask<JobReply>(cli, GetJob{.job = request.job}));
  if (request.node.empty()) return {};
  EVERSTEP_ASSIGN(const NodesReply reply, Ask<NodesReply>(cli, ListNodes{}));
  EVERSTEP_TRY(NodesNamed(reply.nodes, {request.node.value}));
  return {};
}

Result<Page> EventsPage(const Cli& cli, const ListEvents& request) {
  EVERSTEP_ASSIGN(const EventsReply reply, Ask<EventsReply>(cli, request));
  if (reply.events.empty()) EVERSTEP_TRY(CheckNames(cli, request));
  Page page = PageOf(cli, reply.events, [&]() -> std::string {
    if (reply.events.empty()) return {};
    TableStyle style = StyleOf(cli);
    style.wrap = true;  // the sentence is what the table is for
    return Render(EventsTable(reply.events, RealClock().Wall(), cli.output == OutputFormat::wide), style);
  });
  if (reply.events.empty() && ForPeople(cli.output)) page.notice = "no events\n";
  return page;
}

}  // namespace

void AddEvents(CLI::App& app, Cli& cli) {
  auto request = std::make_shared<ListEvents>();
  CLI::App* verb = app.add_subcommand("events", "show what happened and was decided, and why");
  verb->add_flag("-f,--follow", request->follow, "go on with new ones; with --job until it has ended");
  verb->add_option("--job", request->job.value, "of this job only")->type_name("JOB");
  verb->add_option("--node", request->node.value, "of this host only")->type_name("HOST");
  verb->add_option("--after", request->after.value, "with a higher log index than this")
      ->type_name("INDEX")
      ->check(Between(0, UINT64_MAX));
  verb->add_option("--max", request->rows_max, "at most so many, the newest")
      ->type_name("N")
      ->check(Between(1, 100000))
      ->capture_default_str();
  AddReadingFlags(*verb, cli, true);
  verb->callback([&cli, request] {
    cli.verb = [&cli, request]() -> Result<int> {
      if (request->follow && !request->node.empty()) EVERSTEP_TRY(EventsPage(cli, *request));  // its host must be known
      if (request->follow) return FollowEvents(cli, *request);
      return ShowPages(cli, [&] { return EventsPage(cli, *request); });
    };
  });
}

}  // namespace everstep
