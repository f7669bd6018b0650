// A daemon's log: lines to stderr with time (UTC), level and sentence. Made in main and handed on as a function. Levels:
// "debug" (dropped), "info", "warning", "error". Any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace spdlog {
class logger;
}

namespace everstep {

class StderrLog {
 public:
  StderrLog();
  void operator()(std::string_view level, const std::string& line) const;

 private:
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace everstep
