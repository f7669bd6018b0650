#include "launcher/store/open.h"

#include "base/text.h"
#include "launcher/store/memory_store.h"
#include "launcher/store/sqlite_store.h"

namespace everstep {

Result<std::unique_ptr<Store>> OpenStore(const std::string& url, Clock& clock) {
  constexpr std::string_view kSqlite = "sqlite:";
  if (url == "memory:") return std::make_unique<MemoryStore>(std::make_shared<MemoryLog>(), clock);
  std::string directory = url.starts_with(kSqlite) ? url.substr(kSqlite.size()) : url;
  while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
  if (!directory.starts_with('/'))
    return Fail(ErrorCode::kInvalid, Cat("found \"", Printable(Clip(url, 200)), "\" as the store's URL"),
                "legal are memory:, sqlite:/path/dir and /path/dir");
  return std::make_unique<SqliteStore>(SqliteOptions{.directory = std::move(directory)}, clock);
}

}  // namespace everstep
