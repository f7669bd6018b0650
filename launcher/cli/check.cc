// everstep check: hosts of the cluster, each by itself and the network between them; and the catalogue of checks, without a
// launcher.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "base/yaml/quantity.h"
#include "health/catalogue/catalogue.h"
#include "health/core/rule.h"
#include "health/core/verdict.h"
#include "launcher/cli/check_hosts.h"
#include "launcher/cli/flags.h"
#include "launcher/cli/globals.h"
#include "launcher/cli/output.h"
#include "launcher/cli/verbs.h"

namespace everstep {

struct CheckView {
  std::string check{};
  std::string what{};
  std::string reads{};
  std::string unit{};
  std::optional<std::string> warn{};
  std::optional<std::string> fail{};
  std::string by{};
  std::string action{};
  std::string remedy{};
  std::string why{};
  std::string source{};
};
EVERSTEP_FIELDS(CheckView, check, what, reads, unit, warn, fail, by, action, remedy, why, source)

struct XidView {
  std::string codes{};
  std::string about{};
  std::string action{};
  std::optional<std::string> repeat{};
  std::optional<std::string> nonfatal{};
};
EVERSTEP_FIELDS(XidView, codes, about, action, repeat, nonfatal)

namespace {

using health::Catalogue;

struct CheckFlags {
  HostCheckFlags check{};
  bool list = false;
  bool xid = false;
  std::string profile{};
  std::string catalogue{};
  std::string stress{};
};

std::optional<std::string> Shown(const std::optional<health::Rule>& rule, health::Unit unit, const health::Profile* profile) {
  return rule ? std::optional(health::ShowRule(*rule, unit, profile)) : std::nullopt;
}

std::vector<CheckView> Views(const Catalogue& catalogue, const health::Profile* profile) {
  std::vector<CheckView> views;
  for (const health::Check& row : catalogue.checks) {
    if (profile && std::find(profile->off.begin(), profile->off.end(), row.id) != profile->off.end()) continue;
    const health::Check check = profile ? health::Effective(row, *profile) : row;
    views.push_back({.check = check.id,
                     .what = check.what,
                     .reads = check.reads,
                     .unit = std::string(Name(check.unit)),
                     .warn = Shown(check.warn, check.unit, profile),
                     .fail = Shown(check.fail, check.unit, profile),
                     .by = std::string(Name(check.by)),
                     .action = std::string(Name(check.action)),
                     .remedy = check.remedy,
                     .why = check.why,
                     .source = check.source});
  }
  return views;
}

std::vector<XidView> Xids(const health::XidTable& table) {
  const auto name = [](const std::optional<health::Action>& action) {
    return action ? std::optional(std::string(Name(*action))) : std::nullopt;
  };
  std::vector<XidView> views;
  for (const health::XidRow& row : table.rows) {
    std::vector<std::string> codes;
    for (const auto& range : row.codes)
      codes.push_back(range.first == range.last ? Cat(range.first) : Cat(range.first, '-', range.last));
    views.push_back({.codes = Join(codes),
                     .about = row.about,
                     .action = row.follow_text ? "as the line says" : std::string(Name(row.action)),
                     .repeat = name(row.repeat),
                     .nonfatal = name(row.nonfatal)});
  }
  return views;
}

TextTable CheckTable(const std::vector<CheckView>& views, bool wide) {
  TextTable table{.titles = {"CHECK", "UNIT", "WARN", "FAIL", "BY", "ACTION"}};
  if (wide) table.titles.insert(table.titles.end(), {"READS", "SOURCE"});
  table.titles.push_back("WHAT");
  for (const CheckView& view : views) {
    table.rows.push_back({view.check, view.unit, view.warn.value_or(""), view.fail.value_or(""), view.by, view.action});
    if (wide) table.rows.back().insert(table.rows.back().end(), {view.reads, view.source});
    table.rows.back().push_back(view.what);
  }
  return table;
}

TextTable XidTableOf(const std::vector<XidView>& views) {
  TextTable table{.titles = {"XID", "ACTION", "REPEAT", "NONFATAL", "ABOUT"}};
  for (const XidView& view : views)
    table.rows.push_back({view.codes, view.action, view.repeat.value_or(""), view.nonfatal.value_or(""), view.about});
  return table;
}

Result<int> List(const Cli& cli, const CheckFlags& flags) {
  EVERSTEP_ASSIGN(const Catalogue catalogue, health::LoadCatalogue(flags.catalogue));
  std::optional<health::Profile> profile;
  if (!flags.profile.empty()) {
    EVERSTEP_ASSIGN(health::Chosen chosen, health::ChooseProfile(catalogue, {.wanted = flags.profile}));
    profile = std::move(chosen.profile);
  }
  const TableStyle style = StyleOf(cli);
  if (flags.xid) {
    const std::vector<XidView> views = Xids(catalogue.xids);
    WriteOut(ForPeople(cli.output) ? Render(XidTableOf(views), style) : ViewData(cli.output, views));
    return exit_code::kGood;
  }
  const std::vector<CheckView> views = Views(catalogue, profile ? &*profile : nullptr);
  WriteOut(ForPeople(cli.output) ? Render(CheckTable(views, cli.output == OutputFormat::wide), style)
                                 : ViewData(cli.output, views));
  return exit_code::kGood;
}

Result<int> Check(const Cli& cli, const CheckFlags& flags) {
  if (flags.list || flags.xid) return List(cli, flags);
  if (!flags.catalogue.empty())
    return Fail(ErrorCode::kInvalid, "--catalogue goes with --list only: hosts have their own",
                "everstep-agent scan --catalogue DIR");
  HostCheckFlags hosts = flags.check;
  hosts.profile = flags.profile;
  if (!flags.stress.empty()) {
    if (hosts.level != "deep")
      return Fail(ErrorCode::kInvalid, Cat("--stress goes with --level deep only: the level is ", hosts.level),
                  "everstep check --level deep --stress 20min");
    EVERSTEP_ASSIGN(const Duration time, ParseDuration(flags.stress));
    if (time < 200ms || time > 24h)
      return Fail(ErrorCode::kInvalid, Cat("--stress: found ", flags.stress, ", legal: 200ms to 24h"));
    hosts.stress = flags.stress;
  }
  return CheckHosts(cli, hosts);
}

constexpr const char* kCheckFooter =
    "The hosts get no job while this lasts: seconds. Each is looked at by everstep-agent scan, in the context that a job's "
    "ranks "
    "have; then everstep-probe tries the network between them. Returns 0 when all are fit, 1 when some are not, 2 when it "
    "could "
    "not be made.\n"
    "\n"
    "  everstep check n[1-8] --level full\n"
    "  everstep check n[1-8] --level deep --stress 20min\n"
    "  everstep check --list\n";

}  // namespace

void AddCheck(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<CheckFlags>();
  CLI::App* verb = app.add_subcommand("check", "check hosts and the network between them, or print what is checked");
  verb->add_option("HOST", flags->check.hosts, "names, or a list such as n[1-3] [all that are free]")->type_name("HOST");
  verb->add_option("--level", flags->check.level,
                   "four rounds of pairs of the network, or each pair; deep: each pair, and each host under stress")
      ->type_name("quick|full|deep")
      ->check(OneOf({"quick", "full", "deep"}))
      ->capture_default_str();
  verb->add_option("--stress", flags->stress, "of level deep: for how long all cores and memory are stressed [10s]")
      ->type_name("DURATION");
  verb->add_flag("--strict", flags->check.strict, "what warns or cannot be read is bad, too");
  verb->add_flag("--wait", flags->check.waits, "wait until the hosts are free");
  verb->add_flag("--list", flags->list, "print the catalogue of checks; no launcher is needed");
  verb->add_flag("--xid", flags->xid, "print what is done about each Xid of a GPU instead");
  verb->add_option("--profile", flags->profile, "with the limits of this kind of host: p5.48xlarge, g5, cpu …")
      ->type_name("NAME");
  verb->add_option("--catalogue", flags->catalogue, "checks.yaml, xid.yaml and profiles/ of your own [as built in]")
      ->type_name("DIR");
  AddOutputFlags(*verb, cli, true);
  verb->footer(kCheckFooter);
  verb->callback([&cli, flags] { cli.verb = [&cli, flags] { return Check(cli, *flags); }; });
}

}  // namespace everstep
