// everstep drain and undrain: takes hosts out of work, and gives them back; clear: their alarms have been looked at.

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>

#include "launcher/cli/clear_preview.h"
#include "launcher/cli/globals.h"
#include "launcher/cli/node_names.h"
#include "launcher/cli/output.h"
#include "launcher/cli/verbs.h"

namespace everstep {

struct Drained {
  NodeId node{};
  std::string why{};
};
EVERSTEP_FIELDS(Drained, node, why)

namespace {

struct DrainFlags {
  std::vector<std::string> lists{};
  std::string reason{};
  std::string check{};
  bool now = false;
  bool dry_run = false;
};

// "drain n2", "clear 2 alarms"; empty: nothing would be done.
using Would = std::function<Result<std::string>(const NodeView&)>;

// All hosts must be known before the first one is changed.
Result<int> ForEach(const Cli& cli, const DrainFlags& flags, const Would& would,
                    const std::function<ApiRequest(const NodeId&)>& request) {
  EVERSTEP_ASSIGN(const auto client, Connect(cli));
  EVERSTEP_ASSIGN(const NodesReply reply, Ask<NodesReply>(*client, ListNodes{}));
  EVERSTEP_ASSIGN(const auto nodes, NodesNamed(reply.nodes, flags.lists));
  std::vector<Drained> done;
  for (const NodeView& node : nodes) {
    if (flags.dry_run) {
      EVERSTEP_ASSIGN(const std::string what, would(node));
      WriteErr(Cat(node.node, " is ", Name(node.phase), node.job ? Cat(" and works for ", *node.job) : "", ": ",
                   what.empty() ? std::string("nothing would be done") : Cat("would ", what), "; nothing was changed\n"));
      continue;
    }
    EVERSTEP_ASSIGN(const Accepted accepted, Ask<Accepted>(*client, request(node.node)));
    if (ForPeople(cli.output)) WriteErr(Cat(Printable(accepted.why), '\n'));
    done.push_back({.node = node.node, .why = accepted.why});
  }
  if (!ForPeople(cli.output)) WriteOut(ViewData(cli.output, done));
  return exit_code::kGood;
}

}  // namespace

void AddDrain(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<DrainFlags>();
  CLI::App* verb = app.add_subcommand("drain", "take hosts out of work: nothing new is placed on them");
  verb->add_option("HOST", flags->lists, "a name, or a list such as n[0-3,7]")->required();
  verb->add_option("--reason", flags->reason, "why, for whoever asks later")->type_name("TEXT");
  verb->add_flag("--now", flags->now, "what they have moves to other hosts at once: a restart that costs no budget");
  verb->add_flag("--dry-run", flags->dry_run, "say what would be done, and do nothing");
  AddOutputFlags(*verb, cli, false);
  verb->callback([&cli, flags] {
    cli.verb = [&cli, flags] {
      const auto would = [](const NodeView& node) { return Result<std::string>(Cat("drain ", node.node)); };
      return ForEach(cli, *flags, would, [&](const NodeId& node) -> ApiRequest {
        return DrainNode{.node = node, .reason = flags->reason, .by = Requester(), .now = flags->now};
      });
    };
  });
}

void AddUndrain(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<DrainFlags>();
  CLI::App* verb = app.add_subcommand("undrain", "give hosts back to work");
  verb->add_option("HOST", flags->lists, "a name, or a list such as n[0-3,7]")->required();
  verb->add_flag("--dry-run", flags->dry_run, "say what would be done, and do nothing");
  AddOutputFlags(*verb, cli, false);
  verb->callback([&cli, flags] {
    cli.verb = [&cli, flags] {
      const auto would = [](const NodeView& node) { return Result<std::string>(Cat("undrain ", node.node)); };
      return ForEach(cli, *flags, would,
                     [](const NodeId& node) -> ApiRequest { return UndrainNode{.node = node, .by = Requester()}; });
    };
  });
}

void AddClear(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<DrainFlags>();
  CLI::App* verb =
      app.add_subcommand("clear", "alarms of hosts have been looked at: they count no more, nor what came of them");
  verb->add_option("HOST", flags->lists, "a name, or a list such as n[0-3,7]")->required();
  verb->add_option("--check", flags->check, "only alarms of this check, as `everstep node` shows them")->type_name("CHECK");
  verb->add_option("--note", flags->reason, "what was found, for whoever asks later")->type_name("TEXT");
  verb->add_flag("--dry-run", flags->dry_run, "say what would be done, and do nothing");
  AddOutputFlags(*verb, cli, false);
  verb->callback([&cli, flags] {
    cli.verb = [&cli, flags] {
      const auto would = [&](const NodeView& node) -> Result<std::string> {
        EVERSTEP_ASSIGN(const std::string what, WouldClear(node, flags->check));
        return what.empty() ? what : Cat("clear ", what);
      };
      return ForEach(cli, *flags, would, [&](const NodeId& node) -> ApiRequest {
        return ClearNode{.node = node, .check = flags->check, .note = flags->reason, .by = Requester()};
      });
    };
  });
}

}  // namespace everstep
