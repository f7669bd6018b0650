// How many submits a second a launcher can promise to keep: groups of 1, 10 and 100 through SqliteStore::Append, and calls of 1
// and of 64 people at once to a real launcher over gRPC, beside the same bytes through SQLite itself, one commit each. The
// variants take turns, so that a slow minute of the disk hits all of them. A launcher is a new one in each round: its queue
// starts empty, and all that is submitted stays in it, as there are no hosts.
//
//   bench_submit [DIRECTORY] [--launcher PROGRAM] [-o table|json] [--rounds N] [--milliseconds N]
//
// DIRECTORY (default: the current one) says which disk is measured; what is made there is removed again. Without --launcher
// the calls are left out.
#include <sqlite3.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/fields.h"
#include "base/json/codec.h"
#include "base/real/clock.h"
#include "base/text.h"
#include "launcher/rpc/client.h"
#include "launcher/store/sqlite_store.h"
#include "tests/bench/launcher/launcher_process.h"

namespace everstep {

struct Measurement {
  std::string what{};
  std::uint32_t batches = 0;  // per group
  double submits_per_second_min = 0;
  double submits_per_second_median = 0;
  double submits_per_second_max = 0;
  double milliseconds_per_group = 0;  // of the median round
};
EVERSTEP_FIELDS(Measurement, what, batches, submits_per_second_min, submits_per_second_median, submits_per_second_max,
                milliseconds_per_group)

struct Measurements {
  std::string directory{};
  std::uint32_t rounds = 0;
  std::uint32_t entry_bytes = 0;
  std::vector<Measurement> variants{};
};
EVERSTEP_FIELDS(Measurements, directory, rounds, entry_bytes, variants)

namespace {

constexpr std::uint32_t kEntryBytes = 600;  // a submitted job as a fact, about

struct Arguments {
  std::string directory = ".";
  std::string launcher{};
  bool json = false;
  std::uint32_t rounds = 5;
  Duration round = 1s;
};

// One way to make submits durable; a call makes one group of them.
struct Variant {
  std::string what{};
  std::uint32_t batches = 1;
  std::function<void()> group{};
  std::function<double()> rate{};  // instead of `group`: measures a round by itself
  std::vector<double> rates{};     // submits a second, one a round
};

Variant ThroughTheStore(SqliteStore& store, LogIndex& end, std::uint32_t batches) {
  const auto group = [&store, &end, batches] {
    std::vector<Batch> all(batches);
    for (std::uint32_t i = 0; i < batches; ++i) {
      all[i].entries = {std::string(kEntryBytes, 'x')};
      all[i].history = {
          {.index = LogIndex(end.value + i + 1), .job = JobId("llama-7"), .kind = "job_submitted", .why = "queued"}};
    }
    const Result<LogIndex> appended = store.Append(end, Epoch(1), all);
    Check(appended.has_value(), "the append succeeds");
    end = *appended;
  };
  return {.what = "SqliteStore", .batches = batches, .group = group};
}

Variant ThroughSqlite(sqlite3* db) {
  const auto group = [db] {
    static const std::string kInsert = Cat("INSERT INTO log(entry) VALUES('", std::string(kEntryBytes, 'x'), "')");
    Check(sqlite3_exec(db, kInsert.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK, "the insert succeeds");
  };
  return {.what = "SQLite, one commit each", .batches = 1, .group = group};
}

sqlite3* OpenSqlite(const std::string& path) {
  sqlite3* db = nullptr;
  Check(sqlite3_open(path.c_str(), &db) == SQLITE_OK, "SQLite opens");
  constexpr auto kSetUp =
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE log(idx INTEGER PRIMARY KEY, entry BLOB)";
  Check(sqlite3_exec(db, kSetUp, nullptr, nullptr, nullptr) == SQLITE_OK, "SQLite is set up");
  return db;
}

// So many people who each submit one job after another.
double SubmitOverGrpc(const std::string& program, const std::string& place, std::uint32_t people, Duration round) {
  LauncherProcess launcher(program, place);
  RealClock clock;
  std::atomic<std::uint64_t> submits{0};
  const Time start = clock.Now();
  std::vector<std::thread> callers;
  for (std::uint32_t i = 0; i < people; ++i)
    callers.emplace_back([&] {
      const auto client = ControlClient::Connect({.address = launcher.address()});
      Check(client.has_value(), "the launcher's address is one");
      const JobSpec spec{.name = "bench", .command = {"python3", "train.py"}, .nodes = 2, .workdir = "/srv"};
      for (RealClock own; own.Now() - start < round; ++submits)
        Check((*client)->Call(SubmitJob{.spec = spec}).has_value(), "a submit is acknowledged");
    });
  for (std::thread& caller : callers) caller.join();
  return static_cast<double>(submits) / Seconds(clock.Now() - start);
}

double Rate(Clock& clock, const Variant& variant, Duration round) {
  if (variant.rate) return variant.rate();
  const Time start = clock.Now();
  std::uint64_t submits = 0;
  Time now = start;
  for (; now - start < round; now = clock.Now()) {
    variant.group();
    submits += variant.batches;
  }
  return static_cast<double>(submits) / Seconds(now - start);
}

Measurement Summary(Variant variant) {
  std::sort(variant.rates.begin(), variant.rates.end());
  const double median = variant.rates[variant.rates.size() / 2];
  return {.what = variant.what,
          .batches = variant.batches,
          .submits_per_second_min = variant.rates.front(),
          .submits_per_second_median = median,
          .submits_per_second_max = variant.rates.back(),
          .milliseconds_per_group = 1000.0 * variant.batches / median};
}

void Print(const Measurements& all) {
  std::printf("%s, %u rounds, entries of %u bytes; durable submits a second\n", all.directory.c_str(), all.rounds,
              all.entry_bytes);
  std::printf("%-26s %8s %10s %10s %10s %12s\n", "", "at once", "min", "median", "max", "ms a group");
  for (const Measurement& m : all.variants)
    std::printf("%-26s %8u %10.0f %10.0f %10.0f %12.3f\n", m.what.c_str(), m.batches, m.submits_per_second_min,
                m.submits_per_second_median, m.submits_per_second_max, m.milliseconds_per_group);
}

Result<Arguments> Parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const std::string_view value = i + 1 < argc ? argv[i + 1] : "";
    const auto number = ParseUnsigned(value);
    if (word == "-o" && (value == "json" || value == "table")) {
      arguments.json = value == "json";
    } else if (word == "--rounds" && number && *number > 0 && *number <= 1000) {
      arguments.rounds = static_cast<std::uint32_t>(*number);
    } else if (word == "--milliseconds" && number && *number > 0 && *number <= 60000) {
      arguments.round = std::chrono::milliseconds(*number);
    } else if (word == "--launcher" && std::filesystem::is_regular_file(value)) {
      arguments.launcher = std::filesystem::absolute(value);
    } else if (!word.starts_with('-') && std::filesystem::is_directory(word)) {
      arguments.directory = word;
      continue;
    } else {
      return Fail(
          ErrorCode::kInvalid, Cat("cannot use \"", word, "\""),
          "usage: bench_submit [DIRECTORY] [--launcher PROGRAM] [-o table|json] [--rounds 1…1000] [--milliseconds 1…60000]");
    }
    ++i;
  }
  return arguments;
}

Measurements Measure(const Arguments& arguments, const std::string& place) {
  RealClock clock;
  SqliteStore store({.directory = place + "/store"}, clock);
  Check(store.Open() && store.BeginEpoch(Epoch(1)), "the store opens");
  LogIndex end;
  sqlite3* db = OpenSqlite(place + "/sqlite.db");
  std::vector<Variant> variants = {ThroughSqlite(db), ThroughTheStore(store, end, 1), ThroughTheStore(store, end, 10),
                                   ThroughTheStore(store, end, 100)};
  if (!arguments.launcher.empty())
    for (const std::uint32_t people : {1u, 64u})
      variants.push_back({.what = "a launcher over gRPC", .batches = people, .rate = [&arguments, &place, people] {
                            return SubmitOverGrpc(arguments.launcher, place, people, arguments.round);
                          }});
  for (std::uint32_t round = 0; round < arguments.rounds; ++round)
    for (Variant& variant : variants) variant.rates.push_back(Rate(clock, variant, arguments.round));
  sqlite3_close(db);
  Measurements all{.directory = arguments.directory, .rounds = arguments.rounds, .entry_bytes = kEntryBytes};
  for (Variant& variant : variants) all.variants.push_back(Summary(std::move(variant)));
  return all;
}

int Run(int argc, char** argv) {
  const Result<Arguments> arguments = Parse(argc, argv);
  if (!arguments) {
    std::fprintf(stderr, "bench_submit: %s\n", arguments.error().Str().c_str());
    return 2;
  }
  std::string place = arguments->directory + "/bench-submit-XXXXXX";
  Check(mkdtemp(place.data()) != nullptr, "a directory can be made there");
  const Measurements all = Measure(*arguments, std::filesystem::absolute(place).string());
  std::filesystem::remove_all(place);
  if (arguments->json)
    std::printf("%s\n", ToJson(all).c_str());
  else
    Print(all);
  return 0;
}

}  // namespace
}  // namespace everstep

int main(int argc, char** argv) { return everstep::Run(argc, argv); }
