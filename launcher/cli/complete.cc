// everstep completion: scripts for shells; and `names`, which they ask for what only the launcher knows.

#include <CLI/CLI.hpp>
#include <memory>

#include "launcher/cli/completion.h"
#include "launcher/cli/flags.h"
#include "launcher/cli/verbs.h"

namespace everstep {

namespace {

constexpr Duration kPatience = 1s;  // of a person who has pressed Tab
constexpr std::uint32_t kJobsMax = 200;

constexpr const char* kCompleteFooter =
    "  everstep completion bash > ~/.local/share/bash-completion/completions/everstep\n"
    "  everstep completion zsh > _everstep        in a directory of $fpath\n"
    "  everstep completion fish > ~/.config/fish/completions/everstep.fish\n";

Result<int> Names(const Cli& cli, const std::string& what) {
  EVERSTEP_ASSIGN(const auto client, Connect(cli, kPatience));
  if (what == "hosts") {
    EVERSTEP_ASSIGN(const NodesReply reply, Ask<NodesReply>(*client, ListNodes{}));
    for (const NodeView& node : reply.nodes) WriteOut(node.node.value + "\n");
  } else {
    EVERSTEP_ASSIGN(const JobsReply reply, Ask<JobsReply>(*client, ListJobs{.ended = what == "jobs", .rows_max = kJobsMax}));
    for (const JobView& job : reply.jobs) WriteOut(job.id.value + "\n");
  }
  return exit_code::kGood;
}

}  // namespace

void AddCompletion(CLI::App& app, Cli& cli) {
  auto shell = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("completion", "print a script that completes verbs, flags, hosts and jobs in a shell");
  verb->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(OneOf({"bash", "zsh", "fish"}))
      ->type_name("bash|zsh|fish");
  verb->footer(kCompleteFooter);
  verb->callback([&app, &cli, shell] {
    cli.verb = [&app, shell]() -> Result<int> {
      const Surface surface = SurfaceOf(app);
      WriteOut(*shell == "bash" ? BashCompletion(surface) : *shell == "zsh" ? ZshCompletion(surface) : FishCompletion(surface));
      return exit_code::kGood;
    };
  });
  auto what = std::make_shared<std::string>();
  CLI::App* names = app.add_subcommand("names", "what completions ask for")->group("");
  names->add_option("WHAT", *what)->required()->check(OneOf({"hosts", "jobs", "open-jobs"}));
  names->callback([&cli, what] { cli.verb = [&cli, what] { return Names(cli, *what); }; });
}

}  // namespace everstep
