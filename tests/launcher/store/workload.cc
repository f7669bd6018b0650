#include "tests/launcher/store/workload.h"

#include <utility>

namespace everstep {
namespace {

Step Reopened() { return {.name = "reopen", .reopen = true}; }

Step Epoched(std::uint64_t epoch) {
  return {.name = Cat("epoch ", epoch), .run = [=](Store& store) { return store.BeginEpoch(Epoch(epoch)).has_value(); }};
}

// Group of batches with `sizes` entries each, the first of which is entry `first`; each entry has a history row.
Step Grouped(std::uint64_t first, std::uint64_t epoch, const std::vector<std::size_t>& sizes, std::size_t bytes = 40) {
  std::vector<Batch> batches;
  std::uint64_t index = first;
  for (const std::size_t size : sizes) {
    Batch& batch = batches.emplace_back();
    for (std::size_t i = 0; i < size; ++i, ++index) {
      std::string entry = Cat("entry ", index, " ");
      entry.resize(bytes, static_cast<char>('a' + index % 26));
      batch.entries.push_back(std::move(entry));
      batch.history.push_back(
          Row(index, Cat("job-", index % 3), index % 2 ? "" : "n1", Cat("row of ", index), static_cast<std::int64_t>(index)));
    }
  }
  return {.name = Cat("append at ", first - 1),
          .run = [=](Store& store) { return store.Append(LogIndex(first - 1), Epoch(epoch), batches).has_value(); }};
}

Step Compacted(std::uint64_t index, std::uint64_t epoch, std::size_t bytes) {
  return {.name = Cat("compact at ", index), .run = [=](Store& store) {
            const Snapshot snapshot{.index = LogIndex(index), .bytes = std::string(bytes, static_cast<char>('A' + index % 26))};
            return store.Compact(Epoch(epoch), snapshot).has_value();
          }};
}

Step Forgotten(std::int64_t oldest) {
  return {.name = Cat("forget ", oldest),
          .run = [=](Store& store) { return store.ForgetHistory(WallTime{oldest}).has_value(); }};
}

Contents ContentsOf(Recovered recovered, std::vector<HistoryRow> history) {
  return {.epoch = recovered.epoch,
          .snapshot = std::move(recovered.snapshot),
          .first = recovered.first,
          .entries = std::move(recovered.entries),
          .history = std::move(history),
          .last_write = recovered.last_write};
}

}  // namespace

std::string Show(const Contents& c) {
  return Cat("epoch ", c.epoch, ", snapshot ", c.snapshot ? c.snapshot->index.Str() : "none", ", ",
             Count(c.entries.size(), "log row"), " from ", c.first, ", ", Count(c.history.size(), "history row"));
}

std::vector<Step> AWorkingLife() {
  return {Reopened(),
          Epoched(1),
          Grouped(1, 1, {1}),
          Grouped(2, 1, {2, 1, 3}),
          Grouped(8, 1, {1}, 9000),
          Compacted(4, 1, 6000),
          Grouped(9, 1, {1}),
          Reopened(),
          Epoched(2),
          Grouped(10, 2, {1, 1}),
          Forgotten(5),
          Compacted(11, 2, 100),
          Grouped(12, 2, {4}),
          Reopened(),
          Reopened(),
          Epoched(7),
          Grouped(16, 7, {1})};
}

std::vector<Contents> Model(const std::vector<Step>& steps) {
  StillClock clock;
  const auto log = std::make_shared<MemoryLog>();
  auto store = std::make_unique<MemoryStore>(log, clock);
  std::vector<Contents> after = {{}};
  for (const Step& step : steps) {
    if (step.reopen) {
      store.reset();
      store = std::make_unique<MemoryStore>(log, clock);
      Check(store->Open().has_value(), "the model opens");
    } else {
      Check(step.run(*store), "the model does every step");
    }
    after.push_back({.epoch = log->epoch,
                     .snapshot = log->snapshot,
                     .first = LogIndex(log->end.value - log->entries.size() + 1),
                     .entries = log->entries,
                     .history = log->history,
                     .last_write = log->last_write});
  }
  return after;
}

std::size_t Launcher::Run(const std::vector<Step>& steps) {
  std::size_t acknowledged = 0;
  for (const Step& step : steps) {
    if (!(step.reopen ? Reopen().has_value() : step.run(*store_))) break;
    ++acknowledged;
  }
  return acknowledged;
}

Result<Recovered> Launcher::Reopen() {
  store_.reset();
  store_ = std::make_unique<SqliteStore>(
      SqliteOptions{
          .directory = directory_, .vfs = disk_.vfs(), .reserve_bytes = reserve_bytes_, .checkpoint_pages = kCheckpointPages},
      clock_);
  return store_->Open();
}

Result<Contents> Launcher::Recover() {
  EVERSTEP_ASSIGN(Recovered recovered, Reopen());
  EVERSTEP_ASSIGN(std::vector<HistoryRow> history, store_->History({}));
  return ContentsOf(std::move(recovered), std::move(history));
}

}  // namespace everstep
