#include "launcher/store/sqlite_db.h"

#include <sqlite3.h>

#include <cstring>

#include "base/check.h"
#include "base/text.h"

namespace everstep {

Error SqliteError(sqlite3* db, int code, std::string_view doing) {
  ErrorCode kind = ErrorCode::kIo;
  std::string hint;
  switch (code & 0xff) {
    case SQLITE_FULL:
      kind = ErrorCode::kExhausted;
      hint = "free space on the disk of the state directory";
      break;
    case SQLITE_TOOBIG: kind = ErrorCode::kExhausted; break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      kind = ErrorCode::kConflict;
      hint = "end the program that has the file open";
      break;
    case SQLITE_ERROR:  // the SQL is ours and right: the file has other tables, or a header that SQLite does not know
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: kind = ErrorCode::kCorrupt; break;
    default: break;
  }
  std::string message = Cat("cannot ", doing, ": ", sqlite3_errstr(code & 0xff), " (SQLite code ", code);
  if (const int system = db ? sqlite3_system_errno(db) : 0; system != 0 && kind == ErrorCode::kIo) {
    char buffer[128];
    message += Cat(", ", strerror_r(system, buffer, sizeof buffer));
  }
  return Error{kind, message + ")", std::move(hint)};
}

// ---- statements ----------------------------------------------------------------------------------------------------------

void SqliteStatement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

SqliteStatement& SqliteStatement::Bind(int parameter, std::int64_t value) {
  Check(sqlite3_bind_int64(statement_.get(), parameter, value) == SQLITE_OK, "a parameter of the statement");
  return *this;
}

SqliteStatement& SqliteStatement::BindBlob(int parameter, std::string_view bytes) {
  const char* at = bytes.empty() ? "" : bytes.data();  // nullptr would bind NULL
  const int code = sqlite3_bind_blob64(statement_.get(), parameter, at, bytes.size(), SQLITE_STATIC);
  Check(code == SQLITE_OK, "a parameter of the statement, and a value within SQLite's limit");
  return *this;
}

SqliteStatement& SqliteStatement::BindText(int parameter, std::string_view bytes) {
  const char* at = bytes.empty() ? "" : bytes.data();
  const int code = sqlite3_bind_text64(statement_.get(), parameter, at, bytes.size(), SQLITE_STATIC, SQLITE_UTF8);
  Check(code == SQLITE_OK, "a parameter of the statement, and a value within SQLite's limit");
  return *this;
}

Result<bool> SqliteStatement::Next() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement_.get());
    return false;
  }
  Error error = SqliteError(db_, sqlite3_extended_errcode(db_), Cat("run \"", Clip(sqlite3_sql(statement_.get()), 60), "\""));
  sqlite3_reset(statement_.get());
  return Fail(std::move(error));
}

Status SqliteStatement::Run() {
  for (;;) {
    EVERSTEP_ASSIGN(const bool row, Next());
    if (!row) return {};
  }
}

std::int64_t SqliteStatement::Integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }

std::string_view SqliteStatement::Bytes(int column) const {
  const void* at = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return at ? std::string_view(static_cast<const char*>(at), static_cast<std::size_t>(size)) : std::string_view();
}

// ---- databases -----------------------------------------------------------------------------------------------------------

void SqliteDb::Close::operator()(sqlite3* db) const { sqlite3_close_v2(db); }

Result<SqliteDb> SqliteDb::Open(const std::string& path, const std::string& vfs) {
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, vfs.empty() ? nullptr : vfs.c_str());
  SqliteDb db(raw);
  if (code != SQLITE_OK) return Fail(SqliteError(raw, code, Cat("open ", path)));
  if (!db.Writable())
    return Fail(ErrorCode::kIo, Cat("may not write to ", path), "give the launcher's user the right to write there");
  sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  // Replaces SQLite's own hook, which checkpoints by itself and hides a failed fsync.
  sqlite3_wal_hook(
      raw,
      [](void* pages, sqlite3*, const char*, int now) {
        *static_cast<int*>(pages) = now;
        return SQLITE_OK;
      },
      db.wal_pages_.get());
  return db;
}

bool SqliteDb::Writable() const { return sqlite3_db_readonly(db_.get(), "main") == 0; }

Status SqliteDb::Run(const std::string& sql) {
  const int code = sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return Fail(SqliteError(db_.get(), code, Cat("run \"", Clip(sql, 60), "\"")));
  return {};
}

Result<SqliteStatement> SqliteDb::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) return Fail(SqliteError(db_.get(), code, Cat("prepare \"", Clip(sql, 60), "\"")));
  return SqliteStatement(db_.get(), statement);
}

// To the end, although one row is enough: a pragma that writes commits with its last step, and may fail there.
Result<std::int64_t> SqliteDb::Integer(std::string_view sql) {
  EVERSTEP_ASSIGN(SqliteStatement statement, Prepare(sql));
  EVERSTEP_ASSIGN(const bool row, statement.Next());
  const std::int64_t value = row ? statement.Integer(0) : 0;
  if (row) EVERSTEP_TRY(statement.Run());
  return value;
}

Result<std::string> SqliteDb::Text(std::string_view sql) {
  EVERSTEP_ASSIGN(SqliteStatement statement, Prepare(sql));
  EVERSTEP_ASSIGN(const bool row, statement.Next());
  std::string value(row ? statement.Bytes(0) : std::string_view());
  if (row) EVERSTEP_TRY(statement.Run());
  return value;
}

Status SqliteDb::Checkpoint() {
  const int code = sqlite3_wal_checkpoint_v2(db_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (code != SQLITE_OK) return Fail(SqliteError(db_.get(), code, "copy the write-ahead log into the database"));
  *wal_pages_ = 0;
  return {};
}

void SqliteDb::Rollback() {
  if (sqlite3_get_autocommit(db_.get()) == 0) sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

}  // namespace everstep
