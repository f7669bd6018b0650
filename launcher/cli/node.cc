// everstep node: all about one host; --confirm-dead vouches for its death.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "launcher/cli/verbs.h"
#include "launcher/cli/view_json.h"
#include "launcher/cli/view_text.h"

namespace everstep {

namespace {

struct NodeFlags {
  std::string name{};
  bool confirm_dead = false;
  bool yes = false;
};

// A person's word lets the launcher start ranks again elsewhere: it must be given on purpose.
Status MakeSure(const NodeFlags& flags) {
  if (flags.yes) return {};
  if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
    return Fail(ErrorCode::kInvalid, "--confirm-dead asks for confirmation, and nobody is there to ask", "add --yes");
  WriteErr(Cat("Is ", flags.name,
               " certainly off, or all of its jobs' processes gone? If they still run, two worlds may train.\n",
               "Type its name to confirm: "));
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == flags.name) return {};
  return Fail(ErrorCode::kInvalid, "not confirmed: nothing was changed");
}

Result<int> Node(const Cli& cli, const NodeFlags& flags) {
  if (flags.confirm_dead) {
    EVERSTEP_TRY(MakeSure(flags));
    EVERSTEP_ASSIGN(const Accepted reply, Ask<Accepted>(cli, ConfirmDead{.node = NodeId(flags.name), .by = Requester()}));
    WriteErr(Cat(Printable(reply.why), "\n"));
    return exit_code::kGood;
  }
  EVERSTEP_ASSIGN(const NodesReply reply, Ask<NodesReply>(cli, GetNode{.node = NodeId(flags.name)}));
  if (reply.nodes.empty())
    return Fail(ErrorCode::kNotFound, Cat("no host is called ", flags.name), "everstep nodes lists them");
  WriteOut(cli.output == OutputFormat::json ? ViewJson(reply.nodes.front()) : DescribeNode(reply.nodes.front()));
  return exit_code::kGood;
}

}  // namespace

void AddNode(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<NodeFlags>();
  CLI::App* verb = app.add_subcommand("node", "show one host, or confirm that it is dead");
  verb->add_option("NAME", flags->name, "as `everstep nodes` shows it")->required();
  verb->add_flag("--confirm-dead", flags->confirm_dead,
                 "the host is off or its processes are gone: jobs may go on elsewhere without waiting for it");
  verb->add_flag("--yes", flags->yes, "do not ask");
  AddOutputFlags(*verb, cli, false);
  verb->callback([&cli, flags] { cli.verb = [&cli, flags] { return Node(cli, *flags); }; });
}

}  // namespace everstep
