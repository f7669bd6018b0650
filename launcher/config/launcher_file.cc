#include "launcher/config/launcher_file.h"

#include "base/text.h"
#include "base/yaml/quantity.h"

namespace everstep {

namespace {

using yaml::DurationBetween;
using yaml::Group;
using yaml::HostPort;
using yaml::Integer;
using yaml::Key;
using yaml::ListOf;
using yaml::OrEmpty;
using yaml::Path;
using yaml::Row;

using Options = LauncherOptions;

Profile ProfileOf(const Options& options) {
  Options fast = options;
  Apply(Profile::fast, fast);
  return fast == options ? Profile::fast : Profile::standard;
}

Row<Options> ProfileRow() {
  return yaml::KeyThrough<Options, Profile>(
      "profile", ProfileOf, [](Options& options, Profile profile) { Apply(profile, options); },
      yaml::AnyOf<Profile>(
          {{[](const Profile& profile) { return profile == Profile::standard; }, yaml::Word("default", Profile::standard)},
           {[](const Profile& profile) { return profile == Profile::fast; }, yaml::Word("fast", Profile::fast)}}),
      "sets the keys that are commented out below; fast: lost_after 3.3s, fence.after 2.5s");
}

// A key that the profile sets: printed as a comment where it has the profile's value, so that the profile goes on to set it.
Row<Options> InProfile(Duration Options::*member, Row<Options> row) {
  row.entry = [member, entry = row.entry](const Options& options) {
    Options by_profile = options;
    Apply(ProfileOf(options), by_profile);
    yaml::Entry printed = entry(options);
    printed.absent = by_profile.*member == options.*member;
    return printed;
  };
  return row;
}

yaml::Table<Options> DetectionTable() {
  return {{
      Key("beat_every", &Options::beat_every, DurationBetween(50ms, 10s),
          "how often an agent says that it lives; more slowly in clusters of more than 5,000 hosts"),
      Key("suspect_after", &Options::suspect_after, DurationBetween(100ms, 10min),
          "silence after which the launcher and three peers look for themselves"),
      InProfile(&Options::lost_after,
                Key("lost_after", &Options::lost_after, DurationBetween(500ms, 1h),
                    "silence after which a host that peers cannot reach either is lost; at least fence.after x 1.1 + 0.5s")),
      Key("agent_return", &Options::agent_return, DurationBetween(0s, 1h),
          "how long a host that answers \"agent down\" may take to start its agent again; its keepers end its gangs after "
          "fence.after"),
      Key("return_grace", &Options::return_grace, DurationBetween(0s, 1h), "after a launcher start nobody is lost before this"),
  }};
}

yaml::Table<Options> FenceTable() {
  return {{
      InProfile(&Options::fence_after,
                Key("after", &Options::fence_after, DurationBetween(500ms, 1h),
                    "a host without an acknowledged beat for this long, and without a majority of its peers, kills its gangs")),
      Key("command", &Options::fence_command, ListOf(yaml::Text(), 64, "[/usr/sbin/power-off, --now]"),
          "run with the name of a lost host as last argument; exit code 0 says that the host is off; []: none"),
      Key("deadline", &Options::fence_deadline, DurationBetween(1s, 1h), "for the command"),
  }};
}

// One hook of the map; none is an empty list.
Row<Options> RemedyRow(std::string name, HealthAction action, std::string about) {
  return yaml::KeyThrough<Options, std::vector<std::string>>(
      std::move(name),
      [action](const Options& options) {
        const auto found = options.remedies.find(action);
        return found == options.remedies.end() ? std::vector<std::string>() : found->second;
      },
      [action](Options& options, std::vector<std::string> command) {
        if (command.empty())
          options.remedies.erase(action);
        else
          options.remedies[action] = std::move(command);
      },
      ListOf(yaml::Text(), 64, "[/usr/sbin/site-hook, --now]"), std::move(about));
}

yaml::Table<Options> HealthTable() {
  return {{
      Key("mode", &Options::health_mode, yaml::EnumOf<HealthMode>(),
          "act: a host whose checks ask for it is taken out of work; observe: the events say what would have been done"),
      Key("removals_percent", &Options::removals_percent, Integer<std::uint32_t>(0, 100),
          "of the hosts, that checks may take out of work within an hour; one may always go"),
      Key("move_within", &Options::move_within, DurationBetween(0s, 24h),
          "a job on a host to be drained moves at its next checkpoint, or after this"),
      RemedyRow(
          "reset", HealthAction::reset,
          "run with the name of a host in quarantine as last argument, after its work has left it; exit code 0 says that its "
          "device is reset; []: a person does it"),
      RemedyRow("reboot", HealthAction::reboot, "the same, to reboot it"),
      RemedyRow("replace", HealthAction::replace, "the same, to replace it"),
      Key("deadline", &Options::remedy_deadline, DurationBetween(1s, 24h), "for each of the three"),
  }};
}

yaml::Table<Options> PreflightTable() {
  return {{
      Key("level", &Options::preflight_level, yaml::EnumOf<PreflightLevel>(),
          "off; quick: four rounds of pairs of the network; full: each pair. Each host looks at itself first"),
      Key("unknown", &Options::preflight_unknown, yaml::EnumOf<PreflightUnknown>(),
          "what a host could not read of itself; pass: it is told, and the job starts; block: it is as bad as what fails"),
      Key("valid_for", &Options::preflight_valid_for, DurationBetween(kPreflightHoldsLeast, kPreflightHoldsMost),
          "hosts that passed so long ago, and were not rebooted since, are not checked again"),
  }};
}

yaml::Table<Options> PortsTable() {
  return {{
      Key("first", &Options::port_first, Integer<std::uint32_t>(1024, 65535), "lowest"),
      Key("last", &Options::port_last, Integer<std::uint32_t>(1024, 65535), "highest"),
      Key("rest", &Options::port_rest, DurationBetween(0s, 24h), "a port is not used again for this long"),
  }};
}

yaml::Table<Options> MakeTable() {
  return {{
      ProfileRow(),
      Key("cluster", &Options::cluster, yaml::Name(), "a name for people"),
      Key("listen", &Options::listen, HostPort(), "address for agents and the command line; port 0: any free one"),
      Key("state_dir", &Options::state_dir, OrEmpty(Path()),
          "holds the log, on a local file system; created if missing; empty: everstep/launcher in XDG_STATE_HOME"),
      Key("address_file", &Options::address_file, OrEmpty(Path()),
          "where the address it listens on is written once it serves; empty: nowhere"),
      Key("insecure", &Options::insecure, yaml::Bool(), "plain text on an address that is not loopback; warns at every start"),
      Group("detection", DetectionTable(), "how a lost host is noticed"),
      Group("fence", FenceTable(), "how a lost host is kept from going on"),
      Group("health", HealthTable(), "what is done about hosts whose own checks fail"),
      Group("preflight", PreflightTable(),
            "what is proven of its hosts before a job starts, where the job does not say itself"),
      Group("ports", PortsTable(), "MASTER_PORT is taken from here; keep clear of the kernel's ephemeral ports"),
      Key("blame", &Options::blame_file, OrEmpty(Path()),
          "rules that put failures down to their causes, as in configs/blame.yaml; empty: those that are compiled in"),
      Key("history", &Options::history, DurationBetween(1h, 24h * 3650), "events are kept for this long"),
      Key("jobs_max", &Options::jobs_max, Integer<std::uint32_t>(1, 1'000'000), "jobs that have not ended; more are refused"),
  }};
}

tl::unexpected<Error> Bad(std::string_view key, Duration found, std::string_view legal, Duration least, std::string why) {
  return Fail(ErrorCode::kInvalid,
              Cat(key, ": found ", WriteDuration(found), ", legal: ", legal, ' ', WriteDuration(least), ", because ", why));
}

}  // namespace

void Apply(Profile profile, LauncherOptions& options) {
  const LauncherOptions defaults;
  options.lost_after = profile == Profile::fast ? 3300ms : defaults.lost_after;
  options.fence_after = profile == Profile::fast ? 2500ms : defaults.fence_after;
}

const yaml::Table<LauncherOptions>& LauncherFileTable() {
  static const yaml::Table<LauncherOptions> table = MakeTable();
  return table;
}

Status CheckLauncher(const LauncherOptions& o) {
  if (o.suspect_after < 2 * o.beat_every)
    return Bad("detection.suspect_after", o.suspect_after, "at least", 2 * o.beat_every, "one late beat is no silence");
  if (o.lost_after <= o.suspect_after)
    return Bad("detection.lost_after", o.lost_after, "more than", o.suspect_after, "a host is suspect before it is lost");
  if (o.fence_after < 3 * o.beat_every)
    return Bad("fence.after", o.fence_after, "at least", 3 * o.beat_every, "two lost beats must not kill a gang");
  const Duration emptied = o.fence_after + o.fence_after / 10 + 500ms;
  if (o.fence_command.empty() && o.lost_after < emptied)
    return Bad("detection.lost_after", o.lost_after, "at least", emptied,
               "a lost host must have killed its own gangs before others take over (fence.after x 1.1 + 0.5s)");
  if (o.port_last < o.port_first)
    return Fail(ErrorCode::kInvalid, Cat("ports.last: found ", o.port_last, ", legal: at least ports.first, ", o.port_first));
  return {};
}

std::string WriteLauncherFile(const LauncherOptions& options) {
  return yaml::PrintWithDocs(kLauncherFileTitle, yaml::EntriesOf(LauncherFileTable(), options));
}

}  // namespace everstep
