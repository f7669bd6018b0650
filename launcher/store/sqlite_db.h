// SQLite's C interface as values that clean up after themselves and errors as Result. No knowledge of what is stored.
//
// Thread: one at a time for a database and all its statements. A statement must not outlive its database.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace everstep {

// kExhausted: disk full, value too large · kConflict: another program holds the file · kCorrupt: not a database, malformed,
// other tables · kIo: all else. `doing` completes "cannot ...: ".
Error SqliteError(sqlite3* db, int code, std::string_view doing);

class SqliteStatement {
 public:
  SqliteStatement(sqlite3* db, sqlite3_stmt* statement) : db_(db), statement_(statement) {}

  // Parameters count from 1. Bytes are not copied: they must live until the statement has run. REQUIRES: at most 1 GB.
  SqliteStatement& Bind(int parameter, std::int64_t value);
  SqliteStatement& BindBlob(int parameter, std::string_view bytes);
  SqliteStatement& BindText(int parameter, std::string_view bytes);

  // True: there is a row to read. After false the statement may be bound and run again.
  Result<bool> Next();
  // For statements without rows: runs to the end.
  Status Run();

  // Of the current row; columns count from 0. The view is good until the next call to Next.
  std::int64_t Integer(int column) const;
  std::string_view Bytes(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  sqlite3* db_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class SqliteDb {
 public:
  // Creates an empty file where there is none; reads and locks nothing yet. Closing leaves the files as they are: no
  // checkpoint. `vfs`: empty for SQLite's default.
  static Result<SqliteDb> Open(const std::string& path, const std::string& vfs);

  // One or more statements whose rows, if any, do not matter.
  Status Run(const std::string& sql);
  Result<SqliteStatement> Prepare(std::string_view sql);
  // The first column of the first row, as a number or as bytes; 0 or "" when there is no row.
  Result<std::int64_t> Integer(std::string_view sql);
  Result<std::string> Text(std::string_view sql);

  // Pages in the write-ahead log after the last commit.
  int wal_pages() const { return *wal_pages_; }
  // Copies all of the log into the database file, so that the next commit starts the log anew.
  Status Checkpoint();
  // Ends a transaction that an error left open.
  void Rollback();
  // False: the file's permissions (known from the start) or its header (once something was read) forbid it.
  bool Writable() const;

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  explicit SqliteDb(sqlite3* db) : db_(db) {}

  std::unique_ptr<int> wal_pages_ = std::make_unique<int>(0);  // SQLite's hook holds the address
  std::unique_ptr<sqlite3, Close> db_;
};

}  // namespace everstep
