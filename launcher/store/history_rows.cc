#include "launcher/store/history_rows.h"

#include <algorithm>
#include <string>

#include "base/text.h"
#include "launcher/store/log_end.h"

namespace everstep {
namespace {

Hash CheckOf(const HistoryRow& row) {
  std::string bytes;
  for (const std::string_view part : {std::string_view(row.job.value), std::string_view(row.node.value),
                                      std::string_view(row.kind), std::string_view(row.why)})
    bytes += Cat(part.size(), ":", part);
  return HashBytes(Cat(row.index, ",", row.at.ns, ",", bytes));
}

HistoryRow Current(const SqliteStatement& row) {
  HistoryRow out{.index = LogIndex(static_cast<std::uint64_t>(row.Integer(0))),
                 .at = WallTime{row.Integer(1)},
                 .job = JobId(std::string(row.Bytes(2))),
                 .node = NodeId(std::string(row.Bytes(3))),
                 .kind = std::string(row.Bytes(4)),
                 .why = std::string(row.Bytes(5))};
  if (View(CheckOf(out)) != row.Bytes(6)) {
    out.kind = "damaged";
    out.why = "this row of the history is damaged on disk; the log itself is checked apart from it";
  }
  return out;
}

}  // namespace

Status InsertHistory(SqliteDb& db, const std::vector<Batch>& batches) {
  EVERSTEP_ASSIGN(
      SqliteStatement insert,
      db.Prepare("INSERT INTO history(idx, part, at, job, node, kind, why, check_hash) VALUES(?, ?, ?, ?, ?, ?, ?, ?)"));
  std::int64_t part = 0;
  for (const Batch& batch : batches) {
    for (const HistoryRow& row : batch.history) {
      const Hash check = CheckOf(row);
      insert.Bind(1, static_cast<std::int64_t>(row.index.value)).Bind(2, part++).Bind(3, row.at.ns);
      insert.BindText(4, row.job.value).BindText(5, row.node.value).BindText(6, row.kind).BindText(7, row.why);
      EVERSTEP_TRY(insert.BindBlob(8, View(check)).Run());
    }
  }
  return {};
}

Result<std::vector<HistoryRow>> SelectHistory(SqliteDb& db, const HistoryQuery& query) {
  const std::string_view order = query.newest ? " DESC" : "";
  const std::string sql = Cat("SELECT idx, at, job, node, kind, why, check_hash FROM history WHERE idx > ?1",
                              query.job.empty() ? "" : " AND job = ?2 AND job <> ''",
                              query.node.empty() ? "" : " AND node = ?3 AND node <> ''",  //
                              " ORDER BY idx", order, ", part", order, " LIMIT ?4");
  EVERSTEP_ASSIGN(SqliteStatement select, db.Prepare(sql));
  select.Bind(1, static_cast<std::int64_t>(query.after.value)).Bind(4, query.rows_max);
  if (!query.job.empty()) select.BindText(2, query.job.value);
  if (!query.node.empty()) select.BindText(3, query.node.value);
  std::vector<HistoryRow> rows;
  for (;;) {
    EVERSTEP_ASSIGN(const bool found, select.Next());
    if (!found) break;
    rows.push_back(Current(select));
  }
  if (query.newest) std::reverse(rows.begin(), rows.end());
  return rows;
}

Status DeleteHistory(SqliteDb& db, WallTime oldest) {
  EVERSTEP_ASSIGN(SqliteStatement remove, db.Prepare("DELETE FROM history WHERE at < ?"));
  return remove.Bind(1, oldest.ns).Run();
}

}  // namespace everstep
