// everstep ckpt ls|verify: which checkpoints of a directory are whole, by the rules that decide what a job resumes from. Looks
// at files only: needs no launcher, changes nothing.

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "agent/checkpoint/inspect.h"
#include "base/text.h"
#include "launcher/cli/globals.h"
#include "launcher/cli/output.h"
#include "launcher/cli/text_table.h"
#include "launcher/cli/verbs.h"

namespace everstep {

namespace {

struct CkptRequest {
  std::vector<std::string> paths{};
  std::string glob{};
  std::string marker{};

  CompleteWhen when() const {
    if (!glob.empty()) return {.kind = CompleteWhenKind::glob, .pattern = glob};
    if (!marker.empty()) return {.kind = CompleteWhenKind::marker, .pattern = marker};
    return {};
  }
};

// As printed with -o json.
struct CkptView {
  std::string name{};
  std::string path{};
  std::optional<std::uint64_t> step{};
  std::string state{};
  std::string why{};
  bool pinned = false;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};
EVERSTEP_FIELDS(CkptView, name, path, step, state, why, pinned, files, bytes)

std::string StateOf(const Inspected& found) {
  switch (found.completeness) {
    case Completeness::complete: return "complete";
    case Completeness::incomplete: return "incomplete";
    case Completeness::unverifiable: break;
  }
  return "unverifiable";
}

std::string Size(std::uint64_t bytes) {
  constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  std::uint64_t tenths = bytes > ~std::uint64_t{0} / 10 ? bytes : bytes * 10;
  for (; tenths >= 10240 && unit + 1 < std::size(kUnits); ++unit) tenths /= 1024;
  return unit == 0 || tenths >= 1000 ? Cat(tenths / 10, ' ', kUnits[unit])
                                     : Cat(tenths / 10, '.', tenths % 10, ' ', kUnits[unit]);
}

// `columns`: where the reasons are cut.
void ShowInspected(const Cli& cli, const std::vector<Inspected>& all, std::optional<std::size_t> columns) {
  if (!ForPeople(cli.output)) {
    std::vector<CkptView> views;
    for (const Inspected& one : all)
      views.push_back({one.name, one.path, one.step, StateOf(one), Printable(one.why), one.pinned, one.files, one.bytes});
    WriteOut(ViewData(cli.output, views));
    return;
  }
  if (all.empty()) return;  // which was said
  TextTable table{.titles = {"CHECKPOINT", "STEP", "STATE", "SIZE", "WHY"}};
  for (const Inspected& one : all)
    table.rows.push_back(
        {Printable(one.name), one.step ? Cat(*one.step) : "", StateOf(one), Size(one.bytes), Printable(one.why)});
  WriteOut(Render(table, {.titles = cli.titles, .columns = cli.output == OutputFormat::wide ? std::nullopt : columns}));
}

std::string Absolute(const Cli& cli, const std::string& path) {
  std::string whole = path.starts_with('/') ? path : Cat(cli.directory, '/', path);
  while (whole.size() > 1 && whole.ends_with('/')) whole.pop_back();
  return whole;
}

Result<int> List(const Cli& cli, const CkptRequest& request) {
  const std::string directory = Absolute(cli, request.paths.empty() ? "." : request.paths.front());
  EVERSTEP_ASSIGN(const std::vector<Inspected> all, InspectAll(directory, request.when(), Depth::structure));
  if (all.empty()) WriteErr(Cat("nothing in ", Printable(directory), " looks like a checkpoint\n"));
  ShowInspected(cli, all, cli.console.out.columns);
  return exit_code::kGood;
}

// A link that the user names is followed: trainers call their newest one `last.ckpt` that way. Links inside of directories are
// not, as a job's are not.
std::string Followed(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_symlink(path, error)) return path;
  const std::string target = std::filesystem::canonical(path, error).string();
  return error ? path : target;
}

// One checkpoint, or all in a directory of them.
Result<std::vector<Inspected>> VerifyPath(const Cli& cli, const CkptRequest& request, const std::string& path) {
  const std::string whole = Followed(Absolute(cli, path));
  if (IsOneCheckpoint(whole, request.when())) {
    EVERSTEP_ASSIGN(Inspected one, Inspect(whole, request.when(), Depth::contents));
    one.name = path;
    return std::vector{std::move(one)};
  }
  EVERSTEP_ASSIGN(std::vector<Inspected> inside, InspectAll(whole, request.when(), Depth::contents));
  if (inside.empty())
    return Fail(ErrorCode::kNotFound, Cat("nothing in ", whole, " looks like a checkpoint"),
                "name one, or say what it is with --glob or --marker");
  return inside;
}

Result<int> Verify(const Cli& cli, const CkptRequest& request) {
  std::vector<Inspected> all;
  std::vector<Error> errors;  // of paths that could not be looked at: the others are verified all the same
  for (const std::string& path : request.paths) {
    Result<std::vector<Inspected>> found = VerifyPath(cli, request, path);
    if (found)
      std::move(found->begin(), found->end(), std::back_inserter(all));
    else
      errors.push_back(std::move(found).error());
  }
  if (errors.empty() || !all.empty()) ShowInspected(cli, all, std::nullopt);  // the reason is the answer
  if (!errors.empty()) {
    std::vector<std::string> messages;
    for (const Error& error : errors) messages.push_back(error.message);
    return Fail(errors.front().code, Join(messages, "\n"), errors.front().hint);
  }
  const bool good =
      std::all_of(all.begin(), all.end(), [](const Inspected& one) { return one.completeness == Completeness::complete; });
  return good ? exit_code::kGood : exit_code::kBad;
}

CLI::App* AddOne(CLI::App& ckpt, Cli& cli, const std::string& name, const std::string& about,
                 const std::shared_ptr<CkptRequest>& request, Result<int> (*does)(const Cli&, const CkptRequest&)) {
  CLI::App* verb = ckpt.add_subcommand(name, about);
  CLI::Option* glob =
      verb->add_option("--glob", request->glob, "what matches is complete, as complete_when: {glob: …} in a job file");
  glob->type_name("PATTERN");
  CLI::Option* marker =
      verb->add_option("--marker", request->marker, "a directory with this file in it is complete, as {marker: …}");
  marker->type_name("FILE")->excludes(glob);
  AddOutputFlags(*verb, cli, true);
  verb->callback([&cli, request, does] { cli.verb = [&cli, request, does] { return does(cli, *request); }; });
  return verb;
}

}  // namespace

void AddCkpt(CLI::App& app, Cli& cli) {
  auto request = std::make_shared<CkptRequest>();
  CLI::App* ckpt = app.add_subcommand("ckpt", "list and verify the checkpoints in a directory of this host");
  ckpt->require_subcommand(1);
  AddOne(*ckpt, cli, "ls", "list what looks like a checkpoint, by names, sizes and headers", request, List)
      ->add_option("DIR", request->paths, "the checkpoint directory; default: where you stand")
      ->expected(0, 1);
  AddOne(*ckpt, cli, "verify", "read every byte that has a checksum: exit 0 when all are complete, 1 when one is not", request,
         Verify)
      ->add_option("PATH", request->paths, "checkpoints, or a directory of them")
      ->required();
}

}  // namespace everstep
