// everstep node: all about one host or some; --confirm-dead vouches for the death of one.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>

#include "launcher/cli/checks_text.h"
#include "launcher/cli/globals.h"
#include "launcher/cli/node_names.h"
#include "launcher/cli/output.h"
#include "launcher/cli/verbs.h"
#include "launcher/cli/view_text.h"

namespace everstep {

// The launcher's view of a host with what the host says itself: the keys of the view, and "checks".
struct ToldNode {
  NodeView node{};
  HostChecks checks{};
};
void WriteView(JsonWriter& writer, const ToldNode& told) {
  writer.BeginObject();
  ForEachField(told.node, [&](std::string_view name, const auto& member) {
    writer.Key(name);
    WriteView(writer, member);
  });
  writer.Key("checks");
  WriteView(writer, told.checks);
  writer.EndObject();
}

namespace {

struct NodeFlags {
  std::vector<std::string> lists{};
  bool confirm_dead = false;
  bool yes = false;
  bool dry_run = false;
};

// A person's word lets the launcher start ranks again elsewhere: it must be given on purpose.
Status MakeSure(const std::string& name) {
  if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
    return Fail(ErrorCode::kInvalid, "--confirm-dead asks for confirmation, and nobody is there to ask", "add --yes");
  WriteErr(Cat("Is ", name, " certainly off, or all of its jobs' processes gone? If they still run, two worlds may train.\n",
               "Type its name to confirm: "));
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == name) return {};
  return Fail(ErrorCode::kInvalid, "not confirmed: nothing was changed");
}

Result<std::vector<NodeView>> Fetch(const Cli& cli, const std::vector<std::string>& lists) {
  EVERSTEP_ASSIGN(const NodesReply reply, Ask<NodesReply>(cli, ListNodes{}));
  return NodesNamed(reply.nodes, lists);
}

Result<int> ConfirmIsDead(const Cli& cli, const NodeFlags& flags) {
  if (flags.lists.size() != 1 || flags.lists.front().find_first_of("[,") != std::string::npos)
    return Fail(ErrorCode::kInvalid, "--confirm-dead is said of one host at a time", "everstep node NAME --confirm-dead");
  const std::string& name = flags.lists.front();
  if (flags.dry_run) {
    EVERSTEP_ASSIGN(const auto nodes, Fetch(cli, flags.lists));
    const NodeView& node = nodes.front();
    const std::vector<NodePhase> silent{NodePhase::suspect, NodePhase::lost, NodePhase::away};
    if (std::find(silent.begin(), silent.end(), node.phase) == silent.end())
      return Fail(ErrorCode::kConflict,
                  Cat("would be refused: ", name, " is alive (it is ", Name(node.phase), "): its agent is connected and beats"),
                  "to take it out of work: `everstep drain`");
    WriteErr(Cat("would confirm that ", name, " is dead (it is ", Name(node.phase), ": ", Printable(node.why), ")",
                 node.job ? Cat("; ", *node.job, " would go on without it") : "", "; nothing was changed\n"));
    return exit_code::kGood;
  }
  if (!flags.yes) EVERSTEP_TRY(MakeSure(name));
  EVERSTEP_ASSIGN(const Accepted reply, Ask<Accepted>(cli, ConfirmDead{.node = NodeId(name), .by = Requester()}));
  WriteErr(Cat(Printable(reply.why), "\n"));
  return exit_code::kGood;
}

// What the host's agent says of its checks; in one sentence why it does not.
HostChecks ChecksOf(ControlClient& client, const NodeView& node) {
  auto checks = client.Checks(node.node);
  return checks ? *std::move(checks) : HostChecks{.node = node.node, .untold = checks.error().message};
}

Result<Page> NodePage(const Cli& cli, const std::vector<std::string>& lists) {
  EVERSTEP_ASSIGN(const auto nodes, Fetch(cli, lists));
  EVERSTEP_ASSIGN(const auto client, Connect(cli));
  std::vector<ToldNode> told;
  for (const NodeView& node : nodes) told.push_back({node, ChecksOf(*client, node)});
  const auto describe = [&] {
    std::string text;
    for (const ToldNode& one : told)
      text +=
          (text.empty() ? "" : "\n") + DescribeNode(one.node, cli.console.out.columns, ChecksText(one.checks, StyleOf(cli)));
    return text;
  };
  Page page = told.size() == 1 ? PageOf(cli, told.front(), describe) : PageOf(cli, told, describe);
  page.identity = NodesIdentity(nodes);
  return page;
}

}  // namespace

void AddNode(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<NodeFlags>();
  CLI::App* verb = app.add_subcommand("node", "show a host, or confirm that it is dead");
  verb->add_option("HOST", flags->lists, "as `everstep nodes` shows it, or a list such as n[0-3,7]")->required();
  CLI::Option* dead =
      verb->add_flag("--confirm-dead", flags->confirm_dead,
                     "the host is off or its processes are gone: jobs may go on elsewhere without waiting for it");
  verb->add_flag("--yes", flags->yes, "do not ask")->needs(dead);
  verb->add_flag("--dry-run", flags->dry_run, "say what would be done, and do nothing")->needs(dead);
  AddReadingFlags(*verb, cli, false);
  verb->callback([&cli, flags] {
    cli.verb = [&cli, flags]() -> Result<int> {
      if (flags->confirm_dead) return ConfirmIsDead(cli, *flags);
      return ShowPages(cli, [&] { return NodePage(cli, flags->lists); });
    };
  });
}

}  // namespace everstep
